#pragma once
/* Unix sockets: listening with owner and mode, connecting, peer credentials, and a link that
 * exchanges whole packets with bounded queues. All descriptors are non-blocking and close-on-exec.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"
#include "io/loop.h"

enum {
        UNIX_PACKET_MAX = 32 * 1024, /* bytes of one packet */
        UNIX_QUEUE_MAX = 64, /* packets that wait for a slow peer */
        UNIX_BACKLOG = 64,
};

struct unix_peer {
        pid_t pid; /* at the time of connect; may be gone or reused; 0: of another pid namespace */
        uid_t uid;
        gid_t gid;
};

struct unix_listen_request {
        const char *path;
        int type; /* SOCK_SEQPACKET or SOCK_STREAM */
        mode_t mode; /* of the socket file, such as 0660 */
        gid_t group; /* (gid_t) -1: as created */
};

/* Returns a descriptor. A socket file that nobody listens on is replaced; -EADDRINUSE when somebody
 * does; anything that is not a socket is left alone (-EEXIST). */
int unix_listen(const struct unix_listen_request *request, struct error *err);
/* Returns a connected descriptor; -ECONNREFUSED, -ENOENT, -EAGAIN when the listener's backlog is
 * full. */
int unix_connect(const char *path, int type, struct error *err);
/* Returns a descriptor; -EAGAIN when nobody waits. */
int unix_accept(int fd);
int unix_pair(int type, int ret_fds[2]);
int unix_peer_of(int fd, struct unix_peer *ret); /* SO_PEERCRED; -EOPNOTSUPP: not a unix socket */

/* Packets both ways over a SOCK_SEQPACKET descriptor, in memory of the owner. */
struct unix_link {
        struct loop *loop; /* NULL: not initialised, done() is a no-op */
        int fd;
        struct loop_watch watch;
        struct loop_defer closing;
        struct list queue;
        size_t queued;
        int error;
        void (*on_packet)(void *cookie, const char *data, size_t length);
        void (*on_closed)(void *cookie, int error);
        void *cookie;
};

/* Takes the descriptor over when it succeeds. on_packet gets terminated data, valid in the call.
 * on_closed comes once, when the peer is gone (0) or broke the protocol (-EMSGSIZE, other negative
 * errno); the owner then calls done. Either callback may call done. */
int unix_link_init(struct unix_link *link, struct loop *loop, int fd,
        void (*on_packet)(void *cookie, const char *data, size_t length),
        void (*on_closed)(void *cookie, int error), void *cookie);
void unix_link_done(struct unix_link *link);
/* Sends or queues a copy. -EMSGSIZE (also when empty); -ENOBUFS when the queue is full; -EPIPE when
 * closed; -ENOMEM.
 */
int unix_link_send(struct unix_link *link, const void *data, size_t length);
