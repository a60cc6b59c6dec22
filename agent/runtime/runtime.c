#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/units.h"
#include "runtime/evidence.h"
#include "runtime/shell.h"

/* ---- What comes in ---- */

static void on_observed(void *cookie, const struct observation *observation) {
        struct runtime *runtime = cookie;
        counters_observed(runtime, observation);
        turns_feed(runtime, &(struct input){
                                    .kind = INPUT_OBSERVATION,
                                    .service = observation->service,
                                    .observation = observation,
                            });
        answers_observed(runtime, observation);
}

static void on_stall(void *cookie, usec_t gap) {
        struct runtime *runtime = cookie;
        char how_long[UNITS_TEXT_MAX];
        runtime->stats.stalls++;
        runtime->stats.last_stall = gap;
        effects_say(runtime, LOG_WARNING,
                "the agent stood still for %s: what was being measured counts as unknown",
                units_format_duration_short(gap, how_long));
        scheduler_stalled(runtime->scheduler, gap);
        host_watch_stalled(runtime, gap);
}

/* ---- Making ---- */

static int make_directory(const char *path, mode_t mode, struct error *err) {
        if (mkdir(path, mode) < 0 && errno != EEXIST) {
                return error_set_errno(err, errno, "cannot make the directory %s", path);
        }
        return 0;
}

static int take_lock(struct runtime *runtime, struct error *err) {
        AUTO_FREE char *path = NULL;
        if (asprintf(&path, "%s/recoverd.lock", runtime->options.runtime_dir) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        runtime->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (runtime->lock_fd < 0) {
                return error_set_errno(err, errno, "cannot open %s", path);
        }
        if (flock(runtime->lock_fd, LOCK_EX | LOCK_NB) < 0) {
                return error_set(err, errno,
                        "another agent runs with the runtime directory %s; end it, or choose another "
                        "with --runtime-dir",
                        runtime->options.runtime_dir);
        }
        return 0;
}

static int load_first(struct runtime *runtime, struct error *err) {
        AUTO_STRBUF struct strbuf text = {0};
        int r = reloading_load(&runtime->options, &runtime->policy, &text);
        const char *problems = strbuf_text(&text);
        if (r < 0) {
                if (problems && problems[0]) {
                        fputs(problems, stderr);
                }
                return error_set(err, -r, "the policies are not as they must be");
        }
        if (problems && problems[0]) {
                fputs(problems, stderr);
        }
        agreement_secret_read(&runtime->peers_secret, &runtime->policy->coordinator.peers);
        return 0;
}

static int make_memory(struct runtime *runtime) {
        runtime->effects = calloc(1, sizeof(*runtime->effects));
        runtime->pending = calloc(RUNTIME_PENDING_MAX, sizeof(*runtime->pending));
        runtime->events = calloc(RUNTIME_EVENTS_KEPT, sizeof(*runtime->events));
        if (!runtime->effects || !runtime->pending || !runtime->events) {
                return -ENOMEM;
        }
        int r = heap_init(&runtime->timers, runtime->policy->n_services + 1);
        if (r < 0) {
                return r;
        }
        r = reloading_tables_init(runtime, runtime->policy, &runtime->tables);
        if (r < 0) {
                return r;
        }
        loop_defer_init(&runtime->flush, runtime->loop, persist_flush, runtime);
        r = loop_timer_init(&runtime->timer, runtime->loop, turns_on_timer, runtime);
        r = r < 0 ? r : content_open(runtime);
        return r < 0 ? r : announce_init(runtime);
}

static int make_core(struct runtime *runtime, const struct store_image *image, struct error *err) {
        struct rng rng;
        rng_seed_from_system(&rng);
        struct recovery_settings settings = {
                .seed = rng_next(&rng),
                .next_incident = image->next_incident,
                .dry_run = runtime->options.dry_run,
                .first_word = FIRST_WORD_PATIENCE,
        };
        str_copy(settings.boot_id, sizeof(settings.boot_id), runtime->boot_id);
        int r = recovery_new(
                &runtime->recovery, runtime->policy, &settings, loop_now(runtime->loop), err);
        if (r < 0) {
                return r;
        }
        bool up = !store_degraded(runtime->store);
        turns_feed(runtime, &(struct input){.kind = INPUT_STORE, .up = up});
        persist_restore(runtime, image);
        starts_note(runtime);
        return 0;
}

static int make_parts(struct runtime *runtime, struct error *err) {
        struct store_image image = {0};
        int r = make_memory(runtime);
        if (r >= 0) {
                r = persist_open(runtime, &image);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "cannot prepare the agent");
        }
        r = recorder_new(runtime, err);
        if (r < 0) {
                store_image_done(&image);
                return r;
        }
        struct scheduler_callbacks callbacks = {on_observed, executor_ask, runtime};
        r = reloading_prepare(runtime, err);
        if (r >= 0) {
                r = evidence_open(runtime, err);
        }
        if (r >= 0) {
                r = scheduler_new(
                        &runtime->scheduler, runtime->loop, runtime->policy, &callbacks, err);
        }
        if (r >= 0) {
                r = heartbeats_open(runtime, err);
        }
        if (r >= 0) {
                r = holds_open(runtime, err);
        }
        if (r >= 0) {
                r = make_core(runtime, &image, err);
        }
        store_image_done(&image);
        return r;
}

