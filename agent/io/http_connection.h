#pragma once
/* Inside http_client: connected sockets of requests that go without libcurl, and those that are
 * kept between two requests of one owner. A kept connection is watched: when the server closes it,
 * or says something unasked, it is closed at once. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/list.h"
#include "io/http_client.h"
#include "io/loop.h"

struct http_address {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
                struct sockaddr_un local;
        };
        socklen_t length;
};

struct http_connection {
        struct loop_watch watch;
        int fd;
        void (*ready)(void *cookie, uint32_t events); /* of the request that uses it */
        void *cookie;
        struct http_address address;

        /* While it is kept. */
        struct list node; /* in http_kept.connections */
        struct http_kept *kept; /* NULL: in use */
        struct http_keep *keep; /* its owner's */
        usec_t since;
};

/* All kept connections of a client, the longest kept first. Zeroed memory plus http_kept_init(). */
struct http_kept {
        struct loop *loop;
        struct list connections;
        unsigned count; /* at most HTTP_CLIENT_KEPT_CONNECTIONS */
};

/* Begins to connect; nothing is watched yet. -ENOMEM, or why socket() or connect() failed. */
int http_connection_open(struct http_connection **ret, const struct http_address *address);
void http_connection_close(struct http_connection *connection); /* accepts NULL */
/* Waits for `events` from now on. */
int http_connection_watch(struct http_connection *connection, struct loop *loop, uint32_t events);

void http_kept_init(struct http_kept *kept, struct loop *loop);
void http_kept_close_all(struct http_kept *kept);
void http_kept_close_old(struct http_kept *kept); /* kept for HTTP_CLIENT_KEPT_SECONDS */
/* The connection goes to its owner, or is closed: when the owner has one already, or when there are
 * as many as there may be. Those are not closed for it: owners come in turns, so the oldest is the
 * one that is needed next. */
void http_kept_put(
        struct http_kept *kept, struct http_keep *keep, struct http_connection *connection);
/* The owner's connection when it is still good and leads there. NULL: there is none. */
struct http_connection *http_kept_take(
        struct http_kept *kept, struct http_keep *keep, const struct http_address *address);
