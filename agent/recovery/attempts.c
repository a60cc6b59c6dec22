/* What a row does to an attempt: plan, act, prove, end. */

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/str.h"
#include "base/units.h"
#include "model/manager.h"
#include "recovery/state.h"

static struct attempt *attempt_of(struct turn *turn) {
        return &turn->service->file->attempt;
}

static void attempt_tell(struct turn *turn, enum effect_kind kind) {
        struct effect *effect = turn_effect(turn, kind);
        effect->attempt.token = turn->service->token;
        effect->attempt.attempt = *attempt_of(turn);
}

/* Of everybody whose actions it counts among. A budget without capacity counts nothing. */
static void each_budget(
        struct turn *turn, void (*change)(struct budget *budget, usec_t when), usec_t when) {
        struct service_state *service = turn->service;
        if (state_attempt_step(service)) {
                change(&ladder_memory(service, (uint32_t) attempt_of(turn)->step)->budget, when);
        }
        change(&service->budget, when);
        if (service->policy->group) {
                change(&turn->recovery->groups[service->policy->group->index], when);
        }
        change(&turn->recovery->host, when);
}

static void spend(struct turn *turn) {
        each_budget(turn, budget_spend, turn->now.mono);
        turn->service->spent_at = turn->now.mono;
}

static void refund(struct turn *turn) {
        struct service_state *service = turn->service;
        if (service->spent_at != 0) {
                each_budget(turn, budget_refund, service->spent_at);
                service->spent_at = 0;
        }
}

/* ---- Intent ---- */

void plan_first_start(struct turn *turn) {
        turn->service->first_start = true;
        turn->service->next_attempt = 0;
}

void wait_backoff(struct turn *turn) {
        struct service_state *service = turn->service;
        char wait[UNITS_TEXT_MAX];
        service->phase_deadline = service->next_attempt;
        turn_note(turn, "%s in %s", action_text((enum action) state_step(service)->action),
                units_format_duration_short(usec_sub(service->next_attempt, turn->now.mono), wait));
}

static const char *planned_action(const struct service_state *service) {
        return action_text(
                service->first_start ? ACTION_START : (enum action) state_step(service)->action);
}

void hold(struct turn *turn) {
        struct guard_status status;
        struct service_state *service = turn->service;
        service->held_by = guards_first(turn->recovery, service, turn->now.mono, false, &status);
        service->phase_deadline = status.until;
        if (service->held_by == GUARD_OBSERVE || service->held_by == GUARD_DRY_RUN) {
                turn_note(turn, "%s; would %s now", status.text, planned_action(service));
        } else {
                turn_note(turn, "%s", status.text);
        }
}

/* Wall time in microseconds, made unique: it names the attempt for the executor and for a restarted
 * agent. */
static uint64_t new_token(struct turn *turn) {
        struct recovery *recovery = turn->recovery;
        recovery->last_token =
                turn->now.wall > recovery->last_token ? turn->now.wall : recovery->last_token + 1;
        return recovery->last_token;
}

bool attempt_spends(const struct attempt *attempt) {
        return attempt->origin == ORIGIN_LADDER ||
               (attempt->origin == ORIGIN_OPERATOR && attempt->action != ACTION_START);
}

void attempt_write(struct turn *turn, int step, enum action action, enum origin origin) {
        struct service_state *service = turn->service;
        struct attempt *attempt = attempt_of(turn);
        struct incident *incident = &service->file->incident;
        memset(attempt, 0, sizeof(*attempt));
        service->token = attempt->intended = new_token(turn);
        attempt->incident = incident->id;
        attempt->number = incident->id ? ++incident->attempts : 1;
        attempt->step = step;
        attempt->action = action;
        attempt->origin = origin;
        attempt->rule = turn->rule->number;
        service->acted = false;
        if (attempt_spends(attempt)) {
                spend(turn);
        }
        attempt->delay = origin == ORIGIN_LADDER ? service->backoff_delay : 0;
        service->phase_deadline = usec_add(turn->now.mono,
                usec_add(2 * turn->recovery->policy->agent.store_timeout, USEC_PER_SEC));
        turn_event(turn, EVENT_ATTEMPT_INTENDED, LOG_INFO, "attempt %u: %s", attempt->number,
                action_text(action));
        attempt_tell(turn, EFFECT_SAVE);
}

void plan_attempt(struct turn *turn) {
        struct service_state *service = turn->service;
        if (service->first_start) {
                attempt_write(turn, STEP_NONE, ACTION_START, ORIGIN_FIRST_START);
                return;
        }
        self_check_acting(turn);
        service->step_attempts++;
        service->backoff_level++;
        service->backoff_earlier = service->backoff_previous;
        service->backoff_previous = service->backoff_delay;
        ladder_count(turn);
        if (state_step(service)->action == ACTION_ROLLBACK) {
                service->files.rolled_back_earlier = service->files.rolled_back;
                service->files.rolled_back = service->files.change;
        }
        attempt_write(
                turn, service->step, (enum action) state_step(service)->action, ORIGIN_LADDER);
}

