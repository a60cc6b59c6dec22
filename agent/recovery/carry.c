/* Making a core: fresh, for another policy, or from what the store remembers; and what the store is
 * given. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"
#include "recovery/detector.h"
#include "recovery/state.h"

/* While intents cannot be written down, the last STORE_DEGRADED_ACTIONS must be known, whatever the
 * budget. */
static uint32_t budget_capacity(const struct budget_spec *spec) {
        return spec->actions > STORE_DEGRADED_ACTIONS ? spec->actions : STORE_DEGRADED_ACTIONS + 1;
}

/* ---- Fresh ---- */

static size_t count_times(const struct policy *policy) {
        size_t count = budget_capacity(&policy->agent.budget);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                count += budget_capacity(&policy->services[i].budget);
        }
        return count;
}

static int check_limits(const struct policy *policy, struct error *err) {
        if (policy->n_services > POLICY_SERVICES_MAX) {
                return error_set(err, EINVAL, "%u services, at most %d are allowed",
                        policy->n_services, POLICY_SERVICES_MAX);
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                const struct service *service = &policy->services[i];
                if (service->n_probes > POLICY_PROBES_MAX || service->n_steps > POLICY_STEPS_MAX ||
                        service->n_depends_on > POLICY_DEPENDENCIES_MAX ||
                        service->budget.actions > POLICY_BUDGET_MAX) {
                        return error_set(
                                err, EINVAL, "service %s is beyond the limits", service->name);
                }
        }
        return 0;
}

static void prepare_services(struct recovery *recovery, usec_t now) {
        const struct policy *policy = recovery->policy;
        struct probe_status *probes = recovery->probes;
        usec_t *times = recovery->budget_times;
        recovery->host.times = times;
        recovery->host.capacity = budget_capacity(&policy->agent.budget);
        times += recovery->host.capacity;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service_state *service = &recovery->services[i];
                service->policy = &policy->services[i];
                service->probes = probes;
                service->file = &recovery->files[i];
                service->budget.times = times;
                service->budget.capacity = budget_capacity(&service->policy->budget);
                service->timer = service->phase_deadline = USEC_INFINITY;
                service->culprit = UINT32_MAX;
                if (service->policy->manager != MANAGER_NONE) {
                        service->grace_until = usec_add(now, service->policy->start_grace);
                        service->first_word_until = usec_add(now, recovery->settings.first_word);
                }
                probes += service->policy->n_probes;
                times += service->budget.capacity;
        }
}

DEFINE_CLEANUP(recovery_free_p, struct recovery, recovery_free)

int recovery_new(struct recovery **ret, const struct policy *policy,
        const struct recovery_settings *settings, struct instant now, struct error *err) {
        int r = check_limits(policy, err);
        if (r < 0) {
                return r;
        }
        AUTO(recovery_free_p) struct recovery *recovery = calloc(1, sizeof(*recovery));
        if (!recovery) {
                return error_set(err, ENOMEM, "out of memory");
        }
        /* calloc, not one touched page more: the files of healthy services stay unmapped zeros. */
        recovery->services = calloc(policy->n_services + 1, sizeof(*recovery->services));
        recovery->probes = calloc(policy->n_probes + 1, sizeof(*recovery->probes));
        recovery->files = calloc(policy->n_services + 1, sizeof(*recovery->files));
        recovery->budget_times = calloc(count_times(policy), sizeof(*recovery->budget_times));
        if (!recovery->services || !recovery->probes || !recovery->files ||
                !recovery->budget_times) {
                return error_set(err, ENOMEM, "out of memory");
        }
        recovery->policy = policy;
        recovery->settings = *settings;
        recovery->store_up = true;
        recovery->last_token = now.wall;
        rng_seed(&recovery->rng, settings->seed);
        prepare_services(recovery, now.mono);
        *ret = TAKE_PTR(recovery);
        return 0;
}

void recovery_free(struct recovery *recovery) {
        if (!recovery) {
                return;
        }
        free(recovery->services);
        free(recovery->probes);
        free(recovery->files);
        free(recovery->budget_times);
        free(recovery);
}

/* ---- For another policy ---- */

static void carry_budget(struct budget *to, const struct budget *from) {
        uint32_t skip = from->count > to->capacity ? from->count - to->capacity : 0;
        for (uint32_t i = skip; i < from->count; i++) {
                budget_spend(to, budget_time(from, i));
        }
}

