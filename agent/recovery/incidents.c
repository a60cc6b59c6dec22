/* What a row does to the incident and to the position on the ladder. */

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/str.h"
#include "base/units.h"
#include "recovery/backoff.h"
#include "recovery/state.h"

/* Time that is given to the dependencies of a failed service to show what is wrong with them: as
 * long as the slowest of their probes needs to conclude, and this much more. */
#define CHECKING_MARGIN (1 * USEC_PER_SEC)

static struct incident *incident_of(struct turn *turn) {
        return &turn->service->file->incident;
}

static void incident_tell(struct turn *turn) {
        turn_effect(turn, EFFECT_INCIDENT)->incident = *incident_of(turn);
}

static void measure(struct turn *turn, enum measured what, wall_usec_t from, wall_usec_t to) {
        struct effect *effect = turn_effect(turn, EFFECT_MEASURED);
        effect->measured.what = what;
        effect->measured.duration = usec_sub(to, from);
}

/* ---- The ladder ---- */

static bool step_is_spent(const struct service_state *service, const struct step_spec *step) {
        int cause = service->file->incident.cause;
        return service->step_attempts >= step->attempts ||
               (step->causes && cause != CAUSE_NONE && !(step->causes & 1U << cause));
}

void ladder_skip(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct step_spec *step;
        while ((step = state_step(service)) && step_is_spent(service, step)) {
                service->step++;
                service->step_attempts = 0;
        }
}

void ladder_plan_delay(struct turn *turn) {
        struct service_state *service = turn->service;
        ladder_skip(turn);
        const struct step_spec *step = state_step(service);
        service->next_attempt = 0;
        service->backoff_delay = 0;
        if (!step || step->action == ACTION_NOTIFY) { /* neither waits */
                return;
        }
        const struct backoff_spec *spec = step->backoff ? step->backoff : &service->policy->backoff;
        uint32_t number = (step->backoff ? service->step_attempts : service->backoff_level) + 1;
        usec_t previous = number > 1 ? service->backoff_previous : 0; /* else nothing was waited */
        service->backoff_delay = backoff_delay(spec, number, previous, &turn->recovery->rng);
        service->next_attempt = usec_add(turn->now.mono, service->backoff_delay);
}

void ladder_enter(struct turn *turn) {
        turn->service->step = 0;
        turn->service->step_attempts = 0;
        ladder_plan_delay(turn);
}

/* ---- Open and close ---- */

static bool failed_by(const struct probe_status *probe, usec_t moment) {
        return probe->health == HEALTH_FAILED && probe->failing_since != 0 &&
               probe->failing_since <= moment;
}

/* A service of n probes, `require` of which must be healthy, fails with the (n - require + 1)th of
 * them. */
static usec_t failing_since(const struct turn *turn) {
        const struct service_state *service = turn->service;
        uint32_t n = service->policy->n_probes, enough = n - service->policy->require + 1;
        usec_t since = service->dead ? service->died_at : turn->now.mono;
        for (uint32_t i = 0; i < n; i++) {
                usec_t moment = service->probes[i].failing_since;
                uint32_t failed = 0;
                for (uint32_t k = 0; k < n; k++) {
                        failed += failed_by(&service->probes[k], moment);
                }
                if (failed_by(&service->probes[i], moment) && failed >= enough && moment < since) {
                        since = moment;
                }
        }
        return since;
}

static void describe(struct turn *turn, struct incident *incident) {
        const struct service_state *service = turn->service;
        const struct observation *evidence = &service->file->evidence;
        if (!service->has_evidence) {
                str_copy(incident->text, sizeof(incident->text), "not proven well");
                return;
        }
        incident->cause = evidence->cause;
        str_copy(incident->text, sizeof(incident->text), evidence->detail);
        if (evidence->probe < service->policy->n_probes) {
                str_copy(incident->probe, sizeof(incident->probe),
                        service->policy->probes[evidence->probe].name);
        }
}

void open_incident(struct turn *turn) {
        struct service_state *service = turn->service;
        struct incident *incident = incident_of(turn);
        memset(incident, 0, sizeof(*incident));
        incident->id = turn->recovery->settings.next_incident++;
        incident->opened = turn->now.wall;
        incident->failing_since = turn->now.wall - usec_sub(turn->now.mono, failing_since(turn));
        str_copy(incident->service, sizeof(incident->service), service->policy->name);
        describe(turn, incident);
        service->incidents++;
        turn_event(turn, EVENT_INCIDENT_OPENED, LOG_WARNING, "failed: %s%s%s",
                incident->probe[0] ? incident->probe : "", incident->probe[0] ? ": " : "",
                incident->text);
        incident_tell(turn);
        measure(turn, MEASURED_DETECTION, incident->failing_since, incident->opened);
        ladder_enter(turn);
        note_culprit(turn);
}

