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
        {CAUSE_EXITED, "exited", "The process ended, however it did."},
        {CAUSE_UNRESPONSIVE, "unresponsive", "No connection, or no answer in time."},
        {CAUSE_WRONG_ANSWER, "wrong-answer", "An answer that breaks an expectation."},
        {CAUSE_SLOW, "slow", "A right answer, later than allowed."},
        {CAUSE_RESOURCE, "resource", "Something is short or beyond a limit, whatever it is."},
        {CAUSE_DEPENDENCY, "dependency", "Something that it depends on is down."},
        {CAUSE_CHANGED, "changed",
                "It was changed shortly before it failed: its files, its release, its packages."},
        {CAUSE_UNIT_STATE, "unit-state",
                "Its manager does not have it run: masked, missing, a start limit, a condition."},
        {CAUSE_EXITED_CODE, "exited.code", "The process ended with an exit status."},
        {CAUSE_EXITED_SIGNAL, "exited.signal", "A signal ended the process."},
        {CAUSE_EXITED_OOM, "exited.oom", "The kernel ended the process for want of memory."},
        {CAUSE_RESOURCE_MEMORY, "resource.memory", "Memory is short, or too much of it is used."},
        {CAUSE_RESOURCE_CPU, "resource.cpu", "The CPU is short, or too much of it is used."},
        {CAUSE_RESOURCE_DISK, "resource.disk", "Space on a disk is short, or a quota is used up."},
        {CAUSE_RESOURCE_INODES, "resource.inodes", "A file system is short of inodes."},
        {CAUSE_RESOURCE_DESCRIPTORS, "resource.descriptors", "Too many files are open."},
        {CAUSE_RESOURCE_THREADS, "resource.threads", "Too many threads, children or zombies."},
        {CAUSE_RESOURCE_IO, "resource.io",
                "Input and output: errors, pressure, a file system that became read-only."},
        {CAUSE_RESOURCE_CONNECTIONS, "resource.connections",
                "A server has as many connections as it allows."},
        {0},
};
