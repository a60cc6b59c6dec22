/* What surrounds the core while a scenario runs: probes on their intervals, a store and an executor
 * that answer as the script says, processes that live and die. Everything takes the time that is
 * written, nothing is left to chance. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "model/manager.h"
#include "tests/scenarios/scenario.h"
#include "tests/unit/support/core_world.h"

enum { PLANNED_MAX = 2048 };
#define PROBE_TIME (1 * USEC_PER_MSEC)
#define DIES_AGAIN_AFTER (500 * USEC_PER_MSEC)

enum planned_kind { STATEMENT, PROBE_BEGINS, PROBE_ENDS, SAVED, ACTION, ANSWER, DEATH, COMPARED };

struct planned {
        usec_t at; /* since the beginning */
        uint64_t order;
        enum planned_kind kind;
        uint32_t service, probe;
        uint64_t id; /* token, number of the run, or index of the statement */
        int action;
};

/* What makes a failing probe pass. */
enum cure { CURE_NONE = 0, CURE_START, CURE_RELOAD, CURE_SIGNAL, CURE_ROLLBACK };

struct probe_play {
        enum outcome outcome;
        enum cause cause;
        bool running, again;
        enum cure cured_by;
        usec_t began;
        uint64_t run;
        char detail[STATEMENT_TEXT_MAX];
};

struct service_play {
        bool up, by_action, busy;
        bool by_somebody, manager_busy;
        enum cause end; /* of its process, as CAUSE_EXITED where nothing is said */
        uint64_t change; /* since it was last good; 0: none */
        usec_t changed;
        bool nothing_known;
        char death[STATEMENT_TEXT_MAX]; /* how it last ended by itself; "": it did not */
        char dies_again[STATEMENT_TEXT_MAX]; /* "": it does not */
        struct probe_play *probes;
};

struct play {
        const struct scenario *scenario;
        struct world *world;
        struct service_play *services;
        struct probe_play *probes;
        struct planned planned[PLANNED_MAX];
        size_t n_planned;
        uint64_t order;
        bool ended, executor_here;
        struct statement saves, actions; /* how they answer at present */
        usec_t compare_time; /* 0: nobody answers */
        uint64_t changes;
        FILE *out;
};

static const struct policy *policy_of(const struct play *play) {
        return world_policy(play->world);
}

static usec_t now_of(const struct play *play) {
        return play->world->now.wall - WORLD_BEGIN_WALL;
}

static struct planned *plan(
        struct play *play, enum planned_kind kind, uint32_t service, usec_t in) {
        assert(play->n_planned < PLANNED_MAX);
        struct planned *planned = &play->planned[play->n_planned++];
        *planned = (struct planned){
                .at = now_of(play) + in,
                .order = play->order++,
                .kind = kind,
                .service = service,
        };
        return planned;
}

/* ---- Writing ---- */

static void write_line(struct play *play, uint32_t service, const char *what, const char *format,
        ...) __attribute__((format(printf, 4, 5)));

static void write_line(
        struct play *play, uint32_t service, const char *what, const char *format, ...) {
        va_list arguments;
        const char *name = service == UINT32_MAX ? "-" : policy_of(play)->services[service].name;
        fprintf(play->out, "  %11.6f %-10s %-16s ", (double) now_of(play) / 1e6, name, what);
        va_start(arguments, format);
        vfprintf(play->out, format, arguments);
        va_end(arguments);
        fputc('\n', play->out);
}

static void on_step(struct world *world) {
        struct play *play = world->cookie;
        const uint32_t *trail;
        size_t n = recovery_trail(world->recovery, &trail);
        if (n == 0) {
                return;
        }
        char text[8 * RECOVERY_TRAIL_MAX] = "";
        for (size_t i = 0; i < n; i++) {
                size_t used = strlen(text);
                snprintf(text + used, sizeof(text) - used, "%s%u", i ? " " : "", trail[i]);
        }
        write_line(play, world->stepped, "rows", "%s", text);
}

static void write_attempt(struct play *play, const struct effect *effect, const char *what) {
        const struct attempt *attempt = &effect->attempt.attempt;
        char delay[UNITS_TEXT_MAX];
        write_line(play, effect->service, what, "%s, attempt %u of %s after %s",
                action_text((enum action) attempt->action), attempt->number,
                origin_text((enum origin) attempt->origin),
                units_format_duration(attempt->delay, delay));
}

