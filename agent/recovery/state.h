#pragma once
/* The inside of the core: what it remembers of each service, and the turn that an input gets.
 * Private to agent/recovery. */

#include "base/rng.h"
#include "recovery/budget.h"
#include "recovery/recovery.h"
#include "recovery/rules.h"
#include "recovery/suspicion.h"

enum {
        STORE_DEGRADED_ACTIONS =
                3, /* of one service an hour while intents cannot be written down */
        RULE_HOPS_MAX = 64, /* rows that one happening may fire, asserted */
};

/* How long a put-off action waits before it is asked for again. */
#define PUT_OFF_DELAY (1 * USEC_PER_SEC)
/* How long after its own deadline the executor's word is still awaited. */
#define EXECUTOR_MARGIN (10 * USEC_PER_SEC)
/* How long the ladder waits for what is to be said of the files of a failed service. */
#define FILES_PATIENCE (10 * USEC_PER_SEC)

/* Large and rarely needed: kept apart, so that a healthy service costs no memory for it. */
struct case_file {
        struct incident incident; /* the open one; id 0: none */
        struct attempt attempt; /* the present or last one; intended 0: none */
        struct observation evidence;
        char pause_by[64], pause_reason[128];
        uint32_t reminders; /* since it was given up */
        char manager_text[OBSERVATION_DETAIL_MAX]; /* what its manager is doing, while it is busy */
        char files_text[OBSERVATION_DETAIL_MAX]; /* what is known of its files */
        char permit_text[OBSERVATION_DETAIL_MAX]; /* what its pool says */
};

/* What is remembered of one step beyond an incident. Steps of a ladder that do the same share the
 * memory of the first of them. */
struct step_memory {
        struct budget budget; /* capacity 0: no step that does this has one */
        uint32_t backoff_level; /* attempts since the last reset, where it has a backoff of its own
                                 */
        usec_t backoff_previous, backoff_earlier; /* as those of the service below */
        struct trials trials[TRIALS_CAUSES_MAX]; /* by cause */
};

/* What is known of the files of a service, as last said. */
struct files_memory {
        enum files_state state;
        wall_usec_t changed; /* the latest change */
        uint64_t change; /* which it is */
        usec_t awaited_until; /* they are being looked at; 0: they are not */
        bool start_failed; /* in this incident: the first time they are looked at again */
        uint64_t rolled_back; /* the change that was last undone automatically; 0: none */
        uint64_t rolled_back_earlier; /* if the present attempt is taken back */
};

/* While a rollback is tried ahead of its turn: the step at which the ladder goes on after it. */
struct detour {
        int step; /* STEP_NONE: nothing is tried ahead */
        uint32_t attempts;
};

struct service_state {
        const struct service *policy;
        struct probe_status *probes;
        struct step_memory *steps; /* of each step of the ladder; see ladder_memory */
        struct case_file *file;

        enum health health;
        usec_t health_since, healthy_since; /* healthy_since 0: is not healthy */

        enum phase phase;
        usec_t phase_since;
        enum pace pace;
        enum guard held_by;
        usec_t timer; /* as last told to the shell */
        uint32_t last_rule;
        usec_t last_rule_at;
        uint32_t culprit;

        int step; /* ladder position; n_steps: spent */
        uint32_t passed_over; /* steps, as bits, that were useless in this incident */
        struct detour detour;
        uint32_t done_ahead; /* steps, as bits, whose turn came before it was theirs */
        struct files_memory files;
        usec_t stayed_healthy; /* before it failed */
        uint32_t step_attempts;
        uint32_t backoff_level;
        usec_t backoff_previous,
                backoff_delay; /* waited before the last attempt; planned for the next */
        usec_t backoff_earlier; /* backoff_previous, if the present attempt is taken back */
        usec_t next_attempt; /* 0: not planned yet */
        usec_t phase_deadline; /* of the present phase; USEC_INFINITY: none */
        usec_t died_at; /* when the main process last ended by itself; 0: never */
        uint64_t token; /* of the attempt under way; 0: none */
        struct budget budget;
        usec_t spent_at; /* when the present attempt spent budget; 0: it did not */

