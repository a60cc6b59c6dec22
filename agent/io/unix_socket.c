#include "io/unix_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_socket(const char *path, int type, struct sockaddr_un *ret_address) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t length = strlen(path);

        if (length == 0 || length >= sizeof(address.sun_path)) {
                return -ENAMETOOLONG;
        }
        memcpy(address.sun_path, path, length + 1);
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
                return -errno;
        }
        *ret_address = address;
        return fd;
}

static int try_connect(const char *path, int type) {
        struct sockaddr_un address;
        AUTO_CLOSE int fd = open_socket(path, type, &address);

        if (fd < 0) {
                return fd;
        }
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                return -errno;
        }
        return TAKE_FD(fd);
}

int unix_connect(const char *path, int type, struct error *err) {
        int fd = try_connect(path, type);
        if (fd < 0) {
                return error_set_errno(err, -fd, "connecting to %s", path);
        }
        return fd;
}

/* Makes room for a new socket file. Only a refused connection proves that nobody listens. */
static int remove_stale(const char *path, int type, struct error *err) {
        struct stat st;

        if (lstat(path, &st) < 0) {
                return errno == ENOENT ? 0 : error_set_errno(err, errno, "%s", path);
        }
        if (!S_ISSOCK(st.st_mode)) {
                return error_set(err, EEXIST, "%s exists and is not a socket", path);
        }
        AUTO_CLOSE int fd = try_connect(path, type);
        if (fd != -ECONNREFUSED) {
                return error_set(err, EADDRINUSE, "somebody listens on %s already", path);
        }
        if (unlink(path) < 0 && errno != ENOENT) {
                return error_set_errno(err, errno, "removing the stale socket %s", path);
        }
        return 0;
}

/* The file is created for its owner alone (the mode of the unbound socket counts), and opened up
 * once its group is right. */
static int bind_with_mode(
        int fd, const struct sockaddr_un *address, const struct unix_listen_request *request) {
        if (fchmod(fd, request->mode & S_IRWXU) < 0) {
                return -errno;
        }
        if (bind(fd, (const struct sockaddr *) address, sizeof(*address)) < 0) {
                return -errno;
        }
        if (request->group != (gid_t) -1 && lchown(request->path, (uid_t) -1, request->group) < 0) {
                return -errno;
        }
        return chmod(request->path, request->mode) < 0 ? -errno : 0;
}

int unix_listen(const struct unix_listen_request *request, struct error *err) {
        struct sockaddr_un address;
        AUTO_CLOSE int fd = open_socket(request->path, request->type, &address);

        if (fd < 0) {
                return error_set_errno(err, -fd, "listening on %s", request->path);
        }
        int r = remove_stale(request->path, request->type, err);
        if (r < 0) {
                return r;
        }
        r = bind_with_mode(fd, &address, request);
        if (r < 0) {
                return error_set_errno(err, -r, "listening on %s", request->path);
        }
        if (listen(fd, UNIX_BACKLOG) < 0) {
                return error_set_errno(err, errno, "listening on %s", request->path);
        }
        return TAKE_FD(fd);
}

int unix_accept(int fd) {
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        return peer < 0 ? -errno : peer;
}

int unix_pair(int type, int ret_fds[2]) {
        int r = socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds);
        return r < 0 ? -errno : 0;
}

int unix_peer_of(int fd, struct unix_peer *ret) {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);
        socklen_t domain_size = sizeof(int);
        int domain;

        /* The kernel answers SO_PEERCRED for sockets of any family, with nonsense. */
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) < 0) {
                return -errno;
        }
        if (domain != AF_UNIX) {
                return -EOPNOTSUPP;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) {
                return -errno;
        }
        *ret = (struct unix_peer){
                .pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
        return 0;
}

/* ---- links ---- */

struct packet {
        struct list node;
        size_t length;
        char data[];
};

static void on_closing(void *cookie) {
        struct unix_link *link = cookie;
        link->on_closed(link->cookie, link->error);
}

/* The owner is told at the end of the turn, so that it may be in the middle of sending now. */
static void close_link(struct unix_link *link, int error) {
        if (link->watch.loop) {
                loop_watch_remove(&link->watch);
                link->error = error;
                loop_defer_schedule(&link->closing);
        }
}

