#include "recovery/recovery.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/str.h"
#include "base/units.h"
#include "model/manager.h"
#include "recovery/detector.h"
#include "recovery/state.h"

const struct enum_text command_kind_texts[] = {
        {COMMAND_PAUSE, "pause", "hold recovery for a while"},
        {COMMAND_RESUME, "resume", "end the pause"},
        {COMMAND_ACK, "ack", "take note of a service that was given up"},
        {COMMAND_RESTART, "restart", "restart it now"},
        {COMMAND_START, "start", "start it now"},
        {COMMAND_STOP, "stop", "stop it, and do not take that for a failure"},
        {COMMAND_ROLLBACK, "rollback", "go back to what it was well with"},
        {COMMAND_UNDO, "undo", "take its rollback back"},
        {0, NULL, NULL},
};

int command_action(enum command_kind kind) {
        static const int actions[] = {
                [COMMAND_PAUSE] = -1,
                [COMMAND_RESUME] = -1,
                [COMMAND_ACK] = -1,
                [COMMAND_RESTART] = ACTION_RESTART,
                [COMMAND_START] = ACTION_START,
                [COMMAND_STOP] = ACTION_STOP,
                [COMMAND_ROLLBACK] = ACTION_ROLLBACK,
                [COMMAND_UNDO] = ACTION_UNDO,
        };
        return actions[kind];
}

const struct enum_text permit_texts[] = {
        {PERMIT_NONE, "none", "it may not be disrupted"},
        {PERMIT_RESTART, "restart", "it is down and nobody could be asked: it may be restarted"},
        {PERMIT_GRANTED, "granted", "it may be disrupted"},
        {0, NULL, NULL},
};

const struct enum_text pace_texts[] = {
        {PACE_NORMAL, "normal", "probes run at interval"},
        {PACE_FAST, "fast", "in doubt: probes run at fast_interval"},
        {PACE_DOWN, "down", "known to be down: probes run at down_interval"},
        {0, NULL, NULL},
};

struct service_state *state_of(struct recovery *recovery, uint32_t service) {
        assert(service < recovery->policy->n_services);
        return &recovery->services[service];
}

const struct step_spec *state_step(const struct service_state *service) {
        return (uint32_t) service->step < service->policy->n_steps
                       ? &service->policy->steps[service->step]
                       : NULL;
}

const struct step_spec *state_attempt_step(const struct service_state *service) {
        int step = service->file->attempt.step;
        return step >= 0 && (uint32_t) step < service->policy->n_steps
                       ? &service->policy->steps[step]
                       : NULL;
}

usec_t state_action_timeout(const struct service_state *service) {
        const struct step_spec *step = state_attempt_step(service);
        usec_t stop = service->policy->command ? service->policy->command->stop_timeout : 0;
        usec_t standard = manager_traits(service->policy->manager)->action_limit;
        usec_t longer = action_traits(service->file->attempt.action)->longer;
        usec_t timeout = step && step->timeout ? step->timeout : usec_add(standard, longer);
        usec_t drain = action_drain_time(service->policy, service->file->attempt.action);
        return usec_add(usec_add(timeout, stop), drain);
}

bool state_is_down(const struct service_state *service) {
        return service->phase != PHASE_WATCHING || service->health == HEALTH_FAILED;
}

bool state_is_well(const struct service_state *service) {
        return service->phase == PHASE_WATCHING && service->health == HEALTH_HEALTHY;
}

void state_doubt(struct service_state *service) {
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                if (service->policy->probes[i].role != ROLE_WARNING) {
                        detector_doubt(&service->probes[i]);
                }
        }
}

bool state_lives(const struct service_state *service) {
        return !service->dead &&
               detector_of_role(service->policy, service->probes, ROLE_LIVENESS) == HEALTH_HEALTHY;
}

bool state_liveness_failed(const struct service_state *service) {
        return service->dead || detector_liveness_failed(service->policy, service->probes);
}

bool state_only_readiness_fails(const struct service_state *service) {
        const struct incident *incident = &service->file->incident;
        return incident->id != 0 && incident->role == ROLE_READINESS;
}