void incident_ensure(struct turn *turn) {
        if (incident_of(turn)->id == 0) {
                open_incident(turn);
        }
}

void incident_close(struct turn *turn, enum incident_end end) {
        struct service_state *service = turn->service;
        struct incident *incident = incident_of(turn);
        service->step = 0;
        service->step_attempts = 0;
        service->next_attempt = 0;
        service->culprit = UINT32_MAX;
        if (incident->id == 0) {
                return;
        }
        incident->closed = turn->now.wall;
        incident->end = end;
        char took[UNITS_TEXT_MAX];
        usec_t duration = usec_sub(incident->closed, incident->failing_since);
        turn_event(turn, EVENT_INCIDENT_CLOSED, LOG_NOTICE, "%s after %s and %u attempt%s",
                incident_end_text(end), units_format_duration_short(duration, took),
                incident->attempts, incident->attempts == 1 ? "" : "s");
        incident_tell(turn);
        if (end == INCIDENT_RECOVERED || end == INCIDENT_HEALED) {
                measure(turn, MEASURED_RECOVERY, incident->failing_since, incident->closed);
        }
        memset(incident, 0, sizeof(*incident));
}

void close_healed(struct turn *turn) {
        turn->service->first_start = false;
        incident_close(turn, INCIDENT_HEALED);
}

void give_up(struct turn *turn) {
        struct incident *incident = incident_of(turn);
        incident->exhausted = true;
        turn_event(turn, EVENT_EXHAUSTED, LOG_ERR,
                "given up after %u attempt%s: acknowledge with `recoverctl ack %s`",
                incident->attempts, incident->attempts == 1 ? "" : "s",
                turn->service->policy->name);
        incident_tell(turn);
}

void notify(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct step_spec *step = state_step(service);
        const struct incident *incident = incident_of(turn);
        turn_event(turn, EVENT_NOTIFY, LOG_ERR, "%s: %s after %u attempt%s",
                step->message ? step->message : "needs a person", incident->text,
                incident->attempts, incident->attempts == 1 ? "" : "s");
        service->step_attempts =
                step->attempts; /* saying it again at once would tell nobody more */
        ladder_plan_delay(turn);
}

void forget_backoff(struct turn *turn) {
        turn->service->backoff_level = 0;
        turn->service->backoff_previous = 0;
}

/* ---- Dependencies ---- */

void note_culprit(struct turn *turn) {
        struct service_state *service = turn->service;
        service->culprit = conditions_culprit(turn, service->first_start);
        if (service->culprit != UINT32_MAX) {
                const struct service_state *other = state_of(turn->recovery, service->culprit);
                turn_note(turn, "%s is %s", other->policy->name,
                        other->phase == PHASE_WATCHING ? health_text(other->health)
                                                       : phase_text(other->phase));
        }
}

static usec_t longest_verdict(const struct service *policy) {
        usec_t longest = 0;
        for (uint32_t i = 0; i < policy->n_probes; i++) {
                const struct probe_spec *probe = &policy->probes[i];
                usec_t round = usec_add(probe->fast_interval, probe->timeout);
                usec_t verdict = usec_add(probe->timeout, round * probe->fall);
                longest = verdict > longest ? verdict : longest;
        }
        return longest;
}

/* Every probe of every dependency has to conclude once more: what passed a moment ago says nothing
 * now. */
static void ask_dependencies(struct turn *turn) {
        usec_t longest = 0;
        for (uint32_t i = 0; i < turn->service->policy->n_depends_on; i++) {
                struct service_state *other =
                        state_of(turn->recovery, turn->service->policy->depends_on[i]);
                uint32_t n = other->policy->n_probes;
                other->asked = n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
                other->asked_at = turn->now.mono;
                turn_effect(turn, EFFECT_PROBE)->service = other->policy->index;
                usec_t verdict = longest_verdict(other->policy);
                longest = verdict > longest ? verdict : longest;
        }
        turn->service->phase_deadline =
                usec_add(turn->now.mono, usec_add(longest, CHECKING_MARGIN));
}

void open_and_ask(struct turn *turn) {
        open_incident(turn);
        ask_dependencies(turn);
}

void settle_longer(struct turn *turn) {
        state_extend(turn, turn->service->policy->settle);
}

void begin_settling(struct turn *turn) {
        turn->service->phase_deadline = usec_add(turn->now.mono, turn->service->policy->settle);
        turn->service->culprit = UINT32_MAX;
        turn_effect(turn, EFFECT_PROBE);
}