DEFINE_CLEANUP(runtime_free_p, struct runtime, runtime_free)

int runtime_new(struct runtime **ret, struct loop *loop, const struct runtime_options *options,
        struct error *err) {
        AUTO(runtime_free_p) struct runtime *runtime = calloc(1, sizeof(*runtime));
        if (!runtime) {
                return error_set(err, ENOMEM, "out of memory");
        }
        runtime->loop = loop;
        runtime->options = *options;
        runtime->lock_fd = -1;
        runtime->stats.started = loop_now(loop);
        runtime->stats.last_reload_ok = true;
        list_init(&runtime->replies);
        list_init(&runtime->probe_requests);
        list_init(&runtime->checkpoint_asks);
        list_init(&runtime->attempts);
        int r = clock_boot_id(runtime->boot_id);
        if (r < 0) {
                return error_set_errno(err, -r, "cannot read the boot id of the kernel");
        }
        r = load_first(runtime, err);
        if (r >= 0) {
                r = make_directory(options->runtime_dir, 0755, err);
        }
        if (r >= 0) {
                r = make_directory(options->state_dir, 0750, err);
        }
        if (r >= 0) {
                r = take_lock(runtime, err);
        }
        if (r >= 0) {
                r = make_parts(runtime, err);
        }
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(runtime);
        return 0;
}

void runtime_free(struct runtime *runtime) {
        if (!runtime) {
                return;
        }
        runtime->stopping = true;
        checkpoint_asks_drop(runtime);
        answers_done(runtime);
        executor_link_free(runtime->link);
        if (runtime->recovery) {
                persist_done(runtime);
        }
        members_close(runtime);
        pools_close(runtime);
        coordinators_close(runtime);
        heartbeats_close(runtime);
        holds_close(runtime);
        recorder_free(runtime->recorder);
        scheduler_free(runtime->scheduler);
        reloading_done(runtime);
        recovery_free(runtime->recovery);
        loop_defer_cancel(&runtime->flush);
        loop_timer_done(&runtime->timer);
        content_close(runtime);
        loop_timer_done(&runtime->stop_timer);
        loop_timer_done(&runtime->watchdog_timer);
        host_watch_done(runtime);
        heap_done(&runtime->timers);
        free(runtime->effects);
        free(runtime->pending);
        free(runtime->events);
        reloading_tables_done(&runtime->tables);
        policy_free(runtime->policy);
        agreement_secret_done(&runtime->peers_secret);
        if (runtime->lock_fd >= 0) {
                close(runtime->lock_fd);
        }
        free(runtime);
}

/* ---- Beginning and ending ---- */

static void say_what_is_watched(struct runtime *runtime) {
        const struct policy *policy = runtime->policy;
        effects_say(runtime, LOG_NOTICE, "recoverd %s watches %u services with %u probes%s",
                RECOVERD_VERSION, policy->n_services, policy->n_probes,
                runtime->options.dry_run ? ", and never acts (--dry-run)" : "");
        if (policy->n_services == 0) {
                effects_say(runtime, LOG_NOTICE,
                        "there are no policies yet: `recoverctl init` writes some for what runs on "
                        "this host, and `systemctl reload recoverd` takes them over");
        }
}

