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

/* A group's count is made anew from those of its members, who therefore remember as much. */
static uint32_t service_capacity(const struct service *service) {
        uint32_t own = budget_capacity(&service->budget);
        uint32_t group = service->group ? budget_capacity(&service->group->budget) : 0;
        return own > group ? own : group;
}

/* The memory of a step is that of the first one that does the same. One more than the budget
 * allows, for a step that does the same without a budget may spend beyond it, and take that back.
 */
static uint32_t step_capacity(const struct service *service, uint32_t home) {
        uint32_t most = 0;
        for (uint32_t i = home; i < service->n_steps; i++) {
                const struct budget_spec *budget = service->steps[i].budget;
                if (budget && budget->actions > most && policy_step_home(service, i) == home) {
                        most = budget->actions;
                }
        }
        return most > 0 ? most + 1 : 0;
}

/* ---- Fresh ---- */

size_t recovery_count_times(const struct policy *policy) {
        size_t count = budget_capacity(&policy->agent.budget);
        for (uint32_t i = 0; i < policy->n_groups; i++) {
                count += budget_capacity(&policy->groups[i].budget);
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                const struct service *service = &policy->services[i];
                count += service_capacity(service);
                for (uint32_t k = 0; k < service->n_steps; k++) {
                        count += step_capacity(service, k);
                }
        }
        return count;
}

size_t recovery_count_steps(const struct policy *policy) {
        size_t count = 0;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                count += policy->services[i].n_steps;
        }
        return count;
}

static int check_limits(const struct policy *policy, struct error *err) {
        if (policy->n_services > POLICY_SERVICES_MAX) {
                return error_set(err, EINVAL, "%u services, at most %d are allowed",
                        policy->n_services, POLICY_SERVICES_MAX);
        }
        for (uint32_t i = 0; i < policy->n_groups; i++) {
                if (policy->groups[i].budget.actions > POLICY_BUDGET_MAX) {
                        return error_set(err, EINVAL, "the budget of group %s is beyond the limits",
                                policy->groups[i].name);
                }
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

/* Gives a budget its part of the memory; returns what is left. */
static usec_t *prepare_budget(struct budget *budget, usec_t *times, uint32_t capacity) {
        budget->times = times;
        budget->capacity = capacity;
        return times + capacity;
}

/* The memory of steps without budgets stays untouched. */
static usec_t *prepare_steps(struct service_state *service, usec_t *times) {
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                uint32_t capacity = step_capacity(service->policy, i);
                if (capacity > 0) {
                        times = prepare_budget(&service->steps[i].budget, times, capacity);
                }
        }
        return times;
}

static void prepare_services(struct recovery *recovery, usec_t now) {
        const struct policy *policy = recovery->policy;
        struct probe_status *probes = recovery->probes;
        struct step_memory *steps = recovery->steps;
        usec_t *times = recovery->budget_times;
        times = prepare_budget(&recovery->host, times, budget_capacity(&policy->agent.budget));
        for (uint32_t i = 0; i < policy->n_groups; i++) {
                times = prepare_budget(
                        &recovery->groups[i], times, budget_capacity(&policy->groups[i].budget));
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service_state *service = &recovery->services[i];
                service->policy = &policy->services[i];
                service->probes = probes;
                service->steps = steps;
                service->file = &recovery->files[i];
                times = prepare_budget(&service->budget, times, service_capacity(service->policy));
                times = prepare_steps(service, times);
                service->timer = service->phase_deadline = USEC_INFINITY;
                service->culprit = UINT32_MAX;
                service->detour.step = STEP_NONE;
                if (service->policy->manager != MANAGER_NONE) {
                        service->grace_until = usec_add(now, service->policy->start_grace);
                        service->first_word_until = usec_add(now, recovery->settings.first_word);
                }
                probes += service->policy->n_probes;
                steps += service->policy->n_steps;
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
        recovery->steps = calloc(recovery_count_steps(policy) + 1, sizeof(*recovery->steps));
        recovery->groups = calloc(policy->n_groups + 1, sizeof(*recovery->groups));
        recovery->budget_times =
                calloc(recovery_count_times(policy), sizeof(*recovery->budget_times));
        struct suspect *suspects = calloc(policy->n_services + 1, sizeof(*suspects));
        bool ready = suspects && suspicion_init(&recovery->suspicion, policy, suspects) == 0;
        if (!ready || !recovery->services || !recovery->probes || !recovery->files ||
                !recovery->steps || !recovery->groups || !recovery->budget_times) {
                return error_set(err, ENOMEM, "out of memory");
        }
        recovery->policy = policy;
        recovery->settings = *settings;
        recovery->store_up = true;
        recovery->trial = UINT32_MAX;
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
        suspicion_done(&recovery->suspicion);
        free(recovery->suspicion.suspects);
        free(recovery->services);
        free(recovery->probes);
        free(recovery->files);
        free(recovery->steps);
        free(recovery->groups);
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
                } else if (from->phase != PHASE_WATCHING && from->phase != PHASE_STOPPED &&
                           to->policy->probes[i].role != ROLE_WARNING) {
                        detector_doubt(&to->probes[i]); /* a new probe proves nothing by one pass */
                }
        }
}

