#pragma once
/* A connection to D-Bus on the loop: made without blocking, every call with a limit in time, and
 * when it is lost it is made anew after growing pauses. Calls and messages are sd-bus's own
 * (sd-bus(3), asynchronous calls only), on what bus_connection() returns. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "io/loop.h"

#define BUS_CALL_LIMIT (15 * USEC_PER_SEC) /* a call without an answer fails with ETIMEDOUT */
#define BUS_CONNECT_LIMIT (10 * USEC_PER_SEC)
#define BUS_PAUSE_FIRST (100 * USEC_PER_MSEC)
#define BUS_PAUSE_MAX (10 * USEC_PER_SEC)

enum bus_peer {
        BUS_PEER_SYSTEM = 0, /* the message bus of the system */
        BUS_PEER_MANAGER, /* systemd itself over its private socket, as systemctl does it: for root
                             only, and there also when no message bus runs */
};

/* The one that works without others, where this user may have it. */
enum bus_peer bus_peer_of_user(void);

struct bus; /* heap */

/* Who wants to know when it comes and goes, in memory of the owner. */
struct bus_user {
        struct list node;
        void (*on_up)(void *cookie);
        /* What is under way on it ends without an answer; slots have to be given back in here. */
        void (*on_down)(void *cookie, const char *why);
        void *cookie;
};

int bus_new(struct bus **ret, struct loop *loop, enum bus_peer peer, struct error *err);
void bus_free(struct bus *bus); /* accepts NULL; all users must have left */

/* The first user makes it connect. When it is up already, on_up is not called. */
void bus_join(struct bus *bus, struct bus_user *user);
void bus_leave(struct bus *bus, struct bus_user *user); /* accepts one that never joined */

/* NULL while it is away. Borrowed, and valid until on_down. */
sd_bus *bus_connection(const struct bus *bus);

/* Why it is away, for a person; "" while it is up. */
const char *bus_why(const struct bus *bus);

/* Which signals are wanted, see "Match Rules" in the D-Bus specification. NULL: any. */
struct bus_match {
        const char *sender; /* left out where there is no message bus */
        const char *path, *path_namespace, *interface, *member, *arg0;
};

/* Asks for signals. The slot is the caller's. -ENOTCONN while it is away. */
int bus_match_add(struct bus *bus, sd_bus_slot **ret, const struct bus_match *match,
        sd_bus_message_handler_t handler, void *cookie);