static uint32_t find_probe(const struct service *service, const struct probe_spec *like) {
        for (uint32_t i = 0; i < service->n_probes; i++) {
                if (service->probes[i].type == like->type &&
                        str_eq(service->probes[i].name, like->name)) {
                        return i;
                }
        }
        return UINT32_MAX;
}

static void carry_probes(struct service_state *to, const struct service_state *from) {
        for (uint32_t i = 0; i < to->policy->n_probes; i++) {
                uint32_t before = find_probe(from->policy, &to->policy->probes[i]);
                if (before != UINT32_MAX) {
                        to->probes[i] = from->probes[before];
                } else if (from->phase != PHASE_WATCHING && from->phase != PHASE_STOPPED) {
                        detector_doubt(&to->probes[i]); /* a new probe proves nothing by one pass */
                }
        }
}

static void carry_service(struct service_state *to, const struct service_state *from) {
        const struct service *policy = to->policy;
        struct probe_status *probes = to->probes;
        struct case_file *file = to->file;
        struct budget budget = to->budget;
        *to = *from;
        to->policy = policy;
        to->probes = probes;
        to->file = file;
        to->budget = budget;
        carry_budget(&to->budget, &from->budget);
        carry_probes(to, from);
        to->timer = USEC_INFINITY;
        to->culprit = UINT32_MAX;
        to->asked = 0;
        if ((uint32_t) to->step > policy->n_steps) {
                to->step = (int) policy->n_steps;
        }
        if (from->has_evidence || from->file->attempt.intended || from->file->incident.id ||
                from->paused) {
                *to->file = *from->file;
        }
        struct observation *evidence = &to->file->evidence;
        if (from->has_evidence) {
                evidence->service = policy->index;
                evidence->probe =
                        evidence->probe < from->policy->n_probes
                                ? find_probe(policy, &from->policy->probes[evidence->probe])
                                : UINT32_MAX;
        }
}

/* What was decided for good under the old policy is decided anew: the dependencies and the ladder
 * may be others now. */
static void look_again(struct service_state *service, usec_t now) {
        bool has_ladder_now = service->phase == PHASE_UNATTENDED && service->policy->n_steps > 0;
        if (service->phase == PHASE_QUEUED) {
                service->phase = PHASE_HELD;
                service->phase_deadline = usec_add(now, PUT_OFF_DELAY);
        } else if (service->phase == PHASE_BLOCKED || service->phase == PHASE_CHECKING ||
                   has_ladder_now) {
                service->phase = PHASE_SETTLING;
                service->phase_deadline = usec_add(now, PUT_OFF_DELAY);
        }
        service->timer = state_due(service, now);
}

int recovery_reload(struct recovery **ret, const struct recovery *old, const struct policy *policy,
        struct instant now, struct error *err) {
        struct recovery *recovery = NULL;
        int r = recovery_new(&recovery, policy, &old->settings, now, err);
        if (r < 0 || !recovery) {
                return r;
        }
        recovery->rng = old->rng;
        recovery->last_token = old->last_token;
        recovery->executor_up = old->executor_up;
        recovery->store_up = old->store_up;
        carry_budget(&recovery->host, &old->host);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                const struct service *before =
                        policy_service(old->policy, policy->services[i].name);
                if (before) {
                        carry_service(&recovery->services[i], &old->services[before->index]);
                }
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                look_again(&recovery->services[i], now.mono);
        }
        *ret = recovery;
        return 0;
}

/* ---- From what the store remembers ---- */

struct since_then { /* how to read the moments of a record */
        bool same_boot;
        struct instant written, now;
};

/* A moment before `written`. After a boot only wall time tells, and it may lie: never in the
 * future, and what is older than the boot counts as the boot's beginning. */
static usec_t past_moment(const struct since_then *then, struct instant moment) {
        if (moment.mono == 0 || then->same_boot) {
                return moment.mono;
        }
        usec_t ago = usec_sub(then->now.wall, moment.wall);
        usec_t mono = usec_sub(then->now.mono, ago);
        return mono > 0 ? mono : 1;
}

/* A moment after `written`. A wall clock that was set back makes no wait longer than it was
 * planned. */
