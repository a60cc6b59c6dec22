#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/manager.h"
#include "recovery/flapping.h"
#include "recovery/state.h"

static bool pause_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) recovery;
        ret->until = service->pause_until;
        if (!service->paused) {
                snprintf(ret->text, sizeof(ret->text), "not paused");
                return false;
        }
        char left[UNITS_TEXT_MAX];
        snprintf(ret->text, sizeof(ret->text), "paused by %.24s for another %s: %.80s",
                service->file->pause_by,
                units_format_duration_short(usec_sub(service->pause_until, now), left),
                service->file->pause_reason);
        return true;
}

/* A person before the file: the person's hold may be for a while only. */
static bool hold_holds_all(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) service;
        const struct hold *person = &recovery->holds[HOLD_PERSON];
        const struct hold *file = &recovery->holds[HOLD_FILE];
        const struct hold *hold = hold_holds(person, now) ? person : file;
        if (!hold_holds(hold, now)) {
                snprintf(ret->text, sizeof(ret->text), "recovery of the host is not held");
                return false;
        }
        ret->until = hold->until;
        ret->spares_people = !file->on || !file->people_too;
        snprintf(ret->text, sizeof(ret->text), "all recovery of the host is held by %.40s%s%.64s",
                hold->by, hold->reason[0] ? ": " : "", hold->reason);
        return true;
}

static bool dry_run_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) service;
        (void) now;
        snprintf(ret->text, sizeof(ret->text),
                recovery->settings.dry_run
                        ? "the agent was started with --dry-run: it decides and never acts"
                        : "not a dry run");
        return recovery->settings.dry_run;
}

static bool observe_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        const struct hold *crashes = &recovery->holds[HOLD_CRASHES];
        bool looping = hold_holds(crashes, now);
        bool host = recovery->policy->agent.mode == MODE_OBSERVE;
        bool own = service->policy->mode == MODE_OBSERVE;
        ret->until = looping && !host && !own ? crashes->until : USEC_INFINITY;
        snprintf(ret->text, sizeof(ret->text), "%s",
                looping ? crashes->reason
                : host  ? "the agent only observes (agent: mode: observe)"
                : own   ? "it is only observed (mode: observe)"
                        : "not only observed");
        return looping || host || own;
}

static bool deploy_lock_holds(
        const struct service_state *service, usec_t now, struct guard_status *ret) {
        const char *lock = service->policy->deploy_lock;
        char left[UNITS_TEXT_MAX];
        if (service->deploy_until == 0) {
                snprintf(ret->text, sizeof(ret->text), "%s%.100s",
                        lock ? "no package manager at work, and no deploy lock "
                             : "no package manager at work",
                        lock ? lock : "");
                return false;
        }
        if (now >= service->deploy_until) {
                snprintf(ret->text, sizeof(ret->text),
                        "deploy lock %.100s is there for too long, so it holds nothing", lock);
                return false;
        }
        ret->until = service->deploy_until;
        snprintf(ret->text, sizeof(ret->text), "deploy lock %.100s: held for at most another %s",
                lock, units_format_duration_short(usec_sub(service->deploy_until, now), left));
        return true;
}

static bool deploy_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        const struct hold *packages = &recovery->holds[HOLD_PACKAGES];
        char left[UNITS_TEXT_MAX];
        if (deploy_lock_holds(service, now, ret)) {
                return true;
        }
        if (!hold_holds(packages, now)) {
                if (packages->on) {
                        snprintf(ret->text, sizeof(ret->text),
                                "packages are being changed for too long (%.24s holds %.40s), so "
                                "it holds nothing",
                                packages->by, packages->reason);
                }
                return false;
        }
        ret->until = packages->until;
        snprintf(ret->text, sizeof(ret->text),
                "packages are being changed (%.24s holds %.40s): held for at most another %s",
                packages->by, packages->reason,
                units_format_duration_short(usec_sub(packages->until, now), left));
        return true;
}

static bool executor_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) service;
        (void) now;
        snprintf(ret->text, sizeof(ret->text),
                recovery->executor_up ? "the executor answers" : "the executor is away");
        return !recovery->executor_up;
}

static bool manager_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) recovery;
        (void) now;
        snprintf(ret->text, sizeof(ret->text), "%s",
                service->manager_busy ? service->file->manager_text
                                      : "its manager does nothing to it by itself");
        return service->manager_busy;
}

