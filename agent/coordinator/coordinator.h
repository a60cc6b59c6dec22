#pragma once
/* Who of a group may be active, as a coordinator says it: files of this host, ZooKeeper or etcd. A
 * member of a group takes a seat, says whether it wants the lease, and sees how the lease stands.
 * Everything here returns at once; what changed is told in the loop.
 *
 * A lease is never given away by forgetting: it ends by seat_release(), or when the coordinator has
 * not heard of this process for as long as it granted. */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/coordination.h"

struct loop;
struct coordinator; /* heap */
struct seat; /* heap */

/* In good times a lease that is ours is usable for two thirds of its duration from any moment. */
#define SEAT_LEASE_MIN (1 * USEC_PER_SEC)

/* Folders of the agent: what outlives a boot, and what does not. */
struct coordinator_folders {
        const char *state, *runtime;
};

/* Copies what it needs, and with zookeeper loads a library of the system. Fails only on what a
 * person has to mend: -EINVAL for settings that make no sense, -ENOENT for a library that is not
 * there, -ENOMEM. A coordinator that does not answer, or a file of its settings that cannot be
 * read, is no failure: the seats say so, and try again. */
int coordinator_open(struct coordinator **ret, struct loop *loop,
        const struct coordinator_spec *spec, const struct coordinator_folders *folders,
        struct error *err);
/* "http://host:2379/" and "/recoverd/" mean what they do without the last character: the length of
 * a server or root without such. */
size_t coordinator_setting_length(const char *text);
/* Whether it was opened with these settings. */
bool coordinator_is(const struct coordinator *coordinator, const struct coordinator_spec *spec);

/* Accepts NULL. All seats have been left before. At the end of the agent: with zookeeper it may
 * take a second, in which members without a lease say good-bye. */
void coordinator_close(struct coordinator *coordinator);

struct seat_request {
        const char *group;
        const char *member; /* "HOST/SERVICE", unique in the group */
        uint32_t places; /* so many members may hold the lease at once, up to
                            COORDINATION_PLACES_MAX; 0: one. All of a group say the same */
        usec_t lease; /* at least SEAT_LEASE_MIN; a coordinator may grant another duration */
        void (*on_change)(void *cookie); /* in the loop, never from within a call: the view has
                                            changed, be it that a lease lasts longer */
        void *cookie;
};

int coordinator_join(struct coordinator *coordinator, const struct seat_request *request,
        struct seat **ret, struct error *err);

/* Accepts NULL. A lease that is ours stays with this member until it runs out, so that a new agent
 * finds it again; it is not given to anybody else before. A wish for it is withdrawn. */
void seat_leave(struct seat *seat);

/* Whether the lease is to be taken as soon as it is free. Once it is ours it is kept and renewed,
 * wanted or not. One that was on the way when the wish was withdrawn may still become ours. */
void seat_want(struct seat *seat, bool want);

/* Gives the lease back, which the caller may do only when nothing of the service runs here any
 * more. The wish ends with it. `to`: the member that is to have it next, NULL: whoever wants it.
 * Others leave it to that member for a while, as long as it takes part. It is repeated until the
 * coordinator has it, or the lease has run out. */
void seat_release(struct seat *seat, const char *to);

/* Whether this member, which has the lease, is active by now: the coordinator remembers who was
 * last, beyond the end of the lease. */
void seat_mark(struct seat *seat, bool active);

/* What the peers see of this member: one line, cut to COORDINATION_TEXT_MAX. */
void seat_publish(struct seat *seat, const char *text);

/* Valid until the seat is left; changes between turns only. */
const struct lease_view *seat_view(const struct seat *seat);
