#include "support/core_world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"

/* ---- Policies ---- */

static void *taken(struct policy *policy, size_t count, size_t size) {
        void *memory = arena_alloc_array(policy->arena, count, size);
        assert(memory);
        return memory;
}

struct policy *build_policy(void) {
        struct arena *arena = arena_new();
        assert(arena);
        struct policy *policy = arena_alloc(arena, sizeof(*policy));
        assert(policy);
        policy->arena = arena;
        policy->services = taken(policy, WORLD_SERVICES_MAX, sizeof(*policy->services));
        policy->groups = taken(policy, WORLD_GROUPS_MAX, sizeof(*policy->groups));
        policy->by_name = map_new();
        assert(policy->by_name);
        policy->agent.budget = (struct budget_spec){.actions = 100, .per = USEC_PER_HOUR};
        policy->agent.store_timeout = 2 * USEC_PER_SEC;
        return policy;
}

struct service *build_service(struct policy *policy, const char *name) {
        assert(policy->n_services < WORLD_SERVICES_MAX);
        struct service *service = &policy->services[policy->n_services];
        service->index = policy->n_services++;
        service->name = arena_strdup(policy->arena, name);
        service->manager = MANAGER_COMMAND;
        service->depends_on = taken(policy, POLICY_DEPENDENCIES_MAX, sizeof(uint32_t));
        service->soft_depends_on = taken(policy, POLICY_DEPENDENCIES_MAX, sizeof(uint32_t));
        service->dependents = taken(policy, WORLD_SERVICES_MAX, sizeof(uint32_t));
        service->probes = taken(policy, POLICY_PROBES_MAX, sizeof(*service->probes));
        service->steps = taken(policy, POLICY_STEPS_MAX, sizeof(*service->steps));
        service->require = UINT32_MAX;
        service->settle = 5 * USEC_PER_SEC;
        service->verify = 30 * USEC_PER_SEC;
        service->backoff = (struct backoff_spec){
                .initial = USEC_PER_SEC,
                .max = USEC_PER_MINUTE,
                .reset_after = 10 * USEC_PER_MINUTE,
                .factor = 2,
                .jitter = JITTER_NONE,
        };
        service->budget = (struct budget_spec){.actions = 10, .per = USEC_PER_HOUR};
        service->effectiveness = (struct effectiveness_spec){
                .skip = true, .useful = 20, .remember = 7 * USEC_PER_DAY};
        assert(map_put(policy->by_name, service->name, service) == 0);
        return service;
}

struct probe_spec *build_probe(struct policy *policy, struct service *service, const char *name) {
        assert(service->n_probes < POLICY_PROBES_MAX);
        struct probe_spec *probe = &service->probes[service->n_probes++];
        *probe = (struct probe_spec){
                .name = arena_strdup(policy->arena, name),
                .interval = 5 * USEC_PER_SEC,
                .fast_interval = 250 * USEC_PER_MSEC,
                .down_interval = 5 * USEC_PER_SEC,
                .timeout = 2 * USEC_PER_SEC,
                .fall = 3,
                .rise = 2,
        };
        return probe;
}

struct step_spec *build_step(
        struct policy *policy, struct service *service, enum action action, uint32_t attempts) {
        (void) policy;
        assert(service->n_steps < POLICY_STEPS_MAX);
        struct step_spec *step = &service->steps[service->n_steps++];
        step->action = action;
        step->attempts = attempts;
        return step;
}

void build_step_budget(
        struct policy *policy, struct step_spec *step, uint32_t actions, usec_t per) {
        struct budget_spec *budget = taken(policy, 1, sizeof(*budget));
        *budget = (struct budget_spec){.actions = actions, .per = per};
        step->budget = budget;
}

void build_rollback(struct policy *policy, struct service *service, usec_t window) {
        service->rollback = taken(policy, 1, sizeof(*service->rollback));
        service->blame_window = window;
}

