#include "executor/agent_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "executor/manager_kind.h"
#include "executor/requests.h"
#include "io/identity_lookup.h"

#define SOCKET_NAME "executor.sock"
#define AGAIN_AFTER USEC_PER_MSEC
#define LOOKUP_LIMIT (10 * USEC_PER_SEC)

enum {
        QUEUE_LOW =
                UNIX_QUEUE_MAX / 2, /* packets in the link's queue above which nothing is added */
        ACCEPTS_MAX = 16, /* connections looked at in one turn */
};

struct reply {
        struct list node;
        size_t length;
        char packet[];
};

/* ---- Sending ---- */

static bool has_room(const struct agent_port *port) {
        return port->connected && port->link.error == 0 && port->link.queued < QUEUE_LOW;
}

/* Returns whether it was sent; what cannot be encoded is a defect of this program. */
static bool send_message(struct agent_port *port, const struct wire_message *message) {
        char packet[WIRE_PACKET_MAX];
        ssize_t length = wire_encode(message, packet);
        if (length < 0) {
                log_error("a %s message does not fit into a packet, dropping it",
                        wire_type_text(message->type));
                return true;
        }
        return unix_link_send(&port->link, packet, (size_t) length) == 0;
}

static bool send_next_reply(struct agent_port *port) {
        struct reply *reply = LIST_ENTRY(port->replies.next, struct reply, node);
        if (unix_link_send(&port->link, reply->packet, reply->length) < 0) {
                return false;
        }
        list_remove(&reply->node);
        port->n_replies--;
        free(reply);
        return true;
}

/* The state before the result: who reads the result already knows the process and the role. */
static bool send_next_service(struct agent_port *port) {
        struct managed *managed = LIST_ENTRY(port->unsent.next, struct managed, unsent_node);
        struct wire_message message;
        static const struct {
                unsigned bit;
                void (*describe)(const struct managed *managed, struct wire_message *ret);
        } parts[] = {
                {UNSENT_SERVICE, managed_describe},
                {UNSENT_ROLE, lease_guard_describe},
                {UNSENT_DONE, managed_describe_done},
        };
        size_t i = 0;
        while (!(managed->unsent & parts[i].bit)) {
                i++;
        }
        parts[i].describe(managed, &message);
        if (!send_message(port, &message)) {
                return false;
        }
        managed->unsent &= ~parts[i].bit;
        if (!managed->unsent) {
                list_remove(&managed->unsent_node);
        }
        return true;
}

static bool send_listed(struct agent_port *port) {
        port->listing = !send_message(port, &(struct wire_message){.type = WIRE_LISTED});
        return !port->listing;
}

static bool pending(const struct agent_port *port) {
        return !list_empty(&port->replies) || !list_empty(&port->unsent) || port->listing;
}

static bool send_next(struct agent_port *port) {
        if (!list_empty(&port->replies)) {
                return send_next_reply(port);
        }
        return list_empty(&port->unsent) ? send_listed(port) : send_next_service(port);
}

static void pump(void *cookie) {
        struct agent_port *port = cookie;
        bool sent = true;
        while (sent && port->greeted && pending(port) && has_room(port)) {
                sent = send_next(port);
        }
        if (port->greeted && pending(port)) {
                loop_timer_set_after(&port->again, AGAIN_AFTER);
        }
}

/* ---- What there is to say ---- */

void agent_port_announce(struct agent_port *port, struct managed *managed, unsigned unsent) {
        if (!port->greeted) {
                return; /* it will ask */
        }
        if (!managed->unsent) {
                list_append(&port->unsent, &managed->unsent_node);
        }
        managed->unsent |= unsent;
        pump(port);
}

void agent_port_list(struct agent_port *port) {
        port->listing = true;
        LIST_FOREACH (node, &port->executor->services) {
                struct managed *managed = LIST_ENTRY(node, struct managed, node);
                unsigned unsent =
                        (managed_is_known(managed) || managed->action ? UNSENT_SERVICE : 0) |
                        (managed->guard ? UNSENT_ROLE : 0) |
                        (managed->state.result_request ? UNSENT_DONE : 0);
                if (unsent && !managed->unsent) {
                        list_append(&port->unsent, &managed->unsent_node);
                }
                managed->unsent |= unsent;
                manager_look(managed);
        }
        pump(port);
}

static void drop_agent(struct agent_port *port, const char *why);

