#pragma once
/* A server for tests, in the loop of the test: it answers every request with the same bytes. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "io/unix_socket.h"
#include "tests/unit/unit_test.h"

enum { CONNECTIONS_MAX = 64 };

struct connection {
        struct server *server;
        struct loop_watch watch;
        int fd;
        size_t sent;
        unsigned n_requests;
};

/* Answers with the same bytes, in chunks of at most `chunk` a loop turn, once a request has come;
 * then closes, holds the connection when `hold` is set, or waits for the next request on it when
 * `again` is. A request that is one too many for its connection, or for the server, is answered by
 * closing.
 */
struct server {
        struct loop *loop;
        struct loop_watch watch;
        int fd;
        const char *answer;
        size_t answer_length, chunk;
        bool hold, again, endless;
        unsigned max_requests, max_of_connection; /* 0: no limit */
        char request[4096];
        const struct connection *last; /* that sent it */
        unsigned n_requests;
        unsigned n_accepted, n_open;
        struct connection connections[CONNECTIONS_MAX];
};

static inline void close_connection(struct connection *connection) {
        if (connection->fd >= 0) {
                loop_watch_remove(&connection->watch);
                close(connection->fd);
                connection->fd = -1;
                connection->server->n_open--;
        }
}

static inline void answer(struct connection *connection) {
        struct server *server = connection->server;
        size_t left = server->answer_length - connection->sent;
        size_t length = server->chunk && left > server->chunk ? server->chunk : left;

        ssize_t n = send(connection->fd, server->answer + connection->sent, length,
                MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
                close_connection(connection);
                return;
        }
        connection->sent += (size_t) n;
        if (connection->sent == server->answer_length && server->endless) {
                connection->sent -= (size_t) n;
        } else if (connection->sent == server->answer_length && server->again) {
                connection->sent = 0;
                (void) loop_watch_modify(&connection->watch, EPOLLIN);
        } else if (connection->sent == server->answer_length) {
                (void) loop_watch_modify(&connection->watch, 0);
                if (!server->hold) {
                        close_connection(connection);
                }
        }
}

static inline bool is_one_too_many(const struct connection *connection) {
        const struct server *server = connection->server;

        return (server->max_requests && server->n_requests > server->max_requests) ||
               (server->max_of_connection && connection->n_requests > server->max_of_connection);
}

static inline void on_connection(void *cookie, uint32_t events) {
        struct connection *connection = cookie;
        struct server *server = connection->server;

        if (events & EPOLLIN) {
                ssize_t n = recv(
                        connection->fd, server->request, sizeof(server->request) - 1, MSG_DONTWAIT);
                if (n <= 0) {
                        close_connection(connection);
                        return;
                }
                server->request[n] = '\0';
                server->last = connection;
                server->n_requests++;
                connection->n_requests++;
                if (is_one_too_many(connection)) {
                        close_connection(connection);
                        return;
                }
                (void) loop_watch_modify(&connection->watch, server->answer_length ? EPOLLOUT : 0);
                return;
        }
        if (events & EPOLLOUT) {
                answer(connection);
        } else if (events & (EPOLLHUP | EPOLLERR)) {
                close_connection(connection);
        }
}

static inline void on_accept(void *cookie, uint32_t events) {
        struct server *server = cookie;
        struct connection *connection = &server->connections[server->n_accepted++];

        (void) events;
        assert_true(server->n_accepted <= CONNECTIONS_MAX);
        connection->fd = unix_accept(server->fd); /* any family */
        assert_true(connection->fd >= 0);
        connection->server = server;
        server->n_open++;
        assert_int_equal(loop_watch_add(&connection->watch, server->loop, connection->fd, EPOLLIN,
                                 on_connection, connection),
                0);
}

static inline int listen_tcp(uint16_t *ret_port) {
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 64), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static inline void serve_on(struct server *server, struct loop *loop, int fd) {
        server->fd = fd;
        server->loop = loop;
        assert_int_equal(loop_watch_add(&server->watch, loop, fd, EPOLLIN, on_accept, server), 0);
}

static inline void stop_listening(struct server *server) {
        loop_watch_remove(&server->watch);
        if (server->fd >= 0) {
                close(server->fd);
        }
        server->fd = -1;
}

static inline void server_done(struct server *server) {
        for (unsigned i = 0; i < server->n_accepted; i++) {
                close_connection(&server->connections[i]);
        }
        stop_listening(server);
}