struct group_spec *build_group(
        struct policy *policy, const char *name, uint32_t actions, usec_t per) {
        assert(policy->n_groups < WORLD_GROUPS_MAX);
        struct group_spec *group = &policy->groups[policy->n_groups];
        *group = (struct group_spec){
                .name = arena_strdup(policy->arena, name),
                .budget = {.actions = actions, .per = per},
                .index = policy->n_groups++,
        };
        return group;
}

void build_depend(struct policy *policy, struct service *service, const struct service *on) {
        (void) policy;
        assert(service->n_depends_on < POLICY_DEPENDENCIES_MAX);
        service->depends_on[service->n_depends_on++] = on->index;
}

void build_soft_depend(struct policy *policy, struct service *service, const struct service *on) {
        (void) policy;
        assert(service->n_soft_depends_on < POLICY_DEPENDENCIES_MAX);
        service->soft_depends_on[service->n_soft_depends_on++] = on->index;
}

struct service *build_plain(struct policy *policy, const char *name) {
        struct service *service = build_service(policy, name);
        build_probe(policy, service, "http");
        build_step(policy, service, ACTION_RESTART, 3);
        return service;
}

static void name_steps(struct policy *policy, struct service *service) {
        char text[STEP_IDENTITY_MAX];
        for (uint32_t i = 0; i < service->n_steps; i++) {
                service->steps[i].identity =
                        arena_strdup(policy->arena, step_identity_format(&service->steps[i], text));
        }
}

struct policy *build_done(struct policy *policy) {
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service *service = &policy->services[i];
                policy->n_probes += service->n_probes;
                name_steps(policy, service);
                if (service->require == UINT32_MAX) {
                        service->require = policy_count_probes(service, ROLE_LIVENESS);
                }
                for (uint32_t d = 0; d < service->n_depends_on; d++) {
                        struct service *on = &policy->services[service->depends_on[d]];
                        on->dependents[on->n_dependents++] = i;
                }
        }
        return policy;
}

/* ---- Effects ---- */

static void record(struct world *world, const struct effect *effect) {
        if (world->n_log == world->log_room) {
                world->log_room = world->log_room ? 2 * world->log_room : 256;
                world->log = reallocarray(world->log, world->log_room, sizeof(*world->log));
                assert(world->log);
        }
        world->log[world->n_log++] = *effect;
}

static void tell_dependents_later(struct world *world, uint32_t service) {
        if (!world->is_waiting[service]) {
                world->is_waiting[service] = true;
                world->waiting[world->n_waiting++] = service;
        }
}

static void store_trials(struct world *world, const struct trials_record *record) {
        size_t i = 0;
        while (i < world->n_trials && !(str_eq(world->trials[i].service, record->service) &&
                                              str_eq(world->trials[i].step, record->step) &&
                                              world->trials[i].cause == record->cause)) {
                i++;
        }
        assert(i < WORLD_TRIALS_MAX);
        world->n_trials += i == world->n_trials;
        world->trials[i] = *record;
}

static void carry_out(struct world *world, const struct effect *effect) {
        if (effect->kind == EFFECT_TIMER) {
                world->timers[effect->service] = effect->at;
        } else if (effect->kind == EFFECT_TRIALS) {
                store_trials(world, &effect->trials);
        } else if (effect->kind == EFFECT_DEPENDENTS) {
                tell_dependents_later(world, effect->service);
        } else if (effect->kind == EFFECT_GUARDS) {
                world->guards_due = true;
        }
        record(world, effect);
        if (world->on_effect) {
                world->on_effect(world, effect);
        }
}

