#pragma once
/* The members of groups that this agent looks after: their seats at the coordinators, what the
 * executor says of them, and their state machines (recovery/member.h). */

#include "model/coordination.h"
#include "recovery/member.h"
#include "runtime/agreement.h"
#include "runtime/runtime.h"

struct member_counts { /* since the agent started */
        uint64_t promotions, promotions_failed, demotions, demotions_unproven;
};

struct member_snapshot { /* valid until control returns to the loop */
        const struct service *service;
        const char *id;
        const struct member *member;
        const struct member_input *input; /* as it was seen last */
        const struct lease_view *view;
        const char *role_text; /* the executor's, "" when it said none */
        const char *duty; /* its word */
        const char *sentence; /* of the rule that fired last; "": none has */
        uint32_t failovers; /* within max_failovers.per */
        bool can; /* be promoted, if the lease were its own */
        bool held; /* active by the agreement of all alone */
        struct agreement_view agreement; /* its texts may be NULL */
        struct member_guard guards[MEMBER_GUARDS];
        struct member_counts counts;
};

/* How many members of groups there are; each by its index. */
size_t runtime_members(const struct runtime *runtime);
void runtime_member(const struct runtime *runtime, size_t index, struct member_snapshot *ret);

/* Has another member of the group take over: `to`, a host, service or id, or NULL for the best. One
 * that is active on another host is asked through the coordinator. result 0: it is under way;
 * -ENOENT: no member of the group is active, or none is of this host; -EHOSTUNREACH: the
 * coordinator does not answer; -EINVAL: there is no such other member; -EBUSY: it cannot be
 * promoted. */
void runtime_failover(struct runtime *runtime, const char *group, const char *to, const char *by,
        runtime_reply call, void *cookie);
