#pragma once
/* A server on loopback in a thread: hands each connection to a function, one after the other. */

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit_test.h"

struct loopback_server {
        int fd;
        uint16_t port;
        pthread_t thread;
        void (*serve)(int fd, void *cookie); /* must not close fd */
        void *cookie;
        atomic_uint connections;
};

static inline void *loopback_thread(void *data) {
        struct loopback_server *server = data;
        int fd;
        while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
                server->connections++;
                server->serve(fd, server->cookie);
                close(fd);
        }
        return NULL;
}

static inline void loopback_begin(
        struct loopback_server *server, void (*serve)(int fd, void *cookie), void *cookie) {
        server->serve = serve;
        server->cookie = cookie;
        assert_int_equal(listen(server->fd, 16), 0);
        assert_int_equal(pthread_create(&server->thread, NULL, loopback_thread, server), 0);
}

static inline void loopback_start(
        struct loopback_server *server, void (*serve)(int fd, void *cookie), void *cookie) {
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        *server = (struct loopback_server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        assert_int_equal(bind(server->fd, (struct sockaddr *) &address, length), 0);
        assert_int_equal(getsockname(server->fd, (struct sockaddr *) &address, &length), 0);
        server->port = ntohs(address.sin_port);
        loopback_begin(server, serve, cookie);
}

static inline void loopback_start_unix(struct loopback_server *server, const char *path,
        void (*serve)(int fd, void *cookie), void *cookie) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        assert_in_range(strlen(path), 1, sizeof(address.sun_path) - 1);
        memcpy(address.sun_path, path, strlen(path));
        *server = (struct loopback_server){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        assert_int_equal(bind(server->fd, (struct sockaddr *) &address, sizeof(address)), 0);
        loopback_begin(server, serve, cookie);
}

/* A server that is waiting for its peer must have been left by it before. */
static inline void loopback_stop(struct loopback_server *server) {
        shutdown(server->fd, SHUT_RDWR);
        pthread_join(server->thread, NULL);
        close(server->fd);
}

/* A port of loopback that nobody listens on. */
static inline uint16_t loopback_free_port(void) {
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, length), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        close(fd);
        return ntohs(address.sin_port);
}

/* Returns when the peer has left. */
static inline void loopback_drain(int fd) {
        char bytes[512];
        while (recv(fd, bytes, sizeof(bytes), 0) > 0) {
        }
}