static void write_timer(struct play *play, const struct effect *effect) {
        if (effect->at == USEC_INFINITY) {
                write_line(play, effect->service, "timer", "none");
                return;
        }
        char in[UNITS_TEXT_MAX];
        write_line(play, effect->service, "timer", "in %s",
                units_format_duration(usec_sub(effect->at, play->world->now.mono), in));
}

static void write_measured(struct play *play, const struct effect *effect) {
        char time[UNITS_TEXT_MAX];
        write_line(play, effect->service, "measured", "%s in %s",
                effect->measured.what == MEASURED_DETECTION ? "detected" : "recovered",
                units_format_duration(effect->measured.duration, time));
}

static void write_effect(struct play *play, const struct effect *effect) {
        switch (effect->kind) {
        case EFFECT_EVENT:
                write_line(play, effect->service,
                        event_kind_text((enum event_kind) effect->event.kind), "%s",
                        effect->event.text);
                return;
        case EFFECT_SAVE:
                write_attempt(play, effect, "save");
                return;
        case EFFECT_ACT:
                write_attempt(play, effect, "act");
                return;
        case EFFECT_TIMER:
                write_timer(play, effect);
                return;
        case EFFECT_PROBE:
                write_line(play, effect->service, "probe", "at once");
                return;
        case EFFECT_PACE:
                write_line(play, effect->service, "pace", "%s",
                        pace_text(world_status(play->world, effect->service).pace));
                return;
        case EFFECT_REPLY:
                write_line(play, effect->service, effect->reply.ok ? "reply" : "refusal", "%s",
                        effect->reply.text);
                return;
        case EFFECT_MEASURED:
                write_measured(play, effect);
                return;
        case EFFECT_INCIDENT: /* what is written down says what the events say */
        case EFFECT_RECORD:
        case EFFECT_ATTEMPT:
        case EFFECT_DEPENDENTS:
        case EFFECT_GUARDS:
        case EFFECT_TRIALS:
                return;
        case EFFECT_FAILOVER:
                write_line(play, effect->service, "failover", "is asked for");
                return;
        case EFFECT_FILES:
                write_line(play, effect->service, "changes", "are looked for");
                return;
        }
}

/* ---- Probes ---- */

static struct probe_play *probe_of(struct play *play, uint32_t service, uint32_t probe) {
        return &play->services[service].probes[probe];
}

static usec_t interval_of(const struct play *play, uint32_t service, uint32_t probe) {
        const struct probe_spec *spec = &policy_of(play)->services[service].probes[probe];
        switch (world_status(play->world, service).pace) {
        case PACE_NORMAL:
                return spec->interval;
        case PACE_FAST:
                return spec->fast_interval;
        case PACE_DOWN:
                return spec->down_interval;
        }
        return spec->interval;
}

static void plan_run(struct play *play, uint32_t service, uint32_t probe, usec_t in) {
        struct planned *planned = plan(play, PROBE_BEGINS, service, in);
        planned->probe = probe;
        planned->id = ++probe_of(play, service, probe)->run;
}

/* Once more: what was planned before is overtaken. */
static void hurry(struct play *play, uint32_t service, bool at_once) {
        for (uint32_t i = 0; i < policy_of(play)->services[service].n_probes; i++) {
                struct probe_play *probe = probe_of(play, service, i);
                usec_t next = probe->began + interval_of(play, service, i);
                if (probe->running) {
                        probe->again |= at_once;
                } else {
                        plan_run(play, service, i, at_once ? 0 : usec_sub(next, now_of(play)));
                }
        }
}

static bool is_process_probe(const struct play *play, uint32_t service, uint32_t probe) {
        return policy_of(play)->services[service].probes[probe].implied;
}

static void begin_probe(struct play *play, const struct planned *planned) {
        struct probe_play *probe = probe_of(play, planned->service, planned->probe);
        if (probe->run != planned->id || probe->running) {
                return;
        }
        const struct probe_spec *spec =
                &policy_of(play)->services[planned->service].probes[planned->probe];
        bool late = probe->outcome == OUTCOME_TIMEOUT && play->services[planned->service].up;
        probe->running = true;
        probe->began = now_of(play);
        struct planned *end =
                plan(play, PROBE_ENDS, planned->service, late ? spec->timeout : PROBE_TIME);
        end->probe = planned->probe;
        end->id = planned->id;
}

