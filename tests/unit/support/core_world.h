#pragma once
/* A world in virtual time round the recovery core: policies are built in C, inputs are fed one by
 * one, timers run when time advances, and every effect is recorded. It checks with assert, so that
 * programs without cmocka can link it. Each policy has its own arena; the world owns the ones that
 * it was started with. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/policy.h"
#include "recovery/recovery.h"

enum {
        WORLD_SERVICES_MAX = 320,
        WORLD_GROUPS_MAX = 8,
        WORLD_TRIALS_MAX = 256, /* that the world's store remembers */
        WORLD_POLICIES_MAX = 8, /* of one world, by reloads */
        WORLD_STEPS_AT_ONCE =
                4096, /* steps without time passing; beyond it the core is taken for looping */
};

#define WORLD_LOOK_INTERVAL (4 * USEC_PER_SEC)
#define WORLD_BEGIN_MONO (1000 * USEC_PER_SEC)
#define WORLD_BEGIN_WALL (UINT64_C(1767225600) * USEC_PER_SEC) /* 2026-01-01 */

/* ---- Policies ---- */

/* Empty, with a host budget of 100 actions an hour. */
struct policy *build_policy(void);

/* A command service without probes and steps: require all, verify 30s, settle 5s, no start_grace,
 * backoff 1s doubling up to 1m without jitter, reset_after 10m, 10 actions an hour. Members may be
 * changed until build_done. */
struct service *build_service(struct policy *policy, const char *name);

/* fall 3, rise 2, interval 5s, fast_interval 250ms, timeout 2s. */
struct probe_spec *build_probe(struct policy *policy, struct service *service, const char *name);
struct step_spec *build_step(
        struct policy *policy, struct service *service, enum action action, uint32_t attempts);
/* A budget of the step's own. */
void build_step_budget(struct policy *policy, struct step_spec *step, uint32_t actions, usec_t per);
/* What it consists of is followed: a change younger than `window` is taken for the cause. */
void build_rollback(struct policy *policy, struct service *service, usec_t window);
struct group_spec *build_group(
        struct policy *policy, const char *name, uint32_t actions, usec_t per);
void build_depend(struct policy *policy, struct service *service, const struct service *on);
void build_soft_depend(struct policy *policy, struct service *service, const struct service *on);

/* A service with one probe "http" and the ladder restart x 3. */
struct service *build_plain(struct policy *policy, const char *name);

/* Counts and links; no changes after it. */
struct policy *build_done(struct policy *policy);

/* ---- World ---- */

struct world {
        struct policy *policies[WORLD_POLICIES_MAX]; /* the last one is in force */
        size_t n_policies;
        struct recovery *recovery;
        struct recovery_settings settings;
        struct instant now;
        struct trials_record trials[WORLD_TRIALS_MAX]; /* as last written */
        size_t n_trials;
        usec_t timers[WORLD_SERVICES_MAX];
        struct effects *effects; /* of the present step */
        struct effect *log;
        size_t n_log, log_room;
        uint32_t waiting[WORLD_SERVICES_MAX]; /* services whose dependents are to be fed */
        size_t n_waiting;
        bool is_waiting[WORLD_SERVICES_MAX];
        bool guards_due;
        usec_t look; /* at the host: every few seconds while the agent suspects itself */
        uint32_t stepped; /* the service of the present step; UINT32_MAX: the host */
        usec_t steps_at;
        size_t steps;
        void (*on_step)(struct world *world); /* NULL: none; before the effects of each step */
        void (*on_effect)(
                struct world *world, const struct effect *effect); /* NULL: recorded only */
        void *cookie;
};

/* Takes the policy over; the executor is here and the store works. */
struct world *world_new(struct policy *policy, uint64_t seed);
void world_free(struct world *world);

const struct policy *world_policy(const struct world *world);

/* Gives the core another policy, which the world takes over. */
void world_reload(struct world *world, struct policy *policy);

/* The agent is killed and comes back `gap` later, the wall clock having moved by `shift` besides;
 * in another boot the monotonic clock begins at 20s. The executor has to be told to be here again.
 */
struct world_restart {
        usec_t gap;
        int64_t shift;
        bool reboot;
};
void world_restart(struct world *world, const struct world_restart *how);

/* ---- Inputs ---- */

void world_feed(struct world *world, const struct input *input);
void world_advance(struct world *world, usec_t duration); /* timers run on the way */
usec_t world_next_timer(const struct world *world); /* USEC_INFINITY: none */

/* Results of a probe, `count` times, as runs that took no time. */
void world_observe(struct world *world, uint32_t service, uint32_t probe, enum outcome outcome,
        unsigned count);
void world_feed_observation(struct world *world, const struct observation *observation);
void world_fails(struct world *world, uint32_t service, unsigned count); /* its first probe */
void world_passes(struct world *world, uint32_t service, unsigned count);
void world_dies(struct world *world, uint32_t service, const char *text);
void world_runs(struct world *world, uint32_t service, usec_t age);
void world_idle(struct world *world, uint32_t service);
void world_stopped_outside(struct world *world, uint32_t service);
void world_manager_busy(struct world *world, uint32_t service, const char *text);
void world_saved(struct world *world, uint32_t service, bool ok);

enum world_answer { ANSWER_OK, ANSWER_FAILED, ANSWER_REFUSED, ANSWER_LATER, ANSWER_LOST };
void world_answers(struct world *world, uint32_t service, enum world_answer answer);

/* The reply to the command, kept until the next one. */
const struct effect *world_command(
        struct world *world, uint32_t service, enum command_kind kind, usec_t duration);
void world_guards(struct world *world, uint32_t service);
void world_executor(struct world *world, bool up);
/* What holds the host, for so long; 0: it lets go. The services are told. */
void world_hold(struct world *world, enum hold_source source, usec_t duration);
void world_deploy(struct world *world, uint32_t service, bool locked);
void world_store(struct world *world, bool up);
/* What is known of its files; `change` 0: nothing changed. */
void world_files(struct world *world, uint32_t service, uint64_t change, usec_t age);
void world_files_unknown(struct world *world, uint32_t service);
void world_host(struct world *world, const struct host_signs *signs);

/* Failed, its restart due, written down, done: stands before the proof. */
void world_fail_and_restart(struct world *world, uint32_t service);

/* ---- What came of it ---- */

struct service_status world_status(const struct world *world, uint32_t service);
enum phase world_phase(const struct world *world, uint32_t service);
uint32_t world_rule(const struct world *world, uint32_t service);

/* Effects of this kind since world_clear; service UINT32_MAX: of all. */
size_t world_count(const struct world *world, enum effect_kind kind, uint32_t service);
const struct effect *world_last(const struct world *world, enum effect_kind kind, uint32_t service);
size_t world_count_events(const struct world *world, enum event_kind kind, uint32_t service);
const struct event *world_last_event(
        const struct world *world, enum event_kind kind, uint32_t service);
void world_clear(struct world *world);