void plan_by_person(struct turn *turn) {
        struct service_state *service = turn->service;
        enum action action = (enum action) command_action(turn->input->command.kind);
        if (service->phase == PHASE_VERIFYING) {
                attempt_end(turn, ATTEMPT_SUPERSEDED, "a person stepped in");
                if (service->file->incident.id != 0) { /* should nothing come of what they want */
                        ladder_plan_delay(turn);
                }
        }
        service->first_start = false;
        attempt_write(turn, STEP_NONE, action, ORIGIN_OPERATOR);
        turn_note(turn, "%s by %s", action_text(action), turn->input->command.by);
        turn_reply(turn, true, "%s of %s is under way", action_text(action), service->policy->name);
}

/* ---- Action ---- */

void act(struct turn *turn) {
        struct service_state *service = turn->service;
        attempt_of(turn)->started = turn->now.wall;
        service->phase_deadline =
                usec_add(turn->now.mono, usec_add(state_action_timeout(service), EXECUTOR_MARGIN));
        attempt_tell(turn, EFFECT_ATTEMPT);
        attempt_tell(turn, EFFECT_ACT);
        turn_event(turn, EVENT_ATTEMPT_STARTED, LOG_NOTICE, "attempt %u: %s begins",
                attempt_of(turn)->number, action_text((enum action) attempt_of(turn)->action));
}

static bool is_rollback(const struct attempt *attempt) {
        return attempt->action == ACTION_ROLLBACK && attempt->origin == ORIGIN_LADDER;
}

/* The change was not undone after all. */
static void forget_rollback(struct turn *turn) {
        struct files_memory *files = &turn->service->files;
        if (is_rollback(attempt_of(turn))) {
                files->rolled_back = files->rolled_back_earlier;
        }
}

/* What was planned and never carried out is taken back: it counts for nothing. */
static void take_back(struct turn *turn, const char *why) {
        struct service_state *service = turn->service;
        bool first = service->first_start;
        refund(turn);
        forget_rollback(turn);
        if (attempt_of(turn)->origin == ORIGIN_LADDER) {
                service->step_attempts -= service->step_attempts > 0;
                service->backoff_level -= service->backoff_level > 0;
                service->backoff_previous = service->backoff_earlier;
                ladder_discount(turn);
        }
        attempt_end(turn, ATTEMPT_SUPERSEDED, why);
        service->file->incident.attempts -= service->file->incident.attempts > 0;
        service->first_start = first;
        if (service->file->incident.id != 0) { /* what was said of changes meanwhile counts */
                ladder_reconsider(turn, ladder_meant(service));
        }
}

void drop_attempt(struct turn *turn) {
        take_back(turn, "it became healthy before anything was done");
        close_healed(turn);
}

void step_back(struct turn *turn) {
        take_back(turn, "something came in between before anything was done");
}

void put_off(struct turn *turn) {
        take_back(turn, turn->input->outcome.text);
        if (!turn->service->first_start) { /* it may have failed while a person's wish was under way
                                            */
                incident_ensure(turn);
        }
        turn->service->phase_deadline = usec_add(turn->now.mono, PUT_OFF_DELAY);
        turn_note(turn, "%s", turn->input->outcome.text);
}

void hold_unrecorded(struct turn *turn) {
        take_back(turn, "the intent could not be written down");
        turn->service->held_by = GUARD_STORE_DEGRADED;
        turn->service->phase_deadline = usec_add(turn->now.mono, PUT_OFF_DELAY);
}

/* ---- Proof ---- */

/* The action may have changed everything: only runs that begin from here on tell how the service
 * is. */
void distrust(struct turn *turn) {
        struct service_state *service = turn->service;
        state_doubt(service);
        if (service->health != HEALTH_FAILED) {
                service->health_since = turn->now.mono;
        }
        service->health = HEALTH_FAILED;
        service->healthy_since = 0;
        service->ignore_before = turn->now.mono;
        service->has_evidence = false;
}

/* How it ended is itself the evidence that the ladder has to go on. */
static void testify(struct turn *turn, const char *text) {
        struct observation *evidence = &turn->service->file->evidence;
        memset(evidence, 0, sizeof(*evidence));
        evidence->service = turn->service->policy->index;
        evidence->probe = UINT32_MAX;
        evidence->outcome = OUTCOME_FAIL;
        evidence->at = turn->now;
        str_copy(evidence->detail, sizeof(evidence->detail), text);
        turn->service->has_evidence = true;
}

static usec_t verify_time(const struct service_state *service) {
        const struct step_spec *step = state_attempt_step(service);
        return step && step->verify ? step->verify : service->policy->verify;
}

