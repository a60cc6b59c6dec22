/* The coordinators that are open: one of each kind that a group of this host has asked for. */

#include <errno.h>

#include "coordinator/coordinator.h"
#include "runtime/shell.h"

int coordinators_get(
        struct runtime *runtime, int kind, struct coordinator **ret, struct error *err) {
        struct coordinator **coordinator = &runtime->coordinators[kind];
        const struct coordinator_folders folders = {
                .state = runtime->options.state_dir, .runtime = runtime->options.runtime_dir};
        const struct coordinator_spec local = {.kind = COORDINATOR_LOCAL};
        const struct coordinator_spec *spec =
                kind == COORDINATOR_LOCAL ? &local : &runtime->policy->coordinator;
        if (spec->kind != kind) {
                return error_set(err, ENOENT, "recoverd.yaml has no coordinator of the kind %s",
                        coordinator_kind_text((enum coordinator_kind) kind));
        }
        int r = *coordinator ? 0
                             : coordinator_open(coordinator, runtime->loop, spec, &folders, err);
        *ret = *coordinator;
        return r;
}

/* Another coordinator knows nothing of the leases that the present one has given. */
void coordinators_reloaded(struct runtime *runtime) {
        const struct coordinator_spec *spec = &runtime->policy->coordinator;
        const struct coordinator *open = runtime->coordinators[spec->kind];
        if (spec->kind != COORDINATOR_LOCAL && open && !coordinator_is(open, spec)) {
                effects_say(runtime, LOG_WARNING,
                        "recoverd.yaml has another 'coordinator' now: the members of groups go on with "
                        "the one before until the agent is started anew, on all hosts");
        }
}

void coordinators_close(struct runtime *runtime) {
        for (size_t i = 0; i < RUNTIME_COORDINATORS; i++) {
                coordinator_close(runtime->coordinators[i]);
                runtime->coordinators[i] = NULL;
        }
}
