#include "support/core_chaos.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/str.h"
#include "model/manager.h"
#include "recovery/backoff.h"
#include "support/core_world.h"
#include "support/random_policy.h"

enum {
        EVENTS_MAX = 128,
        ACTS_MAX = 512, /* of one service in one run */
        RELOADS_MAX = 5,
};
#define TROUBLE_TIME (15 * USEC_PER_MINUTE)
#define QUIET_TIME (40 * USEC_PER_MINUTE)

enum event_of_chaos { PROBE, SAVED, ANSWER, DISTURB, COMMAND, HOST, KILL, RELOAD };

/* Times are on the wall clock, which no restart turns back here. */
struct planned {
        wall_usec_t at;
        uint64_t order;
        enum event_of_chaos what;
        uint32_t service, probe;
        uint64_t token;
        int action;
};

struct act { /* an action of the ladder that was carried out, or may have been */
        wall_usec_t at; /* of its intent */
        uint64_t token;
        bool unrecorded;
};

struct actor { /* a service as it truly is, and what was seen of it */
        bool up, sick, deaf, busy;
        bool crashed, ended_by_action; /* why it is not up; neither: it never was */
        bool stopped_outside, manager_busy; /* or one of these */
        uint64_t saved_token, acted_token;
        bool save_failed, evidence;
        wall_usec_t evidence_from, ended_at;
        bool ended; /* an attempt of the ladder did, and the next one has to wait */
        struct act acts[ACTS_MAX];
        size_t n_acts;
        uint64_t begun, finished; /* attempts */
        uint64_t generation[RANDOM_PROBES_MAX]; /* of the chain of probe runs */
};

struct chaos {
        uint64_t seed;
        struct rng rng;
        struct world *world;
        struct actor actors[RANDOM_SERVICES_MAX];
        uint32_t n;
        struct planned events[EVENTS_MAX];
        size_t n_events;
        uint64_t order;
        uint64_t last_token;
        wall_usec_t agent_since;
        bool executor_up, store_up, quiet, tracing;
        unsigned reloads;
        struct chaos_tally *tally;
};

__attribute__((noreturn, format(printf, 2, 3))) static void broken(
        const struct chaos *chaos, const char *format, ...) {
        va_list arguments;
        fprintf(stderr, "seed %" PRIu64 " at %.6fs: ", chaos->seed,
                (double) (chaos->world->now.wall - WORLD_BEGIN_WALL) / 1e6);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
        _exit(1); /* not through the sanitizer's search for leaks */
}

/* For a person who looks into one seed. */
static void trace(const struct chaos *chaos, uint32_t service, const char *text) {
        if (chaos->tracing) {
                fprintf(stderr, "%12.6f s%" PRIu32 " %s\n",
                        (double) (chaos->world->now.wall - WORLD_BEGIN_WALL) / 1e6, service, text);
        }
}

static bool chance(struct chaos *chaos, unsigned percent) {
        return rng_below(&chaos->rng, 100) < percent;
}

static usec_t between(struct chaos *chaos, usec_t least, usec_t most) {
        return least + rng_below(&chaos->rng, most - least + 1);
}

static const char *name_of(const struct chaos *chaos, uint32_t service) {
        return world_policy(chaos->world)->services[service].name;
}

/* ---- Planning ---- */

static struct planned *plan(struct chaos *chaos, enum event_of_chaos what, usec_t in) {
        if (chaos->n_events == EVENTS_MAX) {
                broken(chaos, "too much is planned");
        }
        struct planned *planned = &chaos->events[chaos->n_events++];
        *planned = (struct planned){
                .at = chaos->world->now.wall + in,
                .order = chaos->order++,
                .what = what,
        };
        return planned;
}

static void plan_probe(struct chaos *chaos, uint32_t service, uint32_t probe, usec_t in) {
        struct planned *planned = plan(chaos, PROBE, in);
        planned->service = service;
        planned->probe = probe;
        planned->token = ++chaos->actors[service].generation[probe];
}

static size_t earliest(const struct chaos *chaos) {
        size_t best = 0;
        for (size_t i = 1; i < chaos->n_events; i++) {
                const struct planned *a = &chaos->events[i], *b = &chaos->events[best];
                if (a->at < b->at || (a->at == b->at && a->order < b->order)) {
                        best = i;
                }
        }
        return best;
}

