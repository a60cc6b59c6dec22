#pragma once
/* Stops all command services: dependents before what they depend on, those of one depth at the same
 * time. */

#include <stdbool.h>
#include <stdint.h>

struct executor;

struct stop_all {
        struct executor *executor;
        bool active;
        uint64_t request;
        uint32_t level; /* depth + 1; services that have left the policy go first */
        unsigned failures;
        char text[256]; /* what the first failures said */
};

void stop_all_init(struct stop_all *all, struct executor *executor);

/* Begins; `stopped-all` answers. A second request while it is active takes the answer over. */
void stop_all_start(struct stop_all *all, uint64_t request);

/* An action has ended: goes on. */
void stop_all_continue(struct stop_all *all);
