#include "io/notify_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { DESCRIPTORS_MAX = 16 }; /* taken with a message; the kernel drops more */

struct notify_socket {
        struct loop_watch watch;
        int fd;
        struct sockaddr_un address;
        notify_received received;
        void *cookie;
};

/* ---- Receiving ---- */

union control {
        struct cmsghdr alignment;
        char data[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

static void close_all(const struct cmsghdr *header) {
        size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
                int fd;
                memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
                close(fd);
        }
}

/* False when the kernel did not say who it was. */
static bool read_control(struct msghdr *message, struct unix_peer *ret) {
        bool known = false;
        for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
                header = CMSG_NXTHDR(message, header)) {
                if (header->cmsg_level != SOL_SOCKET) {
                        continue;
                }
                if (header->cmsg_type == SCM_RIGHTS) {
                        close_all(header);
                } else if (header->cmsg_type == SCM_CREDENTIALS) {
                        struct ucred credentials;
                        memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
                        *ret = (struct unix_peer){
                                credentials.pid, credentials.uid, credentials.gid};
                        known = true;
                }
        }
        return known;
}

/* False when nothing waits any more. */
static bool receive(struct notify_socket *socket) {
        char text[NOTIFY_MESSAGE_MAX + 1];
        union control control;
        struct iovec buffer = {text, NOTIFY_MESSAGE_MAX};
        struct msghdr message = {.msg_iov = &buffer,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control)};
        struct unix_peer peer = {0};
        ssize_t n = recvmsg(socket->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0) {
                return errno == EINTR;
        }
        bool known = read_control(&message, &peer);
        if (known && !(message.msg_flags & MSG_TRUNC) && !memchr(text, '\0', (size_t) n)) {
                text[n] = '\0';
                socket->received(socket->cookie, &peer, text);
        }
        return true;
}

static void on_readable(void *cookie, uint32_t events) {
        (void) events;
        for (int i = 0; i < NOTIFY_PER_TURN && receive(cookie); i++) {
        }
}

/* ---- The socket ---- */

static int make_socket(const struct sockaddr_un *address, struct error *err) {
        struct stat st;
        int yes = 1;
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0) {
                return error_set_errno(err, errno, "socket");
        }
        if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode)) {
                (void) unlink(address->sun_path);
        }
        if (bind(fd, (const struct sockaddr *) address, sizeof(*address)) < 0 ||
                chmod(address->sun_path, 0666) < 0) {
                return error_set_errno(err, errno, "%s", address->sun_path);
        }
        return TAKE_FD(fd);
}

DEFINE_CLEANUP(cleanup_socket, struct notify_socket, notify_socket_free)

int notify_socket_new(struct notify_socket **ret, struct loop *loop, const char *path,
        notify_received received, void *cookie, struct error *err) {
        AUTO(cleanup_socket) struct notify_socket *socket = calloc(1, sizeof(*socket));
        if (!socket) {
                return error_set_errno(err, ENOMEM, "%s", path);
        }
        socket->fd = -1;
        socket->received = received;
        socket->cookie = cookie;
        socket->address.sun_family = AF_UNIX;
        if (!str_copy(socket->address.sun_path, sizeof(socket->address.sun_path), path)) {
                return error_set(err, ENAMETOOLONG, "%s is too long for a socket", path);
        }
        int fd = make_socket(&socket->address, err);
        if (fd < 0) {
                return fd;
        }
        socket->fd = fd;
        int r = loop_watch_add(&socket->watch, loop, fd, EPOLLIN, on_readable, socket);
        if (r < 0) {
                return error_set_errno(err, -r, "%s", path);
        }
        *ret = TAKE_PTR(socket);
        return 0;
}

void notify_socket_free(struct notify_socket *socket) {
        if (!socket) {
                return;
        }
        loop_watch_remove(&socket->watch);
        if (socket->fd >= 0) {
                (void) unlink(socket->address.sun_path);
                close(socket->fd);
        }
        free(socket);
}

/* ---- Its words ---- */

bool notify_value(const char *text, const char *key, char *ret, size_t size) {
        size_t length = strlen(key);
        for (const char *line = text; *line;) {
                size_t whole = strcspn(line, "\n");
                if (whole > length && strncmp(line, key, length) == 0 && line[length] == '=') {
                        size_t n = whole - length - 1;
                        n = n < size ? n : size - 1;
                        memcpy(ret, line + length + 1, n);
                        ret[n] = '\0';
                        return true;
                }
                line += whole + (line[whole] == '\n');
        }
        return false;
}
