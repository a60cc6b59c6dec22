#include "model/policy.h"

#include "base/map.h"
#include "base/str.h"

const struct enum_text manager_texts[] = {
        {MANAGER_NONE, "none", "Watched only: nobody here starts or stops it."},
        {MANAGER_COMMAND, "command", "A child of the executor."},
        {MANAGER_UNIT, "unit", "A unit of systemd."},
        {MANAGER_SCRIPTS, "scripts", "Programs or a resource agent that start and stop it."},
        {0},
};

const struct enum_text jitter_texts[] = {
        {JITTER_NONE, "none", "Exactly the delay."},
        {JITTER_FULL, "full", "Anything between nothing and the delay."},
        {JITTER_EQUAL, "equal", "Half of the delay, and anything up to the other half."},
        {JITTER_DECORRELATED, "decorrelated",
                "Anything between `initial` and three times the wait before, at most `max`."},
        {0},
};

const struct enum_text action_texts[] = {
        {ACTION_RESTART, "restart", "Stops the service, proves that it is gone, and starts it."},
        {ACTION_START, "start", "Starts the service where it is not running."},
        {ACTION_STOP, "stop", "Stops the service and proves that it is gone."},
        {ACTION_EXEC, "exec", "Runs a program that the policy names."},
        {ACTION_NOTIFY, "notify", "Tells people, and changes nothing."},
        {ACTION_RELOAD, "reload", "Makes the running service read its configuration again."},
        {ACTION_SIGNAL, "signal", "Sends a signal to the running service."},
        {0},
};

const struct enum_text signal_target_texts[] = {
        {SIGNAL_TO_MAIN, "main", "The main process."},
        {SIGNAL_TO_ALL, "all", "Every process of the service."},
        {0},
};

const struct enum_text log_target_texts[] = {
        {LOG_TARGET_AUTO, "auto",
                "The journal where it runs, otherwise a file below the state directory."},
        {LOG_TARGET_JOURNAL, "journal", "The system's journal."},
        {LOG_TARGET_FILE, "file", "A file of limited size."},
        {LOG_TARGET_NONE, "none", "Nowhere."},
        {0},
};

const struct service *policy_service(const struct policy *policy, const char *name) {
        return map_get(policy->by_name, name);
}

const struct probe_spec *policy_probe(const struct service *service, const char *name) {
        for (uint32_t i = 0; i < service->n_probes; i++) {
                if (str_eq(service->probes[i].name, name)) {
                        return &service->probes[i];
                }
        }
        return NULL;
}

void policy_free(struct policy *policy) {
        if (policy) {
                map_free(policy->by_name);
                arena_free(policy->arena); /* holds the policy itself */
        }
}