/* ---- What must hold ---- */

static bool is_down(const struct chaos *chaos, uint32_t service) {
        struct service_status status = world_status(chaos->world, service);
        return status.phase != PHASE_WATCHING || status.health == HEALTH_FAILED;
}

static void check_token(struct chaos *chaos, uint64_t token, const struct attempt *attempt) {
        if (token <= chaos->last_token) {
                broken(chaos, "token %" PRIu64 " came before", token);
        }
        if (token != attempt->intended) {
                broken(chaos, "token and time of intention differ");
        }
        chaos->last_token = token;
}

static void check_delay(struct chaos *chaos, uint32_t service, const struct attempt *attempt) {
        const struct actor *actor = &chaos->actors[service];
        struct service_status status = world_status(chaos->world, service);
        usec_t least, most;
        backoff_bounds(&status.policy->backoff, status.backoff_level, &least, &most);
        bool walks =
                status.policy->backoff.jitter == JITTER_DECORRELATED && status.backoff_level > 1;
        if (walks) { /* the delay before may be one that was planned and never waited */
                most = status.policy->backoff.max;
        }
        if (attempt->delay < least || attempt->delay > most) {
                broken(chaos, "%s: delay %" PRIu64 " of attempt %u is not in %" PRIu64 "..%" PRIu64,
                        name_of(chaos, service), attempt->delay, status.backoff_level, least, most);
        }
        if (actor->ended && chaos->world->now.wall < actor->ended_at + attempt->delay) {
                broken(chaos, "%s: its delay was not waited for", name_of(chaos, service));
        }
}

static void on_save(struct chaos *chaos, const struct effect *effect) {
        struct actor *actor = &chaos->actors[effect->service];
        const struct attempt *attempt = &effect->attempt.attempt;
        check_token(chaos, effect->attempt.token, attempt);
        if (actor->busy) {
                broken(chaos, "%s: an attempt during an action", name_of(chaos, effect->service));
        }
        if (attempt->origin == ORIGIN_LADDER) {
                check_delay(chaos, effect->service, attempt);
        }
        actor->saved_token = effect->attempt.token;
        actor->begun++;
        if (chance(chaos, chaos->quiet ? 100 : 90)) {
                struct planned *planned = plan(chaos, SAVED, between(chaos, 0, 50 * USEC_PER_MSEC));
                planned->service = effect->service;
                planned->token = effect->attempt.token;
        }
}

static size_t acts_within(
        const struct chaos *chaos, uint32_t service, usec_t window, bool unrecorded) {
        const struct actor *actor = &chaos->actors[service];
        size_t count = 0;
        for (size_t i = 0; i < actor->n_acts; i++) {
                count += chaos->world->now.wall - actor->acts[i].at < window &&
                         (!unrecorded || actor->acts[i].unrecorded);
        }
        return count;
}

static void check_budgets(const struct chaos *chaos, uint32_t service) {
        const struct policy *policy = world_policy(chaos->world);
        const struct budget_spec *budget = &policy->services[service].budget;
        size_t all = 0;
        if (acts_within(chaos, service, budget->per, false) > budget->actions) {
                broken(chaos, "%s: more actions than its budget allows", name_of(chaos, service));
        }
        for (uint32_t i = 0; i < chaos->n; i++) {
                all += acts_within(chaos, i, policy->agent.budget.per, false);
        }
        if (all > policy->agent.budget.actions) {
                broken(chaos, "more actions than the budget of the host allows");
        }
        if (acts_within(chaos, service, USEC_PER_HOUR, true) > 3) {
                broken(chaos, "%s: too many unrecorded actions", name_of(chaos, service));
        }
}