static bool is_of_readiness(const struct service *policy, const struct observation *observation) {
        return observation->probe < policy->n_probes &&
               policy->probes[observation->probe].role == ROLE_READINESS;
}

/* That it is not ready justifies nothing that is done to a service which may not live. */
bool state_has_evidence(const struct service_state *service) {
        bool about_readiness = service->file->incident.id != 0 ? state_only_readiness_fails(service)
                                                               : state_lives(service);
        return service->dead ||
               (service->has_evidence && (about_readiness || !is_of_readiness(service->policy,
                                                                     &service->file->evidence)));
}

usec_t state_healthy_since(const struct service_state *service) {
        return service->health == HEALTH_HEALTHY ? service->healthy_since : 0;
}

void state_extend(struct turn *turn, usec_t time) {
        turn->service->phase_deadline =
                usec_add(turn->now.mono, time > PUT_OFF_DELAY ? time : PUT_OFF_DELAY);
}

/* ---- What an input does to the health ---- */

static void tell_health(struct turn *turn) {
        const struct service_state *service = turn->service;
        bool because = service->has_evidence && service->health != HEALTH_HEALTHY;
        bool lives = service->health == HEALTH_FAILED && state_lives(service);
        turn_event(turn, EVENT_HEALTH, LOG_INFO, "%s%s%s",
                lives ? "not ready" : health_text(service->health), because ? ": " : "",
                because ? service->file->evidence.detail : "");
}

/* Reads the health off the probes anew, and lets the state machine know of an edge. */
static void health_update(struct turn *turn) {
        struct service_state *service = turn->service;
        enum health before = service->health;
        enum health health =
                service->dead ? HEALTH_FAILED : detector_combine(service->policy, service->probes);
        if (health == service->health) {
                return;
        }
        bool first_look = before == HEALTH_UNKNOWN && health == HEALTH_HEALTHY;
        service->health = health;
        if (service->policy->reference) {
                suspicion_reference(&turn->recovery->suspicion, before, health);
                self_check_judge(turn);
        }
        service->health_since = turn->now.mono;
        if (health == HEALTH_FAILED) {
                service->stayed_healthy = service->healthy_since
                                                  ? usec_sub(turn->now.mono, service->healthy_since)
                                                  : 0;
                service->healthy_since = 0;
        } else if (health == HEALTH_HEALTHY && service->healthy_since == 0) {
                service->healthy_since = turn->now.mono;
        }
        /* What a record would say of a service with a clean sheet is what a fresh core says. */
        service->dirty |= service->backoff_level > 0;
        if (!first_look) {
                tell_health(turn);
        }
        if (health == HEALTH_FAILED) {
                machine_feed(turn, HAPPENING_FAILED);
        } else if (health == HEALTH_HEALTHY) {
                machine_feed(turn, HAPPENING_WELL);
        }
}

/* Reads the health anew, and whether an incident of readiness is one of liveness by now. */
static void judge(struct turn *turn) {
        health_update(turn);
        if (if_escalates(turn)) {
                machine_feed(turn, HAPPENING_ESCALATED);
        }
}

/* While its liveness fails, what is said of its readiness does not push that aside. */
static void keep_evidence(struct turn *turn, const struct observation *observation) {
        struct service_state *service = turn->service;
        bool lesser = service->has_evidence && is_of_readiness(service->policy, observation) &&
                      !is_of_readiness(service->policy, &service->file->evidence) &&
                      (service->dead || detector_of_role(service->policy, service->probes,
                                                ROLE_LIVENESS) == HEALTH_FAILED);
        if (!lesser) {
                service->file->evidence = *observation;
                service->has_evidence = true;
        }
}

/* A dependent that failed waits for the word of each probe; `unknown` is a word, too. */
static void answer_asker(struct turn *turn, const struct observation *observation) {
        struct service_state *service = turn->service;
        if (!service->asked ||
                usec_sub(observation->at.mono, observation->duration) < service->asked_at) {
                return;
        }
        service->asked &= ~(UINT64_C(1) << observation->probe);
        if (!service->asked) {
                turn_effect(turn, EFFECT_DEPENDENTS);
        }
}