static void conclude(
        const struct play *play, uint32_t service, uint32_t index, struct observation *ret) {
        const struct probe_play *probe = &play->services[service].probes[index];
        bool managed = policy_of(play)->services[service].manager != MANAGER_NONE;
        bool gone = managed && !play->services[service].up;
        if (is_process_probe(play, service, index)) {
                ret->outcome = gone ? OUTCOME_FAIL : OUTCOME_PASS;
                ret->cause = gone ? CAUSE_EXITED : CAUSE_NONE;
                ret->certain = gone;
                str_copy(ret->detail, sizeof(ret->detail), gone ? "not running" : "running");
                return;
        }
        ret->outcome = gone ? OUTCOME_FAIL : probe->outcome;
        ret->cause = gone ? CAUSE_UNRESPONSIVE : probe->cause;
        str_copy(ret->detail, sizeof(ret->detail), gone ? "connection refused" : probe->detail);
}

static void end_probe(struct play *play, const struct planned *planned) {
        struct probe_play *probe = probe_of(play, planned->service, planned->probe);
        if (probe->run != planned->id || !probe->running) {
                return;
        }
        struct observation observation = {
                .service = planned->service,
                .probe = planned->probe,
                .at = play->world->now,
                .duration = now_of(play) - probe->began,
        };
        conclude(play, planned->service, planned->probe, &observation);
        probe->running = false;
        world_feed_observation(play->world, &observation);
        if (!probe->running) {
                usec_t next = probe->began + interval_of(play, planned->service, planned->probe);
                bool again = probe->again;
                probe->again = false;
                plan_run(play, planned->service, planned->probe,
                        again ? 0 : usec_sub(next, now_of(play)));
        }
}

/* ---- Processes and actions ---- */

static void tell_process(struct play *play, uint32_t service, usec_t age) {
        const struct service_play *one = &play->services[service];
        struct input input = {
                .kind = INPUT_PROCESS,
                .service = service,
                .process = {.running = one->up,
                        .expected = !one->up && one->by_action,
                        .by_person = one->by_somebody,
                        .busy = one->manager_busy,
                        .pid = one->up ? 100 : 0,
                        .age = age},
        };
        if (policy_of(play)->services[service].manager == MANAGER_NONE || !play->executor_here) {
                return;
        }
        if (!one->up) {
                input.process.end = one->end;
                str_copy(input.process.text, sizeof(input.process.text), one->death);
        }
        world_feed(play->world, &input);
}

static void stop_process(struct play *play, uint32_t service, const char *how) {
        struct service_play *one = &play->services[service];
        one->up = one->by_somebody = one->manager_busy = false;
        one->by_action = str_empty(how);
        str_copy(one->death, sizeof(one->death), str_empty(how) ? "" : how);
        tell_process(play, service, 0);
}

/* Down, and not by itself: somebody stopped it, or its manager is at it. */
static void take_down(struct play *play, const struct statement *statement) {
        struct service_play *one = &play->services[statement->service];
        one->up = one->by_action = false;
        one->by_somebody = statement->verb == VERB_STOPPED_OUTSIDE;
        one->manager_busy = statement->verb == VERB_MANAGER_BUSY;
        str_copy(one->death, sizeof(one->death), statement->text);
        tell_process(play, statement->service, 0);
}

static void cure(struct play *play, uint32_t service, enum cure by) {
        for (uint32_t i = 0; i < policy_of(play)->services[service].n_probes; i++) {
                struct probe_play *probe = &play->services[service].probes[i];
                if (probe->cured_by == by) {
                        *probe = (struct probe_play){
                                .outcome = OUTCOME_PASS,
                                .running = probe->running,
                                .began = probe->began,
                                .run = probe->run,
                        };
                }
        }
}

