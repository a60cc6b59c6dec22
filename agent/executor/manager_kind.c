#include "executor/manager_kind.h"

#include "executor/exec_step.h"
#include "executor/haproxy_step.h"
#include "executor/managed.h"
#include "executor/scripts_manager.h"
#include "executor/signal_step.h"
#include "executor/unit_manager.h"

/* Services that are only watched have nothing but exec steps, which need no manager. */
static const struct manager_kind no_manager;

const struct manager_kind command_manager = {
        .operations =
                {
                        [ACTION_RELOAD] = &signal_step,
                        [ACTION_SIGNAL] = &signal_step,
                },
};

static const struct manager_kind *const kinds[MANAGER_COUNT] = {
        [MANAGER_NONE] = &no_manager,
        [MANAGER_COMMAND] = &command_manager,
        [MANAGER_UNIT] = &unit_manager,
        [MANAGER_SCRIPTS] = &scripts_manager,
};

const struct operation_kind *manager_operation(const struct service *service, int action) {
        if (action == ACTION_HAPROXY) {
                return &haproxy_step;
        }
        return action == ACTION_EXEC ? &exec_step : kinds[service->manager]->operations[action];
}

static const struct manager_kind *kind_of(const struct managed *managed) {
        return managed->service ? kinds[managed->service->manager] : &no_manager;
}

void manager_look(struct managed *managed) {
        if (kind_of(managed)->look) {
                kind_of(managed)->look(managed);
        }
}

void manager_leave(struct managed *managed) {
        if (kind_of(managed)->leave) {
                kind_of(managed)->leave(managed);
        }
}