/* Until the manager has said whether it runs, a failure may only mean that it was not started:
 * nothing is known then. */
static bool is_premature(const struct turn *turn, const struct observation *observation) {
        return !turn->service->process_known && turn->now.mono < turn->service->first_word_until &&
               outcome_is_failure(observation->outcome);
}

/* A warning is told when it begins and when it ends, and is nothing to act on. */
static void on_warning(
        struct turn *turn, const struct observation *observation, enum health before) {
        const char *name = turn->service->policy->probes[observation->probe].name;
        enum health health = turn->service->probes[observation->probe].health;
        if (health == HEALTH_FAILED && before != HEALTH_FAILED) {
                turn_event(turn, EVENT_WARNING, LOG_WARNING, "warning: %s: %s", name,
                        observation->detail);
        } else if (health == HEALTH_HEALTHY && before == HEALTH_FAILED) {
                turn_event(turn, EVENT_WARNING, LOG_NOTICE, "the warning is over: %s", name);
        }
}

static void on_observation(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct observation *observation = turn->input->observation;
        struct observation unknown;
        assert(observation->probe < service->policy->n_probes);
        if (usec_sub(observation->at.mono, observation->duration) < service->ignore_before) {
                return;
        }
        if (service->phase == PHASE_STANDBY) { /* it is stopped: that is no failure of anybody */
                detector_feed(&service->probes[observation->probe],
                        &service->policy->probes[observation->probe], observation, false);
                return;
        }
        self_check_observe(turn, observation);
        if (is_premature(turn, observation) || self_check_doubts(turn, observation)) {
                unknown = *observation;
                unknown.outcome = OUTCOME_UNKNOWN;
                observation = &unknown;
        }
        bool failed_before = service->health == HEALTH_FAILED;
        bool excused = turn->now.mono < service->grace_until;
        const struct probe_spec *spec = &service->policy->probes[observation->probe];
        enum health before = service->probes[observation->probe].health;
        detector_feed(&service->probes[observation->probe], spec, observation, excused);
        if (spec->role == ROLE_WARNING) {
                on_warning(turn, observation, before);
                return;
        }
        bool calm = flapping_update(turn, spec->interval);
        if (outcome_is_failure(observation->outcome)) {
                keep_evidence(turn, observation);
        }
        judge(turn);
        if (failed_before && observation->certain && spec->role == ROLE_LIVENESS &&
                outcome_is_failure(observation->outcome)) {
                machine_feed(turn, HAPPENING_DIED);
        }
        if (calm) {
                machine_feed(turn, HAPPENING_GUARDS);
        }
        answer_asker(turn, observation);
}

static void process_died(struct turn *turn) {
        struct service_state *service = turn->service;
        bool failed_before = service->health == HEALTH_FAILED;
        struct observation death = {
                .service = service->policy->index,
                .probe = UINT32_MAX,
                .outcome = OUTCOME_FAIL,
                .cause = turn->input->process.end ? turn->input->process.end : CAUSE_EXITED,
                .status = turn->input->process.status,
                .certain = true,
                .at = turn->now,
        };
        str_copy(death.detail, sizeof(death.detail), turn->input->process.text);
        keep_evidence(turn, &death);
        state_doubt(service); /* they passed for a process that is gone */
        service->dead = true;
        service->died_at = turn->now.mono;
        (void) flapping_update(turn, 0);
        judge(turn);
        if (failed_before) {
                machine_feed(turn, HAPPENING_DIED);
        }
}

static void process_runs(struct turn *turn) {
        struct service_state *service = turn->service;
        usec_t age = turn->input->process.age;
        bool started = !service->running;
        if (started) {
                service->started_at = usec_sub(turn->now.mono, age);
                service->grace_until = usec_add(service->started_at, service->policy->start_grace);
        }
        service->running = true;
        service->dead = false;
        if (service->phase == PHASE_STANDBY) {
                return;
        }
        if (started) {
                machine_feed(turn, HAPPENING_STARTED);
        }
        health_update(turn);
}