/* The first step of a ladder that does this; NULL when none does. */
static struct step_memory *find_memory(const struct service_state *service, const char *identity) {
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                if (str_eq(service->policy->steps[i].identity, identity)) {
                        return &service->steps[i];
                }
        }
        return NULL;
}

static void carry_steps(struct service_state *to, const struct service_state *from) {
        for (uint32_t i = 0; i < from->policy->n_steps; i++) {
                struct step_memory *memory = find_memory(to, from->policy->steps[i].identity);
                if (memory && policy_step_home(from->policy, i) == i) {
                        struct budget budget = memory->budget;
                        *memory = from->steps[i];
                        memory->budget = budget;
                        carry_budget(&memory->budget, &from->steps[i].budget);
                }
        }
}

static bool same_step(const struct service *a, const struct service *b, int step) {
        return step >= 0 && (uint32_t) step < a->n_steps && (uint32_t) step < b->n_steps &&
               str_eq(a->steps[step].identity, b->steps[step].identity);
}

static void carry_service(struct service_state *to, const struct service_state *from) {
        const struct service *policy = to->policy;
        struct probe_status *probes = to->probes;
        struct case_file *file = to->file;
        struct step_memory *steps = to->steps;
        struct budget budget = to->budget;
        *to = *from;
        to->policy = policy;
        to->probes = probes;
        to->steps = steps;
        to->file = file;
        to->budget = budget;
        carry_budget(&to->budget, &from->budget);
        carry_steps(to, from);
        carry_probes(to, from);
        to->timer = USEC_INFINITY;
        to->culprit = UINT32_MAX;
        to->asked = 0;
        to->permit = PERMIT_NONE; /* its pool may be another: it is said anew */
        to->passed_over = to->done_ahead = 0; /* the steps may be others now */
        if (to->detour.step != STEP_NONE) {
                to->step = to->detour.step;
                to->step_attempts = to->detour.attempts;
                to->detour.step = STEP_NONE;
        }
        if (!policy->rollback) {
                to->files = (struct files_memory){.rolled_back = from->files.rolled_back};
        }
        if (!same_step(policy, from->policy, from->file->attempt.step)) {
                to->acted = false; /* the attempt is no trial of what stands there now */
        }
        if ((uint32_t) to->step > policy->n_steps) {
                to->step = (int) policy->n_steps;
        }
        if (!str_eq(policy->deploy_lock ? policy->deploy_lock : "",
                    from->policy->deploy_lock ? from->policy->deploy_lock : "")) {
                to->deploy_until = 0;
        }
        to->flapping = from->flapping && policy->flapping.high > 0;
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

static void carry_suspect(
        struct recovery *to, uint32_t index, const struct recovery *from, uint32_t before) {
        const struct service_state *service = &to->services[index];
        suspicion_carry_service(&to->suspicion, index, &from->suspicion, before, service->probes,
                service->policy->n_probes);
        if (service->policy->reference) {
                suspicion_reference(&to->suspicion, HEALTH_UNKNOWN, service->health);
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
                   service->phase == PHASE_COMPARING || has_ladder_now) {
                service->phase = PHASE_SETTLING;
                service->phase_deadline = usec_add(now, PUT_OFF_DELAY);
        }
        if (service->phase == PHASE_EXHAUSTED && service->phase_deadline == USEC_INFINITY) {
                service->phase_deadline = now; /* there may be reminders now */
        }
        service->timer = state_due(service, now);
}

/* Who was a member before counts on for the group; a new member brings its own. */
static void carry_groups(struct recovery *to, const struct recovery *from) {
        for (uint32_t i = 0; i < to->policy->n_groups; i++) {
                const struct group_spec *before =
                        policy_group(from->policy, to->policy->groups[i].name);
                if (before) {
                        carry_budget(&to->groups[i], &from->groups[before->index]);
                }
        }
}

static void join_group(struct recovery *recovery, const struct service_state *service,
        const struct service *before) {
        const struct group_spec *group = service->policy->group;
        if (!group || (before && before->group && str_eq(before->group->name, group->name))) {
                return;
        }
        for (uint32_t i = 0; i < service->budget.count; i++) {
                budget_insert(&recovery->groups[group->index], budget_time(&service->budget, i));
        }
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
        if (old->trial != UINT32_MAX) {
                const struct service *trial =
                        policy_service(policy, old->policy->services[old->trial].name);
                recovery->trial = trial ? trial->index : UINT32_MAX;
        }
        recovery->executor_up = old->executor_up;
        recovery->store_up = old->store_up;
        memcpy(recovery->holds, old->holds, sizeof(recovery->holds));
        carry_budget(&recovery->host, &old->host);
        carry_groups(recovery, old);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                const struct service *before =
                        policy_service(old->policy, policy->services[i].name);
                if (before) {
                        carry_service(&recovery->services[i], &old->services[before->index]);
                        join_group(recovery, &recovery->services[i], before);
                        carry_suspect(recovery, i, old, before->index);
                }
        }
        suspicion_carry(&recovery->suspicion, &old->suspicion);
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
        if (moment.mono == 0 || moment.mono == USEC_INFINITY || then->same_boot) {
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

static usec_t resumed_deadline(
        const struct service_state *service, usec_t next_reminder, usec_t now) {
        switch (service->phase) {
        case PHASE_ACTING: /* the executor may be at it still */
                return usec_add(now, usec_add(state_action_timeout(service), EXECUTOR_MARGIN));
        case PHASE_SETTLING:
                return usec_add(now, service->policy->settle);
        case PHASE_EXHAUSTED: /* now at the latest: what there was to plan was planned */
                return next_reminder ? next_reminder : now;
        default: /* the others do not end by time */
                return USEC_INFINITY;
        }
}

/* A moment before this boot cannot be told exactly on its clock, so what no window reaches any more
 * is left out. */
static void restore_spent(
        struct budget *budget, usec_t per, struct instant spent, const struct since_then *then) {
        usec_t window = per > USEC_PER_HOUR ? per : USEC_PER_HOUR;
        if (then->same_boot || usec_sub(then->now.wall, spent.wall) < window) {
                budget_insert(budget, past_moment(then, spent));
        }
}

/* Against the service and its group, or against one step. What a step did that left the ladder is
 * forgotten. */
static void restore_action(struct recovery *recovery, struct service_state *service,
        const struct spent_record *spent, const struct since_then *then) {
        const struct service *policy = service->policy;
        const struct group_spec *group = policy->group;
        struct step_memory *memory = find_memory(service, spent->step);
        if (memory) {
                restore_spent(&memory->budget, USEC_INFINITY, spent->at, then);
        } else if (str_empty(spent->step)) {
                usec_t of_group = group ? group->budget.per : 0;
                usec_t per = policy->budget.per > of_group ? policy->budget.per : of_group;
                restore_spent(&service->budget, per, spent->at, then);
                if (group) {
                        restore_spent(&recovery->groups[group->index], of_group, spent->at, then);
                }
        }
}

/* What a step waited that left the ladder, or has no backoff of its own now, is forgotten. */
static void restore_waits(struct service_state *service, const struct service_record *record) {
        for (uint32_t i = 0; i < record->n_waits && i < POLICY_STEPS_MAX; i++) {
                struct step_memory *memory = find_memory(service, record->waits[i].step);
                if (memory) {
                        memory->backoff_level = record->waits[i].level;
                        memory->backoff_previous = memory->backoff_earlier =
                                record->waits[i].previous;
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
        service->files.rolled_back = record->rolled_back;
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

/* A service that flapped is held on, until its checks say otherwise. */
static void restore_flapping(struct service_state *service, const struct service_record *record) {
        service->verdicts = record->verdicts;
        service->n_verdicts = record->n_verdicts;
        service->flapping = record->flapping && service->policy->flapping.high > 0;
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
        for (uint32_t i = 0; i < record->n_spent && i < RECORD_SPENT_MAX; i++) {
                restore_action(recovery, service, &record->spent[i], &then);
        }
        restore_waits(service, record);
        restore_pause(service, record, &then);
        restore_flapping(service, record);
        service->deploy_until =
                policy->deploy_lock ? future_moment(&then, record->deploy_until) : 0;
        if (open) {
                service->file->incident = *open;
        }
        service->phase = resumed_phase(record, open, policy);
        if (service->phase == PHASE_EXHAUSTED) {
                service->file->reminders = record->reminders;
        }
        service->phase_since = past_moment(&then, record->phase_since);
        if (service->phase == PHASE_ACTING) {
                restore_attempt(service, record);
        }
        if (service->phase != PHASE_WATCHING && service->phase != PHASE_STOPPED) {
                service->health = HEALTH_FAILED;
                service->healthy_since = 0;
                if (policy->reference) {
                        suspicion_reference(&recovery->suspicion, HEALTH_UNKNOWN, HEALTH_FAILED);
                }
                state_doubt(service);
        }
        tokens_after(recovery, record->written.wall);
        tokens_after(recovery, service->token);
        service->health_since = now.mono;
        service->was_down = service->was_failing = state_is_down(service);
        service->phase_deadline =
                resumed_deadline(service, future_moment(&then, record->next_reminder), now.mono);
        service->timer = state_due(service, now.mono);
        return true;
}

bool recovery_restore_trials(struct recovery *recovery, const struct trials_record *record) {
        const struct service *policy = policy_service(recovery->policy, record->service);
        struct step_memory *memory =
                policy ? find_memory(&recovery->services[policy->index], record->step) : NULL;
        if (!memory || record->cause <= CAUSE_NONE || record->cause >= TRIALS_CAUSES_MAX) {
                return false;
        }
        memory->trials[record->cause] = record->trials;
        return true;
}

void recovery_restore_host(
        struct recovery *recovery, const struct host_record *record, struct instant now) {
        struct since_then then = {
                .same_boot = str_eq(record->boot_id, recovery->settings.boot_id),
                .written = record->written,
                .now = now,
        };
        for (uint32_t i = 0; i < record->n_spent && i < POLICY_BUDGET_MAX; i++) {
                restore_spent(&recovery->host, recovery->policy->agent.budget.per, record->spent[i],
                        &then);
        }
        tokens_after(recovery, record->written.wall);
        struct hold *hold = &recovery->holds[HOLD_PERSON];
        *hold = (struct hold){
                .on = record->held,
                .since = past_moment(&then, record->held_since),
                .until = future_moment(&then, record->held_until),
        };
        str_copy(hold->by, sizeof(hold->by), record->held_by);
        str_copy(hold->reason, sizeof(hold->reason), record->held_reason);
        hold = &recovery->holds[HOLD_PACKAGES];
        *hold = (struct hold){
                .on = record->packages,
                .since = past_moment(&then, record->packages_since),
                .until = future_moment(&then, record->packages_until),
        };
        str_copy(hold->by, sizeof(hold->by), record->packages_by);
        str_copy(hold->reason, sizeof(hold->reason), record->packages_lock);
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

static uint32_t beyond(const struct budget *budget, uint32_t most) {
        return budget->count > most ? budget->count - most : 0;
}

/* The newest `most` of a budget behind what the record holds; `step` "": the service's own. */
static void save_spent(struct service_record *ret, const char *step, const struct budget *budget,
        uint32_t most, struct instant now) {
        for (uint32_t i = beyond(budget, most); i < budget->count; i++) {
                struct spent_record *spent = &ret->spent[ret->n_spent++];
                str_copy(spent->step, sizeof(spent->step), step);
                spent->at = both_clocks(budget_time(budget, i), now);
        }
}

/* Those of all steps have room: the loader sees to that. */
static void save_waits(struct service_record *ret, const struct service_state *service) {
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                const struct step_memory *memory = &service->steps[i];
                if (memory->backoff_level > 0) {
                        struct wait_record *wait = &ret->waits[ret->n_waits++];
                        str_copy(
                                wait->step, sizeof(wait->step), service->policy->steps[i].identity);
                        wait->level = memory->backoff_level;
                        wait->previous = memory->backoff_previous;
                }
        }
}

static void save_steps(
        struct service_record *ret, const struct service_state *service, struct instant now) {
        uint32_t room = POLICY_STEP_BUDGET_MAX;
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                const struct budget *budget = &service->steps[i].budget;
                uint32_t before = ret->n_spent;
                save_spent(ret, service->policy->steps[i].identity, budget, room, now);
                room -= ret->n_spent - before;
        }
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
        bool ahead = service->detour.step != STEP_NONE; /* afterwards it is not done again */
        ret->step = ahead ? service->detour.step : service->step;
        ret->step_attempts = ahead ? service->detour.attempts : service->step_attempts;
        ret->rolled_back = service->files.rolled_back;
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
        if (service->phase == PHASE_EXHAUSTED) {
                bool planned = service->phase_deadline != USEC_INFINITY;
                ret->reminders = service->file->reminders;
                ret->next_reminder = both_clocks(planned ? service->phase_deadline : 0, now);
        }
        ret->flapping = service->flapping;
        ret->verdicts = service->verdicts;
        ret->n_verdicts = service->n_verdicts;
        if (service->phase != PHASE_WATCHING || service->token) {
                ret->incident = service->file->incident.id;
                ret->attempts = service->file->incident.attempts;
        }
        if (service->token || service->phase == PHASE_VERIFYING) {
                ret->attempt = service->file->attempt;
        }
        ret->deploy_until = both_clocks(service->deploy_until, now);
        save_waits(ret, service);
        save_spent(ret, "", &service->budget, POLICY_BUDGET_MAX, now);
        save_steps(ret, service, now);
}

void recovery_save_host(
        const struct recovery *recovery, struct instant now, struct host_record *ret) {
        memset(ret, 0, sizeof(*ret));
        str_copy(ret->boot_id, sizeof(ret->boot_id), recovery->settings.boot_id);
        ret->written = now;
        for (uint32_t i = beyond(&recovery->host, POLICY_BUDGET_MAX); i < recovery->host.count;
                i++) {
                ret->spent[ret->n_spent++] = both_clocks(budget_time(&recovery->host, i), now);
        }
        const struct hold *hold = &recovery->holds[HOLD_PERSON];
        ret->held = hold->on;
        ret->held_since = both_clocks(hold->since, now);
        ret->held_until = both_clocks(hold->until, now);
        str_copy(ret->held_by, sizeof(ret->held_by), hold->by);
        str_copy(ret->held_reason, sizeof(ret->held_reason), hold->reason);
        hold = &recovery->holds[HOLD_PACKAGES];
        ret->packages = hold->on;
        ret->packages_since = both_clocks(hold->since, now);
        ret->packages_until = both_clocks(hold->until, now);
        str_copy(ret->packages_by, sizeof(ret->packages_by), hold->by);
        str_copy(ret->packages_lock, sizeof(ret->packages_lock), hold->reason);
}
