#include "model/observation.h"

const struct enum_text outcome_texts[] = {
        {OUTCOME_UNKNOWN, "unknown", "Could not be measured; never counts as a failure."},
        {OUTCOME_PASS, "pass", "All that the probe expects was met."},
        {OUTCOME_DEGRADED, "degraded", "Answered, but worse than it should; counts as a pass."},
        {OUTCOME_FAIL, "fail", "An expectation was not met."},
        {OUTCOME_TIMEOUT, "timeout", "No result in time; counts as a failure."},
        {0},
};

const struct enum_text cause_texts[] = {
        {CAUSE_NONE, "none", "Nothing is wrong."},
        {CAUSE_EXITED, "exited", "The process ended: exit status, signal, out of memory."},
        {CAUSE_UNRESPONSIVE, "unresponsive", "No connection, or no answer in time."},
        {CAUSE_WRONG_ANSWER, "wrong-answer", "An answer that breaks an expectation."},
        {CAUSE_SLOW, "slow", "A right answer, later than allowed."},
        {CAUSE_RESOURCE, "resource", "Memory, CPU, descriptors, space or inodes beyond a limit."},
        {0},
};