static void process_ended(struct turn *turn) {
        struct service_state *service = turn->service;
        service->running = false;
        if (turn->input->process.busy || service->phase == PHASE_STOPPED ||
                service->phase == PHASE_STANDBY) {
                return; /* it may be back in a moment, or is not wanted */
        }
        if (service->stopped_outside) {
                machine_feed(turn, HAPPENING_STOPPED);
        } else if (turn->input->process.expected || !turn->input->process.text[0]) {
                machine_feed(turn, HAPPENING_IDLE);
        } else if (!service->dead) {
                process_died(turn);
        }
}

static void on_process(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct input *input = turn->input;
        bool let_go = service->manager_busy && !input->process.busy;
        service->pid = input->process.running ? input->process.pid : 0;
        service->stopped_outside = input->process.by_person && !input->process.running;
        service->manager_busy = input->process.busy;
        if (input->process.busy) {
                str_copy(service->file->manager_text, sizeof(service->file->manager_text),
                        input->process.text);
        }
        if (input->process.running) {
                process_runs(turn);
        } else {
                process_ended(turn);
        }
        service->process_known = true; /* the first word is no news of a start */
        if (let_go) {
                machine_feed(turn, HAPPENING_GUARDS);
        }
}

/* ---- The other inputs ---- */

static void pause_end(struct turn *turn, const char *how) {
        turn->service->paused = false;
        turn->service->dirty = true;
        turn_event(turn, EVENT_COMMAND, LOG_NOTICE, "%s", how);
        machine_feed(turn, HAPPENING_GUARDS);
}

/* The time counts from when the lock was first seen: one that is touched again is no longer. */
static void on_deploy(struct turn *turn) {
        struct service_state *service = turn->service;
        bool exists = turn->input->up;
        char how_long[UNITS_TEXT_MAX];
        if (exists == (service->deploy_until != 0)) {
                return;
        }
        service->deploy_overdue = false;
        service->dirty = true;
        if (exists) {
                usec_t most = service->policy->deploy_lock_max;
                service->deploy_until = usec_add(turn->now.mono, most);
                turn_event(turn, EVENT_DEPLOY, LOG_NOTICE,
                        "deploy lock %s: recovery is held for at most %s",
                        service->policy->deploy_lock, units_format_duration_short(most, how_long));
                return;
        }
        service->deploy_until = 0;
        turn_event(turn, EVENT_DEPLOY, LOG_NOTICE, "the deploy lock is gone: recovery goes on");
        machine_feed(turn, HAPPENING_GUARDS);
}

static void on_permit(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct input *input = turn->input;
        service->permit = input->permit.kind;
        service->permit_until = input->permit.until;
        str_copy(
                service->file->permit_text, sizeof(service->file->permit_text), input->permit.text);
        if (service->phase == PHASE_HELD && service->held_by == GUARD_FLEET &&
                !guards_hold(turn->recovery, service, GUARD_FLEET, turn->now.mono)) {
                machine_feed(turn, HAPPENING_GUARDS);
        }
}

static void tell_overdue(struct turn *turn) {
        struct service_state *service = turn->service;
        char how_long[UNITS_TEXT_MAX];
        service->deploy_overdue = true;
        units_format_duration_short(service->policy->deploy_lock_max, how_long);
        turn_event(turn, EVENT_DEPLOY, LOG_WARNING,
                "deploy lock %s is there for longer than deploy_lock_max (%s): recovery goes on",
                service->policy->deploy_lock, how_long);
}

static bool deploy_pending(const struct service_state *service) {
        return service->deploy_until != 0 && !service->deploy_overdue;
}

static void on_timer(struct turn *turn) {
        struct service_state *service = turn->service;
        self_check_judge(turn);
        if (deploy_pending(service) && turn->now.mono >= service->deploy_until) {
                tell_overdue(turn);
        }
        if (service->paused && turn->now.mono >= service->pause_until) {
                pause_end(turn, "the pause is over");
        }
        bool due = service->phase == PHASE_WATCHING || turn->now.mono >= service->phase_deadline;
        if (due) { /* what was well already waited for min_uptime */
                bool well = service->phase == PHASE_VERIFYING && service->health == HEALTH_HEALTHY;
                machine_feed(turn, well ? HAPPENING_WELL : HAPPENING_TIMER);
        }
}

