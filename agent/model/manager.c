#include "model/manager.h"

#define BIT(action) (UINT32_C(1) << (action))
#define STARTS_AND_STOPS (BIT(ACTION_RESTART) | BIT(ACTION_START) | BIT(ACTION_STOP))
#define NEEDS_NO_MANAGER (BIT(ACTION_EXEC) | BIT(ACTION_NOTIFY))

/* systemd's standard TimeoutStopSec and TimeoutStartSec, 90s each, and a margin. */
#define UNIT_RESTART_LIMIT (200 * USEC_PER_SEC)

static const struct manager_traits traits[MANAGER_COUNT] = {
        [MANAGER_NONE] = {.action_limit = USEC_PER_MINUTE},
        [MANAGER_COMMAND] = {"command", "process",
                STARTS_AND_STOPS | BIT(ACTION_RELOAD) | BIT(ACTION_SIGNAL), USEC_PER_MINUTE, true},
        [MANAGER_UNIT] = {"unit", "unit",
                STARTS_AND_STOPS | BIT(ACTION_RELOAD) | BIT(ACTION_SIGNAL), UNIT_RESTART_LIMIT,
                true},
        [MANAGER_SCRIPTS] = {"scripts", "status", STARTS_AND_STOPS | BIT(ACTION_RELOAD),
                USEC_PER_MINUTE, false},
};

const struct manager_traits *manager_traits(int manager) {
        return &traits[manager];
}

const char *manager_why_not(const struct service *service, int action) {
        if (BIT(action) & NEEDS_NO_MANAGER) {
                return NULL;
        }
        if (service->manager == MANAGER_NONE) {
                return "it is only watched, nobody here starts or stops it";
        }
        if (!(BIT(action) & traits[service->manager].actions)) {
                return "nobody here knows the processes that its scripts start";
        }
        if (action == ACTION_RELOAD && service->scripts && !service->scripts->ocf &&
                service->scripts->reload.count == 0) {
                return "its scripts have no 'reload'";
        }
        return NULL;
}

bool action_starts(int action) {
        return action == ACTION_RESTART || action == ACTION_START;
}

bool action_needs_running(int action) {
        return action == ACTION_RELOAD || action == ACTION_SIGNAL;
}
