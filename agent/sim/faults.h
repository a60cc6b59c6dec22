#pragma once
/* What goes wrong in a simulation: a file of faults, each at moments that are written down or drawn
 * by chance, what it looks like from outside, and which actions cure it. The grammar is a table
 * like that of policies (docs/faults-reference.md). */

#include "model/observation.h"
#include "model/policy.h"
#include "model/schema.h"
#include "policy/load.h"
#include "sim/chance.h"

enum fault_kind {
        FAULT_CRASH = 0,
        FAULT_HANG,
        FAULT_SLOW,
        FAULT_BAD_RELEASE,
        FAULT_DEPENDENCY_LOSS,
        FAULT_DISK_FULL,
        FAULT_FLAPPING,
        FAULT_HOST_STALL,
        FAULT_AGENT_RESTART,
        FAULT_STORE_FAILURE,
        FAULT_CUT_OFF,
};

/* What is seen of it. */
struct symptom_spec {
        const char *text; /* NULL: the kind's own */
        usec_t bad, fine; /* FAULT_FLAPPING: how long each, in turn */
};

struct mtbf_spec { /* from the beginning of one occurrence to that of the next */
        usec_t mean;
        int distribution; /* enum distribution */
        double shape;
};

struct cure_form { /* one entry of `cured_by` */
        const char *action;
        double chance; /* percent */
        usec_t after;
};

struct cure {
        double chance; /* percent; 0: it does not help */
        usec_t after; /* from the action to the cure */
};

struct fault_spec {
        const char *name;
        int kind; /* enum fault_kind */
        const struct symptom_spec *symptom;
        struct strings services; /* none: all */
        struct durations at; /* since the beginning */
        struct mtbf_spec *mtbf; /* NULL: only at `at` */
        usec_t lasts; /* 0: until it is cured */
        struct objects cured_by; /* struct cure_form */
        struct cure cures[ACTION_COUNT];
};

struct action_form { /* one entry of `actions` */
        const char *action;
        usec_t takes;
        double fails; /* percent */
};

struct action_play {
        usec_t takes;
        double fails;
};

struct fault_plan {
        struct arena *arena; /* owns all of this */
        uint32_t version;
        usec_t startup; /* from the start of a process until it answers */
        usec_t mended_after; /* given up: until a person has mended it */
        struct objects actions_written; /* struct action_form */
        struct objects faults; /* struct fault_spec */
        struct action_play actions[ACTION_COUNT];
};

extern const struct schema faults_schema; /* struct fault_plan */

/* What is known of a kind without looking at a fault. */
struct fault_traits {
        const char *key, *text; /* its word; what is seen of it */
        bool of_host; /* hits the agent, and every service through it; services are not at fault */
        bool of_all; /* and not some of them more than others */
        enum outcome outcome; /* of the probes, those of the process apart */
        enum cause cause;
        uint32_t cured_by; /* bit (1 << action) for each that cures it where nothing is written */
};
const struct fault_traits *fault_traits(int kind);

static inline const struct fault_spec *fault_plan_faults(const struct fault_plan *plan) {
        return plan->faults.items;
}

/* Reads a file, whose names are those of the policy. 0 and a plan (the caller's, fault_plan_free),
 * or -EINVAL with an error in `problems`, or -ENOMEM. `problems` as in policy_load. */
int fault_plan_load(const char *path, const struct policy *policy, struct fault_plan **ret,
        struct problems *problems);

/* The same from memory; `name` stands in for the file name. */
int fault_plan_load_text(const char *name, const char *text, size_t length,
        const struct policy *policy, struct fault_plan **ret, struct problems *problems);

/* The faults of a usual week, for who has no file: policies/faults/usual.yaml, compiled in. */
extern const char fault_plan_usual[];

void fault_plan_free(struct fault_plan *plan); /* accepts NULL */
