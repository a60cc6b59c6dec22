#pragma once
/* Pure: what an action consists of. Most are one part, themselves; a rollback and a change of the
 * active member of a group are several, one after the other. */

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"

/* Parts that no action consists of alone. */
enum {
        PART_ADDRESS_TAKE = ACTION_COUNT,
        PART_ADDRESS_DROP,
        PART_UNIT_END, /* of a command that systemd starts: see unit_end.h */
};

enum { ACTION_PARTS_MAX = 2 * GROUP_STEPS_MAX + 3 };

struct action_part {
        int action; /* enum action, or of the above */
        const struct exec_spec *exec; /* ACTION_EXEC of a group; NULL: the step's */
        const struct haproxy_spec *haproxy; /* likewise ACTION_HAPROXY */
        usec_t limit; /* from its beginning; it is cut off then. With ACTION_DEMOTE: until what is
                         there is killed. USEC_INFINITY: as the step has it, or the standard */
        bool begins_nothing; /* when it fails, everything is as before */
        bool goes_on; /* when it fails, that is told, and the next part begins */
        bool proves; /* goes on, but not proven to be gone */
};

/* What a demotion has to look after besides the processes. */
struct action_traces {
        bool address; /* it may have one to give back */
        bool unit; /* systemd may be about to start it */
};

struct action_plan {
        struct action_part parts[ACTION_PARTS_MAX];
        uint32_t count, at;
        struct action_traces traces;
};

/* How much of a demotion there is time for. */
enum demotion {
        DEMOTION_WHOLE = 0, /* the policy's, in its order */
        DEMOTION_LATE, /* its time is over: what is there is killed, programs come afterwards */
        DEMOTION_BARE, /* without programs: it was never promoted, as far as is known */
        DEMOTION_AGAIN, /* once more what could not be proven */
};

/* service: NULL when it has left the policy. */
void action_plan_make(struct action_plan *plan, int action, const struct service *service,
        enum demotion demotion, struct action_traces traces);

/* What follows when the present part has failed; false: nothing, it ends there. `exchanged`: what
 * the service consists of is another than before the action. */
bool action_plan_clear_up(
        struct action_plan *plan, int action, const struct service *service, bool exchanged);

/* Its traffic is taken away first, where the action interrupts a service that has some; and what an
 * ACTION_HAPROXY without a step is about. */
void action_plan_drain_first(struct action_plan *plan, int action, const struct service *service);
void action_plan_give_back(struct action_plan *plan, const struct service *service);

static inline const struct action_part *action_plan_part(const struct action_plan *plan) {
        return &plan->parts[plan->at];
}

/* Whether there was another part to go on with. */
static inline bool action_plan_next(struct action_plan *plan) {
        return ++plan->at < plan->count;
}