static void step(struct world *world, const struct input *input) {
        if (world->steps_at != world->now.mono) {
                world->steps_at = world->now.mono;
                world->steps = 0;
        }
        world->steps++;
        assert(world->steps < WORLD_STEPS_AT_ONCE);
        bool of_host = input->kind == INPUT_EXECUTOR || input->kind == INPUT_STORE ||
                       input->kind == INPUT_HOST;
        world->stepped = of_host ? UINT32_MAX : input->service;
        recovery_step(world->recovery, input, world->now, world->effects);
        if (world->on_step) {
                world->on_step(world);
        }
        for (size_t i = 0; i < world->effects->count; i++) {
                carry_out(world, &world->effects->items[i]);
        }
}

static void feed_dependents(struct world *world) {
        while (world->n_waiting > 0) {
                uint32_t changed = world->waiting[--world->n_waiting];
                const struct service *service = &world_policy(world)->services[changed];
                world->is_waiting[changed] = false;
                for (uint32_t i = 0; i < service->n_dependents; i++) {
                        step(world, &(struct input){
                                            .kind = INPUT_DEPENDENCY,
                                            .service = service->dependents[i],
                                    });
                }
        }
}

static void feed_guards(struct world *world) {
        while (world->guards_due) {
                world->guards_due = false;
                for (uint32_t i = 0; i < world_policy(world)->n_services; i++) {
                        if (world_phase(world, i) == PHASE_HELD) {
                                step(world, &(struct input){.kind = INPUT_GUARDS, .service = i});
                                feed_dependents(world);
                        }
                }
        }
}

static void plan_look(struct world *world) {
        struct suspicion_status suspicion;
        recovery_suspicion(world->recovery, &suspicion);
        if (suspicion.state == SUSPICION_NONE) {
                world->look = USEC_INFINITY;
        } else if (world->look == USEC_INFINITY) {
                world->look = usec_add(world->now.mono, WORLD_LOOK_INTERVAL);
        }
}

void world_feed(struct world *world, const struct input *input) {
        step(world, input);
        feed_dependents(world);
        feed_guards(world);
        plan_look(world);
}

/* ---- World ---- */

struct world *world_new(struct policy *policy, uint64_t seed) {
        struct world *world = calloc(1, sizeof(*world));
        assert(world);
        world->effects = calloc(1, sizeof(*world->effects));
        assert(world->effects);
        world->now = (struct instant){.mono = WORLD_BEGIN_MONO, .wall = WORLD_BEGIN_WALL};
        world->settings = (struct recovery_settings){.seed = seed, .next_incident = 1};
        str_copy(world->settings.boot_id, sizeof(world->settings.boot_id), "boot-1");
        world->policies[world->n_policies++] = policy;
        memset(world->timers, 0xff, sizeof(world->timers));
        world->look = USEC_INFINITY;
        struct error err = {0};
        int r = recovery_new(&world->recovery, policy, &world->settings, world->now, &err);
        assert(r == 0);
        world_executor(world, true);
        return world;
}

void world_free(struct world *world) {
        if (!world) {
                return;
        }
        recovery_free(world->recovery);
        for (size_t i = 0; i < world->n_policies; i++) {
                policy_free(world->policies[i]);
        }
        free(world->effects);
        free(world->log);
        free(world);
}

const struct policy *world_policy(const struct world *world) {
        return world->policies[world->n_policies - 1];
}

static void take_timers_over(struct world *world) {
        memset(world->timers, 0xff, sizeof(world->timers));
        for (uint32_t i = 0; i < world_policy(world)->n_services; i++) {
                world->timers[i] = world_status(world, i).timer;
        }
}

void world_reload(struct world *world, struct policy *policy) {
        struct recovery *next = NULL;
        struct error err = {0};
        int r = recovery_reload(&next, world->recovery, policy, world->now, &err);
        assert(r == 0);
        recovery_free(world->recovery);
        world->recovery = next;
        assert(world->n_policies < WORLD_POLICIES_MAX);
        world->policies[world->n_policies++] = policy;
        take_timers_over(world);
}

/* What the store holds of one service. */
struct stored {
        struct service_record record;
        struct incident incident;
        bool open;
};