static bool store_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        ret->value = budget_spent(&service->budget, now, USEC_PER_HOUR);
        ret->limit = STORE_DEGRADED_ACTIONS;
        if (recovery->store_up) {
                snprintf(ret->text, sizeof(ret->text), "the state database works");
                return false;
        }
        snprintf(ret->text, sizeof(ret->text),
                "the state database does not work: %u of %u unrecorded actions spent within 1h",
                ret->value, ret->limit);
        if (ret->value >= ret->limit && ret->limit <= service->budget.count) {
                ret->until =
                        usec_add(budget_time(&service->budget, service->budget.count - ret->limit),
                                USEC_PER_HOUR);
        }
        return ret->value >= ret->limit;
}

static bool flapping_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) recovery;
        (void) now;
        const struct flapping_spec *spec = &service->policy->flapping;
        double score = state_flapping(service);
        if (spec->high <= 0) {
                snprintf(ret->text, sizeof(ret->text), "flapping is not looked for");
                return false;
        }
        ret->value = (uint32_t) score;
        ret->limit = (uint32_t) (service->flapping ? spec->low : spec->high);
        snprintf(ret->text, sizeof(ret->text), "its last %d checks changed by %.0f %%: %s %g %%%s",
                FLAPPING_CHECKS, score,
                service->flapping ? "flapping until below" : "flapping from",
                service->flapping ? spec->low : spec->high,
                service->flapping && !spec->hold ? ", which holds nothing" : "");
        return service->flapping && spec->hold;
}

static bool budget_holds(const struct budget *budget, const struct budget_spec *spec,
        const char *whose, usec_t now, struct guard_status *ret) {
        char per[UNITS_TEXT_MAX];
        ret->value = budget_spent(budget, now, spec->per);
        ret->limit = spec->actions;
        ret->until = budget_free_at(budget, spec, now);
        snprintf(ret->text, sizeof(ret->text), "%u of %u actions of the %s spent within %s",
                ret->value, ret->limit, whose, units_format_duration(spec->per, per));
        return ret->value >= ret->limit;
}

static bool no_limit(struct guard_status *ret, const char *why) {
        snprintf(ret->text, sizeof(ret->text), "%s", why);
        return false;
}

static bool step_budget_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) recovery;
        const struct step_spec *step = state_step(service);
        if (!step || !step->budget) {
                return no_limit(ret, step ? "the step has no budget of its own"
                                          : "no step of the ladder is to come");
        }
        return budget_holds(&ladder_memory(service, (uint32_t) service->step)->budget, step->budget,
                "step", now, ret);
}

static bool service_budget_holds(const struct recovery *recovery,
        const struct service_state *service, usec_t now, struct guard_status *ret) {
        (void) recovery;
        return budget_holds(&service->budget, &service->policy->budget, "service", now, ret);
}

static bool group_budget_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        const struct group_spec *group = service->policy->group;
        return group ? budget_holds(
                               &recovery->groups[group->index], &group->budget, "group", now, ret)
                     : no_limit(ret, "it is a member of no group");
}

static bool host_budget_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) service;
        return budget_holds(&recovery->host, &recovery->policy->agent.budget, "host", now, ret);
}

bool action_needs_permit(int action) {
        return action_traits(action)->interrupts && !action_traits(action)->only_tells &&
               action != ACTION_START;
}

/* What is under way, else what the ladder has next. */
static bool is_next_disruptive(const struct service_state *service, int *ret_action) {
        const struct step_spec *step = state_step(service);
        *ret_action = service->token ? service->file->attempt.action : step ? step->action : -1;
        return *ret_action >= 0 && action_needs_permit(*ret_action);
}

bool command_needs_permit(enum command_kind kind) {
        int action = command_action(kind);
        return action >= 0 && action_needs_permit(action);
}

static bool lacks_permit(
        const struct service_state *service, int action, usec_t now, struct guard_status *ret) {
        const char *text = service->file->permit_text;
        bool over = service->permit != PERMIT_NONE && now >= service->permit_until;
        bool down = service->health == HEALTH_FAILED || service->phase == PHASE_STOPPED;
        bool restart_only =
                service->permit == PERMIT_RESTART && (action != ACTION_RESTART || !down);
        snprintf(ret->text, sizeof(ret->text), "%.*s%s", restart_only ? 96 : 159,
                over    ? "its permit has run out"
                : *text ? text
                        : "its pool was not asked for a permit yet",
                restart_only ? "; anything but a restart of what is down is held" : "");
        return service->permit == PERMIT_NONE || over || restart_only;
}

static bool fleet_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        int action;
        (void) recovery;
        if (!policy_is_pooled(service->policy)) {
                return no_limit(ret, "it is a member of no pool");
        }
        if (!is_next_disruptive(service, &action)) {
                return no_limit(ret, "what comes next does not interrupt it");
        }
        return lacks_permit(service, action, now, ret);
}

