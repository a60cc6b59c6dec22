/* The position on the ladder: which step is tried next, and when. */

#include "base/str.h"
#include "model/cause_kinds.h"
#include "model/manager.h"
#include "recovery/backoff.h"
#include "recovery/effectiveness.h"
#include "recovery/state.h"

/* What is known besides does not make a step useless that is for what the probes see. But what has
 * ended is not there for a step that needs it running. */
static bool is_for_cause(const struct step_spec *step, const struct incident *incident) {
        uint32_t causes = CAUSE_BIT(incident->symptom);
        bool gone = CAUSES_OF_ABSENCE & causes;
        if (!gone || !action_traits(step->action)->needs_running) {
                causes |= CAUSE_BIT(incident->cause);
        }
        return !step->causes || incident->symptom == CAUSE_NONE || step->causes & causes;
}

/* One change of the files is undone once. */
static enum step_fit rollback_fit(
        const struct service_state *service, const struct step_spec *step) {
        const struct files_memory *files = &service->files;
        switch (files->state) {
        case FILES_UNKNOWN:
                return STEP_FILES_UNKNOWN;
        case FILES_UNCHANGED:
                return STEP_FILES_UNCHANGED;
        case FILES_CHANGED:
                break;
        }
        if (files->changed > service->file->incident.opened) {
                return STEP_FILES_CHANGED_SINCE;
        }
        if (files->change == files->rolled_back) {
                return STEP_ROLLED_BACK;
        }
        return step->rollback.approve == APPROVE_MANUAL ? STEP_NEEDS_PERSON : STEP_FITS;
}

/* Whether the step is for what failed, however often it was tried. */
static enum step_fit meaning(const struct service_state *service, uint32_t index) {
        const struct step_spec *step = &service->policy->steps[index];
        if (!is_for_cause(step, &service->file->incident)) {
                return STEP_OTHER_CAUSE;
        }
        if (state_only_readiness_fails(service) && action_traits(step->action)->interrupts) {
                return STEP_INTERRUPTS;
        }
        return step->action == ACTION_ROLLBACK ? rollback_fit(service, step) : STEP_FITS;
}

static bool is_meant(const struct service_state *service, uint32_t index) {
        return meaning(service, index) == STEP_FITS;
}

/* Something that may cure: the others change nothing that could be proven. */
static bool may_cure(const struct step_spec *step) {
        return !action_traits(step->action)->only_tells && step->action != ACTION_STOP;
}

struct step_memory *ladder_memory(const struct service_state *service, uint32_t index) {
        return &service->steps[policy_step_home(service->policy, index)];
}

struct trials *ladder_trials(const struct service_state *service, uint32_t index, int cause) {
        return &ladder_memory(service, index)->trials[cause_memory(cause)];
}

/* Whether a later step could be tried in its place: the last one that acts is never given up. */
static bool has_later(const struct service_state *service, uint32_t index) {
        for (uint32_t i = index + 1; i < service->policy->n_steps; i++) {
                if (may_cure(&service->policy->steps[i]) && is_meant(service, i)) {
                        return true;
                }
        }
        return false;
}

static bool is_useless(const struct service_state *service, uint32_t index, wall_usec_t now) {
        int cause = service->file->incident.cause;
        return cause != CAUSE_NONE && may_cure(&service->policy->steps[index]) &&
               effectiveness_useless(ladder_trials(service, index, cause),
                       &service->policy->effectiveness, now) &&
               has_later(service, index);
}

/* The ladder's position, without the rollback that is tried ahead of its turn. */
static int place_of(const struct service_state *service) {
        return service->detour.step == STEP_NONE ? service->step : service->detour.step;
}

enum step_fit ladder_fit(const struct service_state *service, uint32_t index, wall_usec_t now) {
        const struct step_spec *step = &service->policy->steps[index];
        enum step_fit fit = meaning(service, index);
        int at = (int) index;
        if (fit != STEP_FITS) {
                return fit;
        }
        if (service->done_ahead & 1U << index) {
                return STEP_SPENT;
        }
        if (at < place_of(service)) {
                return service->passed_over & 1U << index ? STEP_USELESS : STEP_SPENT;
        }
        if (at == service->step && service->step_attempts >= step->attempts) {
                return STEP_SPENT;
        }
        return is_useless(service, index, now) ? STEP_USELESS : STEP_FITS;
}

/* On to the next step, or back to where the ladder was left for a rollback. */
static void leave_step(struct service_state *service) {
        if (service->detour.step == STEP_NONE) {
                service->step++;
                service->step_attempts = 0;
                return;
        }
        service->done_ahead |= 1U << service->step;
        service->step = service->detour.step;
        service->step_attempts = service->detour.attempts;
        service->detour.step = STEP_NONE;
}

/* A change that came shortly before is undone before anything else is tried. */
static void go_ahead(struct service_state *service, wall_usec_t now) {
        if (service->detour.step != STEP_NONE || !state_blames_change(service)) {
                return;
        }
        for (uint32_t i = (uint32_t) service->step + 1; i < service->policy->n_steps; i++) {
                if (service->policy->steps[i].action == ACTION_ROLLBACK &&
                        ladder_fit(service, i, now) == STEP_FITS) {
                        service->detour = (struct detour){service->step, service->step_attempts};
                        service->step = (int) i;
                        service->step_attempts = 0;
                        return;
                }
        }
}

/* Past the steps that do not fit. One that is useless stays for its own row to say so. */
static void skip(struct service_state *service, wall_usec_t now) {
        while (state_step(service)) {
                enum step_fit fit = ladder_fit(service, (uint32_t) service->step, now);
                if (fit == STEP_FITS || fit == STEP_USELESS) {
                        return;
                }
                leave_step(service);
        }
}