void agent_port_reply(struct agent_port *port, const struct wire_message *message) {
        char packet[WIRE_PACKET_MAX];
        ssize_t length = port->greeted ? wire_encode(message, packet) : 0;
        if (length <= 0) {
                return; /* nobody is there who asked */
        }
        struct reply *reply = port->n_replies < AGENT_PORT_REPLIES_MAX
                                      ? malloc(sizeof(*reply) + (size_t) length)
                                      : NULL;
        if (!reply) {
                drop_agent(port, "it does not read its answers");
                return;
        }
        reply->length = (size_t) length;
        memcpy(reply->packet, packet, (size_t) length);
        list_append(&port->replies, &reply->node);
        port->n_replies++;
        pump(port);
}

/* ---- One agent ---- */

static void forget_unsent(struct agent_port *port) {
        LIST_FOREACH (node, &port->unsent) {
                LIST_ENTRY(node, struct managed, unsent_node)->unsent = 0;
                list_remove(node);
        }
        LIST_FOREACH (node, &port->replies) {
                list_remove(node);
                free(LIST_ENTRY(node, struct reply, node));
        }
        port->n_replies = 0;
        port->listing = false;
        loop_timer_cancel(&port->again);
}

static void drop_agent(struct agent_port *port, const char *why) {
        if (!port->connected) {
                return;
        }
        log_info("the agent (pid %d) is gone: %s", (int) port->peer.pid, why);
        unix_link_done(&port->link);
        port->connected = port->greeted = false;
        forget_unsent(port);
        executor_settled(port->executor);
}

static void on_closed(void *cookie, int error) {
        drop_agent(cookie, error ? strerror(-error) : "it closed the connection");
}

static void greet(struct agent_port *port, const struct wire_message *hello) {
        const struct policy_share *share = port->executor->policy;
        struct wire_message welcome = {
                .type = WIRE_WELCOME, .version = WIRE_VERSION, .pid = getpid()};
        if (share) {
                memcpy(welcome.digest, share->policy->digest, sizeof(welcome.digest));
        }
        bool sent = send_message(port, &welcome);
        if (!sent || hello->version != WIRE_VERSION) {
                drop_agent(port, sent ? "it speaks another version" : "it does not listen");
                return;
        }
        log_info("the agent is there, pid %d, uid %d", (int) port->peer.pid, (int) port->peer.uid);
        port->greeted = true;
}

static void on_packet(void *cookie, const char *data, size_t length) {
        struct agent_port *port = cookie;
        struct wire_message message;
        struct error err = {0};
        if (wire_decode(data, length, &message, &err) < 0) {
                log_error("a packet of the agent is not understood: %s", err.text);
                drop_agent(port, "it sent what is not a message");
        } else if (port->greeted) {
                requests_handle(port->executor, &message);
        } else if (message.type == WIRE_HELLO) {
                greet(port, &message);
        } else {
                drop_agent(port, "it did not say hello");
        }
}

/* Takes the descriptor over. */
static void take_agent(struct agent_port *port, int fd, const struct unix_peer *peer) {
        drop_agent(port, "another one takes over");
        int r = unix_link_init(&port->link, port->executor->loop, fd, on_packet, on_closed, port);
        if (r < 0) {
                log_error("the agent cannot be served: %s", strerror(-r));
                close(fd);
                return;
        }
        port->peer = *peer;
        port->connected = true;
        executor_settled(port->executor);
}

/* ---- Listening ---- */

static bool may_connect(const struct agent_port *port, const struct unix_peer *peer) {
        return peer->uid == 0 || peer->uid == geteuid() ||
               (port->agent_uid != (uid_t) -1 && peer->uid == port->agent_uid);
}

static void on_connection(void *cookie, uint32_t events) {
        struct agent_port *port = cookie;
        (void) events;
        for (int i = 0; i < ACCEPTS_MAX; i++) {
                struct unix_peer peer = {0};
                AUTO_CLOSE int fd = unix_accept(port->listen_fd);
                if (fd < 0) {
                        return;
                }
                if (unix_peer_of(fd, &peer) < 0 || !may_connect(port, &peer)) {
                        log_warning("refusing a connection of pid %d, uid %d", (int) peer.pid,
                                (int) peer.uid);
                        continue;
                }
                take_agent(port, TAKE_FD(fd), &peer);
        }
}