        uint64_t asked; /* probes, as bits, that a failing dependent waits for */
        usec_t asked_at;
        usec_t grace_until; /* start_grace */
        usec_t first_word_until; /* until then its manager may still have to say whether it runs */
        usec_t ignore_before; /* results of runs begun earlier tell nothing */
        usec_t pause_until;
        enum permit permit; /* of its pool, as last said */
        usec_t permit_until;
        usec_t deploy_until; /* its deploy lock exists, and holds until then; 0: there is none */
        uint32_t verdicts, n_verdicts; /* see flapping.h */
        usec_t verdict_at; /* when the last one counted */
        usec_t started_at; /* its last start, as far as is known */
        pid_t pid;
        bool paused, stopped, process_known, running, dead, has_evidence;
        bool stopped_outside; /* as its manager said last */
        bool manager_busy;
        bool flapping;
        bool deploy_overdue; /* as told: its deploy lock exists for too long */
        bool acted; /* the present attempt was carried out: what comes of it is a trial */
        bool first_start; /* the first start is what is planned */
        bool was_well; /* as last told to the dependents */
        bool was_down;
        bool was_failing; /* down, or in doubt */
        usec_t back_since; /* when it last ceased to be that; 0: it never was */
        bool dirty; /* the record changed in this turn */
        uint64_t incidents;
        uint64_t attempts_by_result[ATTEMPT_RESULT_COUNT];
};

struct recovery {
        const struct policy *policy;
        struct recovery_settings settings;
        struct service_state *services;
        struct probe_status *probes; /* of all services, in order */
        struct case_file *files;
        struct step_memory *steps; /* of all services, in order */
        usec_t *budget_times;
        struct budget host;
        struct budget *groups;
        struct suspicion suspicion;
        uint32_t trial; /* the service that is acted on while the suspicion is outlived; UINT32_MAX:
                           none yet */
        struct rng rng;
        uint64_t last_token;
        uint32_t trail[RECOVERY_TRAIL_MAX]; /* rows that fired in the last step */
        size_t n_trail;
        struct hold holds[HOLD_COUNT];
        bool executor_up, store_up;
};

/* carry.c: lengths of the arrays steps and budget_times. An array that is added here is a row of
 * image.c, too. */
size_t recovery_count_steps(const struct policy *policy);
size_t recovery_count_times(const struct policy *policy);

/* One input being worked on. */
struct turn {
        struct recovery *recovery;
        struct service_state *service;
        const struct input *input;
        struct instant now;
        struct effects *effects;
        char note[EVENT_TEXT_MAX]; /* said behind the sentence of the row that fires */
        const struct rule *rule; /* the row that is firing */
        uint32_t meant; /* ladder_meant before what is known of the files was taken */
};

