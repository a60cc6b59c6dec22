/* What a row does to the incident and to the position on the ladder. */

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/str.h"
#include "base/units.h"
#include "recovery/backoff.h"
#include "recovery/detector.h"
#include "recovery/effectiveness.h"
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

/* ---- Open and close ---- */

static bool failed_by(const struct probe_status *probe, usec_t moment) {
        return probe->health == HEALTH_FAILED && probe->failing_since != 0 &&
               probe->failing_since <= moment;
}

/* A service of n liveness probes, `require` of which must be healthy, fails with the
 * (n - require + 1)th of them; of the readiness probes one is enough. */
static usec_t failing_since(const struct service_state *service, int role, usec_t now) {
        const struct service *policy = service->policy;
        uint32_t n = policy_count_probes(policy, ROLE_LIVENESS);
        uint32_t enough = role == ROLE_LIVENESS ? n - policy->require + 1 : 1;
        usec_t since = service->dead ? service->died_at : now;
        for (uint32_t i = 0; i < policy->n_probes; i++) {
                usec_t moment = service->probes[i].failing_since;
                uint32_t failed = 0;
                for (uint32_t k = 0; k < policy->n_probes; k++) {
                        failed += policy->probes[k].role == role &&
                                  failed_by(&service->probes[k], moment);
                }
                if (policy->probes[i].role == role && failed_by(&service->probes[i], moment) &&
                        failed >= enough && moment < since) {
                        since = moment;
                }
        }
        return since;
}

static void tell_evidence(struct turn *turn, enum event_kind kind, const char *what) {
        const struct incident *incident = incident_of(turn);
        turn_event(turn, kind, LOG_WARNING, "%s: %s%s%s", what, incident->probe,
                incident->probe[0] ? ": " : "", incident->text);
}

/* Where its liveness may have failed, too, the incident is one of liveness. */
static enum probe_role role_of_failure(const struct service_state *service) {
        bool lives = !service->dead && detector_of_role(service->policy, service->probes,
                                               ROLE_LIVENESS) != HEALTH_FAILED;
        bool ready =
                detector_of_role(service->policy, service->probes, ROLE_READINESS) != HEALTH_FAILED;
        return lives && !ready ? ROLE_READINESS : ROLE_LIVENESS;
}

usec_t state_failing_since(const struct service_state *service, usec_t now) {
        return failing_since(service, role_of_failure(service), now);
}