static void on_saved(struct turn *turn) {
        if (turn->service->token == turn->input->saved.token) {
                machine_feed(turn, turn->input->saved.ok ? HAPPENING_SAVED : HAPPENING_NOT_SAVED);
        }
}

static void on_outcome(struct turn *turn) {
        const struct input *input = turn->input;
        if (turn->service->token != input->outcome.token) {
                return;
        }
        enum happening happening = input->outcome.ok        ? HAPPENING_ACTED
                                   : input->outcome.lost    ? HAPPENING_LOST
                                   : input->outcome.retry   ? HAPPENING_PUT_OFF
                                   : input->outcome.refused ? HAPPENING_REFUSED
                                                            : HAPPENING_ACT_FAILED;
        turn->service->acted = happening == HAPPENING_ACTED;
        machine_feed(turn, happening);
}

static void pause_begin(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct input *input = turn->input;
        char how_long[UNITS_TEXT_MAX];
        service->paused = true;
        service->dirty = true;
        service->pause_until = usec_add(turn->now.mono, input->command.duration);
        str_copy(service->file->pause_by, sizeof(service->file->pause_by), input->command.by);
        str_copy(service->file->pause_reason, sizeof(service->file->pause_reason),
                input->command.reason);
        units_format_duration_short(input->command.duration, how_long);
        turn_event(turn, EVENT_COMMAND, LOG_NOTICE, "paused by %s for %s: %s", input->command.by,
                how_long, input->command.reason);
        turn_reply(turn, true, "%s is paused for %s", service->policy->name, how_long);
}

static void on_resume(struct turn *turn) {
        const char *name = turn->service->policy->name;
        if (!turn->service->paused) {
                turn_reply(turn, true, "%s was not paused", name);
                return;
        }
        char text[EVENT_TEXT_MAX];
        snprintf(text, sizeof(text), "resumed by %s", turn->input->command.by);
        turn_reply(turn, true, "%s is resumed", name);
        pause_end(turn, text);
}

static void on_files(struct turn *turn) {
        cause_take_files(turn);
        machine_feed(turn, HAPPENING_FILES);
}

static void on_command(struct turn *turn) {
        switch (turn->input->command.kind) {
        case COMMAND_PAUSE:
                pause_begin(turn);
                return;
        case COMMAND_RESUME:
                on_resume(turn);
                return;
        case COMMAND_ACK:
                machine_feed(turn, HAPPENING_ACK);
                return;
        case COMMAND_RESTART:
                machine_feed(turn, HAPPENING_RESTART);
                return;
        case COMMAND_START:
                machine_feed(turn, HAPPENING_START);
                return;
        case COMMAND_STOP:
                machine_feed(turn, HAPPENING_STOP);
                return;
        case COMMAND_ROLLBACK:
        case COMMAND_UNDO:
                machine_feed(turn, HAPPENING_ROLLBACK);
                return;
        }
}

/* ---- After every input: what the shell and the dependents have to know ---- */

static enum pace pace_of(const struct service_state *service) {
        switch (service->phase) {
        case PHASE_CHECKING:
        case PHASE_SETTLING:
        case PHASE_VERIFYING:
                return PACE_FAST;
        case PHASE_WATCHING:
                return service->health == HEALTH_SUSPECT ? PACE_FAST : PACE_NORMAL;
        case PHASE_QUEUED:
        case PHASE_BLOCKED:
        case PHASE_HELD:
        case PHASE_BACKOFF:
        case PHASE_UNATTENDED:
        case PHASE_EXHAUSTED:
        case PHASE_STOPPED:
        case PHASE_DECIDING:
        case PHASE_SAVING:
        case PHASE_ACTING:
        case PHASE_COMPARING:
                break;
        case PHASE_STANDBY: /* what its promotion requires is looked at as ever */
                return PACE_NORMAL;
        }
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                const struct probe_status *probe = &service->probes[i];
                if (probe->health == HEALTH_FAILED && probe->passes > 0 &&
                        service->policy->probes[i].role != ROLE_WARNING) {
                        return PACE_FAST; /* on its way back */
                }
        }
        if (state_only_readiness_fails(service)) { /* it lives, and that is watched as ever */
                return state_lives(service) ? PACE_NORMAL : PACE_FAST;
        }
        return PACE_DOWN;
}

