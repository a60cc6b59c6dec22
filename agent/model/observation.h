#pragma once
/* One result of one probe run, and what it may mean. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/enum_text.h"

enum outcome {
        OUTCOME_UNKNOWN =
                0, /* could not be measured; never counts as failure, never triggers an action */
        OUTCOME_PASS,
        OUTCOME_DEGRADED, /* answered, but worse than it should; counts as a pass for liveness */
        OUTCOME_FAIL,
        OUTCOME_TIMEOUT, /* counts as failure */
};
DECLARE_ENUM_TEXT(outcome)

enum cause { /* what a failure looks like from outside; a ladder step may be limited to some of them
              */
        CAUSE_NONE = 0,
        CAUSE_EXITED, /* the process ended: exit status, signal, out of memory */
        CAUSE_UNRESPONSIVE, /* no connection, or no answer in time */
        CAUSE_WRONG_ANSWER, /* an answer that breaks an expectation */
        CAUSE_SLOW, /* a right answer, later than allowed */
        CAUSE_RESOURCE, /* memory, CPU, descriptors, space, inodes */
};
DECLARE_ENUM_TEXT(cause)

enum {
        OBSERVATION_DETAIL_MAX = 160,
        MEASUREMENTS_MAX = 16, /* of one run */
        MEASUREMENT_LABEL_MAX = 64,
        MEASUREMENT_UNIT_MAX = 16,
};

/* One of several quantities that a run measured; most types have one value and none of these. */
struct measurement {
        char label[MEASUREMENT_LABEL_MAX];
        char unit[MEASUREMENT_UNIT_MAX]; /* "seconds", "ratio", "bytes", "count", ...; "": none */
        double value;
};

struct observation {
        uint32_t service, probe; /* indices into the policy */
        enum outcome outcome;
        enum cause cause;
        bool certain; /* needs no counting: the process is gone */
        bool has_value;
        double value; /* the measured quantity, in the unit that the probe type documents */
        struct instant at; /* when it was concluded */
        usec_t duration;
        char detail[OBSERVATION_DETAIL_MAX]; /* for a person: "503 Service Unavailable, expected
                                                200-299" */
};

static inline bool outcome_is_failure(enum outcome outcome) {
        return outcome == OUTCOME_FAIL || outcome == OUTCOME_TIMEOUT;
}

static inline bool outcome_is_pass(enum outcome outcome) {
        return outcome == OUTCOME_PASS || outcome == OUTCOME_DEGRADED;
}
