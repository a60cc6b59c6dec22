/* Check, then swap policies. The files are read in a thread; the swap is one turn of the loop. */

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/worker.h"
#include "probes/probe.h"
#include "runtime/shell.h"

struct reload { /* the thread's own */
        struct runtime_options options;
        struct policy *policy;
        struct agreement_secret peers_secret;
        struct strbuf text;
        bool recorded; /* the files are wanted as well, for the recording under way */
        struct strbuf files;
};

/* Who waits; apart from the thread's, which may be abandoned. */
struct waiting {
        struct runtime *runtime;
        runtime_reply call;
        void *cookie;
};

int reloading_load(
        const struct runtime_options *options, struct policy **ret, struct strbuf *ret_text) {
        struct policy_sources sources = {
                .config = options->config,
                .paths = options->policies,
                .n_paths = options->n_policies,
                .probes = probe_variants,
                .trusted_only = true,
        };
        AUTO(problems_done) struct problems problems = {0};
        int r = policy_load(&sources, ret, &problems);
        if (problems.count > 0) {
                problems_format(&problems, ret_text);
        }
        malloc_trim(0); /* loading takes several times the memory that the result needs */
        return r;
}

void reloading_tables_done(struct tables *tables) {
        for (size_t i = 0; tables->services && i < tables->n_services; i++) {
                free(tables->services[i].content);
        }
        free(tables->services);
        free(tables->counters);
        free(tables->recovered);
        free(tables->dependents);
        free(tables->dirty);
        *tables = (struct tables){0};
}

int reloading_tables_init(
        struct runtime *runtime, const struct policy *policy, struct tables *ret) {
        size_t n = policy->n_services + 1;
        *ret = (struct tables){
                .services = calloc(n, sizeof(*ret->services)),
                .counters = calloc(n, sizeof(*ret->counters)),
                .recovered = calloc(n, sizeof(*ret->recovered)),
                .dependents = calloc(n, sizeof(*ret->dependents)),
                .dirty = calloc(n, sizeof(*ret->dirty)),
                .n_services = policy->n_services,
        };
        if (!ret->services || !ret->counters || !ret->recovered || !ret->dependents ||
                !ret->dirty || heap_reserve(&runtime->timers, n) < 0) {
                reloading_tables_done(ret);
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                ret->counters[i].recovered = &ret->recovered[i];
        }
        return 0;
}

/* A service that leaves with an open incident takes it along. */
static void drop_removed(struct runtime *runtime, const struct policy *policy) {
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                const char *name = runtime->policy->services[i].name;
                if (policy_service(policy, name)) {
                        continue;
                }
                struct service_status status;
                recovery_service_status(runtime->recovery, i, &status);
                if (status.incident) {
                        struct incident incident = *status.incident;
                        incident.closed = loop_now(runtime->loop).wall;
                        incident.end = INCIDENT_DROPPED;
                        store_save_incident(runtime->store, &incident);
                }
                store_forget_service(runtime->store, name);
        }
}

static void carry_counters(struct service_counters *to, const struct service_counters *from) {
        struct recovery_counters *recovered = to->recovered;
        assert(recovered);
        if (from->attempts > 0 || from->measured > 0) {
                *recovered = *from->recovered;
        }
        *to = *from;
        to->recovered = recovered;
}

static void carry_tables(
        struct runtime *runtime, const struct policy *policy, struct tables *tables) {
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                heap_remove(&runtime->timers, &runtime->tables.services[i].timer);
                const struct service *now =
                        policy_service(policy, runtime->policy->services[i].name);
                if (now) {
                        carry_counters(&tables->counters[now->index], &runtime->tables.counters[i]);
                        tables->services[now->index].touched = runtime->tables.services[i].touched;
                        tables->services[now->index].content =
                                TAKE_PTR(runtime->tables.services[i].content);
                }
        }
        reloading_tables_done(&runtime->tables);
        runtime->tables = *tables;
        *tables = (struct tables){0};
}

DEFINE_CLEANUP(recovery_free_p, struct recovery, recovery_free)

static int swap(struct runtime *runtime, struct reload *reload, struct error *err) {
        struct policy *policy = reload->policy;
        AUTO(recovery_free_p) struct recovery *recovery = NULL;
        AUTO(reloading_tables_done) struct tables tables = {0};
        persist_flush(runtime); /* while the indices are those of the old policy */
        int r = recovery_reload(&recovery, runtime->recovery, policy, loop_now(runtime->loop), err);
        if (r < 0) {
                return r;
        }
        r = reloading_tables_init(runtime, policy, &tables);
        if (r < 0) {
                return error_set(err, -r, "out of memory");
        }
        r = members_reserve(runtime, policy);
        r = r < 0 ? r : pools_reserve(runtime, policy);
        if (r < 0) {
                return error_set(err, -r, "out of memory");
        }
        r = scheduler_reload(runtime->scheduler, policy, err);
        if (r < 0) {
                return r;
        }
        /* From here on nothing can fail. */
        recorder_reloaded(runtime, policy, &reload->files);
        answers_reloaded(runtime);
        drop_removed(runtime, policy);
        heartbeats_forget(runtime, policy);
        members_carry(runtime, policy);
        pools_carry(runtime, policy);
        carry_tables(runtime, policy, &tables);
        recovery_free(runtime->recovery);
        policy_free(runtime->policy);
        runtime->recovery = TAKE_PTR(recovery);
        runtime->policy = TAKE_PTR(reload->policy);
        runtime->executor_agrees = false; /* until it has read them, too */
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service_status status;
                recovery_service_status(runtime->recovery, i, &status);
                turns_arm(runtime, i, status.timer);
                scheduler_pace(runtime->scheduler, i, status.pace);
        }
        coordinators_reloaded(runtime);
        runtime->peers_secret = reload->peers_secret;
        reload->peers_secret = (struct agreement_secret){0};
        members_reloaded(runtime);
        pools_reloaded(runtime);
        return 0;
}