usec_t state_due(const struct service_state *service, usec_t now) {
        usec_t due = service->phase_deadline;
        if (service->phase == PHASE_WATCHING) {
                usec_t since = state_healthy_since(service);
                due = service->backoff_level > 0 && since
                              ? usec_add(since, service->policy->backoff.reset_after)
                              : USEC_INFINITY;
        }
        if (service->paused && service->pause_until < due) {
                due = service->pause_until;
        }
        if (deploy_pending(service) && service->deploy_until < due) {
                due = service->deploy_until;
        }
        return due < now ? now : due;
}

static void settle(struct turn *turn) {
        struct service_state *service = turn->service;
        enum pace pace = pace_of(service);
        if (pace != service->pace) {
                service->pace = pace;
                turn_effect(turn, EFFECT_PACE);
        }
        usec_t due = state_due(service, turn->now.mono);
        if (due != service->timer) {
                service->timer = due;
                turn_effect(turn, EFFECT_TIMER)->at = due;
        }
        bool down = state_is_down(service), well = state_is_well(service);
        bool failing = down || service->health == HEALTH_SUSPECT;
        if (service->was_failing && !failing) {
                service->back_since = turn->now.mono;
        }
        service->was_failing = failing;
        if (down != service->was_down || well != service->was_well) {
                service->was_down = down;
                service->was_well = well;
                turn_effect(turn, EFFECT_DEPENDENTS);
        }
        if (service->dirty) {
                service->dirty = false;
                turn_effect(turn, EFFECT_RECORD);
        }
}

void recovery_step(struct recovery *recovery, const struct input *input, struct instant now,
        struct effects *effects) {
        effects->count = 0;
        recovery->n_trail = 0;
        if (input->kind == INPUT_EXECUTOR || input->kind == INPUT_STORE) {
                *(input->kind == INPUT_EXECUTOR ? &recovery->executor_up : &recovery->store_up) =
                        input->up;
                return;
        }
        if (input->kind == INPUT_HOLD) {
                recovery->holds[input->hold.source] = input->hold.hold;
                return;
        }
        if (input->kind == INPUT_HOST) {
                self_check_host(recovery, &input->host, now, effects);
                return;
        }
        struct turn turn = {
                .recovery = recovery,
                .service = state_of(recovery, input->service),
                .input = input,
                .now = now,
                .effects = effects,
        };
        if (input->kind == INPUT_TIMER) {
                turn.service->timer = USEC_INFINITY;
        }
        switch (input->kind) {
        case INPUT_OBSERVATION:
                on_observation(&turn);
                break;
        case INPUT_TIMER:
                on_timer(&turn);
                break;
        case INPUT_DEPENDENCY:
                machine_feed(&turn, HAPPENING_DEPENDENCY);
                break;
        case INPUT_PROCESS:
                on_process(&turn);
                break;
        case INPUT_SAVED:
                on_saved(&turn);
                break;
        case INPUT_OUTCOME:
                on_outcome(&turn);
                break;
        case INPUT_COMMAND:
                on_command(&turn);
                break;
        case INPUT_DEPLOY:
                on_deploy(&turn);
                break;
        case INPUT_GUARDS:
                machine_feed(&turn, HAPPENING_GUARDS);
                break;
        case INPUT_FILES:
                on_files(&turn);
                break;
        case INPUT_PERMIT:
                on_permit(&turn);
                break;
        case INPUT_DUTY:
                machine_feed(&turn, input->up ? HAPPENING_ACTIVE : HAPPENING_STANDBY);
                break;
        case INPUT_HOLD:
        case INPUT_EXECUTOR:
        case INPUT_STORE:
        case INPUT_HOST:
                break;
        }
        settle(&turn);
}