static void check_ladder_act(struct chaos *chaos, uint32_t service, const struct attempt *attempt) {
        struct actor *actor = &chaos->actors[service];
        struct service_status status = world_status(chaos->world, service);
        if (status.paused || !chaos->executor_up) {
                broken(chaos, "%s: acted on while %s", name_of(chaos, service),
                        status.paused ? "paused" : "the executor was away");
        }
        if (actor->stopped_outside || actor->manager_busy) {
                broken(chaos, "%s: acted on while %s", name_of(chaos, service),
                        actor->manager_busy ? "its manager was at it" : "somebody had stopped it");
        }
        if (!status.incident || status.health == HEALTH_HEALTHY) {
                broken(chaos, "%s: acted on while it was well", name_of(chaos, service));
        }
        bool gone = status.process_known && !status.running;
        if (!actor->evidence && !gone) {
                broken(chaos, "%s: acted on without evidence", name_of(chaos, service));
        }
        for (uint32_t i = 0; i < status.policy->n_depends_on; i++) {
                if (is_down(chaos, status.policy->depends_on[i])) {
                        broken(chaos, "%s: acted on while %s was down", name_of(chaos, service),
                                name_of(chaos, status.policy->depends_on[i]));
                }
        }
        if (actor->n_acts == ACTS_MAX) {
                broken(chaos, "%s: actions without end", name_of(chaos, service));
        }
        actor->acts[actor->n_acts++] = (struct act){
                .at = attempt->intended,
                .token = attempt->intended,
                .unrecorded = actor->save_failed,
        };
        check_budgets(chaos, service);
}

static void on_act(struct chaos *chaos, const struct effect *effect) {
        struct actor *actor = &chaos->actors[effect->service];
        uint64_t token = effect->attempt.token;
        if (actor->busy) {
                broken(chaos, "%s: two actions at once", name_of(chaos, effect->service));
        }
        if (token != actor->saved_token || token == actor->acted_token) {
                broken(chaos, "%s: an action without an intent", name_of(chaos, effect->service));
        }
        if (effect->attempt.attempt.origin == ORIGIN_LADDER) {
                check_ladder_act(chaos, effect->service, &effect->attempt.attempt);
        }
        actor->acted_token = token;
        actor->busy = true;
        chaos->tally->actions++;
        struct planned *planned = plan(chaos, ANSWER,
                between(chaos, 1000, chance(chaos, 5) ? 40 * USEC_PER_SEC : 2 * USEC_PER_SEC));
        planned->service = effect->service;
        planned->token = token;
        planned->action = effect->attempt.attempt.action;
}

static void on_attempt(struct chaos *chaos, const struct effect *effect) {
        struct actor *actor = &chaos->actors[effect->service];
        const struct attempt *attempt = &effect->attempt.attempt;
        if (attempt->result == ATTEMPT_UNFINISHED && attempt->acted != 0) {
                actor->evidence = false; /* from here on it has to be proven */
                actor->evidence_from = chaos->world->now.wall;
        }
        if (attempt->result == ATTEMPT_UNFINISHED) {
                return;
        }
        actor->finished++;
        actor->ended = attempt->result != ATTEMPT_SUPERSEDED;
        actor->ended_at = chaos->world->now.wall;
        if (attempt->result == ATTEMPT_ACTION_FAILED || attempt->result == ATTEMPT_REFUSED ||
                attempt->result == ATTEMPT_DONE) {
                actor->evidence = true; /* the ladder goes on */
        }
}

static void add_to_hash(struct chaos *chaos, const void *bytes, size_t length) {
        const unsigned char *p = bytes;
        for (size_t i = 0; i < length; i++) { /* FNV-1a */
                chaos->tally->hash = (chaos->tally->hash ^ p[i]) * UINT64_C(0x100000001b3);
        }
}

/* After each step of the core, before its effects. */
static void on_step(struct world *world) {
        struct chaos *chaos = world->cookie;
        const uint32_t *trail;
        size_t n = recovery_trail(world->recovery, &trail);
        for (size_t i = 0; i < n; i++) {
                chaos->tally->rows[trail[i]]++;
        }
}

static void on_effect(struct world *world, const struct effect *effect) {
        struct chaos *chaos = world->cookie;
        add_to_hash(chaos, &effect->kind, sizeof(effect->kind));
        add_to_hash(chaos, &effect->service, sizeof(effect->service));
        switch (effect->kind) {
        case EFFECT_SAVE:
                on_save(chaos, effect);
                add_to_hash(chaos, &effect->attempt.token, sizeof(effect->attempt.token));
                return;
        case EFFECT_ACT:
                on_act(chaos, effect);
                return;
        case EFFECT_ATTEMPT:
                on_attempt(chaos, effect);
                return;
        case EFFECT_TIMER:
                add_to_hash(chaos, &effect->at, sizeof(effect->at));
                return;
        case EFFECT_EVENT:
                trace(chaos, effect->service, effect->event.text);
                add_to_hash(chaos, effect->event.text, strlen(effect->event.text));
                return;
        case EFFECT_PROBE:
                for (uint32_t i = 0; i < world_policy(world)->services[effect->service].n_probes;
                        i++) {
                        plan_probe(
                                chaos, effect->service, i, between(chaos, 0, 50 * USEC_PER_MSEC));
                }
                return;
        case EFFECT_INCIDENT:
        case EFFECT_RECORD:
        case EFFECT_PACE:
        case EFFECT_DEPENDENTS:
        case EFFECT_REPLY:
        case EFFECT_MEASURED:
                return;
        }
}

