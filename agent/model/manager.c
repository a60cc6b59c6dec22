#include "model/manager.h"

#define BIT(action) (UINT32_C(1) << (action))
#define STARTS_AND_STOPS                                                                           \
        (BIT(ACTION_RESTART) | BIT(ACTION_START) | BIT(ACTION_STOP) | BIT(ACTION_ROLLBACK) |       \
                BIT(ACTION_UNDO) | BIT(ACTION_PROMOTE) | BIT(ACTION_DEMOTE) | BIT(ACTION_FOLLOW))

/* systemd's standard TimeoutStopSec and TimeoutStartSec, 90s each, and a margin. */
#define UNIT_RESTART_LIMIT (200 * USEC_PER_SEC)

/* A package manager downloads and unpacks, a large tree is copied and hashed. */
#define EXCHANGE_LIMIT (5 * USEC_PER_MINUTE)

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

/* A reload is for what goes on serving meanwhile; what a signal does, nobody here knows. */
static const struct action_traits actions[ACTION_COUNT] = {
        [ACTION_RESTART] = {.starts = true, .interrupts = true},
        [ACTION_START] = {.starts = true, .interrupts = true},
        [ACTION_STOP] = {.interrupts = true},
        [ACTION_EXEC] = {.needs_no_manager = true},
        [ACTION_NOTIFY] = {.needs_no_manager = true, .only_tells = true},
        [ACTION_RELOAD] = {.needs_running = true},
        [ACTION_SIGNAL] = {.needs_running = true, .interrupts = true},
        [ACTION_ROLLBACK] = {.starts = true, .interrupts = true, .longer = EXCHANGE_LIMIT},
        [ACTION_UNDO] = {.starts = true, .interrupts = true, .longer = EXCHANGE_LIMIT},
        [ACTION_FAILOVER] = {.needs_no_manager = true, .only_tells = true, .interrupts = true},
        [ACTION_PROMOTE] = {.starts = true, .interrupts = true},
        [ACTION_DEMOTE] = {.interrupts = true},
        [ACTION_HAPROXY] = {.needs_no_manager = true},
        [ACTION_FOLLOW] = {.starts = true, .interrupts = true},
};

const struct action_traits *action_traits(int action) {
        return &actions[action];
}

usec_t action_drain_time(const struct service *service, int action) {
        const uint32_t interrupting =
                BIT(ACTION_RESTART) | BIT(ACTION_STOP) | BIT(ACTION_ROLLBACK) | BIT(ACTION_UNDO);
        return service->traffic && interrupting & BIT(action)
                       ? usec_add(service->traffic->away.wait, TRAFFIC_ANSWER_TIME)
                       : 0;
}

const struct manager_traits *manager_traits(int manager) {
        return &traits[manager];
}

const char *manager_why_not(const struct service *service, int action) {
        if (actions[action].needs_no_manager) {
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