/* One packet a turn: the owner may have freed the link when the callback returns. */
static void receive(struct unix_link *link) {
        char data[UNIX_PACKET_MAX + 1];

        /* MSG_TRUNC: the true length, also of a packet that does not fit */
        ssize_t n = recv(link->fd, data, UNIX_PACKET_MAX, MSG_DONTWAIT | MSG_TRUNC);
        if (n > UNIX_PACKET_MAX) {
                close_link(link, -EMSGSIZE);
        } else if (n > 0) {
                data[n] = '\0';
                link->on_packet(link->cookie, data, (size_t) n);
        } else if (n == 0 || errno == ECONNRESET) {
                close_link(link, 0);
        } else if (errno != EAGAIN && errno != EINTR) {
                close_link(link, -errno);
        }
}

/* 0: sent; -EAGAIN: the peer is slow. */
static int send_now(const struct unix_link *link, const void *data, size_t length) {
        if (send(link->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
                return errno == ECONNRESET ? -EPIPE : -errno;
        }
        return 0;
}

static int expect_room(struct unix_link *link, bool wanted) {
        return loop_watch_modify(&link->watch, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int send_queued(struct unix_link *link) {
        while (!list_empty(&link->queue)) {
                struct packet *packet = LIST_ENTRY(link->queue.next, struct packet, node);
                int r = send_now(link, packet->data, packet->length);
                if (r < 0) {
                        return r == -EAGAIN ? 0 : r;
                }
                list_remove(&packet->node);
                free(packet);
                link->queued--;
        }
        return expect_room(link, false);
}

static void on_ready(void *cookie, uint32_t events) {
        struct unix_link *link = cookie;

        if (events & EPOLLOUT) {
                int r = send_queued(link);
                if (r < 0) {
                        close_link(link, r == -EPIPE ? 0 : r);
                        return;
                }
        }
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                receive(link);
        }
}

int unix_link_init(struct unix_link *link, struct loop *loop, int fd,
        void (*on_packet)(void *cookie, const char *data, size_t length),
        void (*on_closed)(void *cookie, int error), void *cookie) {
        struct unix_link new_link = {
                .fd = fd, .on_packet = on_packet, .on_closed = on_closed, .cookie = cookie};

        *link = new_link;
        list_init(&link->queue);
        loop_defer_init(&link->closing, loop, on_closing, link);
        int r = loop_watch_add(&link->watch, loop, fd, EPOLLIN, on_ready, link);
        if (r == 0) {
                link->loop = loop;
        }
        return r;
}

void unix_link_done(struct unix_link *link) {
        if (!link->loop) {
                return;
        }
        loop_watch_remove(&link->watch);
        loop_defer_cancel(&link->closing);
        while (!list_empty(&link->queue)) {
                struct packet *packet = LIST_ENTRY(link->queue.next, struct packet, node);
                list_remove(&packet->node);
                free(packet);
        }
        close(link->fd);
        link->loop = NULL;
}

static int enqueue(struct unix_link *link, const void *data, size_t length) {
        if (link->queued >= UNIX_QUEUE_MAX) {
                return -ENOBUFS;
        }
        struct packet *packet = malloc(sizeof(*packet) + length);
        if (!packet) {
                return -ENOMEM;
        }
        int r = expect_room(link, true);
        if (r < 0) {
                free(packet);
                return r;
        }
        packet->length = length;
        memcpy(packet->data, data, length);
        list_append(&link->queue, &packet->node);
        link->queued++;
        return 0;
}

int unix_link_send(struct unix_link *link, const void *data, size_t length) {
        if (length == 0 || length > UNIX_PACKET_MAX) {
                return -EMSGSIZE;
        }
        if (!link->watch.loop) {
                return -EPIPE;
        }
        int r = link->queued > 0 ? -EAGAIN : send_now(link, data, length);
        if (r == -EAGAIN) {
                return enqueue(link, data, length);
        }
        if (r < 0) {
                close_link(link, r == -EPIPE ? 0 : r);
        }
        return r;
}
