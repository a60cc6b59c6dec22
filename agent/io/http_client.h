#pragma once
/* HTTP requests in the loop: bounded in number, time and memory. Fresh connections by default, http
 * and https only, no proxy or other setting from the environment. Simple requests go on sockets of
 * our own, all others over libcurl's multi interface (io/http_plain.h says which; nobody else has
 * to know). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/loop.h"
#include "io/resolver.h"

/* How often handles that are not needed any more are given back. */
#define HTTP_CLIENT_SHRINK_INTERVAL USEC_PER_MINUTE

enum {
        HTTP_CLIENT_MAX_IN_FLIGHT = 256, /* default; more wait in a queue */
        HTTP_CLIENT_MAX_QUEUE = 16384, /* default */
        HTTP_CLIENT_MAX_HEADERS = 32, /* that a request may carry */
        HTTP_CLIENT_HEADER_BYTES = 32 * 1024, /* default cap of a response's header */
        HTTP_CLIENT_BODY_BYTES = 64 * 1024, /* default cap of a response's body */
        HTTP_CLIENT_KEPT_CONNECTIONS = 1024, /* idle ones, for requests with `keep`, each way */
        HTTP_CLIENT_KEPT_SECONDS = 60, /* that one may be idle and still be used */
        HTTP_CLIENT_MAX_REDIRECTS = 5, /* default */
};

enum http_version {
        HTTP_VERSION_ANY, /* in a result: not known */
        HTTP_VERSION_1_0,
        HTTP_VERSION_1_1,
        HTTP_VERSION_2,
        HTTP_VERSION_2_PRIOR_KNOWLEDGE, /* without asking; never in a result */
};

/* PEM text in memory, because reading files can hang. NULL: none. */
struct http_pem {
        const char *text;
        size_t length;
};

struct http_tls {
        bool insecure; /* neither chain nor name are verified */
        struct http_pem authorities; /* instead of the system's */
        const char *authorities_file; /* the same, for libcurl before 7.77, which takes no text */
        struct http_pem certificate, key; /* of this client */
        const char *server_name; /* for SNI and verification instead of the URL's host; fresh
                                    address is still that of the URL or connect_to */
};

struct http_session;
struct http_connection;

/* Where the connection of one owner's requests is kept from one to the next, so that nobody else's
 * request goes over it. In memory of the owner; zeroed at first. */
struct http_keep {
        struct http_connection *connection; /* NULL: none */
};

/* Closes it; before the owner's memory goes, be it before or after http_client_free(). */
void http_keep_drop(struct http_keep *keep);

/* The request and all it points to must live until done or cancel. NULL and 0 mean the default. */
struct http_request {
        const char *url;
        const char *method; /* default GET; HEAD reads no body */
        const char *const *headers; /* "Name: value" lines, n_headers of them */
        size_t n_headers;
        const char *body; /* NULL: none */
        size_t body_length;
        usec_t timeout; /* of name look-up and transfer, not of the wait for a slot; required */
        usec_t connect_timeout; /* default: timeout */
        bool follow_redirects; /* names of further hosts are then looked up by libcurl itself */
        unsigned max_redirects;
        struct http_tls tls;
        const char *unix_socket; /* path; the URL's host is only a header then */
        const char *connect_to; /* "host:port" to connect to instead of the URL's; [v6]:port */
        enum http_version version;
        size_t max_body, max_header;
        struct http_keep *keep; /* may use and leave a kept connection; what goes over libcurl keeps
                                   it in a pool of the client instead */
        bool want_certificate; /* fill certificate_expiry; costs */
        const char *user, *password; /* basic authentication when user is set */
        const char *bearer; /* token of bearer authentication */
        struct http_session *session; /* with its cookies; NULL: none, see http_session.h */
};

enum http_outcome {
        HTTP_OK, /* a complete response, of any status */
        HTTP_REFUSED,
        HTTP_UNREACHABLE, /* no route, network down, no such unix socket */
        HTTP_DNS,
        HTTP_TIMEOUT,
        HTTP_TLS, /* handshake or verification */
        HTTP_PROTOCOL, /* not HTTP, closed early, reset */
        HTTP_BODY_TOO_LARGE, /* status and the first max_body bytes are there */
        HTTP_HEADER_TOO_LARGE,
        HTTP_REDIRECTS, /* too many, or to a protocol that is not allowed */
        HTTP_BAD_REQUEST, /* the request itself cannot be made: URL, certificate file */
        HTTP_LOCAL, /* this process could not: descriptors, memory, no free slot in time */
        HTTP_N_OUTCOMES,
};

struct http_result {
        enum http_outcome outcome;
        const char *error; /* for a person: "connection refused by 127.0.0.1:8080"; NULL when OK */
        int name_code; /* HTTP_DNS: of getaddrinfo(); 0: none, because no name server answered */
        const char *name; /* HTTP_DNS: that was looked up; NULL: not known */
        int status; /* of the last response; 0: none */
        enum http_version version; /* of the last response */
        const char *body; /* terminated; may hold any bytes */
        size_t body_length;
        const char *headers; /* of the last response, raw lines; see http_result_header() */
        /* From the start on the wire until ...; 0: not reached. `queued` is the wait before it. */
        usec_t name_time, connect_time, tls_time, first_byte_time, total_time, queued;
        wall_usec_t certificate_expiry; /* 0: not asked for or none */
};

typedef void (*http_done)(void *cookie, const struct http_result *result); /* valid in the call */

struct http_client;
struct http_transfer; /* valid until done was called or it was cancelled */

struct http_client_limits {
        unsigned max_in_flight, max_queue; /* 0: default */
        struct resolver *resolver; /* borrowed; NULL: one of its own */
        bool libcurl_only; /* for tests: simple requests, too */
};

struct http_client_counts {
        unsigned in_flight;
        unsigned handles; /* of libcurl, and what takes their place for simple requests */
        unsigned kept; /* idle connections of simple requests */
        unsigned queued; /* that wait for their name or a free slot */
        uint64_t started;
};

/* `limits` may be NULL. */
int http_client_new(struct http_client **ret, struct loop *loop,
        const struct http_client_limits *limits, struct error *err);
/* Accepts NULL. Cancels everything; no done is called. */
void http_client_free(struct http_client *client);
/* done is never called from inside. -EAGAIN: queue full; -EINVAL; -ENOMEM. `ret` may be NULL. */
int http_client_start(struct http_client *client, const struct http_request *request,
        http_done done, void *cookie, struct http_transfer **ret, struct error *err);
void http_client_cancel(struct http_transfer *transfer); /* done is not called */
/* How far it has come: status, the times reached so far, body_length and, as total_time, the time
 * on the wire. A transfer that still waits in the queue has `queued` only. */
void http_client_progress(const struct http_transfer *transfer, struct http_result *ret);
/* Gives back the handles that were never needed since the last call, after an overload for
 * instance. It calls itself every HTTP_CLIENT_SHRINK_INTERVAL. */
void http_client_shrink(struct http_client *client);
struct http_client_counts http_client_counts(const struct http_client *client);

/* Value of the last header of this name, case-insensitive, without surrounding blanks; not
 * terminated. NULL when absent. */
const char *http_result_header(
        const struct http_result *result, const char *name, size_t *ret_length);
const char *http_outcome_text(enum http_outcome outcome); /* "ok", "refused", ... for metrics */