void begin_verifying(struct turn *turn) {
        struct service_state *service = turn->service;
        struct attempt *attempt = attempt_of(turn);
        attempt->acted = turn->now.wall;
        if (turn->input->kind == INPUT_OUTCOME) {
                str_copy(attempt->text, sizeof(attempt->text), turn->input->outcome.text);
        }
        distrust(turn);
        service->stopped = false;
        if (action_traits(attempt->action)->starts) {
                service->started_at = turn->now.mono;
                service->grace_until = usec_add(turn->now.mono, service->policy->start_grace);
        }
        service->phase_deadline = usec_add(turn->now.mono, verify_time(service));
        attempt_tell(turn, EFFECT_ATTEMPT);
        turn_effect(turn, EFFECT_PROBE);
}

void verify_longer(struct turn *turn) {
        state_extend(turn, verify_time(turn->service));
}

void wait_min_uptime(struct turn *turn) {
        struct service_state *service = turn->service;
        service->phase_deadline = usec_add(service->started_at, service->policy->min_uptime);
}

/* ---- End ---- */

void attempt_end(struct turn *turn, enum attempt_result result, const char *text) {
        struct service_state *service = turn->service;
        struct attempt *attempt = attempt_of(turn);
        attempt->result = result;
        attempt->verified = turn->now.wall;
        if (!str_empty(text)) {
                str_copy(attempt->text, sizeof(attempt->text), text);
        }
        service->attempts_by_result[result]++;
        service->first_start = false;
        service->spent_at = 0;
        attempt_tell(turn, EFFECT_ATTEMPT);
        service->token = 0;
        turn_event(turn, EVENT_ATTEMPT_ENDED,
                result == ATTEMPT_RECOVERED || result == ATTEMPT_DONE ? LOG_NOTICE : LOG_WARNING,
                "attempt %u: %s %s%s%s", attempt->number,
                action_text((enum action) attempt->action), attempt_result_text(result),
                attempt->text[0] ? ": " : "", attempt->text);
}

/* What failed was cured as far as its liveness goes. */
void end_lives_again(struct turn *turn) {
        attempt_end(turn, ATTEMPT_RECOVERED, "it lives, and is not ready");
        turn->service->stopped = false;
        turn->service->grace_until = 0;
        incident_ensure(turn);
}

/* What a rollback left behind is to be seen; and the first start that fails may show that what was
 * taken for good was never loaded before. */
static void look_at_files_again(struct turn *turn) {
        int action = attempt_of(turn)->action;
        struct files_memory *files = &turn->service->files;
        bool first = action_traits(action)->starts && !files->start_failed;
        files->start_failed |= first;
        if (action == ACTION_ROLLBACK || (first && files->state == FILES_UNCHANGED)) {
                cause_ask_files(turn);
        }
}

/* The attempt is over and the service is not well: on with the ladder. */
static void go_on(struct turn *turn) {
        turn->service->stopped = false;
        incident_ensure(turn);
        look_at_files_again(turn);
        cause_review(turn);
        ladder_plan_delay(turn);
}

void end_not_cured(struct turn *turn) {
        const struct service_state *service = turn->service;
        ladder_learn(turn, false);
        attempt_end(turn, ATTEMPT_NOT_CURED,
                service->has_evidence ? service->file->evidence.detail : "not proven well in time");
        go_on(turn);
}

void end_action_failed(struct turn *turn) {
        attempt_end(turn, ATTEMPT_ACTION_FAILED, turn->input->outcome.text);
        distrust(turn);
        testify(turn, attempt_of(turn)->text);
        go_on(turn);
}

void end_refused(struct turn *turn) {
        bool stopped = if_by_person_stopped(turn);
        bool alone = stopped || if_by_person_well(turn);
        refund(turn);
        forget_rollback(turn);
        attempt_end(turn, ATTEMPT_REFUSED, turn->input->outcome.text);
        if (attempt_of(turn)->origin == ORIGIN_FIRST_START) {
                testify(turn, attempt_of(turn)->text);
        }
        turn->service->stopped = stopped;
        if (!alone) {
                go_on(turn);
        }
}

void end_superseded(struct turn *turn) {
        bool of_ladder = attempt_of(turn)->origin == ORIGIN_LADDER;
        attempt_end(turn, ATTEMPT_SUPERSEDED, "a dependency went down");
        turn->service->step_attempts -= of_ladder && turn->service->step_attempts > 0;
        ladder_plan_delay(turn);
        note_culprit(turn);
}

void end_stopped(struct turn *turn) {
        attempt_end(turn, ATTEMPT_DONE, NULL);
        distrust(turn);
        testify(turn, "stopped, as the ladder says");
        ladder_plan_delay(turn);
}

void close_proven(struct turn *turn) {
        ladder_learn(turn, true);
        attempt_end(turn, ATTEMPT_RECOVERED, NULL);
        turn->service->grace_until = 0;
        incident_close(turn, INCIDENT_RECOVERED);
}