/* In the order in which they are asked. */
static const struct {
        enum guard guard;
        bool persons_too; /* holds what a person asks for, too */
        bool first_starts_too;
        bool overtakes; /* asked again when the intent is written: it holds even then */
        bool (*holds)(const struct recovery *recovery, const struct service_state *service,
                usec_t now, struct guard_status *ret);
} guards[] = {
        {GUARD_PAUSED, false, true, true, pause_holds},
        {GUARD_HOLD, true, true, true, hold_holds_all},
        {GUARD_DRY_RUN, true, true, true, dry_run_holds},
        {GUARD_OBSERVE, false, true, true, observe_holds},
        {GUARD_SELF_SUSPECT, false, false, true, self_check_holds},
        {GUARD_DEPLOY, false, true, true, deploy_holds},
        {GUARD_EXECUTOR_AWAY, true, true, true, executor_holds},
        {GUARD_MANAGER_BUSY, false, true, true, manager_holds},
        {GUARD_STORE_DEGRADED, false, false, false, store_holds},
        {GUARD_FLAPPING, false, false, true, flapping_holds},
        {GUARD_STEP_BUDGET, false, false, false, step_budget_holds},
        {GUARD_SERVICE_BUDGET, true, false, false, service_budget_holds},
        {GUARD_GROUP_BUDGET, true, false, false, group_budget_holds},
        {GUARD_HOST_BUDGET, true, false, false, host_budget_holds},
        {GUARD_FLEET, false, false, true,
                fleet_holds}, /* last: asked for when nothing else holds */
};

static void evaluate(size_t i, const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        memset(ret, 0, sizeof(*ret));
        ret->guard = guards[i].guard;
        ret->until = USEC_INFINITY;
        ret->holds = guards[i].holds(recovery, service, now, ret);
}

enum guard guards_first(const struct recovery *recovery, const struct service_state *service,
        usec_t now, bool by_person, struct guard_status *ret) {
        for (size_t i = 0; i < GUARD_COUNT - 1; i++) {
                if ((by_person && !guards[i].persons_too) ||
                        (!by_person && service->first_start && !guards[i].first_starts_too)) {
                        continue;
                }
                evaluate(i, recovery, service, now, ret);
                if (ret->holds && !(by_person && ret->spares_people)) {
                        return ret->guard;
                }
        }
        memset(ret, 0, sizeof(*ret));
        ret->until = now;
        return GUARD_NONE;
}

enum guard guards_first_for_person(const struct recovery *recovery,
        const struct service_state *service, usec_t now, enum command_kind kind,
        struct guard_status *ret) {
        enum guard guard = guards_first(recovery, service, now, true, ret);
        if (guard == GUARD_NONE && policy_is_pooled(service->policy) &&
                command_needs_permit(kind) &&
                lacks_permit(service, command_action(kind), now, ret)) {
                ret->guard = guard = GUARD_FLEET;
                ret->holds = true;
                ret->until = USEC_INFINITY;
        }
        return guard;
}

bool guards_hold(const struct recovery *recovery, const struct service_state *service,
        enum guard guard, usec_t now) {
        struct guard_status status = {0};
        for (size_t i = 0; i < GUARD_COUNT - 1; i++) {
                if (guards[i].guard == guard) {
                        evaluate(i, recovery, service, now, &status);
                }
        }
        return status.holds;
}

bool guards_overtake(
        const struct recovery *recovery, const struct service_state *service, usec_t now) {
        struct guard_status status;
        for (size_t i = 0; i < GUARD_COUNT - 1; i++) {
                if (guards[i].overtakes && (!service->first_start || guards[i].first_starts_too)) {
                        evaluate(i, recovery, service, now, &status);
                        if (status.holds) {
                                return true;
                        }
                }
        }
        return false;
}

enum guard recovery_person_guard(const struct recovery *recovery, uint32_t service,
        enum command_kind kind, struct instant now, struct guard_status *ret) {
        return guards_first_for_person(recovery, &recovery->services[service], now.mono, kind, ret);
}

size_t recovery_guards(const struct recovery *recovery, uint32_t service, struct instant now,
        struct guard_status ret[GUARD_COUNT]) {
        for (size_t i = 0; i < GUARD_COUNT - 1; i++) {
                evaluate(i, recovery, &recovery->services[service], now.mono, &ret[i]);
        }
        return GUARD_COUNT - 1;
}

uint32_t recovery_budget_left(
        const struct recovery *recovery, uint32_t service, struct instant now) {
        bool host = service == UINT32_MAX;
        const struct budget *budget = host ? &recovery->host : &recovery->services[service].budget;
        const struct budget_spec *spec = host ? &recovery->policy->agent.budget
                                              : &recovery->services[service].policy->budget;
        uint32_t spent = budget_spent(budget, now.mono, spec->per);
        return spent < spec->actions ? spec->actions - spent : 0;
}
