#pragma once
/* The inside of members.c, which failovers.c sees as well. Private to agent/runtime. */

#include "coordinator/coordinator.h"
#include "coordinator/failover_wish.h"
#include "io/loop.h"
#include "model/wire.h"
#include "runtime/members.h"

struct member_shell {
        struct runtime *runtime;
        uint32_t service;
        char id[GROUP_MEMBER_ID_MAX];
        struct seat *seat;
        struct member member;
        struct member_input input;
        struct loop_timer timer;
        uint64_t request; /* of what was asked of the executor last; 0: nothing, or it answered */
        enum member_act asked;
        bool active; /* as the core was told */
        bool asks_failover; /* its ladder does */
        usec_t guard; /* as the executor was told; USEC_INFINITY: nothing yet */
        uint64_t guard_token;
        char to[COORDINATION_MEMBER_MAX]; /* the member that a person named; "": any */
        struct failover_wish wish; /* of a person on this host, for the active one elsewhere */
        usec_t wish_until;
        struct failover_wish heard; /* the last one of another host that was obeyed */
        char role_text[sizeof(((struct wire_message *) NULL)->text)];
        char held[OBSERVATION_DETAIL_MAX];
        char spent[sizeof(((struct wire_message *) NULL)->text)];
        char published[COORDINATION_TEXT_MAX];
        struct member_counts counts;
        usec_t granted; /* by the coordinator, as it was last seen; 0: not yet */
};

struct members {
        struct agreement *agreement; /* NULL: nobody can be asked */
        usec_t opened; /* no other agent of this host has run since */
        struct member_shell **shells, **next; /* next: for the policies to come */
        size_t count;
        uint64_t last_request;
};

static inline const struct service *member_service(const struct member_shell *shell) {
        return &runtime_policy(shell->runtime)->services[shell->service];
}

void member_tell(
        struct member_shell *shell, int level, uint32_t rule, const char *text, const char *note);

/* ---- failovers.c ---- */

/* Of what a member publishes about itself: whether it could be promoted. */
bool member_peer_can(const struct lease_peer *peer, uint32_t *ret_priority);

/* Whether a member is meant by its id, its host or its service. */
bool member_is_called(const char *id, const char *name);

/* What people on other hosts wish of this member, if it is the active one. */
void members_hear_wishes(struct member_shell *shell);

/* What a person on this host wishes of another, as long as it is to be said. */
void members_add_wish(struct member_shell *shell, char text[COORDINATION_TEXT_MAX]);