/* Between steps. */
static void check_service(const struct chaos *chaos, uint32_t service) {
        struct service_status status = world_status(chaos->world, service);
        bool at_rest = status.phase == PHASE_WATCHING || status.phase == PHASE_STOPPED;
        bool in_incident = status.phase == PHASE_BACKOFF || status.phase == PHASE_BLOCKED ||
                           status.phase == PHASE_CHECKING || status.phase == PHASE_UNATTENDED ||
                           status.phase == PHASE_EXHAUSTED;
        if (status.phase == PHASE_DECIDING) {
                broken(chaos, "%s rests in deciding", name_of(chaos, service));
        }
        if (at_rest && status.incident) {
                broken(chaos, "%s is %s with an open incident", name_of(chaos, service),
                        phase_text(status.phase));
        }
        if (in_incident && (!status.incident || status.health == HEALTH_HEALTHY)) {
                broken(chaos, "%s is %s, %s, %s incident", name_of(chaos, service),
                        phase_text(status.phase), health_text(status.health),
                        status.incident ? "with an" : "without an");
        }
        if (status.phase == PHASE_WATCHING && status.health == HEALTH_FAILED) {
                broken(chaos, "%s failed and nobody cares", name_of(chaos, service));
        }
}

/* ---- What happens ---- */

static bool suffers(const struct chaos *chaos, uint32_t service) {
        const struct service *policy = &world_policy(chaos->world)->services[service];
        const struct actor *actor = &chaos->actors[service];
        bool bad = !actor->up || actor->sick;
        for (uint32_t i = 0; i < policy->n_depends_on; i++) {
                bad |= !chaos->actors[policy->depends_on[i]].up;
        }
        return bad;
}

static void run_probe(struct chaos *chaos, const struct planned *planned) {
        struct actor *actor = &chaos->actors[planned->service];
        struct service_status status = world_status(chaos->world, planned->service);
        if (planned->token != actor->generation[planned->probe]) {
                return; /* overtaken by a run at once */
        }
        struct observation observation = {
                .service = planned->service,
                .probe = planned->probe,
                .outcome = OUTCOME_PASS,
                .at = chaos->world->now,
                .duration = between(chaos, 0, 300 * USEC_PER_MSEC),
        };
        usec_t alive = chaos->world->now.wall - chaos->agent_since;
        if (observation.duration > alive) { /* a run ends with the agent that began it */
                observation.duration = alive;
        }
        if (actor->deaf) {
                observation.outcome = OUTCOME_UNKNOWN;
        } else if (suffers(chaos, planned->service) || (!chaos->quiet && chance(chaos, 2))) {
                observation.outcome = chance(chaos, 50) ? OUTCOME_FAIL : OUTCOME_TIMEOUT;
                observation.cause = CAUSE_UNRESPONSIVE;
        }
        if (outcome_is_failure(observation.outcome) &&
                observation.at.wall - observation.duration >= actor->evidence_from) {
                actor->evidence = true;
        }
        str_copy(observation.detail, sizeof(observation.detail), outcome_text(observation.outcome));
        usec_t pause = status.pace == PACE_FAST ? USEC_PER_SEC : 5 * USEC_PER_SEC;
        plan_probe(chaos, planned->service, planned->probe, pause);
        world_feed_observation(chaos->world, &observation);
}

static void answer_saved(struct chaos *chaos, const struct planned *planned) {
        struct actor *actor = &chaos->actors[planned->service];
        bool ok = chaos->store_up && (chaos->quiet || chance(chaos, 95));
        actor->save_failed = !ok;
        world_feed(chaos->world, &(struct input){
                                         .kind = INPUT_SAVED,
                                         .service = planned->service,
                                         .saved = {.token = planned->token, .ok = ok},
                                 });
}