int runtime_start(struct runtime *runtime, struct error *err) {
        int r = members_open(runtime, err);
        r = r < 0 ? r : pools_open(runtime, err);
        if (r < 0) {
                return r;
        }
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                struct service_status status;
                recovery_service_status(runtime->recovery, i, &status);
                turns_arm(runtime, i, status.timer);
        }
        struct executor_link_options options = {
                .config = runtime->options.config,
                .policies = runtime->options.policies,
                .n_policies = runtime->options.n_policies,
                .state_dir = runtime->options.state_dir,
                .runtime_dir = runtime->options.runtime_dir,
        };
        r = executor_link_new(
                &runtime->link, runtime->loop, &options, &executor_talk, runtime, err);
        if (r < 0) {
                return r;
        }
        r = host_watch_start(runtime);
        if (r < 0) {
                return error_set_errno(err, -r, "cannot watch the host");
        }
        loop_on_stall(runtime->loop, STALL_THRESHOLD, on_stall, runtime);
        say_what_is_watched(runtime);
        holds_look_at_all(runtime);
        content_start(runtime);
        announce_start(runtime);
        return 0;
}

static void on_stop_timeout(void *cookie) {
        struct runtime *runtime = cookie;
        effects_say(runtime, LOG_ERR, "the executor did not stop the services in time, leaving");
        loop_exit(runtime->loop, 1);
}

void runtime_stop(struct runtime *runtime) {
        if (runtime->stopping) { /* asked twice: leave at once */
                loop_exit(runtime->loop, 0);
                return;
        }
        announce_stopping();
        bool stop_services = runtime->policy->agent.stop_services_on_exit;
        effects_say(runtime, LOG_NOTICE, "ending; the services %s",
                stop_services ? "are stopped first" : "keep running");
        persist_flush(runtime);
        starts_end(runtime);
        recorder_end(runtime, "the agent ended");
        runtime->stopping = true;
        if (!stop_services || !executor_link_up(runtime->link) ||
                loop_timer_init(&runtime->stop_timer, runtime->loop, on_stop_timeout, runtime) <
                        0) {
                loop_exit(runtime->loop, 0);
                return;
        }
        loop_timer_set_after(&runtime->stop_timer, STOP_ALL_TIMEOUT);
        executor_send(runtime, WIRE_STOP_ALL);
}

/* ---- Snapshots ---- */

struct loop *runtime_loop(const struct runtime *runtime) {
        return runtime->loop;
}

const struct policy *runtime_policy(const struct runtime *runtime) {
        return runtime->policy;
}

const struct recovery *runtime_recovery(const struct runtime *runtime) {
        return runtime->recovery;
}

struct store *runtime_store(const struct runtime *runtime) {
        return runtime->store;
}

const struct runtime_options *runtime_options(const struct runtime *runtime) {
        return &runtime->options;
}

const struct observation *runtime_observation(
        const struct runtime *runtime, uint32_t service, uint32_t probe) {
        return scheduler_observation(runtime->scheduler, service, probe);
}

const struct measurement *runtime_measurements(
        const struct runtime *runtime, uint32_t service, uint32_t probe, uint32_t *ret_count) {
        return scheduler_measurements(runtime->scheduler, service, probe, ret_count);
}

void runtime_stats(const struct runtime *runtime, struct runtime_stats *ret) {
        const struct loop_stats *loop = loop_stats(runtime->loop);
        struct scheduler_counts counts = scheduler_counts(runtime->scheduler);
        *ret = runtime->stats;
        ret->last_reload_error = runtime->reload_error ? runtime->reload_error : "";
        ret->peer_messages_rejected = members_rejected(runtime);
        ret->probe_runs = counts.runs;
        ret->probe_in_flight = counts.in_flight;
        ret->worst_lateness = counts.worst_lateness;
        ret->lag = loop->last_lateness;
        ret->worst_lag = loop->worst_lateness;
}

void runtime_note_agent_check(struct runtime *runtime, enum agent_answer answer) {
        runtime->stats.agent_checks[answer]++;
}

void runtime_scraped(struct runtime *runtime) {
        loop_stats_reset_worst(runtime->loop);
        scheduler_counts_reset(runtime->scheduler);
}

size_t runtime_recent_events(
        const struct runtime *runtime, uint32_t service, const struct event **ret, size_t limit) {
        const char *name = service == UINT32_MAX ? NULL : runtime->policy->services[service].name;
        uint64_t kept =
                runtime->n_events < RUNTIME_EVENTS_KEPT ? runtime->n_events : RUNTIME_EVENTS_KEPT;
        size_t found = 0;
        for (uint64_t i = 1; i <= kept && found < limit; i++) {
                const struct event *event =
                        &runtime->events[(runtime->n_events - i) % RUNTIME_EVENTS_KEPT];
                if (!name || str_eq(event->service, name)) {
                        ret[found++] = event;
                }
        }
        return found;
}