/* turn.c: effects */
struct effect *effects_add(struct effects *effects, enum effect_kind kind, uint32_t service);
struct effect *turn_effect(struct turn *turn, enum effect_kind kind);
void turn_event(struct turn *turn, enum event_kind kind, int level, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void turn_reply(struct turn *turn, bool ok, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void turn_note(struct turn *turn, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* machine.c: finds and fires rows until the phase is not a passing one. */
void machine_feed(struct turn *turn, enum happening happening);

/* What a service is to its dependents. */
bool state_is_down(const struct service_state *service);
bool state_is_well(const struct service_state *service);
struct service_state *state_of(struct recovery *recovery, uint32_t service);

/* Its probes have to prove it well anew: what they said before tells nothing now. */
void state_doubt(struct service_state *service);
/* Its liveness as its probes and its process tell it. */
bool state_lives(const struct service_state *service);
/* Whether that failed, as far as was seen since the last doubt. */
bool state_liveness_failed(const struct service_state *service);
/* Whether nothing but the readiness fails, as far as its open incident goes. */
bool state_only_readiness_fails(const struct service_state *service);
/* Whether what was seen since the last doubt justifies an action. */
bool state_has_evidence(const struct service_state *service);

/* Since when it has stayed healthy; 0: it is not healthy now. */
usec_t state_healthy_since(const struct service_state *service);
/* When the failures began that make it fail now; `now` when no probe has shown any. */
usec_t state_failing_since(const struct service_state *service, usec_t now);

/* The ladder position as a step; NULL when it is spent. */
const struct step_spec *state_step(const struct service_state *service);
/* The step of the attempt under way; NULL when it is not of the ladder. */
const struct step_spec *state_attempt_step(const struct service_state *service);
/* How long an action may take, as the executor understands it too. */
usec_t state_action_timeout(const struct service_state *service);

/* Whether its file may hold anything. The file of a service that was always healthy is left
 * untouched, for reading it would map it. */
bool state_was_tried(const struct service_state *service);

/* Ends the present phase after `time`, though never at once: for a phase that follows itself. */
void state_extend(struct turn *turn, usec_t time);

/* When the service will next need INPUT_TIMER. */
usec_t state_due(const struct service_state *service, usec_t now);

/* guards.c: the first guard that holds, in the order of enum guard. `by_person` leaves out the
 * pause. */
enum guard guards_first(const struct recovery *recovery, const struct service_state *service,
        usec_t now, bool by_person, struct guard_status *ret);

/* The same for what a person asks for: a start interrupts nothing, so it needs no permit. */
enum guard guards_first_for_person(const struct recovery *recovery,
        const struct service_state *service, usec_t now, enum command_kind kind,
        struct guard_status *ret);

/* Whether one of them holds. */
bool guards_hold(const struct recovery *recovery, const struct service_state *service,
        enum guard guard, usec_t now);

/* The same for an attempt whose intent was written meanwhile: budgets were asked before. */
bool guards_overtake(
        const struct recovery *recovery, const struct service_state *service, usec_t now);

/* flapping.c: after a probe with this interval concluded, or its process ended. Returns whether the
 * service has just ceased to flap. */
bool flapping_update(struct turn *turn, usec_t interval);
/* Its score, in percent. */
double state_flapping(const struct service_state *service);
/* self_check.c: whether the agent suspects itself. */
void self_check_host(struct recovery *recovery, const struct host_signs *signs, struct instant now,
        struct effects *effects);
/* What an observation says about the agent. */
void self_check_observe(struct turn *turn, const struct observation *observation);
/* Draws the conclusion, which time alone may change. */
void self_check_judge(struct turn *turn);
/* Whether a failure that was seen just now counts as unknown. */
bool self_check_doubts(const struct turn *turn, const struct observation *observation);
bool self_check_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret);
void self_check_acting(struct turn *turn); /* an attempt of the ladder is planned */

/* conditions.c: when a row fits. */
#define CONDITION(name) bool name(const struct turn *turn)
CONDITION(if_action_is_stop);
CONDITION(if_backoff_pending);
CONDITION(if_by_person_stopped);
CONDITION(if_by_person_well);
CONDITION(if_dependencies_cleared);
CONDITION(if_dependencies_cleared_just_now);
CONDITION(if_dependencies_well);
CONDITION(if_dependency_down);
CONDITION(if_deployment_lasts);
CONDITION(if_dependency_is_just_back);
CONDITION(if_dependency_not_well);
CONDITION(if_died_since);
CONDITION(if_ends_otherwise);
CONDITION(if_escalates);
CONDITION(if_escalates_and_has_dependencies);
CONDITION(if_files_are_awaited);
CONDITION(if_files_matter);
CONDITION(if_guard_holds);
CONDITION(if_has_dependencies);
CONDITION(if_has_no_steps);
CONDITION(if_healed);
CONDITION(if_healthy);
CONDITION(if_incident_and_dependency_down);
CONDITION(if_ladder_spent);
CONDITION(if_lives_again);
CONDITION(if_judged_in_doubt);
CONDITION(if_long_healthy);
CONDITION(if_no_step_is_meant);
CONDITION(if_not_judged);
CONDITION(if_not_measured);
CONDITION(if_nothing_left_for_readiness);
CONDITION(if_only_not_ready);
CONDITION(if_overtaken);
CONDITION(if_person_refused);
CONDITION(if_step_is_failover);
CONDITION(if_step_is_notify);
CONDITION(if_started_meanwhile);
CONDITION(if_step_is_useless);
CONDITION(if_stop_by_person);
CONDITION(if_stopped_outside);
CONDITION(if_store_cap_spent);
CONDITION(if_undecided);
CONDITION(if_up_long_enough);

/* The first dependency that is down (or, with `well`, that is not well); UINT32_MAX: none. */
uint32_t conditions_culprit(const struct turn *turn, bool well);

/* incidents.c, causes.c, attempts.c, people.c: what a row does. */
#define STEP(name) void name(struct turn *turn)
STEP(open_incident);
STEP(open_and_ask);
STEP(open_and_settle);
STEP(note_culprit);
STEP(blame_dependency);
STEP(begin_settling);
STEP(settle_anew);
STEP(settle_longer);
STEP(look_anew);
STEP(give_up);
STEP(remind);
STEP(notify);
STEP(ask_failover);
STEP(pass_over);
STEP(close_healed);
STEP(forget_backoff);
STEP(escalate);
STEP(escalate_and_ask);
STEP(relax);
STEP(describe_anew);
STEP(describe_settled);
STEP(wait_for_files);
STEP(heed_files);
STEP(go_without_files);

STEP(plan_first_start);
STEP(wait_backoff);
STEP(hold);
STEP(hold_unrecorded);
STEP(plan_attempt);
STEP(act);
STEP(drop_attempt);
STEP(step_back);
STEP(put_off);
STEP(distrust);
STEP(begin_verifying);
STEP(verify_longer);
STEP(wait_min_uptime);
STEP(end_action_failed);
STEP(end_refused);
STEP(end_not_cured);
STEP(end_lives_again);
STEP(end_stopped);
STEP(end_superseded);
STEP(close_proven);

STEP(plan_by_person);
STEP(refuse_person);
STEP(refuse_busy);
STEP(refuse_ack);
STEP(reply_stopped);
STEP(acknowledge);
STEP(close_stopped);
STEP(forget_stop);
STEP(leave_stopped);
STEP(leave_to_group);
STEP(refuse_standby);
STEP(look_after_again);

/* Shared by them. */
void incident_close(struct turn *turn, enum incident_end end);
void incident_ensure(struct turn *turn); /* opens one when none is open */

/* causes.c: what the failure looks like, and what is more than that. */
void cause_describe(struct turn *turn); /* the open incident, by what was seen last */
/* The cause as it is known now; changes nothing. */
enum cause cause_now(const struct turn *turn);
void cause_review(struct turn *turn); /* describes it again where the cause is another by now */
void cause_take_files(struct turn *turn); /* notes what the input says of them */
/* Has the files compared anew; until they are, nothing is known of them. */
void cause_ask_files(struct turn *turn);
/* Whether a change of its files came so shortly before the open incident that it is to blame. */
bool state_blames_change(const struct service_state *service);

/* ladder.c: which step is next. */
void ladder_pass_over(struct turn *turn); /* the present step is of no use */
void ladder_enter(struct turn *turn); /* back to the first step that fits */
void ladder_plan_delay(struct turn *turn); /* on to the next step that fits, and when it is due */
struct step_memory *ladder_memory(const struct service_state *service, uint32_t index);
/* What is known of a step against a cause. */
struct trials *ladder_trials(const struct service_state *service, uint32_t index, int cause);
/* Whether what is known of its files may decide on the next step. */
bool ladder_heeds_files(const struct service_state *service);
/* The steps, as bits, that are for the open incident, however often they were tried. */
uint32_t ladder_meant(const struct service_state *service);
/* Back to the first step that was passed over and is for it by now; `meant` is ladder_meant of
 * before. Stays where it is when there is none. */
void ladder_back(struct turn *turn, uint32_t meant);
/* The same, and on to the next step that fits. One that stays the next one is due when it was. */
void ladder_reconsider(struct turn *turn, uint32_t meant);
/* Whether a step of the ladder may be tried in the open incident, and if not, why. */
enum step_fit ladder_fit(const struct service_state *service, uint32_t index, wall_usec_t now);
/* Notes whether the attempt that ends cured the cause of the incident. */
void ladder_learn(struct turn *turn, bool cured);
/* Notes that the present step is tried once more, or was not after all, for its own backoff. */
void ladder_count(struct turn *turn);
void ladder_discount(struct turn *turn);
void attempt_write(struct turn *turn, int step, enum action action, enum origin origin);
void attempt_end(struct turn *turn, enum attempt_result result, const char *text);
/* Whether it counts against the budgets: the executor counts alike. */
bool attempt_spends(const struct attempt *attempt);