/* An action that was not carried out spends nothing. */
static void forget_act(struct actor *actor, uint64_t token) {
        for (size_t i = actor->n_acts; i-- > 0;) {
                if (actor->acts[i].token == token) {
                        actor->acts[i] = actor->acts[--actor->n_acts];
                        return;
                }
        }
}

/* The executor's word about the process; it says nothing while it is away, and everything when it
 * is back. */
static void tell_process(struct chaos *chaos, uint32_t service) {
        struct actor *actor = &chaos->actors[service];
        struct input input = {
                .kind = INPUT_PROCESS,
                .service = service,
                .process = {.running = actor->up,
                        .expected = actor->ended_by_action,
                        .by_person = actor->stopped_outside,
                        .busy = actor->manager_busy,
                        .pid = 100},
        };
        if (!actor->up && actor->crashed) {
                str_copy(input.process.text, sizeof(input.process.text), "killed by SIGKILL");
                actor->evidence = true;
        }
        if (chaos->executor_up) {
                world_feed(chaos->world, &input);
        }
}

static void change_process(struct chaos *chaos, uint32_t service, bool up, bool by_action) {
        struct actor *actor = &chaos->actors[service];
        actor->up = up;
        actor->crashed = !up && !by_action;
        actor->ended_by_action = !up && by_action;
        actor->stopped_outside = actor->manager_busy = false;
        tell_process(chaos, service);
}

/* By somebody, or by its manager, which is at it. */
static void take_down(struct chaos *chaos, uint32_t service, bool by_somebody) {
        struct actor *actor = &chaos->actors[service];
        actor->up = actor->crashed = actor->ended_by_action = false;
        actor->stopped_outside = by_somebody;
        actor->manager_busy = !by_somebody;
        tell_process(chaos, service);
}

static void carry_out_action(struct chaos *chaos, uint32_t service, int action) {
        struct actor *actor = &chaos->actors[service];
        if (action == ACTION_STOP) {
                change_process(chaos, service, false, true);
        } else if (action == ACTION_EXEC || action_needs_running(action)) {
                actor->sick &= chance(chaos, 50);
        } else {
                actor->sick &= !chaos->quiet && chance(chaos, 50);
                change_process(chaos, service, true, true);
        }
}

static void answer_act(struct chaos *chaos, const struct planned *planned) {
        struct actor *actor = &chaos->actors[planned->service];
        unsigned dice = chaos->quiet ? 0 : (unsigned) rng_below(&chaos->rng, 100);
        enum world_answer answer = dice < 70   ? ANSWER_OK
                                   : dice < 80 ? ANSWER_FAILED
                                   : dice < 85 ? ANSWER_REFUSED
                                   : dice < 92 ? ANSWER_LATER
                                               : ANSWER_LOST;
        if (answer == ANSWER_REFUSED || answer == ANSWER_LATER) {
                forget_act(actor, planned->token);
        } else {
                carry_out_action(chaos, planned->service, planned->action);
        }
        actor->busy = false;
        if (!chaos->executor_up && answer == ANSWER_LATER) {
                return; /* a word that gets lost */
        }
        struct input input = {
                .kind = INPUT_OUTCOME,
                .service = planned->service,
                .outcome = {.token = planned->token,
                        .ok = answer == ANSWER_OK,
                        .refused = answer == ANSWER_REFUSED || answer == ANSWER_LATER,
                        .retry = answer == ANSWER_LATER,
                        .lost = answer == ANSWER_LOST},
        };
        world_feed(chaos->world, &input);
}

static void disturb(struct chaos *chaos) {
        uint32_t service = (uint32_t) rng_below(&chaos->rng, chaos->n);
        struct actor *actor = &chaos->actors[service];
        switch (rng_below(&chaos->rng, 7)) {
        case 5:
        case 6:
                if (actor->up && !actor->busy) {
                        take_down(chaos, service, chance(chaos, 50));
                }
                break;
        case 0:
        case 1:
                if (actor->up && !actor->busy) {
                        change_process(chaos, service, false, false);
                }
                break;
        case 2:
                actor->sick = !actor->sick;
                break;
        case 3:
                actor->deaf = !actor->deaf && chance(chaos, 30);
                break;
        default:
                actor->sick = actor->deaf = false;
                if (!actor->up && !actor->busy) {
                        change_process(chaos, service, true, false);
                }
        }
        plan(chaos, DISTURB, between(chaos, USEC_PER_SEC, 40 * USEC_PER_SEC));
}

