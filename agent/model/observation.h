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

/* What a failure looks like; a ladder step may be limited to some of them. The values are stored:
 * new ones go last. Kinds of causes are in cause_kinds.h. */
enum cause {
        CAUSE_NONE = 0,
        CAUSE_EXITED, /* the process ended, and nobody saw how */
        CAUSE_UNRESPONSIVE, /* no connection, or no answer in time */
        CAUSE_WRONG_ANSWER, /* an answer that breaks an expectation */
        CAUSE_SLOW, /* a right answer, later than allowed */
        CAUSE_RESOURCE, /* another one than those below, or it was not said which */
        CAUSE_DEPENDENCY, /* something that it depends on is down */
        CAUSE_CHANGED, /* it was changed shortly before: its files, its release, its packages */
        CAUSE_UNIT_STATE, /* its manager will not have it run: masked, start limit, condition */
        CAUSE_EXITED_CODE, /* the process ended with an exit status */
        CAUSE_EXITED_SIGNAL, /* a signal ended it */
        CAUSE_EXITED_OOM, /* the kernel ended it for want of memory */
        CAUSE_RESOURCE_MEMORY,
        CAUSE_RESOURCE_CPU,
        CAUSE_RESOURCE_DISK, /* space */
        CAUSE_RESOURCE_INODES,
        CAUSE_RESOURCE_DESCRIPTORS, /* open files */
        CAUSE_RESOURCE_THREADS, /* and processes */
        CAUSE_RESOURCE_IO, /* errors, pressure, a file system that became read-only */
        CAUSE_RESOURCE_CONNECTIONS, /* that a server allows */
};
enum { CAUSE_COUNT = CAUSE_RESOURCE_CONNECTIONS + 1 };
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
        int status; /* CAUSE_EXITED_CODE: the exit status; CAUSE_EXITED_SIGNAL, _OOM: the signal */
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
