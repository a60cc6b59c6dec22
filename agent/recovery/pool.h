#pragma once
/* One member of a pool: whether it may be disrupted now, which is to be restarted, stopped or
 * rolled back by recoverd. Pure, and without memory: one snapshot of all that is known goes in,
 * what is wanted of the coordinator and the permit come out.
 *
 * A permit is a place of the group's lease, of which there are `max_disruptions`. Who holds one
 * stands in an order that all see alike, and a member heeds those that came before it as if they
 * were down; those that come after it heed this one. So two that ask at the same time never take
 * what is there for one of them only. What a member says of itself is known before its place is
 * given back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/coordination.h"
#include "model/policy.h"
#include "recovery/recovery.h"

enum { POOL_TEXT_MAX = 192 };

struct pool_input {
        usec_t now;
        const struct group_spec *group;
        const struct group_member_spec *self; /* NULL: this host is not among the members */
        const char *id; /* as the others call it */
        const struct lease_view *view;
        usec_t silent_since; /* the coordinator does not answer; 0: it does */
        bool healthy; /* for certain */
        bool serves; /* it is not known to be down */
        bool needs; /* a disruption is due, or under way */
        bool begun; /* it is under way */
};

struct pool_verdict {
        bool want, release; /* a place */
        enum permit permit;
        usec_t until; /* the permit is good for nothing from then on */
        usec_t look; /* judge again by then; USEC_INFINITY: not because of time */
        uint32_t healthy, least; /* members that are healthy, this one included, and that have to */
        uint32_t holders; /* of a permit */
        char text[POOL_TEXT_MAX]; /* why it is so, for a person */
};

void pool_judge(const struct pool_input *input, struct pool_verdict *ret);

/* What a member publishes about itself: "pool healthy=1 doing=restart"; `doing` "": nothing. */
void pool_publish(bool healthy, const char *doing, char text[COORDINATION_TEXT_MAX]);

/* Whether another says that it is healthy. What does not read so is not. */
bool pool_is_healthy(const char *text);

/* The member that an id, "HOST/SERVICE", stands for: a host, or with the local coordinator a
 * service. NULL: none of the group. */
const struct group_member_spec *pool_member_of(const struct group_spec *group, const char *id);