static void note_result(struct runtime *runtime, int result, const char *text) {
        struct runtime_stats *stats = &runtime->stats;
        stats->last_reload = loop_now(runtime->loop).wall;
        stats->last_reload_ok = result >= 0;
        *(result >= 0 ? &stats->reloads_ok : &stats->reloads_failed) += 1;
        free(runtime->reload_error);
        runtime->reload_error = result < 0 ? strdup(text) : NULL;
        if (result >= 0) {
                effects_say(
                        runtime, LOG_NOTICE, "reloaded: %u services", runtime->policy->n_services);
        } else {
                effects_say(runtime, LOG_ERR,
                        "the policies are not as they must be, the old ones stay: %.200s", text);
        }
}

static void finish(struct runtime *runtime, struct waiting *waiting, int result, const char *text) {
        note_result(runtime, result, text);
        announce_ready(runtime);
        answers_reply(runtime, waiting->call, waiting->cookie, result, text);
        runtime->reload = NULL;
        free(waiting);
}

static void on_loaded(void *cookie, int result, void *data) {
        struct waiting *waiting = cookie;
        struct runtime *runtime = waiting->runtime;
        struct reload *reload = data;
        if (!reload) { /* abandoned: a disk hangs */
                finish(runtime, waiting, result,
                        "the policy files could not be read in time, the old ones stay");
                return;
        }
        const char *text = strbuf_text(&reload->text);
        if (result < 0) {
                finish(runtime, waiting, result, text ? text : "out of memory");
                return;
        }
        struct error err = {0};
        result = swap(runtime, reload, &err);
        if (result >= 0) {
                executor_send(runtime, WIRE_RELOAD);
        }
        finish(runtime, waiting, result, result < 0 ? err.text : text ? text : "");
}

static int load_in_thread(void *data) {
        struct reload *reload = data;
        int r = reloading_load(&reload->options, &reload->policy, &reload->text);
        if (r >= 0) {
                agreement_secret_read(&reload->peers_secret, &reload->policy->coordinator.peers);
        }
        if (r >= 0 && reload->recorded &&
                recorder_read_files(&reload->options, &reload->files) < 0) {
                strbuf_done(&reload->files); /* the recording ends by it, and not the reload */
        }
        return r;
}

static void reload_free(void *data) {
        struct reload *reload = data;
        policy_free(reload->policy);
        agreement_secret_done(&reload->peers_secret);
        strbuf_done(&reload->text);
        strbuf_done(&reload->files);
        free(reload);
}

static int submit(struct runtime *runtime, struct waiting *waiting, struct error *err) {
        struct reload *reload = calloc(1, sizeof(*reload));
        if (!reload) {
                return error_set(err, ENOMEM, "out of memory");
        }
        reload->options = runtime->options;
        reload->recorded = recorder_is_active(runtime);
        struct worker_job job = {
                .run = load_in_thread,
                .release = reload_free,
                .done = on_loaded,
                .data = reload,
                .cookie = waiting,
                .deadline = usec_add(loop_now(runtime->loop).mono, RELOAD_TIMEOUT),
        };
        int r = worker_submit(runtime->reload_pool, &job, NULL, err);
        if (r < 0) {
                reload_free(reload);
                return r;
        }
        return 0;
}

void runtime_reload(struct runtime *runtime, runtime_reply call, void *cookie) {
        if (runtime->reload || runtime->stopping) {
                answers_reply(runtime, call, cookie, -EBUSY,
                        runtime->reload ? "a reload is under way" : "the agent is ending");
                return;
        }
        struct waiting *waiting = calloc(1, sizeof(*waiting));
        if (!waiting) {
                answers_reply(runtime, call, cookie, -ENOMEM, "out of memory");
                return;
        }
        *waiting = (struct waiting){runtime, call, cookie};
        struct error err = {0};
        int r = submit(runtime, waiting, &err);
        if (r < 0) {
                free(waiting);
                answers_reply(runtime, call, cookie, r, err.text);
                return;
        }
        runtime->reload = waiting;
        announce_reloading();
}

int reloading_prepare(struct runtime *runtime, struct error *err) {
        static const struct worker_limits limits = {"reload", 1, 1, 1};
        return worker_pool_new(&runtime->reload_pool, runtime->loop, &limits, err);
}

void reloading_done(struct runtime *runtime) {
        worker_pool_free(runtime->reload_pool);
        free(runtime->reload);
        free(runtime->reload_error);
}