static usec_t future_moment(const struct since_then *then, struct instant moment) {
        if (moment.mono == 0 || then->same_boot) {
                return moment.mono;
        }
        usec_t planned = usec_sub(moment.wall, then->written.wall);
        usec_t left = usec_sub(moment.wall, then->now.wall);
        return usec_add(then->now.mono, left < planned ? left : planned);
}

/* The phase in which to go on. What was failed may have become well meanwhile, so it gets time to
 * show that before anything is done to it. */
static enum phase resumed_phase(const struct service_record *record, const struct incident *open,
        const struct service *policy) {
        switch (record->phase) {
        case PHASE_STOPPED:
                return PHASE_STOPPED;
        case PHASE_SAVING: /* whether it was acted on is not known: the executor's word, then the
                              probes, tell */
        case PHASE_ACTING:
        case PHASE_VERIFYING:
                if (record->attempt.intended) {
                        return PHASE_ACTING;
                }
                break;
        case PHASE_EXHAUSTED:
                if (open) {
                        return PHASE_EXHAUSTED;
                }
                break;
        case PHASE_UNATTENDED:
                if (open && policy->n_steps == 0) {
                        return PHASE_UNATTENDED;
                }
                break;
        default: /* the waits are planned anew */
                break;
        }
        return open ? PHASE_SETTLING : PHASE_WATCHING;
}

static usec_t resumed_deadline(const struct service_state *service, usec_t now) {
        switch (service->phase) {
        case PHASE_ACTING: /* the executor may be at it still */
                return usec_add(now, usec_add(state_action_timeout(service), EXECUTOR_MARGIN));
        case PHASE_SETTLING:
                return usec_add(now, service->policy->settle);
        default: /* the others do not end by time */
                return USEC_INFINITY;
        }
}

/* A moment before this boot cannot be told exactly on its clock, so what no window reaches any more
 * is left out. */
static void restore_spent(struct budget *budget, const struct budget_spec *spec,
        const struct instant *spent, uint32_t n_spent, const struct since_then *then) {
        usec_t window = spec->per > USEC_PER_HOUR ? spec->per : USEC_PER_HOUR;
        for (uint32_t i = 0; i < n_spent && i < POLICY_BUDGET_MAX; i++) {
                if (then->same_boot || usec_sub(then->now.wall, spent[i].wall) < window) {
                        budget_spend(budget, past_moment(then, spent[i]));
                }
        }
}

static void restore_plan(struct service_state *service, const struct service_record *record,
        const struct since_then *then) {
        service->step = record->step >= 0 && (uint32_t) record->step <= service->policy->n_steps
                                ? record->step
                                : (int) service->policy->n_steps;
        service->step_attempts = record->step_attempts;
        service->backoff_level = record->backoff_level;
        service->backoff_previous = service->backoff_earlier = record->backoff_previous;
        service->backoff_delay = record->backoff_previous;
        service->next_attempt = future_moment(then, record->next_attempt);
        service->healthy_since = past_moment(then, record->healthy_since);
        service->stopped = record->stopped;
        restore_spent(
                &service->budget, &service->policy->budget, record->spent, record->n_spent, then);
}

static void restore_pause(struct service_state *service, const struct service_record *record,
        const struct since_then *then) {
        service->paused = record->paused;
        if (!record->paused) {
                return;
        }
        service->pause_until = future_moment(then, record->pause_until);
        str_copy(service->file->pause_by, sizeof(service->file->pause_by), record->pause_by);
        str_copy(service->file->pause_reason, sizeof(service->file->pause_reason),
                record->pause_reason);
}

static void restore_attempt(struct service_state *service, const struct service_record *record) {
        const struct budget *budget = &service->budget;
        service->file->attempt = record->attempt;
        service->token = record->attempt.intended;
        service->first_start = record->attempt.origin == ORIGIN_FIRST_START;
        if (attempt_spends(&record->attempt) && budget->count > 0) { /* its own is the newest */
                service->spent_at = budget_time(budget, budget->count - 1);
        }
}

/* Tokens grow although the wall clock may have been set back. */
static void tokens_after(struct recovery *recovery, uint64_t token) {
        if (token > recovery->last_token) {
                recovery->last_token = token;
        }
}

