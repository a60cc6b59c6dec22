#pragma once
/* The inside of a random run: private to core_chaos.c and the checks that it makes. */

#include "base/rng.h"
#include "support/chaos_doubt.h"
#include "support/core_chaos.h"
#include "support/core_world.h"
#include "support/random_policy.h"

enum {
        EVENTS_MAX = 128,
        ACTS_MAX = 512, /* of one service in one run */
        RELOADS_MAX = 5,
};

enum event_of_chaos { PROBE, SAVED, ANSWER, DISTURB, COMMAND, HOST, HOLDS, KILL, RELOAD, FILES };

/* Times are on the wall clock, which no restart turns back here. */
struct planned {
        wall_usec_t at;
        uint64_t order;
        enum event_of_chaos what;
        uint32_t service, probe;
        uint64_t token;
        int action;
};

struct act { /* an action of the ladder that was carried out, or may have been */
        wall_usec_t at; /* of its intent */
        uint64_t token;
        bool unrecorded;
        int step;
};

struct actor { /* a service as it truly is, and what was seen of it */
        bool up, sick, overloaded, deaf, busy;
        bool crashed, ended_by_action; /* why it is not up; neither: it never was */
        bool stopped_outside, manager_busy; /* or one of these */
        uint64_t saved_token, acted_token;
        bool save_failed;
        bool evidence, evidence_of_readiness; /* that it does not live; that it is not ready */
        usec_t deploy_until; /* mono; 0: it has no deploy lock */
        wall_usec_t evidence_from, ended_at;
        bool ended; /* an attempt of the ladder did, and the next one has to wait */
        struct act acts[ACTS_MAX];
        size_t n_acts;
        uint64_t begun, finished; /* attempts */
        uint64_t generation[RANDOM_PROBES_MAX]; /* of the chain of probe runs */
        uint64_t change; /* of its files; 0: they are those of the recovery point */
        wall_usec_t changed;
        uint64_t told_change, rolled_back,
                rolled_back_before; /* as it was last told to the core; undone last */
};

struct chaos {
        uint64_t seed;
        struct rng rng;
        struct world *world;
        struct actor actors[RANDOM_SERVICES_MAX];
        uint32_t n;
        struct planned events[EVENTS_MAX];
        size_t n_events;
        uint64_t order;
        uint64_t last_token, last_change;
        wall_usec_t agent_since;
        bool executor_up, store_up, quiet, tracing;
        struct chaos_doubt doubt;
        unsigned reloads;
        struct chaos_tally *tally;
        struct chaos_copies *copies; /* NULL: none are made */
};

/* Says what does not hold, and ends the program. */
__attribute__((noreturn, format(printf, 2, 3))) void chaos_broken(
        const struct chaos *chaos, const char *format, ...);
const char *chaos_name(const struct chaos *chaos, uint32_t service);

/* No budget was overdrawn by the last action of a service, which is of this step. */
void chaos_check_budgets(const struct chaos *chaos, uint32_t service, uint32_t step);
