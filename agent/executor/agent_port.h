#pragma once
/* Where the agent comes in: a socket in the runtime directory, or the end of a socket pair. One
 * agent at a time; who comes later takes over. What it is told about services is coalesced, so that
 * a slow agent costs no memory. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"
#include "io/loop.h"
#include "io/unix_socket.h"
#include "model/wire.h"

struct executor;
struct identity_lookup;
struct managed;

enum { AGENT_PORT_REPLIES_MAX = 4096 }; /* that wait for an agent which does not read */

struct agent_port {
        struct executor *executor; /* NULL: not open, done() is a no-op */
        char path[108]; /* as long as a socket's name can be */
        int listen_fd;
        bool lent; /* the socket's file is the service manager's, as are its owner and mode */
        struct loop_watch listen_watch;
        struct unix_link link;
        bool connected, greeted;
        struct unix_peer peer;
        struct list unsent; /* struct managed */
        struct list replies; /* struct reply, oldest first */
        unsigned n_replies;
        bool listing; /* `listed` follows when nothing is unsent */
        struct loop_timer again;
        struct identity_lookup *lookup;
        uid_t agent_uid; /* of EXECUTOR_USER; (uid_t) -1: there is none, or not known yet */
};

/* Prepares the lists, so that announcing is possible. */
int agent_port_init(struct agent_port *port, struct executor *executor);

/* Begins to serve, on a socket that listens already (-1: it makes one in the runtime directory).
 * Takes over both descriptors; socket_fd is of a socket pair, -1: none. */
int agent_port_open(struct agent_port *port, int listen_fd, int socket_fd, struct error *err);
void agent_port_done(struct agent_port *port);

/* Tells the agent about a service as soon as there is room; `unsent` as in enum unsent. */
void agent_port_announce(struct agent_port *port, struct managed *managed, unsigned unsent);

/* Answers a request. An agent that lets too many pile up is cut off. */
void agent_port_reply(struct agent_port *port, const struct wire_message *message);

/* Tells everything, then `listed`. */
void agent_port_list(struct agent_port *port);
