#pragma once
/* Tells when a service got a new main process. What the old one logged is not held against the new
 * one: a restart could otherwise never be proven before the window has passed. */

#include <stdbool.h>

#include "probes/probe.h"

struct same_process { /* zeroed: none was seen */
        pid_t pid;
        uint64_t start_time;
};

/* Whether the target runs, and is another process than the one that was last seen running. */
static inline bool same_process_replaced(
        struct same_process *seen, const struct probe_target *target) {
        if (!target->known || target->pid == 0) {
                return false;
        }
        bool replaced = seen->pid != 0 &&
                        (seen->pid != target->pid || seen->start_time != target->start_time);
        *seen = (struct same_process){target->pid, target->start_time};
        return replaced;
}