static void store_service(struct world *world, uint32_t service, struct stored *ret) {
        struct service_status status = world_status(world, service);
        recovery_save_record(world->recovery, service, world->now, &ret->record);
        ret->open = status.incident != NULL;
        if (status.incident) {
                ret->incident = *status.incident;
                assert(status.incident->id == ret->record.incident);
        }
        if (status.incident && status.incident->id >= world->settings.next_incident) {
                world->settings.next_incident = status.incident->id + 1;
        }
}

static void move_clocks(struct world *world, const struct world_restart *how) {
        world->now.wall = world->now.wall + how->gap + (uint64_t) how->shift;
        world->now.mono = how->reboot ? 20 * USEC_PER_SEC : world->now.mono + how->gap;
        if (how->reboot) {
                str_copy(world->settings.boot_id, sizeof(world->settings.boot_id), "boot-2");
        }
}

void world_restart(struct world *world, const struct world_restart *how) {
        const struct policy *policy = world_policy(world);
        struct stored *stored = calloc(policy->n_services, sizeof(*stored));
        struct host_record host;
        assert(stored);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                store_service(world, i, &stored[i]);
                world->settings.next_incident += world_status(world, i).incidents;
        }
        recovery_save_host(world->recovery, world->now, &host);
        recovery_free(world->recovery);
        world->look = USEC_INFINITY;
        move_clocks(world, how);
        struct error err = {0};
        int r = recovery_new(&world->recovery, policy, &world->settings, world->now, &err);
        assert(r == 0);
        recovery_restore_host(world->recovery, &host, world->now);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                bool known = recovery_restore(world->recovery, &stored[i].record,
                        stored[i].open ? &stored[i].incident : NULL, world->now);
                assert(known);
        }
        for (size_t i = 0; i < world->n_trials; i++) {
                (void) recovery_restore_trials(world->recovery, &world->trials[i]);
        }
        free(stored);
        take_timers_over(world);
}

/* ---- Inputs ---- */

usec_t world_next_timer(const struct world *world) {
        usec_t next = world->look;
        for (uint32_t i = 0; i < world_policy(world)->n_services; i++) {
                next = world->timers[i] < next ? world->timers[i] : next;
        }
        return next;
}

static void go_to(struct world *world, usec_t mono) {
        if (mono > world->now.mono) {
                world->now.wall += mono - world->now.mono;
                world->now.mono = mono;
        }
}

static void run_timers(struct world *world) {
        if (world->look <= world->now.mono) {
                world->look = USEC_INFINITY;
                world_host(world, &(struct host_signs){0});
        }
        for (uint32_t i = 0; i < world_policy(world)->n_services; i++) {
                if (world->timers[i] <= world->now.mono) {
                        world->timers[i] = USEC_INFINITY;
                        world_feed(world, &(struct input){.kind = INPUT_TIMER, .service = i});
                }
        }
}

void world_advance(struct world *world, usec_t duration) {
        usec_t end = usec_add(world->now.mono, duration);
        while (world_next_timer(world) <= end) {
                go_to(world, world_next_timer(world));
                run_timers(world);
        }
        go_to(world, end);
}

void world_feed_observation(struct world *world, const struct observation *observation) {
        world_feed(world, &(struct input){
                                  .kind = INPUT_OBSERVATION,
                                  .service = observation->service,
                                  .observation = observation,
                          });
}

void world_observe(struct world *world, uint32_t service, uint32_t probe, enum outcome outcome,
        unsigned count) {
        struct observation observation = {
                .service = service,
                .probe = probe,
                .outcome = outcome,
                .cause = outcome == OUTCOME_FAIL      ? CAUSE_WRONG_ANSWER
                         : outcome == OUTCOME_TIMEOUT ? CAUSE_UNRESPONSIVE
                                                      : CAUSE_NONE,
                .at = world->now,
        };
        str_copy(observation.detail, sizeof(observation.detail),
                outcome == OUTCOME_FAIL      ? "503 Service Unavailable"
                : outcome == OUTCOME_TIMEOUT ? "no answer"
                                             : "fine");
        for (unsigned i = 0; i < count; i++) {
                world_feed_observation(world, &observation);
        }
}

