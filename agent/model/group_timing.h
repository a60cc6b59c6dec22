#pragma once
/* The times of a group with one active member, by which two are never active: whoever loses its
 * lease has ended its demotion before the lease ends. */

#include "base/clock.h"
#include "model/policy.h"

/* Longest time in which all other members are asked for their agreement. */
#define GROUP_PEERS_TIME (1 * USEC_PER_SEC)
/* What killing, and the proof that nothing is left, may take. */
#define GROUP_KILL_TIME (1 * USEC_PER_SEC)

struct group_timing {
        usec_t renewal; /* the lease is renewed so often: a third of it */
        usec_t peers; /* to ask them, where the policy says so; otherwise 0 */
        usec_t programs; /* of `demote`, together */
        usec_t stop, kill, margin;
        usec_t total; /* of all of these: has to fit into the lease */
        usec_t least_lease; /* that it would fit into */
};

void group_timing(const struct group_spec *group, struct group_timing *ret);

/* A lease that was not renewed for so long is about to be lost: the other members are asked now. */
usec_t group_renewal(const struct group_spec *group);

/* Longest time from the beginning of a demotion to its proof. */
usec_t group_demotion_time(const struct group_spec *group);

/* By when a member has to be demoted, for certain, under a lease that is usable until then. */
usec_t group_guard_deadline(const struct group_spec *group, usec_t usable_until);

/* When the demotion has to begin for that. */
usec_t group_demotion_begin(const struct group_spec *group, usec_t deadline);
