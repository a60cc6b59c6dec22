/* What the core wants, carried out on the host that is played. */

#include <assert.h>

#include "sim/sim_host.h"

static struct sim_service *service_of(struct sim_host *host, const struct effect *effect) {
        return &host->services[effect->service];
}

static void note_incident(struct sim_host *host, struct sim_service *service) {
        struct service_outcome *outcome = &host->result->services[service->policy->index];
        outcome->incidents++;
        if (!service->serving && !service->detected) {
                service->detected = true;
                host->failed |= !sample_add(
                        &outcome->detection, usec_sub(host->now.mono, service->down_since));
        }
}

/* Nobody but a person goes on with it. */
static bool calls_person(const struct event *event) {
        return event->kind == EVENT_PHASE &&
               (event->phase == PHASE_EXHAUSTED || event->phase == PHASE_UNATTENDED);
}

static void carry_event(struct sim_host *host, const struct effect *effect) {
        const struct event *event = &effect->event;
        if (effect->service == UINT32_MAX) { /* about the agent itself */
                sim_tell(host, NULL, event_kind_text((enum event_kind) event->kind), "%s",
                        event->text);
                return;
        }
        struct sim_service *service = service_of(host, effect);
        if (event->kind == EVENT_INCIDENT_OPENED) {
                note_incident(host, service);
        } else if (event->kind == EVENT_EXHAUSTED) {
                host->result->services[effect->service].gave_up++;
        } else if (calls_person(event)) {
                sim_plan(
                        host, &service->person, usec_add(host->now.mono, host->plan->mended_after));
        }
        if (event->rule) {
                sim_tell(host, service, event_kind_text((enum event_kind) event->kind), "%s (%u)",
                        event->text, event->rule);
        } else {
                sim_tell(host, service, event_kind_text((enum event_kind) event->kind), "%s",
                        event->text);
        }
}

static void carry_save(struct sim_host *host, const struct effect *effect) {
        struct sim_service *service = service_of(host, effect);
        service->token = effect->attempt.token;
        sim_plan(host, &service->saved_due, host->now.mono + SAVE_TIME);
}

static void carry_timer(struct sim_host *host, const struct effect *effect) {
        struct sim_service *service = service_of(host, effect);
        if (effect->at == USEC_INFINITY) {
                agenda_remove(&host->agenda, &service->timer.node);
        } else {
                sim_plan(host, &service->timer, effect->at);
        }
}

static void carry_probe(struct sim_host *host, const struct effect *effect) {
        sim_hurry(host, service_of(host, effect), true);
}

static void carry_pace(struct sim_host *host, const struct effect *effect) {
        struct sim_service *service = service_of(host, effect);
        struct service_status status;
        recovery_service_status(host->recovery, effect->service, &status);
        sim_wake(host, service); /* with the rhythm that it had */
        service->pace = status.pace;
        sim_hurry(host, service, false);
}

static void carry_dependents(struct sim_host *host, const struct effect *effect) {
        if (!host->is_waiting[effect->service] &&
                host->policy->services[effect->service].n_dependents > 0) {
                host->is_waiting[effect->service] = true;
                host->waiting[host->n_waiting++] = effect->service;
        }
}

static void carry_guards(struct sim_host *host, const struct effect *effect) {
        (void) effect;
        host->guards_due = true;
}

static void carry_trials(struct sim_host *host, const struct effect *effect) {
        sim_keep_trials(host, &effect->trials);
}

/* What is written down is taken from the core where it is needed; replies are for people. */
static void ignore(struct sim_host *host, const struct effect *effect) {
        (void) host;
        (void) effect;
}

static void (*const carriers[EFFECT_COUNT])(struct sim_host *, const struct effect *) = {
        [EFFECT_EVENT] = carry_event,
        [EFFECT_INCIDENT] = ignore,
        [EFFECT_RECORD] = ignore,
        [EFFECT_SAVE] = carry_save,
        [EFFECT_ATTEMPT] = ignore,
        [EFFECT_ACT] = sim_act,
        [EFFECT_TIMER] = carry_timer,
        [EFFECT_PROBE] = carry_probe,
        [EFFECT_PACE] = carry_pace,
        [EFFECT_DEPENDENTS] = carry_dependents,
        [EFFECT_REPLY] = ignore,
        [EFFECT_MEASURED] = ignore,
        [EFFECT_GUARDS] = carry_guards,
        [EFFECT_TRIALS] = carry_trials,
        [EFFECT_FILES] = sim_compare_files,
        [EFFECT_FAILOVER] = sim_failover,
};

void sim_carry_out(struct sim_host *host, const struct effect *effect) {
        assert((int) effect->kind < EFFECT_COUNT && carriers[effect->kind]);
        carriers[effect->kind](host, effect);
}