static void start_process(struct play *play, uint32_t service) {
        struct service_play *one = &play->services[service];
        one->up = true;
        one->by_somebody = one->manager_busy = false;
        one->end = CAUSE_NONE;
        one->death[0] = '\0';
        cure(play, service, CURE_START);
        tell_process(play, service, 0);
        if (one->dies_again[0]) {
                plan(play, DEATH, service, DIES_AGAIN_AFTER);
        }
}

/* Half way through the time that the action takes. */
static void carry_out(struct play *play, uint32_t service, int action) {
        bool restart = action == ACTION_RESTART || action == ACTION_ROLLBACK;
        if (play->actions.verb != VERB_ACTIONS_SUCCEED && play->actions.verb != VERB_ACTIONS_LOST) {
                return;
        }
        if ((restart || action == ACTION_STOP) && play->services[service].up) {
                stop_process(play, service, NULL);
        }
        if (action == ACTION_ROLLBACK) {
                play->services[service].change = 0;
                cure(play, service, CURE_ROLLBACK);
        }
        if (restart || (action == ACTION_START && !play->services[service].up)) {
                start_process(play, service);
        }
        if (action_traits(action)->needs_running && play->services[service].up) {
                cure(play, service, action == ACTION_RELOAD ? CURE_RELOAD : CURE_SIGNAL);
        }
}

static void answer(struct play *play, const struct planned *planned) {
        enum verb verb = play->actions.verb;
        struct input input = {
                .kind = INPUT_OUTCOME,
                .service = planned->service,
                .outcome = {.token = planned->id,
                        .ok = verb == VERB_ACTIONS_SUCCEED,
                        .refused = verb == VERB_ACTIONS_REFUSED || verb == VERB_ACTIONS_LATER,
                        .retry = verb == VERB_ACTIONS_LATER,
                        .lost = verb == VERB_ACTIONS_LOST},
        };
        str_copy(input.outcome.text, sizeof(input.outcome.text), play->actions.text);
        play->services[planned->service].busy = false;
        world_feed(play->world, &input);
}

static void tell_changes(struct play *play, uint32_t service) {
        const struct service_play *one = &play->services[service];
        if (one->nothing_known) {
                world_files_unknown(play->world, service);
        } else {
                world_files(
                        play->world, service, one->change, usec_sub(now_of(play), one->changed));
        }
}

static void change(struct play *play, const struct statement *statement) {
        struct service_play *one = &play->services[statement->service];
        one->nothing_known = statement->verb == VERB_NOTHING_KNOWN;
        play->changes += statement->verb == VERB_CHANGED;
        bool changed = statement->verb == VERB_CHANGED || statement->verb == VERB_CHANGED_AS_BEFORE;
        one->change = changed ? play->changes : 0;
        one->changed = now_of(play);
}

static void on_effect(struct world *world, const struct effect *effect) {
        struct play *play = world->cookie;
        write_effect(play, effect);
        if (effect->kind == EFFECT_PROBE) {
                hurry(play, effect->service, true);
        } else if (effect->kind == EFFECT_PACE) {
                hurry(play, effect->service, false);
        } else if (effect->kind == EFFECT_SAVE && play->saves.verb != VERB_SAVES_NEVER) {
                plan(play, SAVED, effect->service, play->saves.time)->id = effect->attempt.token;
        } else if (effect->kind == EFFECT_FILES && play->compare_time > 0) {
                plan(play, COMPARED, effect->service, play->compare_time);
        } else if (effect->kind == EFFECT_ACT) {
                play->services[effect->service].busy = true;
                if (play->actions.verb != VERB_ACTIONS_NEVER) {
                        usec_t time = play->actions.time;
                        plan(play, ACTION, effect->service, time / 2)->action =
                                effect->attempt.attempt.action;
                        plan(play, ANSWER, effect->service, time)->id = effect->attempt.token;
                }
        }
}

/* ---- Statements ---- */

static enum cure cure_for(enum verb verb) {
        static const struct {
                enum verb verb;
                enum cure cure;
        } cures[] = {
                {VERB_FAILS_UNTIL_RESTARTED, CURE_START},
                {VERB_FAILS_UNTIL_RELOADED, CURE_RELOAD},
                {VERB_FAILS_UNTIL_SIGNALLED, CURE_SIGNAL},
                {VERB_FAILS_UNTIL_ROLLED_BACK, CURE_ROLLBACK},
        };
        for (size_t i = 0; i < ELEMENTSOF(cures); i++) {
                if (cures[i].verb == verb) {
                        return cures[i].cure;
                }
        }
        return CURE_NONE;
}

