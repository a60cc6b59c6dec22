#pragma once
/* Inside http_client: what its two ways of carrying a request say alike when one fails. */

#include <stddef.h>

#include "io/http_client.h"

/* How far a request had come. */
enum http_phase {
        HTTP_PHASE_CONNECT,
        HTTP_PHASE_TLS,
        HTTP_PHASE_WAIT, /* for the first byte of the answer */
        HTTP_PHASE_ANSWER,
};

struct http_failure {
        const struct http_request *request;
        const char *peer; /* "127.0.0.1:8080", or the path of a unix socket */
        enum http_outcome outcome; /* not HTTP_OK */
        enum http_phase phase;
        int connect_errno; /* of socket() or connect(), when it was that; 0: not known, or not that
                            */
        const char *why; /* for all that has no sentence of its own */
};

/* From the beginning to a moment that was reached, also within one turn of the loop: never 0, which
 * means not reached. */
usec_t http_time_since(usec_t begun, usec_t moment);

/* What the errno of socket() or connect() means. */
enum http_outcome http_connect_outcome(int error);

/* The sentence for a person, printable. */
void http_describe(const struct http_failure *failure, char *text, size_t size);

size_t http_max_body(const struct http_request *request);
size_t http_max_header(const struct http_request *request);