void world_fails(struct world *world, uint32_t service, unsigned count) {
        world_observe(world, service, 0, OUTCOME_FAIL, count);
}

void world_passes(struct world *world, uint32_t service, unsigned count) {
        world_observe(world, service, 0, OUTCOME_PASS, count);
}

void world_dies(struct world *world, uint32_t service, const char *text) {
        struct input input = {.kind = INPUT_PROCESS, .service = service};
        str_copy(input.process.text, sizeof(input.process.text), text);
        world_feed(world, &input);
}

void world_runs(struct world *world, uint32_t service, usec_t age) {
        world_feed(world, &(struct input){
                                  .kind = INPUT_PROCESS,
                                  .service = service,
                                  .process = {.running = true, .pid = 100, .age = age},
                          });
}

void world_idle(struct world *world, uint32_t service) {
        world_feed(world, &(struct input){.kind = INPUT_PROCESS, .service = service});
}

void world_stopped_outside(struct world *world, uint32_t service) {
        world_feed(world, &(struct input){
                                  .kind = INPUT_PROCESS,
                                  .service = service,
                                  .process = {.by_person = true, .text = "stopped by somebody"},
                          });
}

void world_manager_busy(struct world *world, uint32_t service, const char *text) {
        struct input input = {.kind = INPUT_PROCESS, .service = service, .process = {.busy = true}};
        str_copy(input.process.text, sizeof(input.process.text), text);
        world_feed(world, &input);
}

static uint64_t token_of(struct world *world, uint32_t service) {
        struct service_status status = world_status(world, service);
        return status.attempt ? status.attempt->intended : 0;
}

void world_saved(struct world *world, uint32_t service, bool ok) {
        world_feed(world, &(struct input){
                                  .kind = INPUT_SAVED,
                                  .service = service,
                                  .saved = {.token = token_of(world, service), .ok = ok},
                          });
}

void world_answers(struct world *world, uint32_t service, enum world_answer answer) {
        static const char *const texts[] = {
                [ANSWER_OK] = "",
                [ANSWER_FAILED] = "it did not stop",
                [ANSWER_REFUSED] = "its budget is spent",
                [ANSWER_LATER] = "an action is under way",
                [ANSWER_LOST] = "nothing is known of it",
        };
        struct input input = {
                .kind = INPUT_OUTCOME,
                .service = service,
                .outcome =
                        {
                                .token = token_of(world, service),
                                .ok = answer == ANSWER_OK,
                                .refused = answer == ANSWER_REFUSED || answer == ANSWER_LATER,
                                .retry = answer == ANSWER_LATER,
                                .lost = answer == ANSWER_LOST,
                        },
        };
        str_copy(input.outcome.text, sizeof(input.outcome.text), texts[answer]);
        world_feed(world, &input);
}

const struct effect *world_command(
        struct world *world, uint32_t service, enum command_kind kind, usec_t duration) {
        struct input input = {
                .kind = INPUT_COMMAND,
                .service = service,
                .command = {.kind = kind, .duration = duration, .by = "ann", .reason = "upgrade"},
        };
        size_t before = world_count(world, EFFECT_REPLY, service);
        world_feed(world, &input);
        assert(world_count(world, EFFECT_REPLY, service) == before + 1);
        return world_last(world, EFFECT_REPLY, service);
}

void world_guards(struct world *world, uint32_t service) {
        world_feed(world, &(struct input){.kind = INPUT_GUARDS, .service = service});
}