static void set_probes(struct play *play, const struct statement *statement, enum outcome outcome,
        enum cause cause) {
        const struct service *service = &policy_of(play)->services[statement->service];
        for (uint32_t i = 0; i < service->n_probes; i++) {
                bool named = statement->probe == i ||
                             (statement->probe == EVERY_PROBE && !service->probes[i].implied);
                struct probe_play *probe = probe_of(play, statement->service, i);
                if (named) {
                        probe->outcome = outcome;
                        probe->cause = cause;
                        probe->cured_by = cure_for(statement->verb);
                        str_copy(probe->detail, sizeof(probe->detail),
                                outcome == OUTCOME_TIMEOUT ? "no answer in time" : statement->text);
                }
        }
}

static void look_at_held(struct play *play) {
        for (uint32_t i = 0; i < policy_of(play)->n_services; i++) {
                world_guards(play->world, i);
        }
}

static void executor_returns(struct play *play, usec_t age) {
        play->executor_here = true;
        for (uint32_t i = 0; i < policy_of(play)->n_services; i++) {
                tell_process(play, i, age);
                if (world_phase(play->world, i) == PHASE_ACTING && !play->services[i].busy) {
                        world_answers(play->world, i, ANSWER_LOST);
                }
        }
        world_executor(play->world, true);
        look_at_held(play);
}

static void restart_agent(struct play *play, usec_t gap, bool reboot) {
        struct world_restart how = {.gap = gap, .reboot = reboot};
        write_line(play, UINT32_MAX, reboot ? "reboot" : "killed", "the agent is gone");
        world_restart(play->world, &how);
        write_line(play, UINT32_MAX, "begin", "the agent is back");
        for (uint32_t i = 0; i < policy_of(play)->n_services; i++) {
                if (reboot) {
                        play->services[i].up = play->services[i].busy = false;
                        play->services[i].death[0] = '\0';
                        play->services[i].by_action = false;
                }
                for (uint32_t p = 0; p < policy_of(play)->services[i].n_probes; p++) {
                        probe_of(play, i, p)->running = probe_of(play, i, p)->again = false;
                        plan_run(play, i, p, PROBE_TIME);
                }
        }
        executor_returns(play, USEC_PER_HOUR);
}

static void command(struct play *play, const struct statement *statement) {
        static const enum command_kind kinds[] = {
                [VERB_PAUSE] = COMMAND_PAUSE,
                [VERB_RESUME] = COMMAND_RESUME,
                [VERB_ACK] = COMMAND_ACK,
                [VERB_RESTART] = COMMAND_RESTART,
                [VERB_START] = COMMAND_START,
                [VERB_STOP] = COMMAND_STOP,
        };
        world_command(play->world, statement->service, kinds[statement->verb], statement->time);
}

static void set_store(struct play *play, bool works) {
        world_store(play->world, works);
        if (works) {
                look_at_held(play);
        }
}

/* What the agent sees of the host, every LOOK_INTERVAL. */
static void look_at_host(struct play *play, const struct statement *statement) {
        struct host_signs signs = {.pressure_known = true, .memory_known = true};
        enum verb verb = statement->verb;
        signs.available_percent = verb == VERB_SHORT_OF_MEMORY ? 1 : 50;
        signs.memory_percent = verb == VERB_SHORT_OF_MEMORY ? 60 : 0;
        signs.cpu_percent = verb == VERB_STARVED ? 99 : 0;
        signs.late = verb == VERB_STARVED ? statement->time : 0;
        signs.clock_jump = verb == VERB_CLOCK_IS_SET ? (int64_t) statement->time : 0;
        signs.stalled = verb == VERB_STANDS_STILL ? statement->time : 0;
        world_host(play->world, &signs);
}

