#pragma once
/* An HTTP server (libmicrohttpd) in the loop: one handler for whole requests, answered at once or
 * later. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/loop.h"
#include "io/unix_socket.h"

enum {
        HTTP_SERVER_MAX_CONNECTIONS = 64, /* more wait in the listener's backlog */
        HTTP_SERVER_IDLE_SECONDS = 30, /* a connection without traffic is closed */
        HTTP_SERVER_CONNECTION_MEMORY = 32 * 1024, /* bounds the request's header */
        HTTP_SERVER_MAX_BODY = 64 * 1024, /* 413 beyond */
        HTTP_SERVER_MAX_REPLY_HEADERS = 8,
};

/* When descriptors ran out, accepting pauses for this long. */
#define HTTP_SERVER_ACCEPT_PAUSE (1 * USEC_PER_SEC)

struct http_server_config {
        int fd; /* listening, unix or TCP, non-blocking; owned by the server once new() succeeded */
        const char *tls_certificate, *tls_key; /* PEM text, copied; NULL: no TLS */
        const char *tls_client_ca; /* PEM text: requests need a client certificate of it; or NULL */
        const char *tls_priorities; /* as GnuTLS takes them; NULL: its standard */
        unsigned max_connections; /* 0: the default above */
        size_t max_body; /* 0: the default above */
};

struct http_server;
/* One request. Every exchange must be answered once by http_exchange_reply(), in the handler or
 * later; it is gone with that, or with its on_closed callback. While it waits for its answer, the
 * connection is not read: a client that left is noticed only when the answer is sent. */
struct http_exchange;
typedef void (*http_handler)(void *cookie, struct http_exchange *exchange);

int http_server_new(struct http_server **ret, struct loop *loop,
        const struct http_server_config *config, http_handler handler, void *cookie,
        struct error *err);
/* Accepts NULL. Unanswered exchanges are closed (on_closed is called) without an answer. Not from
 * within the handler. */
void http_server_free(struct http_server *server);

const char *http_exchange_method(const struct http_exchange *exchange);
const char *http_exchange_path(const struct http_exchange *exchange); /* decoded, without query */
const char *http_exchange_query(const struct http_exchange *exchange, const char *name); /* or NULL;
                                                             "" for a name without value */
const char *http_exchange_header(const struct http_exchange *exchange, const char *name);
const char *http_exchange_body(const struct http_exchange *exchange, size_t *ret_length); /* "" */
/* Peer of a unix socket; -EOPNOTSUPP when the listener is TCP. */
int http_exchange_peer(const struct http_exchange *exchange, struct unix_peer *ret);
/* Descriptor of the connection, borrowed; valid in the handler. For what SO_PEERCRED does not tell.
 */
int http_exchange_fd(const struct http_exchange *exchange);
/* Called when the server is freed before the answer; the exchange is gone after it. */
void http_exchange_on_closed(struct http_exchange *exchange, loop_callback callback, void *cookie);

struct http_reply_header {
        const char *name, *value;
};

struct http_reply {
        unsigned status;
        const char *content_type; /* NULL: text/plain; charset=utf-8 */
        char *body; /* heap, handed over whatever happens; NULL: empty */
        size_t body_length;
        void (*release)(void *cookie, char *body); /* gets it back once it was sent; NULL: free() */
        void *release_cookie;
        const struct http_reply_header *headers; /* copied */
        size_t n_headers;
};

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply);
/* The same with a copy of short text, for errors. */
void http_exchange_reply_text(struct http_exchange *exchange, unsigned status, const char *text);