void open_incident(struct turn *turn) {
        struct service_state *service = turn->service;
        struct incident *incident = incident_of(turn);
        memset(incident, 0, sizeof(*incident));
        incident->id = turn->recovery->settings.next_incident++;
        incident->opened = turn->now.wall;
        incident->role = role_of_failure(service);
        incident->failing_since =
                turn->now.wall -
                usec_sub(turn->now.mono, state_failing_since(service, turn->now.mono));
        str_copy(incident->service, sizeof(incident->service), service->policy->name);
        service->files.state = FILES_UNKNOWN; /* what was said of the last one is old */
        service->files.start_failed = false;
        cause_describe(turn);
        service->incidents++;
        tell_evidence(turn, EVENT_INCIDENT_OPENED,
                incident->role == ROLE_READINESS ? "not ready" : "failed");
        incident_tell(turn);
        measure(turn, MEASURED_DETECTION, incident->failing_since, incident->opened);
        ladder_enter(turn);
        note_culprit(turn);
        cause_ask_files(turn);
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
        service->detour.step = STEP_NONE;
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

/* Doubling by the factor up to the cap, as backoff does. */
static usec_t remind_at(const struct turn *turn) {
        const struct remind_spec *spec = &turn->service->policy->remind;
        const struct backoff_spec waits = {
                .initial = spec->after, .max = spec->max, .factor = spec->factor};
        if (spec->after == 0) {
                return USEC_INFINITY;
        }
        return usec_add(
                turn->now.mono, backoff_delay(&waits, turn->service->file->reminders + 1, 0, NULL));
}

void give_up(struct turn *turn) {
        struct incident *incident = incident_of(turn);
        incident->exhausted = true;
        turn_event(turn, EVENT_EXHAUSTED, LOG_ERR,
                "given up after %u attempt%s: acknowledge with `recoverctl ack %s`",
                incident->attempts, incident->attempts == 1 ? "" : "s",
                turn->service->policy->name);
        incident_tell(turn);
        turn->service->file->reminders = 0;
        turn->service->phase_deadline = remind_at(turn);
}

/* The words of the ladder's last notify step; NULL: it has none. */
static const char *notify_message(const struct service *policy) {
        for (uint32_t i = policy->n_steps; i-- > 0;) {
                if (policy->steps[i].action == ACTION_NOTIFY) {
                        const char *message = policy->steps[i].message;
                        return message ? message : "needs a person";
                }
        }
        return NULL;
}

/* Whoever paused it knows: nobody is told before the pause is over. */
void remind(struct turn *turn) {
        struct service_state *service = turn->service;
        const char *message = notify_message(service->policy);
        char since[UNITS_TEXT_MAX];
        if (service->policy->remind.after > 0 && !service->paused) {
                service->file->reminders++;
                units_format_duration_short(usec_sub(turn->now.mono, service->phase_since), since);
                turn_event(turn, EVENT_REMINDER, LOG_ERR,
                        "given up for %s, reminder %u: %s: acknowledge with `recoverctl ack %s`",
                        since, service->file->reminders, incident_of(turn)->text,
                        service->policy->name);
                if (message) {
                        turn_event(turn, EVENT_NOTIFY, LOG_ERR, "%s: %s, reminder %u", message,
                                incident_of(turn)->text, service->file->reminders);
                }
        }
        service->phase_deadline = remind_at(turn);
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

/* Whether another member could is for the group to say; until it does, the ladder goes on. */
void ask_failover(struct turn *turn) {
        struct service_state *service = turn->service;
        turn_effect(turn, EFFECT_FAILOVER);
        service->step_attempts = state_step(service)->attempts;
        ladder_plan_delay(turn);
}

void forget_backoff(struct turn *turn) {
        turn->service->backoff_level = 0;
        turn->service->backoff_previous = 0;
}

void pass_over(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct incident *incident = incident_of(turn);
        const struct trials *trials =
                ladder_trials(service, (uint32_t) service->step, incident->cause);
        turn_event(turn, EVENT_PASSED_OVER, LOG_NOTICE,
                "%s is passed over: it cured %s %u of %u times",
                action_text((enum action) state_step(service)->action),
                cause_text((enum cause) incident->cause), trials_cured(trials), trials->count);
        ladder_pass_over(turn);
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

void blame_dependency(struct turn *turn) {
        note_culprit(turn);
        if (turn->service->file->incident.id != 0) {
                cause_review(turn);
        }
}

/* ---- From readiness to liveness, and back ---- */

void escalate(struct turn *turn) {
        uint32_t before = ladder_meant(turn->service);
        incident_of(turn)->role = ROLE_LIVENESS;
        cause_describe(turn);
        ladder_back(turn, before);
        tell_evidence(turn, EVENT_INCIDENT_CHANGED, "failed, and not only its readiness");
        incident_tell(turn);
        ladder_plan_delay(turn);
}

/* What was seen of its liveness says nothing about its readiness. */
void relax(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct observation *evidence = &service->file->evidence;
        incident_of(turn)->role = ROLE_READINESS;
        service->has_evidence = service->has_evidence &&
                                evidence->probe < service->policy->n_probes &&
                                service->policy->probes[evidence->probe].role == ROLE_READINESS;
        cause_describe(turn);
        tell_evidence(turn, EVENT_INCIDENT_CHANGED, "it lives again, and is not ready");
        incident_tell(turn);
        ladder_plan_delay(turn);
}

/* ---- Dependencies of a failed service ---- */

static usec_t longest_verdict(const struct service *policy) {
        usec_t longest = 0;
        for (uint32_t i = 0; i < policy->n_probes; i++) {
                const struct probe_spec *probe = &policy->probes[i];
                if (probe->role == ROLE_WARNING) {
                        continue;
                }
                usec_t round = usec_add(probe->fast_interval, probe->timeout);
                usec_t verdict = usec_add(probe->timeout, round * probe->fall);
                longest = verdict > longest ? verdict : longest;
        }
        return longest;
}

/* Every probe of every dependency, but for warnings, has to conclude once more: what passed a
 * moment ago says nothing now. */
static void ask_dependencies(struct turn *turn) {
        usec_t longest = 0;
        for (uint32_t i = 0; i < turn->service->policy->n_depends_on; i++) {
                struct service_state *other =
                        state_of(turn->recovery, turn->service->policy->depends_on[i]);
                other->asked = 0;
                for (uint32_t k = 0; k < other->policy->n_probes; k++) {
                        bool counts = other->policy->probes[k].role != ROLE_WARNING;
                        other->asked |= (uint64_t) counts << k;
                }
                other->asked_at = turn->now.mono;
                turn_effect(turn, EFFECT_PROBE)->service = other->policy->index;
                usec_t verdict = longest_verdict(other->policy);
                longest = verdict > longest ? verdict : longest;
        }
        turn->service->phase_deadline =
                usec_add(turn->now.mono, usec_add(longest, CHECKING_MARGIN));
}

void escalate_and_ask(struct turn *turn) {
        escalate(turn);
        ask_dependencies(turn);
}

void open_and_ask(struct turn *turn) {
        open_incident(turn);
        ask_dependencies(turn);
}

/* Its dependencies are probed meanwhile: the one that came back may be gone again. */
void open_and_settle(struct turn *turn) {
        open_incident(turn);
        ask_dependencies(turn);
        begin_settling(turn);
}

void settle_anew(struct turn *turn) {
        distrust(turn);
        begin_settling(turn);
}

void settle_longer(struct turn *turn) {
        state_extend(turn, turn->service->policy->settle);
}

/* Only a failure that is seen from here on counts. */
void look_anew(struct turn *turn) {
        turn->service->has_evidence = false;
        turn->service->ignore_before = turn->now.mono;
        begin_settling(turn);
}

void begin_settling(struct turn *turn) {
        turn->service->phase_deadline = usec_add(turn->now.mono, turn->service->policy->settle);
        turn->service->culprit = UINT32_MAX;
        turn_effect(turn, EFFECT_PROBE);
}