static void set_outcome(struct play *play, const struct statement *statement) {
        enum verb verb = statement->verb;
        enum outcome outcome = verb == VERB_TIMES_OUT  ? OUTCOME_TIMEOUT
                               : verb == VERB_PASSES   ? OUTCOME_PASS
                               : verb == VERB_DEGRADED ? OUTCOME_DEGRADED
                                                       : OUTCOME_UNKNOWN;
        set_probes(
                play, statement, outcome, verb == VERB_TIMES_OUT ? CAUSE_UNRESPONSIVE : CAUSE_NONE);
}

static void set_failing(struct play *play, const struct statement *statement) {
        set_probes(play, statement, OUTCOME_FAIL,
                statement->cause ? (enum cause) statement->cause : CAUSE_WRONG_ANSWER);
}

static void die(struct play *play, const struct statement *statement) {
        play->services[statement->service].end = (enum cause) statement->cause;
        stop_process(play, statement->service, statement->text);
}

static void set_executor(struct play *play, bool here) {
        if (here) {
                executor_returns(play, USEC_PER_HOUR);
                return;
        }
        play->executor_here = false;
        world_executor(play->world, false);
}

static void hold_for_packages(struct play *play, bool at_work) {
        usec_t most = world_policy(play->world)->agent.hold_at_most;
        world_hold(play->world, HOLD_PACKAGES, at_work ? most : 0);
}

static void obey(struct play *play, const struct statement *statement) {
        switch (statement->verb) {
        case VERB_STOPPED_AT_FIRST: /* was looked at in the beginning */
                return;
        case VERB_FAILS:
        case VERB_FAILS_UNTIL_RESTARTED:
        case VERB_FAILS_UNTIL_RELOADED:
        case VERB_FAILS_UNTIL_SIGNALLED:
        case VERB_FAILS_UNTIL_ROLLED_BACK:
                set_failing(play, statement);
                return;
        case VERB_TIMES_OUT:
        case VERB_PASSES:
        case VERB_UNKNOWN:
        case VERB_DEGRADED:
                set_outcome(play, statement);
                return;
        case VERB_DIES:
                die(play, statement);
                return;
        case VERB_DIES_AGAIN:
                str_copy(play->services[statement->service].dies_again,
                        sizeof(play->services[statement->service].dies_again), statement->text);
                return;
        case VERB_RUNS:
                start_process(play, statement->service);
                return;
        case VERB_STOPPED_OUTSIDE:
        case VERB_MANAGER_BUSY:
                take_down(play, statement);
                return;
        case VERB_PAUSE:
        case VERB_RESUME:
        case VERB_ACK:
        case VERB_RESTART:
        case VERB_START:
        case VERB_STOP:
                command(play, statement);
                return;
        case VERB_SAVES_ANSWER:
        case VERB_SAVES_FAIL:
        case VERB_SAVES_NEVER:
                play->saves = *statement;
                return;
        case VERB_ACTIONS_SUCCEED:
        case VERB_ACTIONS_FAIL:
        case VERB_ACTIONS_REFUSED:
        case VERB_ACTIONS_LATER:
        case VERB_ACTIONS_LOST:
        case VERB_ACTIONS_NEVER:
                play->actions = *statement;
                return;
        case VERB_EXECUTOR_LEAVES:
        case VERB_EXECUTOR_RETURNS:
                set_executor(play, statement->verb == VERB_EXECUTOR_RETURNS);
                return;
        case VERB_STANDS_STILL:
        case VERB_STARVED:
        case VERB_SHORT_OF_MEMORY:
        case VERB_CLOCK_IS_SET:
                look_at_host(play, statement);
                return;
        case VERB_STORE_BREAKS:
        case VERB_STORE_WORKS:
                set_store(play, statement->verb == VERB_STORE_WORKS);
                return;
        case VERB_PACKAGES:
        case VERB_PACKAGES_DONE:
                hold_for_packages(play, statement->verb == VERB_PACKAGES);
                return;
        case VERB_DEPLOY:
        case VERB_DEPLOYED:
        case VERB_GROUP_ACTIVE:
        case VERB_GROUP_STANDBY:
        case VERB_HOLD:
        case VERB_RELEASE:
        case VERB_CRASHES:
                others_say(play->world, statement);
                return;
        case VERB_CHANGED:
        case VERB_CHANGED_AS_BEFORE:
        case VERB_RECOVERY_POINT:
        case VERB_NOTHING_KNOWN:
                change(play, statement);
                return;
        case VERB_COMPARED:
                play->compare_time = statement->time;
                return;
        case VERB_KILLED:
        case VERB_REBOOTS:
                restart_agent(play, statement->time, statement->verb == VERB_REBOOTS);
                return;
        case VERB_END:
                play->ended = true;
                return;
        }
}

