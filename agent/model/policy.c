#include "model/policy.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/map.h"
#include "base/str.h"

const struct enum_text manager_texts[] = {
        {MANAGER_NONE, "none", "Watched only: nobody here starts or stops it."},
        {MANAGER_COMMAND, "command", "A child of the executor."},
        {MANAGER_UNIT, "unit", "A unit of systemd."},
        {MANAGER_SCRIPTS, "scripts", "Programs or a resource agent that start and stop it."},
        {0},
};

const struct enum_text dependency_texts[] = {
        {DEPENDENCY_HARD, "hard", "While it is down, its dependents are left alone."},
        {DEPENDENCY_SOFT, "soft",
                "Told of when a dependent fails; blocks nothing, delays nothing."},
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

const struct enum_text mode_texts[] = {
        {MODE_ACT, "act", "Decides and acts."},
        {MODE_OBSERVE, "observe", "Decides, says what it would do, and never acts by itself."},
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
        {ACTION_ROLLBACK, "rollback", "Goes back to what the service was well with."},
        {ACTION_UNDO, "undo", "Takes a rollback back."},
        {ACTION_FAILOVER, "failover", "Has another member of the group take over."},
        {ACTION_PROMOTE, "promote", "Makes it the active member of its group."},
        {ACTION_DEMOTE, "demote", "Stops it as the active member, and proves that it is gone."},
        {ACTION_HAPROXY, "haproxy", "Tells HAProxy how much traffic a server gets."},
        {ACTION_FOLLOW, "follow", "Makes it a standby that runs and follows the active member."},
        {0},
};

const struct enum_text server_state_texts[] = {
        {SERVER_READY, "ready", "It gets traffic as soon as HAProxy's own checks find it well."},
        {SERVER_DRAIN, "drain",
                "It gets no new sessions; those that are there go on, and checks as well."},
        {SERVER_MAINT, "maint", "It gets nothing and is not checked."},
        {0},
};

const struct enum_text traffic_error_texts[] = {
        {TRAFFIC_IGNORE, "ignore", "It is told, and what follows is done all the same."},
        {TRAFFIC_FAIL, "fail", "The action fails, and what follows is not done."},
        {0},
};

const struct enum_text group_mode_texts[] = {
        {GROUP_ACTIVE_STANDBY, "active-standby",
                "One member is active, under a lease; the others are stopped, or follow it, and wait."},
        {GROUP_POOL, "pool",
                "All members may be active; so many have to stay healthy whatever is done to them."},
        {0},
};

const struct enum_text standby_kind_texts[] = {
        {STANDBY_STOPPED, "stopped", "It is stopped until it is promoted."},
        {STANDBY_RUNNING, "running",
                "It runs and follows the active member, as a replica of a database does."},
        {0},
};

const struct enum_text coordinator_loss_texts[] = {
        {LOSS_DEMOTE, "demote", "The active member is stopped before its lease can have ended."},
        {LOSS_STAY, "stay",
                "The active member goes on. Another that still reaches the coordinator is promoted as "
                "well: two are active then."},
        {LOSS_HOLD_IF_ALL_AGREE, "hold-if-all-peers-agree",
                "The active member goes on as long as the agents of all other members promise, each "
                "time anew, not to be promoted meanwhile. One that does not answer is enough to have "
                "it stopped, as with `demote`."},
        {0},
};

const struct enum_text stop_unproven_texts[] = {
        {UNPROVEN_KEEP, "keep", "The lease is kept and nobody is promoted, until a person helps."},
        {UNPROVEN_REBOOT, "reboot", "The host is rebooted at once, without stopping anything."},
        {0},
};

const struct enum_text rollback_kind_texts[] = {
        {ROLLBACK_CHECKPOINT, "checkpoint", "Files, as they were stored."},
        {ROLLBACK_RELEASE, "release", "The target of a symbolic link."},
        {ROLLBACK_PACKAGE, "package", "Versions of packages."},
        {ROLLBACK_EXEC, "exec", "What a program makes of it."},
        {0},
};

const struct enum_text rollback_target_texts[] = {
        {ROLLBACK_TO_LAST_GOOD, "last-good", "The last that earned trust."},
        {0},
};

const struct enum_text approve_texts[] = {
        {APPROVE_AUTO, "auto", "It is done when its turn comes."},
        {APPROVE_MANUAL, "manual",
                "The ladder passes it over; a person does it with `recoverctl rollback`."},
        {0},
};

const struct enum_text probe_role_texts[] = {
        {ROLE_LIVENESS, "liveness",
                "Says whether the service lives: when it fails, every step may be used."},
        {ROLE_READINESS, "readiness",
                "Says whether it can serve: when it fails alone, nothing that would interrupt the "
                "service is done."},
        {ROLE_WARNING, "warning",
                "Is shown, and never opens an incident: the service counts as degraded."},
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

const struct group_spec *policy_group(const struct policy *policy, const char *name) {
        for (uint32_t i = 0; i < policy->n_groups; i++) {
                if (str_eq(policy->groups[i].name, name)) {
                        return &policy->groups[i];
                }
        }
        return NULL;
}

bool policy_is_member(const struct service *service) {
        return service->group && service->group->mode == GROUP_ACTIVE_STANDBY;
}

bool policy_is_pooled(const struct service *service) {
        return service->group && service->group->mode == GROUP_POOL;
}

uint32_t policy_min_healthy(const struct group_spec *group) {
        bool share = group->min_healthy.unit == AMOUNT_PERCENT;
        double value = group->min_healthy.value * (share ? group->n_members / 100.0 : 1);
        uint32_t whole = (uint32_t) value;
        return whole + (value - whole > 1e-6);
}

const struct group_member_spec *policy_group_member(
        const struct group_spec *group, const char *name) {
        for (uint32_t i = 0; i < group->n_members; i++) {
                if (str_eq(group->members[i].name, name)) {
                        return &group->members[i];
                }
        }
        return NULL;
}

const char *policy_member_id(const struct policy *policy, const struct service *service,
        char text[GROUP_MEMBER_ID_MAX]) {
        snprintf(text, GROUP_MEMBER_ID_MAX, "%s/%s", policy->agent.host, service->name);
        return text;
}

/* FNV-1a, the terminating zero included, so that the words stay apart. */
static uint64_t hash_word(uint64_t hash, const char *word) {
        for (const char *p = word;; p++) {
                hash = (hash ^ (unsigned char) *p) * UINT64_C(1099511628211);
                if (*p == '\0') {
                        return hash;
                }
        }
}

static uint64_t hash_haproxy(const struct haproxy_spec *haproxy) {
        uint64_t hash =
                hash_word(UINT64_C(14695981039346656037), haproxy->server ? haproxy->server : "");
        hash = hash_word(hash, server_state_text((enum server_state) haproxy->state));
        hash = hash_word(hash, haproxy->weight ? haproxy->weight : "");
        for (uint32_t i = 0; i < haproxy->sockets.count; i++) {
                hash = hash_word(hash, haproxy->sockets.items[i]);
        }
        return hash;
}

static uint64_t hash_program(const struct exec_spec *exec) {
        uint64_t hash = hash_word(UINT64_C(14695981039346656037), exec->user ? exec->user : "");
        for (uint32_t i = 0; i < exec->command.count; i++) {
                hash = hash_word(hash, exec->command.items[i]);
        }
        return hash;
}

const char *step_identity_format(const struct step_spec *step, char text[STEP_IDENTITY_MAX]) {
        const char *action = action_text((enum action) step->action);
        if (step->action == ACTION_EXEC) {
                snprintf(text, STEP_IDENTITY_MAX, "%s-%016" PRIx64, action,
                        hash_program(&step->exec));
        } else if (step->action == ACTION_HAPROXY) {
                snprintf(text, STEP_IDENTITY_MAX, "hap-%016" PRIx64, hash_haproxy(&step->haproxy));
        } else if (step->action == ACTION_SIGNAL) {
                snprintf(text, STEP_IDENTITY_MAX, "%s-%d-%s", action, step->signal.number,
                        signal_target_text((enum signal_target) step->signal.to));
        } else {
                snprintf(text, STEP_IDENTITY_MAX, "%s", action);
        }
        return text;
}

uint32_t policy_step_home(const struct service *service, uint32_t index) {
        uint32_t home = 0;
        while (!str_eq(service->steps[home].identity, service->steps[index].identity)) {
                home++;
        }
        return home;
}

const struct probe_spec *policy_same_probe(
        const struct service *service, const struct probe_spec *probe) {
        const struct probe_spec *found = policy_probe(service, probe->name);
        bool same = found && found->type == probe->type && found->digest == probe->digest;
        return same ? found : NULL;
}

uint32_t policy_count_probes(const struct service *service, enum probe_role role) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < service->n_probes; i++) {
                n += service->probes[i].role == (int) role;
        }
        return n;
}

void policy_free(struct policy *policy) {
        if (policy) {
                map_free(policy->by_name);
                arena_free(policy->arena); /* holds the policy itself */
        }
}
