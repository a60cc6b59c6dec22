#pragma once
/* The guard of a member of a group with one active member: it is active only under a lease that the
 * agent extends here by a deadline, and by that deadline it has been demoted, by this process
 * alone, whatever has become of the agent. What it is, is in its state file, so that an executor
 * that follows this one goes on, and demotes at once where the time is over. */

#include <stdbool.h>

#include "base/error.h"
#include "executor/action_plan.h"
#include "executor/managed.h"
#include "io/environment.h"

struct action_order;
struct child;

struct lease_guard {
        struct managed *managed;
        struct policy_share *share; /* of the policy in which it was a member last; NULL: none */
        const struct service *service;
        struct loop_timer timer; /* what comes next: the demotion, its deadline, another try */
        struct child *announcer; /* tells the network where the address is; NULL: nobody */
        enum demotion demotion; /* of the next one */
        usec_t pause; /* between two tries */
        usec_t demoting_since;
        bool cutting, overdue, leaving;
        uint64_t following; /* token of the lease that it is being made to follow; 0: none */
        char active[POLICY_NAME_MAX + 1]; /* how the group calls who has that */
        char text[MANAGED_TEXT_MAX]; /* why it is what it is */
};

/* The policy of the service changed, or its state was read: begins to guard a member, and demotes
 * one that is none any more before it lets it go. */
void lease_guard_follow(struct managed *managed);
void lease_guard_free(struct managed *managed); /* leaves everything as it is */

/* A lease: see WIRE_GUARD. -EPERM and why not. */
int lease_guard_extend(struct managed *managed, uint64_t token, usec_t deadline, struct error *err);

/* Why a member may not be started, promoted or made to follow now; NULL: it may, or it is no
 * member. */
const char *lease_guard_why_not(const struct managed *managed, const struct action_order *order);

/* Of action.c, which does what the plan says. */
void lease_guard_plan(const struct managed *managed, struct action_plan *plan, int action,
        const struct service *service);
void lease_guard_began(struct managed *managed, const struct action_order *order);
void lease_guard_clears_up(struct managed *managed, int action);
void lease_guard_ended(struct managed *managed, int action, bool ok, bool proven, const char *text);

/* The process that was proven to follow is there no more, or is another by now. */
void lease_guard_lost(struct managed *managed);

/* Its manager said something of it: a standby that runs was started by somebody else. */
void lease_guard_looked(struct managed *managed);

/* Before it is taken: written down, or -errno. "": it is gone again. */
int lease_guard_note_address(struct managed *managed, const char *address, struct error *err);

/* Whether another service of this host has the address of the group. */
bool lease_guard_shares_address(const struct managed *managed);

/* Whether it is a member that is not proven to be a standby. */
bool lease_guard_holds(const struct managed *managed);

/* Demotes it if it is active. Whether that is needed, or under way: what is stuck nobody can help
 * by waiting. */
void lease_guard_give_up(struct managed *managed);
bool lease_guard_needs_us(const struct managed *managed);

/* Fills in a WIRE_ROLE message. */
void lease_guard_describe(const struct managed *managed, struct wire_message *ret);

/* RECOVERD_GROUP, RECOVERD_ROLE, RECOVERD_MEMBER and RECOVERD_FENCING_TOKEN, and while it is made
 * to follow RECOVERD_ACTIVE; nothing for one that is no member. */
void lease_guard_environment(const struct managed *managed, struct environment *environment);
