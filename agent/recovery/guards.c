#include <stdio.h>
#include <string.h>

#include "base/units.h"
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

static bool service_budget_holds(const struct recovery *recovery,
        const struct service_state *service, usec_t now, struct guard_status *ret) {
        (void) recovery;
        return budget_holds(&service->budget, &service->policy->budget, "service", now, ret);
}

static bool host_budget_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) service;
        return budget_holds(&recovery->host, &recovery->policy->agent.budget, "host", now, ret);
}

/* In the order in which they are asked. */
static const struct {
        enum guard guard;
        bool persons_too; /* holds what a person asks for, too */
        bool first_starts_too;
        bool (*holds)(const struct recovery *recovery, const struct service_state *service,
                usec_t now, struct guard_status *ret);
} guards[] = {
        {GUARD_PAUSED, false, true, pause_holds},
        {GUARD_DRY_RUN, true, true, dry_run_holds},
        {GUARD_EXECUTOR_AWAY, true, true, executor_holds},
        {GUARD_MANAGER_BUSY, false, true, manager_holds},
        {GUARD_STORE_DEGRADED, false, false, store_holds},
        {GUARD_SERVICE_BUDGET, true, false, service_budget_holds},
        {GUARD_HOST_BUDGET, true, false, host_budget_holds},
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
                if (ret->holds) {
                        return ret->guard;
                }
        }
        memset(ret, 0, sizeof(*ret));
        ret->until = now;
        return GUARD_NONE;
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