static void command(struct chaos *chaos) {
        enum command_kind kind = (enum command_kind) between(chaos, COMMAND_PAUSE, COMMAND_STOP);
        uint32_t service = (uint32_t) rng_below(&chaos->rng, chaos->n);
        world_command(chaos->world, service, kind, between(chaos, 0, 60 * USEC_PER_SEC));
        plan(chaos, COMMAND, between(chaos, USEC_PER_SEC, 90 * USEC_PER_SEC));
}

static void look_at_held(struct chaos *chaos) {
        for (uint32_t i = 0; i < chaos->n; i++) {
                world_guards(chaos->world, i);
        }
}

static void tell_processes(struct chaos *chaos) {
        for (uint32_t i = 0; i < chaos->n; i++) {
                tell_process(chaos, i);
        }
}

static void set_host(struct chaos *chaos, bool executor_up, bool store_up) {
        chaos->executor_up = executor_up;
        chaos->store_up = store_up;
        world_executor(chaos->world, executor_up);
        world_store(chaos->world, store_up);
        tell_processes(chaos);
        look_at_held(chaos);
}

/* The executor outlives the agent, and tells of actions that it does not know. */
static void kill_agent(struct chaos *chaos) {
        struct world_restart how = {
                .gap = between(chaos, USEC_PER_MSEC,
                        chance(chaos, 20) ? 10 * USEC_PER_MINUTE : USEC_PER_SEC),
        };
        trace(chaos, 0, "the agent is killed");
        world_restart(chaos->world, &how);
        chaos->tally->restarts++;
        chaos->agent_since = chaos->world->now.wall;
        for (uint32_t i = 0; i < chaos->n; i++) {
                chaos->actors[i].evidence = false;
                chaos->actors[i].evidence_from = chaos->world->now.wall;
        }
        world_executor(chaos->world, chaos->executor_up);
        world_store(chaos->world, chaos->store_up);
        tell_processes(chaos);
        for (uint32_t i = 0; i < chaos->n; i++) {
                struct service_status status = world_status(chaos->world, i);
                if (status.phase == PHASE_ACTING && !chaos->actors[i].busy) {
                        world_answers(chaos->world, i, ANSWER_LOST);
                }
        }
        plan(chaos, KILL, between(chaos, USEC_PER_SEC, 10 * USEC_PER_MINUTE));
}

static void happen(struct chaos *chaos, const struct planned *planned) {
        switch (planned->what) {
        case PROBE:
                run_probe(chaos, planned);
                return;
        case SAVED:
                answer_saved(chaos, planned);
                return;
        case ANSWER:
                answer_act(chaos, planned);
                return;
        case DISTURB:
                disturb(chaos);
                return;
        case COMMAND:
                command(chaos);
                return;
        case HOST:
                set_host(chaos, chance(chaos, 80), chance(chaos, 80));
                plan(chaos, HOST, between(chaos, USEC_PER_SEC, 60 * USEC_PER_SEC));
                return;
        case KILL:
                kill_agent(chaos);
                return;
        case RELOAD:
                if (chaos->reloads++ < RELOADS_MAX) {
                        world_reload(chaos->world, random_policy(chaos->seed));
                        plan(chaos, RELOAD, between(chaos, USEC_PER_SEC, 5 * USEC_PER_MINUTE));
                }
                return;
        }
}

static bool is_trouble(enum event_of_chaos what) {
        return what == DISTURB || what == COMMAND || what == HOST || what == KILL || what == RELOAD;
}

static void run_until(struct chaos *chaos, wall_usec_t end) {
        while (chaos->n_events > 0) {
                size_t i = earliest(chaos);
                struct planned next = chaos->events[i];
                if (next.at > end) {
                        break;
                }
                usec_t timer = usec_sub(world_next_timer(chaos->world), chaos->world->now.mono);
                if (timer < usec_sub(next.at, chaos->world->now.wall)) { /* it may plan something */
                        world_advance(chaos->world, timer);
                        continue;
                }
                chaos->events[i] = chaos->events[--chaos->n_events];
                if (chaos->quiet && is_trouble(next.what)) {
                        continue;
                }
                world_advance(chaos->world, usec_sub(next.at, chaos->world->now.wall));
                happen(chaos, &next);
                for (uint32_t s = 0; s < chaos->n; s++) {
                        check_service(chaos, s);
                }
                world_clear(chaos->world);
                chaos->tally->steps++;
        }
        world_advance(chaos->world, usec_sub(end, chaos->world->now.wall));
}

