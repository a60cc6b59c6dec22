#pragma once
/* The inside of the core: what it remembers of each service, and the turn that an input gets.
 * Private to agent/recovery. */

#include "base/rng.h"
#include "recovery/budget.h"
#include "recovery/recovery.h"
#include "recovery/rules.h"

enum {
        STORE_DEGRADED_ACTIONS =
                3, /* of one service an hour while intents cannot be written down */
        RULE_HOPS_MAX = 64, /* rows that one happening may fire, asserted */
};

/* How long a put-off action waits before it is asked for again. */
#define PUT_OFF_DELAY (1 * USEC_PER_SEC)
/* How long after its own deadline the executor's word is still awaited. */
#define EXECUTOR_MARGIN (10 * USEC_PER_SEC)

/* Large and rarely needed: kept apart, so that a healthy service costs no memory for it. */
struct case_file {
        struct incident incident; /* the open one; id 0: none */
        struct attempt attempt; /* the present or last one; intended 0: none */
        struct observation evidence;
        char pause_by[64], pause_reason[128];
        char manager_text[OBSERVATION_DETAIL_MAX]; /* what its manager is doing, while it is busy */
};

struct service_state {
        const struct service *policy;
        struct probe_status *probes;
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
        pid_t pid;
        bool paused, stopped, process_known, running, dead, has_evidence;
        bool stopped_outside; /* as its manager said last */
        bool manager_busy;
        bool first_start; /* the first start is what is planned */
        bool was_well; /* as last told to the dependents */
        bool was_down;
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
        usec_t *budget_times;
        struct budget host;
        struct rng rng;
        uint64_t last_token;
        uint32_t trail[RECOVERY_TRAIL_MAX]; /* rows that fired in the last step */
        size_t n_trail;
        bool executor_up, store_up;
};

/* One input being worked on. */
struct turn {
        struct recovery *recovery;
        struct service_state *service;
        const struct input *input;
        struct instant now;
        struct effects *effects;
        char note[EVENT_TEXT_MAX]; /* said behind the sentence of the row that fires */
        const struct rule *rule; /* the row that is firing */
};

/* turn.c: effects */
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
/* Since when it has stayed healthy; 0: it is not healthy now. */
usec_t state_healthy_since(const struct service_state *service);

/* The ladder position as a step; NULL when it is spent. */
const struct step_spec *state_step(const struct service_state *service);
/* The step of the attempt under way; NULL when it is not of the ladder. */
const struct step_spec *state_attempt_step(const struct service_state *service);
/* How long an action may take, as the executor understands it too. */
usec_t state_action_timeout(const struct service_state *service);

/* Ends the present phase after `time`, though never at once: for a phase that follows itself. */
void state_extend(struct turn *turn, usec_t time);

/* When the service will next need INPUT_TIMER. */
usec_t state_due(const struct service_state *service, usec_t now);

/* guards.c: the first guard that holds, in the order of enum guard. `by_person` leaves out the
 * pause. */
enum guard guards_first(const struct recovery *recovery, const struct service_state *service,
        usec_t now, bool by_person, struct guard_status *ret);

/* conditions.c: when a row fits. */
#define CONDITION(name) bool name(const struct turn *turn)
CONDITION(if_action_is_stop);
CONDITION(if_backoff_pending);
CONDITION(if_by_person_stopped);
CONDITION(if_by_person_well);
CONDITION(if_dependencies_cleared);
CONDITION(if_dependencies_well);
CONDITION(if_dependency_down);
CONDITION(if_dependency_not_well);
CONDITION(if_died_since);
CONDITION(if_guard_holds);
CONDITION(if_has_dependencies);
CONDITION(if_has_no_steps);
CONDITION(if_healed);
CONDITION(if_healthy);
CONDITION(if_incident_and_dependency_down);
CONDITION(if_ladder_spent);
CONDITION(if_long_healthy);
CONDITION(if_not_judged);
CONDITION(if_not_measured);
CONDITION(if_overtaken);
CONDITION(if_person_refused);
CONDITION(if_step_is_notify);
CONDITION(if_stop_by_person);
CONDITION(if_stopped_outside);
CONDITION(if_store_cap_spent);

/* The first dependency that is down (or, with `well`, that is not well); UINT32_MAX: none. */
uint32_t conditions_culprit(const struct turn *turn, bool well);

/* incidents.c, attempts.c, people.c: what a row does. */
#define STEP(name) void name(struct turn *turn)
STEP(open_incident);
STEP(open_and_ask);
STEP(note_culprit);
STEP(begin_settling);
STEP(settle_longer);
STEP(give_up);
STEP(notify);
STEP(close_healed);
STEP(forget_backoff);

STEP(plan_first_start);
STEP(wait_backoff);
STEP(hold);
STEP(hold_unrecorded);
STEP(plan_attempt);
STEP(act);
STEP(drop_attempt);
STEP(step_back);
STEP(put_off);
STEP(begin_verifying);
STEP(verify_longer);
STEP(end_action_failed);
STEP(end_refused);
STEP(end_not_cured);
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
STEP(look_after_again);

/* Shared by them. */
void incident_close(struct turn *turn, enum incident_end end);
void incident_ensure(struct turn *turn); /* opens one when none is open */
void ladder_enter(struct turn *turn); /* back to the first step */
void ladder_skip(struct turn *turn); /* past steps that are spent or not for this cause */
void ladder_plan_delay(struct turn *turn);
void attempt_write(struct turn *turn, int step, enum action action, enum origin origin);
void attempt_end(struct turn *turn, enum attempt_result result, const char *text);
/* Whether it counts against the budgets: the executor counts alike. */
bool attempt_spends(const struct attempt *attempt);
