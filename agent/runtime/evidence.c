#include "runtime/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/scrub.h"
#include "base/str.h"
#include "io/evidence_facts.h"
#include "io/worker.h"
#include "runtime/runtime.h"
#include "runtime/shell.h"

#define LOG_PATH_MAX 512

/* What the thread works on; nothing else is its. */
struct bundle {
        char *head; /* what the agent itself knows */
        char *unit;
        char log_file[LOG_PATH_MAX];
        bool has_log;
        pid_t pid;
        char *text; /* the result */
};

struct evidence_run {
        struct list node; /* in runtime->evidence_runs */
        struct runtime *runtime;
        uint64_t incident;
        wall_usec_t at;
        void (*done)(void *cookie);
        void *cookie;
};

static void bundle_free(void *data) {
        struct bundle *bundle = data;
        if (bundle) {
                free(bundle->head);
                free(bundle->unit);
                free(bundle->text);
                free(bundle);
        }
}

DEFINE_CLEANUP(cleanup_bundle, struct bundle, bundle_free)

/* ---- In the thread ---- */

static int gather(void *data) {
        struct bundle *bundle = data;
        AUTO_STRBUF struct strbuf raw = {0}, clean = {0};
        const struct evidence_target target = {
                .pid = bundle->pid,
                .unit = bundle->unit,
                .log_file = bundle->has_log ? bundle->log_file : NULL,
        };
        strbuf_add(&raw, bundle->head);
        evidence_facts(&raw, &target);
        scrub(&clean, strbuf_text(&raw) ? strbuf_text(&raw) : "");
        bundle->text = strbuf_take(&clean);
        return bundle->text ? 0 : -ENOMEM;
}

/* ---- In the loop ---- */

/* The last results, oldest first: "++++--". */
static void add_window(struct strbuf *out, const struct probe_status *status) {
        for (uint32_t i = status->n_window; i-- > 0;) {
                strbuf_add_char(out, status->window >> i & 1 ? '+' : '-');
        }
}

static void add_probes(struct strbuf *out, struct runtime *runtime, const struct service *service) {
        strbuf_add(out, "== probes (oldest result first: + passed, - failed)\n");
        for (uint32_t i = 0; i < service->n_probes; i++) {
                struct probe_status status;
                char at[WALL_TEXT_MAX];
                recovery_probe_status(runtime->recovery, service->index, i, &status);
                const struct observation *last = runtime_observation(runtime, service->index, i);
                strbuf_addf(out, "%s %s ", service->probes[i].name, health_text(status.health));
                add_window(out, &status);
                strbuf_addf(out, "\n  last %s: %s: %s\n", clock_format_wall(last->at.wall, at),
                        outcome_text(last->outcome), last->detail);
        }
}

static void add_state(struct strbuf *out, const struct service_status *status, wall_usec_t now) {
        char at[WALL_TEXT_MAX];
        strbuf_addf(out, "== service %s at %s\n", status->policy->name, clock_format_wall(now, at));
        strbuf_addf(out, "%s", status->running ? "running" : "not running");
        if (status->running) {
                strbuf_addf(out, ", process %d", (int) status->pid);
        }
        if (status->incident) {
                strbuf_addf(out, "; incident: %s: %s",
                        cause_text((enum cause) status->incident->cause), status->incident->text);
        }
        strbuf_add_char(out, '\n');
}

static void add_content(struct strbuf *out, const struct content_report *content) {
        if (content) {
                strbuf_add(out, "== what it consists of\n");
                content_report_describe(content, out);
                strbuf_addf(out, "\n%s", content->lines);
        }
}

static bool fill_log(
        struct bundle *bundle, const struct runtime *runtime, const struct service *service) {
        const struct log_spec *log = service->command ? &service->command->log : NULL;
        if (!log || log->target == LOG_TARGET_NONE || log->target == LOG_TARGET_JOURNAL) {
                return false;
        }
        int length = log->file ? snprintf(bundle->log_file, LOG_PATH_MAX, "%s", log->file)
                               : snprintf(bundle->log_file, LOG_PATH_MAX, "%s/log/%s.log",
                                         runtime->options.state_dir, service->name);
        return length < LOG_PATH_MAX;
}

static struct bundle *bundle_new(struct runtime *runtime, uint32_t index, wall_usec_t now) {
        AUTO(cleanup_bundle) struct bundle *bundle = calloc(1, sizeof(*bundle));
        AUTO_STRBUF struct strbuf head = {0};
        struct service_status status;
        if (!bundle) {
                return NULL;
        }
        recovery_service_status(runtime->recovery, index, &status);
        add_state(&head, &status, now);
        add_content(&head, runtime_content(runtime, index));
        add_probes(&head, runtime, status.policy);
        bundle->pid = status.running ? status.pid : 0;
        bundle->unit = status.policy->unit ? strdup(status.policy->unit->name) : NULL;
        bundle->has_log = fill_log(bundle, runtime, status.policy);
        bundle->head = strbuf_take(&head);
        return bundle->head && (bundle->unit || !status.policy->unit) ? TAKE_PTR(bundle) : NULL;
}

static void on_gathered(void *cookie, int result, void *data) {
        AUTO_FREE struct evidence_run *run = cookie;
        const struct bundle *bundle = data;
        list_remove(&run->node);
        if (result == 0) {
                store_save_evidence(run->runtime->store, run->incident, run->at, bundle->text);
        } else {
                log_warning("evidence of incident %llu: %s, going on without",
                        (unsigned long long) run->incident, strerror(-result));
        }
        run->done(run->cookie);
}

bool evidence_is_due(const struct attempt *attempt) {
        return attempt->incident != 0 && attempt->number == 1 && attempt->action != ACTION_NOTIFY;
}

struct evidence_run *evidence_collect(struct runtime *runtime, const struct effect *effect,
        void (*done)(void *cookie), void *cookie) {
        struct instant now = loop_now(runtime->loop);
        AUTO(cleanup_bundle) struct bundle *bundle = bundle_new(runtime, effect->service, now.wall);
        AUTO_FREE struct evidence_run *run = calloc(1, sizeof(*run));
        if (!bundle || !run) {
                return NULL;
        }
        *run = (struct evidence_run){
                .runtime = runtime,
                .incident = effect->attempt.attempt.incident,
                .at = now.wall,
                .done = done,
                .cookie = cookie,
        };
        struct worker_job job = {
                .run = gather,
                .release = bundle_free,
                .done = on_gathered,
                .data = bundle,
                .cookie = run,
                .deadline = usec_add(now.mono, EVIDENCE_LIMIT),
        };
        if (worker_submit(runtime->evidence_pool, &job, NULL, NULL) < 0) {
                return NULL;
        }
        bundle = NULL;
        list_append(&runtime->evidence_runs, &run->node);
        return TAKE_PTR(run);
}

/* Few threads: when much fails at once, the rest waits in the queue and may miss its time. */
int evidence_open(struct runtime *runtime, struct error *err) {
        static const struct worker_limits limits = {"evidence", 4, 256, 8};
        list_init(&runtime->evidence_runs);
        return worker_pool_new(&runtime->evidence_pool, runtime->loop, &limits, err);
}

void evidence_close(struct runtime *runtime) {
        if (!runtime->evidence_pool) {
                return;
        }
        worker_pool_free(runtime->evidence_pool);
        runtime->evidence_pool = NULL;
        LIST_FOREACH (node, &runtime->evidence_runs) {
                free(LIST_ENTRY(node, struct evidence_run, node));
        }
}