bool recovery_restore(struct recovery *recovery, const struct service_record *record,
        const struct incident *open, struct instant now) {
        const struct service *policy = policy_service(recovery->policy, record->service);
        if (!policy) {
                return false;
        }
        struct service_state *service = &recovery->services[policy->index];
        struct since_then then = {
                .same_boot = str_eq(record->boot_id, recovery->settings.boot_id),
                .written = record->written,
                .now = now,
        };
        restore_plan(service, record, &then);
        restore_pause(service, record, &then);
        if (open) {
                service->file->incident = *open;
        }
        service->phase = resumed_phase(record, open, policy);
        service->phase_since = past_moment(&then, record->phase_since);
        if (service->phase == PHASE_ACTING) {
                restore_attempt(service, record);
        }
        if (service->phase != PHASE_WATCHING && service->phase != PHASE_STOPPED) {
                service->health = HEALTH_FAILED;
                service->healthy_since = 0;
                state_doubt(service);
        }
        tokens_after(recovery, record->written.wall);
        tokens_after(recovery, service->token);
        service->health_since = now.mono;
        service->was_down = state_is_down(service);
        service->phase_deadline = resumed_deadline(service, now.mono);
        service->timer = state_due(service, now.mono);
        return true;
}

void recovery_restore_host(
        struct recovery *recovery, const struct host_record *record, struct instant now) {
        struct since_then then = {
                .same_boot = str_eq(record->boot_id, recovery->settings.boot_id),
                .written = record->written,
                .now = now,
        };
        restore_spent(&recovery->host, &recovery->policy->agent.budget, record->spent,
                record->n_spent, &then);
        tokens_after(recovery, record->written.wall);
}

/* ---- What the store is given ---- */

static struct instant both_clocks(usec_t mono, struct instant now) {
        if (mono == 0) {
                return (struct instant){0};
        }
        wall_usec_t wall = mono >= now.mono ? usec_add(now.wall, mono - now.mono)
                                            : usec_sub(now.wall, now.mono - mono);
        return (struct instant){.mono = mono, .wall = wall};
}

static uint32_t save_spent(const struct budget *budget, struct instant now, struct instant *ret) {
        uint32_t skip = budget->count > POLICY_BUDGET_MAX ? budget->count - POLICY_BUDGET_MAX : 0;
        for (uint32_t i = skip; i < budget->count; i++) {
                ret[i - skip] = both_clocks(budget_time(budget, i), now);
        }
        return budget->count - skip;
}

void recovery_save_record(const struct recovery *recovery, uint32_t index, struct instant now,
        struct service_record *ret) {
        const struct service_state *service = &recovery->services[index];
        memset(ret, 0, sizeof(*ret));
        str_copy(ret->service, sizeof(ret->service), service->policy->name);
        str_copy(ret->boot_id, sizeof(ret->boot_id), recovery->settings.boot_id);
        ret->written = now;
        ret->phase = service->phase;
        ret->phase_since = both_clocks(service->phase_since, now);
        ret->health = service->health;
        ret->step = service->step;
        ret->step_attempts = service->step_attempts;
        ret->backoff_level = service->backoff_level;
        ret->backoff_previous =
                service->next_attempt ? service->backoff_delay : service->backoff_previous;
        ret->next_attempt = both_clocks(service->next_attempt, now);
        ret->healthy_since = both_clocks(service->healthy_since, now);
        ret->stopped = service->stopped;
        ret->paused = service->paused;
        if (service->paused) {
                ret->pause_until = both_clocks(service->pause_until, now);
                str_copy(ret->pause_by, sizeof(ret->pause_by), service->file->pause_by);
                str_copy(ret->pause_reason, sizeof(ret->pause_reason), service->file->pause_reason);
        }
        if (service->phase != PHASE_WATCHING || service->token) {
                ret->incident = service->file->incident.id;
                ret->attempts = service->file->incident.attempts;
        }
        if (service->token || service->phase == PHASE_VERIFYING) {
                ret->attempt = service->file->attempt;
        }
        ret->n_spent = save_spent(&service->budget, now, ret->spent);
}

void recovery_save_host(
        const struct recovery *recovery, struct instant now, struct host_record *ret) {
        memset(ret, 0, sizeof(*ret));
        str_copy(ret->boot_id, sizeof(ret->boot_id), recovery->settings.boot_id);
        ret->written = now;
        ret->n_spent = save_spent(&recovery->host, now, ret->spent);
}
