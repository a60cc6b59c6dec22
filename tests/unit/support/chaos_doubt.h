#pragma once
/* What must hold in a random run while the agent suspects itself; see core_chaos.h. */

#include "base/rng.h"
#include "support/core_world.h"
#include "support/random_policy.h"

struct chaos_doubt {
        bool on_trial[RANDOM_SERVICES_MAX]; /* acted on while the suspicion was outlived */
};

/* The host as the agent sees it, well or not. */
void chaos_doubt_strike(struct world *world, struct rng *rng);

bool chaos_doubt_suspects(const struct world *world);

/* An action of the ladder, `gone` when it is certain that the service had ended. NULL: it may be;
 * else what is wrong with it. */
const char *chaos_doubt_act(
        struct chaos_doubt *doubt, const struct world *world, uint32_t service, bool gone);
