#include "control/routes.h"

#include "base/cleanup.h"
#include "base/str.h"

enum {
        ONE = COMMAND_TAKES_SERVICE | COMMAND_TAKES_BY,
        ONE_OR_ALL = ONE | COMMAND_TAKES_ALL,
        HOLD = COMMAND_TAKES_BY | COMMAND_TAKES_DURATION | COMMAND_TAKES_REASON | COMMAND_MAY_LAST,
        PAUSE = ONE_OR_ALL | COMMAND_TAKES_DURATION | COMMAND_TAKES_REASON,
};

static const struct route routes[] = {
        {"GET", "/v1/version", true, 0, api_version},
        {"GET", "/v1/status", true, 0, api_status},
        {"GET", "/v1/why", false, 0, api_why},
        {"GET", "/v1/incidents", false, 0, api_incidents},
        {"GET", "/v1/incidents/", false, 0, api_incident},
        {"GET", "/v1/events", false, 0, api_events},
        {"POST", "/v1/pause", false, PAUSE, api_pause},
        {"POST", "/v1/resume", false, ONE_OR_ALL, api_resume},
        {"POST", "/v1/hold", false, HOLD, api_hold},
        {"POST", "/v1/release", false, COMMAND_TAKES_BY, api_release},
        {"POST", "/v1/ack", false, ONE, api_ack},
        {"POST", "/v1/restart", false, ONE, api_restart},
        {"POST", "/v1/rollback", false, ONE | COMMAND_TAKES_UNDO, api_rollback},
        {"POST", "/v1/checkpoint", false, ONE | COMMAND_TAKES_CHECKPOINT, api_checkpoint},
        {"POST", "/v1/start", false, ONE, api_start},
        {"POST", "/v1/stop", false, ONE, api_stop},
        {"POST", "/v1/probe", false, ONE | COMMAND_TAKES_PROBE, api_probe},
        {"POST", "/v1/reload", false, COMMAND_TAKES_BY, api_reload},
        {"GET", "/v1/record", false, 0, api_record},
        {"POST", "/v1/record/start", false, COMMAND_TAKES_BY, api_record_start},
        {"POST", "/v1/record/stop", false, COMMAND_TAKES_BY, api_record_stop},
        {"GET", "/v1/groups", false, 0, api_groups},
        {"POST", "/v1/failover", false, COMMAND_TAKES_BY | COMMAND_TAKES_GROUP, api_failover},
        {"POST", "/v1/heartbeat", true, ONE | COMMAND_TAKES_PROBE | COMMAND_TAKES_BEAT,
                api_heartbeat},
};

static bool path_fits(const struct route *route, const char *path) {
        size_t length = strlen(route->path);
        if (route->path[length - 1] == '/') {
                return strncmp(path, route->path, length) == 0 && path[length] != 0;
        }
        return str_eq(path, route->path);
}

const struct route *route_find(
        const char *method, const char *path, const char **ret_tail, const char **ret_allow) {
        *ret_allow = NULL;
        for (size_t i = 0; i < ELEMENTSOF(routes); i++) {
                const struct route *route = &routes[i];
                if (!path_fits(route, path)) {
                        continue;
                }
                if (str_eq(route->method, method)) {
                        *ret_tail = path + strlen(route->path);
                        return route;
                }
                *ret_allow = route->method;
        }
        return NULL;
}
