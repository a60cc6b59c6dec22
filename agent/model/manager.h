#pragma once
/* What the managers of services can do, one row each: everything else asks here instead of naming
 * managers. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/policy.h"

struct manager_traits {
        const char *key; /* in a policy; NULL: there is none */
        const char *probe; /* type of the probe that watches every service of it; NULL: none */
        uint32_t actions; /* bit (1 << action) for each that it can carry out */
        usec_t action_limit; /* of an action whose step has no `timeout`, without stop_timeout */
        bool tells_exit; /* it hears of the end at once, without waiting for a run of that probe */
};

/* Of a manager. */
const struct manager_traits *manager_traits(int manager);

/* Why the executor cannot carry the action out for this service, as the end of a sentence: "nobody
 * here starts or stops it"; NULL when it can. Actions of the ladder that need no manager (exec,
 * notify) always can. */
const char *manager_why_not(const struct service *service, int action);

/* What the steps of a ladder do to a service, one row each. */
struct action_traits {
        bool needs_no_manager; /* the policy alone says what is done */
        bool starts; /* ends with a process that was started just now */
        bool needs_running; /* is for a running service, which keeps its process */
        usec_t longer; /* what it may take besides the stop and start of the service */
        bool only_tells; /* people, or the group: nothing that could be proven by probes */
        bool interrupts; /* the service stops serving, or may: never done for readiness alone */
};
const struct action_traits *action_traits(int action);

/* Of a HAProxy, to all that it is asked about one server. */
#define TRAFFIC_ANSWER_TIME (2 * USEC_PER_SEC)

/* How long the traffic of a service may take to go before an action interrupts it; 0: it is not
 * taken away for this. */
usec_t action_drain_time(const struct service *service, int action);