void world_hold(struct world *world, enum hold_source source, usec_t duration) {
        struct input input = {
                .kind = INPUT_HOLD,
                .hold = {.source = source,
                        .hold = {.on = duration > 0,
                                .since = world->now.mono,
                                .until = usec_add(world->now.mono, duration),
                                .by = "ann",
                                .reason = "move"}},
        };
        world_feed(world, &input);
        for (uint32_t i = 0; i < world_policy(world)->n_services; i++) {
                world_guards(world, i);
        }
}

void world_deploy(struct world *world, uint32_t service, bool locked) {
        world_feed(world, &(struct input){.kind = INPUT_DEPLOY, .service = service, .up = locked});
}

void world_executor(struct world *world, bool up) {
        world_feed(world, &(struct input){.kind = INPUT_EXECUTOR, .up = up});
}

void world_host(struct world *world, const struct host_signs *signs) {
        world_feed(world, &(struct input){.kind = INPUT_HOST, .host = *signs});
}

void world_store(struct world *world, bool up) {
        world_feed(world, &(struct input){.kind = INPUT_STORE, .up = up});
}

void world_files(struct world *world, uint32_t service, uint64_t change, usec_t age) {
        struct input input = {
                .kind = INPUT_FILES,
                .service = service,
                .files = {.state = change ? FILES_CHANGED : FILES_UNCHANGED,
                        .age = change ? age : 0,
                        .change = change},
        };
        str_copy(input.files.text, sizeof(input.files.text),
                change ? "2 files changed, as app.conf" : "no file changed");
        world_feed(world, &input);
}

void world_files_unknown(struct world *world, uint32_t service) {
        struct input input = {.kind = INPUT_FILES, .service = service};
        str_copy(input.files.text, sizeof(input.files.text), "there is no recovery point yet");
        world_feed(world, &input);
}

void world_fail_and_restart(struct world *world, uint32_t service) {
        world_fails(world, service, world_policy(world)->services[service].probes[0].fall);
        world_advance(world, usec_sub(world_status(world, service).next_attempt, world->now.mono));
        assert(world_phase(world, service) == PHASE_SAVING);
        world_saved(world, service, true);
        world_answers(world, service, ANSWER_OK);
        assert(world_phase(world, service) == PHASE_VERIFYING);
}

/* ---- What came of it ---- */

struct service_status world_status(const struct world *world, uint32_t service) {
        struct service_status status;
        recovery_service_status(world->recovery, service, &status);
        return status;
}

enum phase world_phase(const struct world *world, uint32_t service) {
        return world_status(world, service).phase;
}

uint32_t world_rule(const struct world *world, uint32_t service) {
        return world_status(world, service).last_rule;
}

size_t world_count(const struct world *world, enum effect_kind kind, uint32_t service) {
        size_t count = 0;
        for (size_t i = 0; i < world->n_log; i++) {
                count += world->log[i].kind == kind &&
                         (service == UINT32_MAX || world->log[i].service == service);
        }
        return count;
}

const struct effect *world_last(
        const struct world *world, enum effect_kind kind, uint32_t service) {
        for (size_t i = world->n_log; i-- > 0;) {
                if (world->log[i].kind == kind &&
                        (service == UINT32_MAX || world->log[i].service == service)) {
                        return &world->log[i];
                }
        }
        return NULL;
}

static bool is_event(const struct effect *effect, enum event_kind kind, uint32_t service) {
        return effect->kind == EFFECT_EVENT && effect->event.kind == (int) kind &&
               (service == UINT32_MAX || effect->service == service);
}

size_t world_count_events(const struct world *world, enum event_kind kind, uint32_t service) {
        size_t count = 0;
        for (size_t i = 0; i < world->n_log; i++) {
                count += is_event(&world->log[i], kind, service);
        }
        return count;
}

const struct event *world_last_event(
        const struct world *world, enum event_kind kind, uint32_t service) {
        for (size_t i = world->n_log; i-- > 0;) {
                if (is_event(&world->log[i], kind, service)) {
                        return &world->log[i].event;
                }
        }
        return NULL;
}

void world_clear(struct world *world) {
        world->n_log = 0;
}