static void happen(struct play *play, const struct planned *planned) {
        switch (planned->kind) {
        case STATEMENT:
                obey(play, &play->scenario->statements[planned->id]);
                return;
        case PROBE_BEGINS:
                begin_probe(play, planned);
                return;
        case PROBE_ENDS:
                end_probe(play, planned);
                return;
        case SAVED:
                world_feed(
                        play->world, &(struct input){
                                             .kind = INPUT_SAVED,
                                             .service = planned->service,
                                             .saved = {.token = planned->id,
                                                     .ok = play->saves.verb == VERB_SAVES_ANSWER},
                                     });
                return;
        case ACTION:
                carry_out(play, planned->service, planned->action);
                return;
        case ANSWER:
                answer(play, planned);
                return;
        case COMPARED:
                tell_changes(play, planned->service);
                return;
        case DEATH:
                if (play->services[planned->service].up) {
                        stop_process(play, planned->service,
                                play->services[planned->service].dies_again);
                }
                return;
        }
}

/* ---- One run ---- */

static size_t earliest(const struct play *play) {
        size_t best = 0;
        for (size_t i = 1; i < play->n_planned; i++) {
                const struct planned *a = &play->planned[i], *b = &play->planned[best];
                if (a->at < b->at || (a->at == b->at && a->order < b->order)) {
                        best = i;
                }
        }
        return best;
}

static void begin(struct play *play) {
        const struct scenario *scenario = play->scenario;
        bool stopped =
                scenario->n_statements > 0 && scenario->statements[0].verb == VERB_STOPPED_AT_FIRST;
        for (size_t i = 0; i < scenario->n_statements; i++) {
                plan(play, STATEMENT, UINT32_MAX, scenario->statements[i].at)->id = i;
        }
        struct probe_play *probes = play->probes;
        for (uint32_t i = 0; i < policy_of(play)->n_services; i++) {
                play->services[i].up = !stopped;
                play->services[i].probes = probes;
                probes += policy_of(play)->services[i].n_probes;
                for (uint32_t p = 0; p < policy_of(play)->services[i].n_probes; p++) {
                        probe_of(play, i, p)->outcome = OUTCOME_PASS;
                        plan_run(play, i, p, PROBE_TIME);
                }
        }
        executor_returns(play, USEC_PER_HOUR);
}

static void run(struct play *play) {
        begin(play);
        while (play->n_planned > 0 && !play->ended) {
                size_t i = earliest(play);
                struct planned next = play->planned[i];
                usec_t timer = usec_sub(world_next_timer(play->world), play->world->now.mono);
                if (timer < usec_sub(next.at, now_of(play))) { /* it may plan something earlier */
                        world_advance(play->world, timer);
                        continue;
                }
                play->planned[i] = play->planned[--play->n_planned];
                world_advance(play->world, usec_sub(next.at, now_of(play)));
                happen(play, &next);
        }
}

void scenario_run(struct scenario *scenario, FILE *out) {
        AUTO_FREE struct play *play = calloc(1, sizeof(*play));
        assert(play);
        play->scenario = scenario;
        play->out = out;
        play->saves = (struct statement){.verb = VERB_SAVES_ANSWER, .time = USEC_PER_MSEC};
        play->compare_time = 50 * USEC_PER_MSEC;
        play->actions =
                (struct statement){.verb = VERB_ACTIONS_SUCCEED, .time = 200 * USEC_PER_MSEC};
        play->world = world_new(TAKE_PTR(scenario->policy), 1);
        play->world->cookie = play;
        play->world->on_step = on_step;
        play->world->on_effect = on_effect;
        play->services = calloc(policy_of(play)->n_services, sizeof(*play->services));
        play->probes = calloc(policy_of(play)->n_probes, sizeof(*play->probes));
        assert(play->services && play->probes);
        run(play);
        free(play->services);
        free(play->probes);
        world_free(play->world);
}
