#pragma once
/* Why a service is as it is, what holds, and what comes next: as data for scripts, and as the few
 * sentences that a colleague would say. */

#include <stdint.h>

#include "control/json_view.h"
#include "control/verdict.h"

/* One service looked at closely; filled by why_of, read by the writers. */
struct why {
        const struct runtime *runtime;
        const struct service *service;
        struct instant now;
        struct verdict verdict;
        struct guard_status guards[GUARD_COUNT];
        size_t n_guards;
        const struct service *culprit; /* the dependency that is down; NULL: none */
        struct verdict culprit_verdict; /* meaningful only with a culprit */
        const struct probe_spec *failing; /* the probe that speaks against it; NULL: none */
        struct probe_status failing_status; /* meaningful only with a failing probe */
        const struct observation *failing_last;
};

/* What the agent waits for. */
enum wait {
        WAIT_NOTHING = 0,
        WAIT_PROBE, /* for its next probe runs */
        WAIT_CHANGE, /* for something that the text names */
        WAIT_ATTEMPT, /* for the moment of an attempt */
        WAIT_VERIFY, /* for proof by the probes */
        WAIT_PERSON,
};
DECLARE_ENUM_TEXT(wait)

struct next {
        enum wait what;
        usec_t at; /* mono; USEC_INFINITY: no moment is set */
};

struct why why_of(const struct runtime *runtime, uint32_t service);

/* Three to six sentences. */
void why_summary(const struct why *why, struct strbuf *out);

/* What comes next, and in `out` the same in words, without a period. */
struct next why_next(const struct why *why, struct strbuf *out);

/* What was not done, and why not: for each step of the ladder that is not to come its reason, and
 * for the last decision each row of the table that stands above the one that fired. */
struct rejected {
        enum step_fit fit; /* of a step; STEP_FITS: it is a row */
        char what[64]; /* "step 1, restart"; "rule 209" */
        char why[OBSERVATION_DETAIL_MAX];
};
enum { WHY_REJECTED_MAX = POLICY_STEPS_MAX + 48 };
size_t why_rejected(const struct why *why, struct rejected ret[WHY_REJECTED_MAX]);

/* The same record as why_view writes, to be kept with an attempt; without its longer parts where
 * it would not fit into STORE_WHY_MAX. */
void why_record(const struct runtime *runtime, uint32_t service, struct strbuf *out);

/* The whole answer of GET /v1/why. */
void why_view(struct view *view, const struct why *why);