/* ---- One run ---- */

static void begin(struct chaos *chaos) {
        chaos->executor_up = chaos->store_up = true;
        for (uint32_t i = 0; i < chaos->n; i++) {
                chaos->actors[i].up = chance(chaos, 30);
                for (uint32_t p = 0; p < world_policy(chaos->world)->services[i].n_probes; p++) {
                        plan_probe(chaos, i, p, between(chaos, 0, 5 * USEC_PER_SEC));
                }
        }
        tell_processes(chaos);
        plan(chaos, DISTURB, between(chaos, USEC_PER_SEC, 60 * USEC_PER_SEC));
        plan(chaos, COMMAND, between(chaos, USEC_PER_SEC, 120 * USEC_PER_SEC));
        plan(chaos, HOST, between(chaos, USEC_PER_SEC, 120 * USEC_PER_SEC));
        plan(chaos, KILL, between(chaos, USEC_PER_SEC, 10 * USEC_PER_MINUTE));
        plan(chaos, RELOAD, between(chaos, USEC_PER_SEC, 5 * USEC_PER_MINUTE));
}

/* From here on everything works; in the end every service must be well, or stopped by a person. */
static void calm_down(struct chaos *chaos) {
        chaos->quiet = true;
        set_host(chaos, true, true);
        for (uint32_t i = 0; i < chaos->n; i++) {
                struct actor *actor = &chaos->actors[i];
                actor->sick = actor->deaf = false;
                world_command(chaos->world, i, COMMAND_RESUME, 0);
                if (!actor->up && !actor->busy && world_phase(chaos->world, i) != PHASE_STOPPED) {
                        change_process(chaos, i, true, false);
                }
        }
}

static void check_end(const struct chaos *chaos) {
        for (uint32_t i = 0; i < chaos->n; i++) {
                struct service_status status = world_status(chaos->world, i);
                const struct actor *actor = &chaos->actors[i];
                bool stopped = status.phase == PHASE_STOPPED && !suffers(chaos, i);
                bool well = status.phase == PHASE_WATCHING && status.health == HEALTH_HEALTHY;
                if (!well && status.phase != PHASE_STOPPED && !suffers(chaos, i)) {
                        broken(chaos, "%s is %s and %s in the end", name_of(chaos, i),
                                phase_text(status.phase), health_text(status.health));
                }
                if (stopped) {
                        broken(chaos, "%s runs and is taken for stopped", name_of(chaos, i));
                }
                bool under_way = status.phase == PHASE_SAVING || status.phase == PHASE_ACTING ||
                                 status.phase == PHASE_VERIFYING;
                if (actor->begun != actor->finished + under_way) {
                        broken(chaos, "%s: %" PRIu64 " attempts began and %" PRIu64 " ended",
                                name_of(chaos, i), actor->begun, actor->finished);
                }
        }
}

void chaos_run(uint64_t seed, struct chaos_tally *tally) {
        struct chaos *chaos = calloc(1, sizeof(*chaos));
        if (!chaos) {
                return;
        }
        chaos->seed = seed;
        chaos->tally = tally;
        chaos->tracing = getenv("RECOVERY_RANDOM_TRACE") != NULL;
        rng_seed(&chaos->rng, seed);
        chaos->world = world_new(random_policy(seed), seed);
        chaos->world->on_effect = on_effect;
        chaos->world->on_step = on_step;
        chaos->world->cookie = chaos;
        chaos->n = world_policy(chaos->world)->n_services;
        begin(chaos);
        run_until(chaos, WORLD_BEGIN_WALL + TROUBLE_TIME);
        calm_down(chaos);
        run_until(chaos, WORLD_BEGIN_WALL + TROUBLE_TIME + QUIET_TIME);
        check_end(chaos);
        world_free(chaos->world);
        free(chaos);
}