/* Not before it is known who the agent is: with a socket that was handed in one may be waiting. */
static void begin_accepting(struct agent_port *port) {
        struct loop *loop = port->executor->loop;
        int r = loop_watch_add(
                &port->listen_watch, loop, port->listen_fd, EPOLLIN, on_connection, port);
        if (r < 0) {
                log_error("%s: %s", port->path, strerror(-r));
                loop_exit(loop, EXIT_FAILURE);
        }
}

/* To the group: what belonged to the user himself he could move away, and put another in its place.
 */
static int open_up(const char *path, gid_t group) {
        enum { SOCKET_MODE = 0660 };
        int r = fchownat(AT_FDCWD, path, (uid_t) -1, group, AT_SYMLINK_NOFOLLOW);
        return r < 0 ? r : chmod(path, SOCKET_MODE);
}

/* The agent runs as a user of its own, which has to be able to open the socket. */
static void on_agent_user(
        void *cookie, int result, const struct identity *identity, const char *text) {
        struct agent_port *port = cookie;
        port->lookup = NULL;
        begin_accepting(port);
        if (result < 0) {
                log_debug("only root and uid %d may connect: %s", (int) geteuid(), text);
                return;
        }
        port->agent_uid = identity->uid;
        if (!port->lent && open_up(port->path, identity->gid) < 0) {
                log_warning("%s: cannot be given to %s: %s", port->path, EXECUTOR_USER,
                        strerror(errno));
        }
}

static void look_agent_user_up(struct agent_port *port) {
        struct error err = {0};
        usec_t deadline = usec_add(loop_now(port->executor->loop).mono, LOOKUP_LIMIT);
        if (geteuid() == 0 &&
                identity_lookup_start(&port->lookup, port->executor->names, EXECUTOR_USER, NULL,
                        deadline, on_agent_user, port, &err) < 0) {
                log_warning("looking %s up: %s", EXECUTOR_USER, err.text);
        }
}

static int make_listener(struct agent_port *port, struct error *err) {
        struct unix_listen_request request = {
                .path = port->path,
                .type = SOCK_SEQPACKET,
                .mode = 0600,
                .group = (gid_t) -1,
        };
        const char *directory = port->executor->options.runtime_dir;
        if (snprintf(port->path, sizeof(port->path), "%s/" SOCKET_NAME, directory) >=
                (int) sizeof(port->path)) {
                return error_set(err, ENAMETOOLONG, "%s: too long for a socket in it", directory);
        }
        port->listen_fd = unix_listen(&request, err);
        return port->listen_fd;
}

static int take_listener(struct agent_port *port, int fd, struct error *err) {
        struct sockaddr_un address = {0};
        socklen_t size = sizeof(address);
        port->listen_fd = fd;
        port->lent = true;
        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0) {
                return error_set_errno(err, errno, "the socket that was handed in");
        }
        memcpy(port->path, address.sun_path, sizeof(port->path) - 1); /* the rest is zero */
        return 0;
}

static int start_listening(struct agent_port *port, int given, struct error *err) {
        int r = given >= 0 ? take_listener(port, given, err) : make_listener(port, err);
        return r < 0 ? r : 0;
}

int agent_port_init(struct agent_port *port, struct executor *executor) {
        *port = (struct agent_port){.listen_fd = -1, .agent_uid = (uid_t) -1};
        list_init(&port->unsent);
        list_init(&port->replies);
        int r = loop_timer_init(&port->again, executor->loop, pump, port);
        if (r == 0) {
                port->executor = executor;
        }
        return r;
}

int agent_port_open(struct agent_port *port, int listen_fd, int socket_fd, struct error *err) {
        int r = start_listening(port, listen_fd, err);
        if (r < 0) {
                return r;
        }
        look_agent_user_up(port);
        if (!port->lookup) {
                begin_accepting(port);
        }
        struct unix_peer peer = {0};
        if (socket_fd >= 0) {
                (void) unix_peer_of(socket_fd, &peer); /* who made the pair; for the log only */
                take_agent(port, socket_fd, &peer);
        }
        return 0;
}

void agent_port_done(struct agent_port *port) {
        if (!port->executor) {
                return;
        }
        forget_unsent(port);
        unix_link_done(&port->link);
        identity_lookup_cancel(port->lookup);
        loop_watch_remove(&port->listen_watch);
        if (port->listen_fd >= 0) {
                close(port->listen_fd);
                if (!port->lent) {
                        unlink(port->path);
                }
        }
        loop_timer_done(&port->again);
        *port = (struct agent_port){.listen_fd = -1};
}
