#pragma once
/* Inside http_client: a request that goes without libcurl, and its answer, on a socket of its own
 * or on the connection that its owner kept. A kept connection that ends before it answers is
 * replaced by a fresh one, once (RFC 9112, 9.3.1). */

#include <stddef.h>

#include "base/clock.h"
#include "base/list.h"
#include "io/http_client.h"
#include "io/http_connection.h"
#include "io/http_parser.h"
#include "io/http_plain.h"
#include "io/loop.h"

/* Carries one request after another, as a slot does for libcurl. */
struct http_direct {
        struct list node; /* for the client's lists */
        struct loop *loop;
        struct http_kept *kept; /* where to keep connections */
        const struct http_request *request; /* of the one under way */
        void (*done)(void *cookie);
        void *cookie;

        struct http_address address;
        struct http_connection *connection; /* NULL: none (any more) */
        bool reused; /* it was kept from an earlier request */
        struct strbuf out; /* the request */
        size_t sent; /* bytes of it */
        int send_errno; /* why the rest could not be sent; what the server said still counts */
        struct http_parser parser;

        usec_t begun, connected, answered, ended; /* moments; 0: not yet */
        enum http_outcome outcome; /* once it has ended */
        int connect_errno;
        char why[HTTP_PARSER_ERROR_MAX];
        char error[HTTP_PEER_MAX + HTTP_PARSER_ERROR_MAX + 64];
        struct loop_defer ending; /* calls done for what ended within the start */
};

/* What is needed to start one; the request lives until the end, the rest is copied. */
struct http_direct_use {
        struct loop *loop;
        struct http_kept *kept;
        const struct http_request *request; /* http_plain_suits() it */
        const struct http_address *address;
        void (*done)(void *cookie); /* once, never from inside the start */
        void *cookie;
};

struct http_direct *http_direct_new(void); /* NULL when out of memory */
void http_direct_free(struct http_direct *direct); /* accepts NULL */
/* Fails only with -ENOMEM; what goes wrong on the wire is told by done. */
int http_direct_start(struct http_direct *direct, const struct http_direct_use *use);
/* Ends it without done: its time is over, if `late`, or nobody wants it any more. The result stays.
 */
void http_direct_stop(struct http_direct *direct, bool late);
/* What came of it; the texts are its own until it is started again. */
void http_direct_result(struct http_direct *direct, struct http_result *ret);
/* How far one under way has come: as http_slot_progress(). */
void http_direct_progress(const struct http_direct *direct, struct http_result *ret);
/* Forgets the request, and gives large buffers back. */
void http_direct_trim(struct http_direct *direct);
