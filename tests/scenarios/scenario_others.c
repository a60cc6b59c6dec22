/* What the core is told of by others than probes, store and executor. */

#include "tests/scenarios/scenario.h"
#include "tests/unit/support/core_world.h"

void others_say(struct world *world, const struct statement *statement) {
        enum verb verb = statement->verb;
        if (verb == VERB_DEPLOY || verb == VERB_DEPLOYED) {
                world_deploy(world, statement->service, verb == VERB_DEPLOY);
        } else if (verb == VERB_GROUP_ACTIVE || verb == VERB_GROUP_STANDBY) {
                world_feed(world, &(struct input){.kind = INPUT_DUTY,
                                          .service = statement->service,
                                          .up = verb == VERB_GROUP_ACTIVE});
        } else {
                world_hold(
                        world, verb == VERB_CRASHES ? HOLD_CRASHES : HOLD_PERSON, statement->time);
        }
}
