#pragma once
/* Inside http_client: an easy handle with its buffers, which carries one transfer after another. */

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "io/http_client.h"
#include "io/http_target.h"
#include "io/resolver.h"

enum {
        HTTP_SLOT_OWN_HEADERS = 3, /* that we add: Host, Expect, Content-Type */
        HTTP_SLOT_CONNECT_TO_MAX = 300, /* "::host:port"; host names end at 253 bytes */
        HTTP_SLOT_RESOLVE_MAX = 800, /* "+name:port:address,address,..." */
        HTTP_SLOT_KEPT_BYTES = 16 * 1024, /* larger buffers are given back after a transfer */
};

struct http_slot {
        struct list node; /* for the client's lists */
        CURL *easy;
        const struct http_request *request; /* of the transfer under way */
        struct strbuf body, header;
        size_t header_bytes; /* of all responses of the transfer: redirects and 1xx too */
        bool body_cut, header_cut;
        bool header_over; /* its blank line has come */
        int socket_errno; /* positive; why no socket could be opened */
        struct curl_slist headers[HTTP_CLIENT_MAX_HEADERS + HTTP_SLOT_OWN_HEADERS];
        struct curl_slist connect_to, resolve;
        char resolve_text[HTTP_SLOT_RESOLVE_MAX];
        char connect_to_text[HTTP_SLOT_CONNECT_TO_MAX], host_header[HTTP_SLOT_CONNECT_TO_MAX];
        char curl_error[CURL_ERROR_SIZE];
        char error[HTTP_SLOT_CONNECT_TO_MAX + CURL_ERROR_SIZE + 64];
};

/* Refuses what libcurl would send as it is: line breaks in headers, a method that is no token.
 * -EINVAL */
int http_request_check(const struct http_request *request, struct error *err);

struct http_slot *http_slot_new(void); /* NULL when out of memory */
void http_slot_free(struct http_slot *slot); /* accepts NULL; not while its handle is in a multi */
/* How one request is put on the wire. */
struct http_slot_use {
        const struct http_request *request;
        void *transfer; /* found again by CURLOPT_PRIVATE */
        usec_t time_left; /* of the request's timeout */
        const struct http_target *target; /* with its addresses; NULL: libcurl finds them */
        const struct resolver_answer *addresses;
};

/* Sets all options of the handle. -ENOMEM, -EINVAL */
int http_slot_prepare(struct http_slot *slot, const struct http_slot_use *use, struct error *err);
/* What came of it; the texts belong to the slot until its next prepare. */
void http_slot_result(struct http_slot *slot, CURLcode code, struct http_result *ret);
/* How far a transfer under way has come: its status, times and the length of its body. */
void http_slot_progress(const struct http_slot *slot, struct http_result *ret);
void http_slot_leave(struct http_slot *slot); /* the session of its request; the result stays */
void http_slot_trim(struct http_slot *slot); /* gives large buffers back */