static void plan_delay(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct step_spec *step = state_step(service);
        service->next_attempt = 0;
        service->backoff_delay = 0;
        if (!step || action_traits(step->action)->only_tells) { /* neither waits */
                return;
        }
        const struct step_memory *own =
                step->backoff ? ladder_memory(service, (uint32_t) service->step) : NULL;
        const struct backoff_spec *spec = own ? step->backoff : &service->policy->backoff;
        uint32_t number = (own ? own->backoff_level : service->backoff_level) + 1;
        usec_t waited = own ? own->backoff_previous : service->backoff_previous;
        usec_t previous = number > 1 ? waited : 0; /* else nothing was waited */
        service->backoff_delay = backoff_delay(spec, number, previous, &turn->recovery->rng);
        service->next_attempt = usec_add(turn->now.mono, service->backoff_delay);
}

static void find_step(struct turn *turn) {
        go_ahead(turn->service, turn->now.wall);
        skip(turn->service, turn->now.wall);
}

void ladder_plan_delay(struct turn *turn) {
        find_step(turn);
        plan_delay(turn);
}

void ladder_reconsider(struct turn *turn, uint32_t meant) {
        int before = turn->service->step;
        ladder_back(turn, meant);
        find_step(turn);
        if (turn->service->step != before) {
                plan_delay(turn);
        }
}

uint32_t ladder_meant(const struct service_state *service) {
        uint32_t meant = 0;
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                meant |= (uint32_t) is_meant(service, i) << i;
        }
        return meant;
}

bool ladder_heeds_files(const struct service_state *service) {
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                const struct step_spec *step = &service->policy->steps[i];
                bool rolls_back =
                        step->action == ACTION_ROLLBACK && !(service->done_ahead & 1U << i);
                if (rolls_back || step->causes & CAUSE_BIT(CAUSE_CHANGED)) {
                        return true;
                }
        }
        return false;
}

void ladder_back(struct turn *turn, uint32_t meant) {
        struct service_state *service = turn->service;
        uint32_t by_now = ladder_meant(service) & ~meant;
        for (int i = 0; i < place_of(service); i++) {
                if (by_now & 1U << i) {
                        service->step = i;
                        service->step_attempts = 0;
                        service->detour.step = STEP_NONE;
                        return;
                }
        }
}

void ladder_pass_over(struct turn *turn) {
        turn->service->passed_over |= 1U << turn->service->step;
        leave_step(turn->service);
        ladder_plan_delay(turn);
}

/* A service that was well for long enough begins with the first delays again. */
static void forget_own_backoffs(struct service_state *service) {
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                const struct backoff_spec *own = service->policy->steps[i].backoff;
                if (own && service->stayed_healthy >= own->reset_after) {
                        ladder_memory(service, i)->backoff_level = 0;
                }
        }
}

void ladder_enter(struct turn *turn) {
        forget_own_backoffs(turn->service);
        turn->service->step = 0;
        turn->service->step_attempts = 0;
        turn->service->passed_over = 0;
        turn->service->detour.step = STEP_NONE;
        turn->service->done_ahead = 0;
        ladder_plan_delay(turn);
}

void ladder_count(struct turn *turn) {
        struct service_state *service = turn->service;
        if (state_step(service)->backoff) {
                struct step_memory *own = ladder_memory(service, (uint32_t) service->step);
                own->backoff_level++;
                own->backoff_earlier = own->backoff_previous;
                own->backoff_previous = service->backoff_delay;
        }
}

void ladder_discount(struct turn *turn) {
        const struct step_spec *step = state_attempt_step(turn->service);
        if (step && step->backoff) {
                struct step_memory *own =
                        ladder_memory(turn->service, (uint32_t) turn->service->file->attempt.step);
                own->backoff_level -= own->backoff_level > 0;
                own->backoff_previous = own->backoff_earlier;
        }
}

void ladder_learn(struct turn *turn, bool cured) {
        struct service_state *service = turn->service;
        const struct attempt *attempt = &service->file->attempt;
        const struct step_spec *step = state_attempt_step(service);
        int cause = service->file->incident.cause;
        if (!service->acted || !step || cause == CAUSE_NONE) {
                return;
        }
        struct trials *trials = ladder_trials(service, (uint32_t) attempt->step, cause);
        trials_add(trials, cured, turn->now.wall);
        struct trials_record *record = &turn_effect(turn, EFFECT_TRIALS)->trials;
        str_copy(record->service, sizeof(record->service), service->policy->name);
        str_copy(record->step, sizeof(record->step), step->identity);
        record->cause = (int) cause_memory(cause);
        record->trials = *trials;
}

uint32_t recovery_ladder(const struct recovery *recovery, uint32_t index, struct instant now,
        struct step_status ret[POLICY_STEPS_MAX]) {
        const struct service_state *service = &recovery->services[index];
        bool open = state_was_tried(service) && service->file->incident.id != 0;
        for (uint32_t i = 0; i < service->policy->n_steps; i++) {
                int at = (int) i;
                ret[i] = (struct step_status){.fit = STEP_FITS};
                if (!open) {
                        continue;
                }
                const struct trials *trials =
                        ladder_trials(service, i, service->file->incident.cause);
                ret[i].fit = ladder_fit(service, i, now.wall);
                ret[i].current = at == service->step;
                ret[i].cured = trials_cured(trials);
                ret[i].tried = trials->count;
                ret[i].made = ret[i].current             ? service->step_attempts
                              : ret[i].fit == STEP_SPENT ? service->policy->steps[i].attempts
                                                         : 0;
        }
        return service->policy->n_steps;
}
