#pragma once
/* The members of pools that this agent looks after: their seats at the coordinators, the permits
 * that they hold or wait for (recovery/pool.h), and what people asked for meanwhile. */

#include "recovery/pool.h"
#include "runtime/runtime.h"

struct pool_wish { /* what a person asked for, and waits for its permit */
        enum command_kind kind; /* 0: nothing */
        char by[64];
        usec_t since;
};

struct pool_counts { /* since the agent started */
        uint64_t permits; /* that were granted */
        uint64_t without; /* attempts without one, because nobody could be asked */
};

struct pool_snapshot { /* valid until control returns to the loop */
        const struct service *service;
        const char *id;
        const struct pool_input *input; /* as it was seen last */
        const struct pool_verdict *verdict; /* what came of it */
        const struct pool_wish *wish;
        const char *permit; /* its word */
        const char *asked; /* the word of what a person asked for, "" for nothing */
        const char *doing; /* what is under way, likewise */
        struct pool_counts counts;
};

/* How many members of pools there are; each by its index. */
size_t runtime_pools(const struct runtime *runtime);
void runtime_pool(const struct runtime *runtime, size_t index, struct pool_snapshot *ret);
