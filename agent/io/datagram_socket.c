#include "io/datagram_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/loop.h"

struct datagram_socket {
        struct loop_watch watch;
        int fd;
        datagram_received received;
        void *cookie;
};

/* False when nothing waits any more. An error is one of an earlier send, and over with this. */
static bool receive(struct datagram_socket *socket) {
        char data[DATAGRAM_MAX];
        struct listen_address from = {.length = sizeof(from.address)};
        ssize_t n = recvfrom(socket->fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC,
                (struct sockaddr *) &from.address, &from.length);
        if (n < 0) {
                return errno != EAGAIN && errno != EWOULDBLOCK;
        }
        if ((size_t) n <= sizeof(data)) {
                socket->received(socket->cookie, &from, data, (size_t) n);
        }
        return true;
}

static void on_readable(void *cookie, uint32_t events) {
        (void) events;
        for (int i = 0; i < DATAGRAMS_PER_TURN && receive(cookie); i++) {
        }
}

static int make_socket(const char *text, struct error *err) {
        struct listen_address address = {0};
        int r = listen_address_parse(text, &address, err);
        if (r < 0) {
                return r;
        }
        AUTO_CLOSE int fd =
                socket(address.address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address.address, address.length) < 0) {
                return error_set_errno(err, errno, "listen on %s", text);
        }
        return TAKE_FD(fd);
}

DEFINE_CLEANUP(cleanup_socket, struct datagram_socket, datagram_socket_free)

int datagram_socket_new(struct datagram_socket **ret, struct loop *loop, const char *address,
        datagram_received received, void *cookie, struct error *err) {
        AUTO(cleanup_socket) struct datagram_socket *socket = calloc(1, sizeof(*socket));
        if (!socket) {
                return error_set_errno(err, ENOMEM, "listen on %s", address);
        }
        socket->received = received;
        socket->cookie = cookie;
        socket->fd = make_socket(address, err);
        if (socket->fd < 0) {
                return socket->fd;
        }
        int r = loop_watch_add(&socket->watch, loop, socket->fd, EPOLLIN, on_readable, socket);
        if (r < 0) {
                return error_set_errno(err, -r, "listen on %s", address);
        }
        *ret = TAKE_PTR(socket);
        return 0;
}

void datagram_socket_free(struct datagram_socket *socket) {
        if (!socket) {
                return;
        }
        loop_watch_remove(&socket->watch);
        if (socket->fd >= 0) {
                close(socket->fd);
        }
        free(socket);
}

int datagram_socket_send(struct datagram_socket *socket, const struct listen_address *to,
        const char *data, size_t length) {
        ssize_t n = sendto(socket->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                (const struct sockaddr *) &to->address, to->length);
        return n < 0 ? -errno : 0;
}
