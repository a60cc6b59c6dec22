#include "support/chaos_doubt.h"

void chaos_doubt_strike(struct world *world, struct rng *rng) {
        struct host_signs signs = {.memory_known = true, .available_percent = 50};
        uint64_t dice = rng_below(rng, 10);
        if (dice == 0) {
                signs.stalled = (1 + rng_below(rng, 10)) * USEC_PER_SEC;
        } else if (dice == 1) {
                signs.available_percent = 1;
        }
        world_host(world, &signs);
}

static enum suspicion_state state_of_suspicion(const struct world *world) {
        struct suspicion_status suspicion;
        recovery_suspicion(world->recovery, &suspicion);
        return suspicion.state;
}

bool chaos_doubt_suspects(const struct world *world) {
        return state_of_suspicion(world) != SUSPICION_NONE;
}

const char *chaos_doubt_act(
        struct chaos_doubt *doubt, const struct world *world, uint32_t service, bool gone) {
        if (gone || !chaos_doubt_suspects(world)) {
                return NULL;
        }
        if (state_of_suspicion(world) == SUSPICION_HOLDS) {
                return "acted on while the agent suspected itself";
        }
        for (uint32_t i = 0; i < RANDOM_SERVICES_MAX; i++) {
                if (i != service && doubt->on_trial[i]) {
                        return "acted on together with another one, in doubt";
                }
        }
        doubt->on_trial[service] = true;
        return NULL;
}
