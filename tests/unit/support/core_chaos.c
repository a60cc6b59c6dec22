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
#include "support/chaos_inside.h"
#include "support/core_invariants.h"

#define TROUBLE_TIME (15 * USEC_PER_MINUTE)
#define QUIET_TIME (40 * USEC_PER_MINUTE)

void chaos_broken(const struct chaos *chaos, const char *format, ...) {
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

const char *chaos_name(const struct chaos *chaos, uint32_t service) {
        return world_policy(chaos->world)->services[service].name;
}

/* ---- Planning ---- */

static struct planned *plan(struct chaos *chaos, enum event_of_chaos what, usec_t in) {
        if (chaos->n_events == EVENTS_MAX) {
                chaos_broken(chaos, "too much is planned");
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
                chaos_broken(chaos, "token %" PRIu64 " came before", token);
        }
        if (token != attempt->intended) {
                chaos_broken(chaos, "token and time of intention differ");
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
                chaos_broken(chaos,
                        "%s: delay %" PRIu64 " of attempt %u is not in %" PRIu64 "..%" PRIu64,
                        chaos_name(chaos, service), attempt->delay, status.backoff_level, least,
                        most);
        }
        if (actor->ended && chaos->world->now.wall < actor->ended_at + attempt->delay) {
                chaos_broken(chaos, "%s: its delay was not waited for", chaos_name(chaos, service));
        }
}

static void on_save(struct chaos *chaos, const struct effect *effect) {
        struct actor *actor = &chaos->actors[effect->service];
        const struct attempt *attempt = &effect->attempt.attempt;
        check_token(chaos, effect->attempt.token, attempt);
        if (actor->busy) {
                chaos_broken(chaos, "%s: an attempt during an action",
                        chaos_name(chaos, effect->service));
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

/* Only what is known to have changed is undone, and each change once. */
static void check_rollback(struct chaos *chaos, uint32_t service) {
        struct actor *actor = &chaos->actors[service];
        if (actor->told_change == 0) {
                chaos_broken(chaos, "%s: rolled back, and no change was known",
                        chaos_name(chaos, service));
        }
        if (actor->told_change == actor->rolled_back) {
                chaos_broken(
                        chaos, "%s: one change was rolled back twice", chaos_name(chaos, service));
        }
        actor->rolled_back_before = actor->rolled_back;
        actor->rolled_back = actor->told_change;
        chaos->tally->rollbacks++;
}

static void check_ladder_act(struct chaos *chaos, uint32_t service, const struct attempt *attempt) {
        struct actor *actor = &chaos->actors[service];
        struct service_status status = world_status(chaos->world, service);
        if (status.paused || !chaos->executor_up) {
                chaos_broken(chaos, "%s: acted on while %s", chaos_name(chaos, service),
                        status.paused ? "paused" : "the executor was away");
        }
        for (int source = 0; source < HOLD_COUNT; source++) {
                if (hold_holds(recovery_hold(chaos->world->recovery, (enum hold_source) source),
                            chaos->world->now.mono)) {
                        chaos_broken(chaos, "%s: acted on while the host was held: %s",
                                chaos_name(chaos, service),
                                hold_source_text((enum hold_source) source));
                }
        }
        if (actor->deploy_until > chaos->world->now.mono) {
                chaos_broken(
                        chaos, "%s: acted on while it was deployed", chaos_name(chaos, service));
        }
        if (status.policy->mode == MODE_OBSERVE ||
                (status.flapping && status.policy->flapping.hold)) {
                chaos_broken(chaos, "%s: acted on while %s", chaos_name(chaos, service),
                        status.flapping ? "it flapped" : "it was only observed");
        }
        if (actor->stopped_outside || actor->manager_busy) {
                chaos_broken(chaos, "%s: acted on while %s", chaos_name(chaos, service),
                        actor->manager_busy ? "its manager was at it" : "somebody had stopped it");
        }
        if (!status.incident || status.health == HEALTH_HEALTHY) {
                chaos_broken(chaos, "%s: acted on while it was well", chaos_name(chaos, service));
        }
        bool gone = status.process_known && !status.running;
        bool interrupts = action_traits(attempt->action)->interrupts;
        if (!actor->evidence && !gone && (interrupts || !actor->evidence_of_readiness)) {
                chaos_broken(chaos, "%s: acted on without evidence", chaos_name(chaos, service));
        }
        const char *doubtful = chaos_doubt_act(&chaos->doubt, chaos->world, service, gone);
        if (doubtful) {
                chaos_broken(chaos, "%s: %s", chaos_name(chaos, service), doubtful);
        }
        chaos->tally->trials += chaos->doubt.on_trial[service];
        for (uint32_t i = 0; i < status.policy->n_depends_on; i++) {
                if (is_down(chaos, status.policy->depends_on[i])) {
                        chaos_broken(chaos, "%s: acted on while %s was down",
                                chaos_name(chaos, service),
                                chaos_name(chaos, status.policy->depends_on[i]));
                }
        }
        if (attempt->action == ACTION_ROLLBACK) {
                check_rollback(chaos, service);
        }
        if (actor->n_acts == ACTS_MAX) {
                chaos_broken(chaos, "%s: actions without end", chaos_name(chaos, service));
        }
        actor->acts[actor->n_acts++] = (struct act){
                .at = attempt->intended,
                .token = attempt->intended,
                .unrecorded = actor->save_failed,
                .step = attempt->step,
        };
        chaos_check_budgets(chaos, service, (uint32_t) attempt->step);
}

static void on_act(struct chaos *chaos, const struct effect *effect) {
        struct actor *actor = &chaos->actors[effect->service];
        uint64_t token = effect->attempt.token;
        if (actor->busy) {
                chaos_broken(chaos, "%s: two actions at once", chaos_name(chaos, effect->service));
        }
        if (token != actor->saved_token || token == actor->acted_token) {
                chaos_broken(chaos, "%s: an action without an intent",
                        chaos_name(chaos, effect->service));
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
                /* From here on it has to be proven. */
                actor->evidence = actor->evidence_of_readiness = false;
                actor->evidence_from = chaos->world->now.wall;
        }
        if (attempt->result == ATTEMPT_UNFINISHED) {
                return;
        }
        actor->finished++;
        chaos->doubt.on_trial[effect->service] = false;
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
        chaos->tally->doubts += chaos_doubt_suspects(world);
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
        case EFFECT_FILES:
                if (chance(chaos, 85)) {
                        plan(chaos, FILES, between(chaos, 0, 12 * USEC_PER_SEC))->service =
                                effect->service;
                }
                return;
        case EFFECT_TRIALS:
                add_to_hash(chaos, &effect->trials.trials.results,
                        sizeof(effect->trials.trials.results));
                return;
        case EFFECT_INCIDENT:
        case EFFECT_RECORD:
        case EFFECT_PACE:
        case EFFECT_FAILOVER:
        case EFFECT_DEPENDENTS:
        case EFFECT_REPLY:
        case EFFECT_MEASURED:
        case EFFECT_GUARDS:
                return;
        }
}

/* Between steps. */
static void check_service(const struct chaos *chaos, uint32_t service) {
        struct service_status status = world_status(chaos->world, service);
        const char *wrong = invariant_broken(&status);
        if (wrong) {
                chaos_broken(chaos, "%s is %s and %s: %s", chaos_name(chaos, service),
                        phase_text(status.phase), health_text(status.health), wrong);
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
        int role = status.policy->probes[planned->probe].role;
        bool bad = suffers(chaos, planned->service) ||
                   (role != ROLE_LIVENESS && actor->overloaded) ||
                   (role == ROLE_WARNING && chance(chaos, 30));
        if (actor->deaf) {
                observation.outcome = OUTCOME_UNKNOWN;
        } else if (bad || (!chaos->quiet && chance(chaos, 2))) {
                observation.outcome = chance(chaos, 50) ? OUTCOME_FAIL : OUTCOME_TIMEOUT;
                observation.cause = CAUSE_UNRESPONSIVE;
        }
        if (outcome_is_failure(observation.outcome) &&
                observation.at.wall - observation.duration >= actor->evidence_from) {
                actor->evidence |= role == ROLE_LIVENESS;
                actor->evidence_of_readiness |= role == ROLE_READINESS;
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
        } else if (action == ACTION_EXEC || action_traits(action)->needs_running) {
                actor->sick &= chance(chaos, 50);
                actor->overloaded &= chance(chaos, 50);
        } else {
                actor->sick &= !chaos->quiet && chance(chaos, 50);
                if (action == ACTION_ROLLBACK && chance(chaos, 90)) {
                        actor->change = 0;
                }
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
                if (planned->action == ACTION_ROLLBACK) {
                        actor->rolled_back = actor->rolled_back_before;
                }
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
        switch (rng_below(&chaos->rng, 10)) {
        case 9:
                actor->change = ++chaos->last_change;
                actor->changed = chaos->world->now.wall;
                actor->sick = true;
                break;
        case 7:
        case 8:
                actor->overloaded = !actor->overloaded;
                break;
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
                actor->sick = actor->overloaded = actor->deaf = false;
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

static void set_deploy(struct chaos *chaos, uint32_t service, bool locked) {
        struct actor *actor = &chaos->actors[service];
        usec_t most = world_policy(chaos->world)->services[service].deploy_lock_max;
        if (locked != (actor->deploy_until != 0)) {
                actor->deploy_until = locked ? usec_add(chaos->world->now.mono, most) : 0;
        }
        world_deploy(chaos->world, service, locked);
}

static void set_holds(struct chaos *chaos) {
        uint32_t service = (uint32_t) rng_below(&chaos->rng, chaos->n);
        enum hold_source source = (enum hold_source) rng_below(&chaos->rng, HOLD_COUNT);
        usec_t duration = chance(chaos, 30) ? between(chaos, 1, 60 * USEC_PER_SEC) : 0;
        world_hold(chaos->world, source, duration);
        set_deploy(chaos, service, chance(chaos, 30));
        plan(chaos, HOLDS, between(chaos, USEC_PER_SEC, 30 * USEC_PER_SEC));
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
        chaos->doubt = (struct chaos_doubt){0}; /* whoever is back does not suspect itself */
        for (uint32_t i = 0; i < chaos->n; i++) {
                chaos->actors[i].evidence = chaos->actors[i].evidence_of_readiness = false;
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

static void tell_files(struct chaos *chaos, uint32_t service) {
        struct actor *actor = &chaos->actors[service];
        bool known = chance(chaos, 90);
        actor->told_change = known ? actor->change : 0;
        if (known) {
                world_files(chaos->world, service, actor->change,
                        usec_sub(chaos->world->now.wall, actor->changed));
        } else {
                world_files_unknown(chaos->world, service);
        }
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
                chaos_doubt_strike(chaos->world, &chaos->rng);
                plan(chaos, HOST, between(chaos, USEC_PER_SEC, 60 * USEC_PER_SEC));
                return;
        case HOLDS:
                set_holds(chaos);
                return;
        case KILL:
                kill_agent(chaos);
                return;
        case FILES:
                tell_files(chaos, planned->service);
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
        return what == DISTURB || what == COMMAND || what == HOST || what == HOLDS ||
               what == KILL || what == RELOAD;
}

static void copy_core(struct chaos *chaos) {
        struct chaos_copies *copies = chaos->copies;
        struct world *world = chaos->world;
        if (copies && chaos->tally->steps % copies->every == 0) {
                struct recovery *copy =
                        copies->copy(world->recovery, world_policy(world), world->now);
                recovery_free(world->recovery);
                world->recovery = copy;
                copies->made++;
        }
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
                copy_core(chaos);
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
        plan(chaos, HOLDS, between(chaos, USEC_PER_SEC, 120 * USEC_PER_SEC));
        plan(chaos, KILL, between(chaos, USEC_PER_SEC, 10 * USEC_PER_MINUTE));
        plan(chaos, RELOAD, between(chaos, USEC_PER_SEC, 5 * USEC_PER_MINUTE));
}

/* From here on everything works; in the end every service must be well, or stopped by a person. */
static void calm_down(struct chaos *chaos) {
        chaos->quiet = true;
        set_host(chaos, true, true);
        for (int source = 0; source < HOLD_COUNT; source++) {
                world_hold(chaos->world, (enum hold_source) source, 0);
        }
        for (uint32_t i = 0; i < chaos->n; i++) {
                struct actor *actor = &chaos->actors[i];
                actor->sick = actor->overloaded = actor->deaf = false;
                set_deploy(chaos, i, false);
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
                        chaos_broken(chaos, "%s is %s and %s in the end", chaos_name(chaos, i),
                                phase_text(status.phase), health_text(status.health));
                }
                if (stopped) {
                        chaos_broken(
                                chaos, "%s runs and is taken for stopped", chaos_name(chaos, i));
                }
                bool under_way = status.phase == PHASE_SAVING || status.phase == PHASE_ACTING ||
                                 status.phase == PHASE_VERIFYING;
                if (actor->begun != actor->finished + under_way) {
                        chaos_broken(chaos, "%s: %" PRIu64 " attempts began and %" PRIu64 " ended",
                                chaos_name(chaos, i), actor->begun, actor->finished);
                }
        }
}

void chaos_run(uint64_t seed, struct chaos_tally *tally) {
        chaos_run_copied(seed, tally, NULL);
}

void chaos_run_copied(uint64_t seed, struct chaos_tally *tally, struct chaos_copies *copies) {
        struct chaos *chaos = calloc(1, sizeof(*chaos));
        if (!chaos) {
                return;
        }
        chaos->copies = copies;
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
