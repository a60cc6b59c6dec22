#include "control/metrics_page.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "control/metrics_rows.h"
#include "control/verdict.h"
#include "io/loop.h"
#include "runtime/runtime.h"

/* Label sets of one policy, one after the other in `text`, each terminated. */
struct label_cache {
        const struct policy *policy; /* only compared */
        uint64_t reloads;
        struct strbuf text;
        uint32_t *services, *probes; /* where each begins; probes of all services in order */
};

struct metrics_page {
        struct runtime *runtime;
        struct label_cache labels;
        wall_usec_t started; /* read once: it must not move with the clock */
        char *kept; /* memory for the next page; NULL: none */
        size_t kept_capacity;
        char *lent; /* what the last page was written into; only compared */
        size_t lent_capacity;
};

int metrics_page_new(struct metrics_page **ret, struct runtime *runtime) {
        struct metrics_page *page = calloc(1, sizeof(*page));
        if (!page) {
                return -ENOMEM;
        }
        page->runtime = runtime;
        page->started = process_started(loop_now(runtime_loop(runtime)));
        *ret = page;
        return 0;
}

static void labels_done(struct label_cache *labels) {
        strbuf_done(&labels->text);
        free(labels->services);
        free(labels->probes);
        *labels = (struct label_cache){0};
}

void metrics_page_free(struct metrics_page *page) {
        if (page) {
                labels_done(&page->labels);
                free(page->kept);
                free(page);
        }
}

/* ---- Labels ---- */

/* Returns where the label set begins. */
static uint32_t add_labels(struct strbuf *text, const char *service, const char *probe) {
        uint32_t offset = (uint32_t) text->length;
        const struct metric_label labels[] = {{"service", service}, {"probe", probe}};
        metrics_render_labels(text, labels, probe ? 2 : 1);
        return offset;
}

static int labels_render(struct label_cache *labels, const struct policy *policy) {
        labels->services = calloc((size_t) policy->n_services + 1, sizeof(*labels->services));
        labels->probes = calloc((size_t) policy->n_probes + 1, sizeof(*labels->probes));
        if (!labels->services || !labels->probes) {
                return -ENOMEM;
        }
        uint32_t probe = 0;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                labels->services[i] = add_labels(&labels->text, policy->services[i].name, NULL);
        }
        labels->services[policy->n_services] = (uint32_t) labels->text.length;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                const struct service *service = &policy->services[i];
                for (uint32_t k = 0; k < service->n_probes; k++) {
                        assert(probe < policy->n_probes);
                        labels->probes[probe++] =
                                add_labels(&labels->text, service->name, service->probes[k].name);
                }
        }
        labels->probes[probe] = (uint32_t) labels->text.length;
        strbuf_add_repeated(&labels->text, ' ', METRICS_PADDING);
        return labels->text.failed ? -ENOMEM : 0;
}

/* A new policy may lie where the old one was: the count of reloads tells them apart. */
static int labels_refresh(struct metrics_page *page, uint64_t reloads) {
        const struct policy *policy = runtime_policy(page->runtime);
        if (page->labels.policy == policy && page->labels.reloads == reloads) {
                return 0;
        }
        labels_done(&page->labels);
        int r = labels_render(&page->labels, policy);
        if (r < 0) {
                labels_done(&page->labels);
                return r;
        }
        page->labels.policy = policy;
        page->labels.reloads = reloads;
        return 0;
}

static struct metrics_span label_span(
        const struct metrics_page *page, const uint32_t *offsets, uint32_t i) {
        return (struct metrics_span){
                page->labels.text.data + offsets[i], offsets[i + 1] - offsets[i]};
}

/* One label more, whose value is a word of this program, with the padding of a span. */
enum { MORE_MAX = 64 };
struct more_label {
        char text[MORE_MAX + METRICS_PADDING];
        struct metrics_span span;
};

static void more_init(struct more_label *more, const char *name, const char *word) {
        int length = snprintf(more->text, MORE_MAX, ",%s=\"%s\"", name, word);
        assert(length > 0 && length < MORE_MAX);
        more->span = (struct metrics_span){more->text, (size_t) length};
}

static const char padding[METRICS_PADDING];
static const struct metrics_span no_more = {padding, 0};

static void sample_service(struct metrics_page *page, struct metrics_writer *writer,
        uint32_t service, const struct metrics_span *more, double value) {
        struct metrics_span labels = label_span(page, page->labels.services, service);
        metrics_sample_spans(writer, &labels, more, value);
}

/* ---- The agent ---- */

static void put_agent(struct metrics_writer *writer, const struct agent_row *row) {
        for (size_t i = 0; i < n_agent_metrics; i++) {
                double value = agent_metrics[i].value(row);
                if (!isnan(value)) {
                        metrics_family(writer, &agent_metrics[i].family);
                        metrics_sample_rendered(writer, "", value);
                }
        }
}

static void put_build(struct metrics_writer *writer) {
        static const struct metric_family family = {
                "recoverd_build", METRIC_INFO, NULL, "Version of the agent."};
        const struct metric_label labels[] = {{"version", RECOVERD_VERSION}};
        metrics_family(writer, &family);
        metrics_sample(writer, labels, 1, 1);
}

static void put_reloads(struct metrics_writer *writer, const struct runtime_stats *stats) {
        static const struct metric_family family = {"recoverd_reloads", METRIC_COUNTER, NULL,
                "Reloads of the policies; a refused one left the old policies in force."};
        metrics_family(writer, &family);
        metrics_sample_rendered(writer, "result=\"ok\"", (double) stats->reloads_ok);
        metrics_sample_rendered(writer, "result=\"refused\"", (double) stats->reloads_failed);
}

static void put_agent_checks(struct metrics_writer *writer, const struct runtime_stats *stats) {
        static const struct metric_family family = {"recoverd_agent_checks", METRIC_COUNTER, NULL,
                "Questions of HAProxy's agent-check, by what was answered."};
        metrics_family(writer, &family);
        for (const struct enum_text *row = agent_answer_texts; row->text; row++) {
                const struct metric_label labels[] = {{"answer", row->text}};
                metrics_sample(writer, labels, 1, (double) stats->agent_checks[row->value]);
        }
}

static struct agent_row agent_row_of(const struct metrics_page *page, struct instant now) {
        const struct runtime *runtime = page->runtime;
        const struct store *store = runtime_store(runtime);
        struct agent_row row = {
                .policy = runtime_policy(runtime),
                .store_degraded = store_degraded(store),
                .store = store_counts(store),
                .process = process_stats(),
                .started = page->started,
                .host_budget_left =
                        recovery_budget_left(runtime_recovery(runtime), UINT32_MAX, now),
                .dry_run = runtime_options(runtime)->dry_run,
        };
        runtime_stats(runtime, &row.stats);
        recovery_suspicion(runtime_recovery(runtime), &row.suspicion);
        return row;
}

static void put_holds(struct metrics_writer *writer, const struct runtime *runtime, usec_t now) {
        static const struct metric_family family = {"recoverd_hold", METRIC_GAUGE, NULL,
                "1 while all recovery of the host is held by this source."};
        metrics_family(writer, &family);
        for (const struct enum_text *source = hold_source_texts; source->text; source++) {
                const struct hold *hold =
                        recovery_hold(runtime_recovery(runtime), (enum hold_source) source->value);
                const struct metric_label label = {"source", source->text};
                metrics_sample(writer, &label, 1, hold_holds(hold, now));
        }
}

static void put_held(struct metrics_writer *writer, const struct service_row *rows, uint32_t n) {
        static const struct metric_family family = {"recoverd_held_services", METRIC_GAUGE, NULL,
                "Services of which an attempt is held, by the guard that holds it."};
        uint32_t held[GUARD_COUNT] = {0};
        for (uint32_t i = 0; i < n; i++) {
                held[rows[i].held_by]++;
        }
        metrics_family(writer, &family);
        for (const struct enum_text *guard = guard_texts; guard->text; guard++) {
                if (guard->value != GUARD_NONE) {
                        const struct metric_label label = {"guard", guard->text};
                        metrics_sample(writer, &label, 1, held[guard->value]);
                }
        }
}

/* Which guard holds which service; an alert names both. */
static void put_held_services(struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        static const struct metric_family family = {"recoverd_service_held", METRIC_GAUGE, NULL,
                "1 while an attempt of the service is held by this guard; otherwise no series."};
        metrics_family(writer, &family);
        for (uint32_t i = 0; i < n; i++) {
                if (rows[i].held_by != GUARD_NONE) {
                        struct more_label guard = {0};
                        more_init(&guard, "guard", guard_text(rows[i].held_by));
                        sample_service(page, writer, i, &guard.span, 1);
                }
        }
}

/* Why it fails; an alert names it. */
static void put_causes(struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        static const struct metric_family family = {"recoverd_service_cause", METRIC_GAUGE, NULL,
                "1 for the cause of the open incident of the service; otherwise no series."};
        metrics_family(writer, &family);
        for (uint32_t i = 0; i < n; i++) {
                if (rows[i].incident) {
                        struct more_label cause = {0};
                        more_init(&cause, "cause", cause_text((enum cause) rows[i].cause));
                        sample_service(page, writer, i, &cause.span, 1);
                }
        }
}

static void put_closed(struct metrics_writer *writer, const struct runtime_stats *stats) {
        static const struct metric_family family = {"recoverd_incidents_closed", METRIC_COUNTER,
                NULL, "Incidents that ended since the agent started, by their cause."};
        metrics_family(writer, &family);
        for (const struct enum_text *cause = cause_texts; cause->text; cause++) {
                uint64_t value = stats->incidents_by_cause[cause->value];
                if (value > 0) {
                        const struct metric_label label = {"cause", cause->text};
                        metrics_sample_u64(writer, &label, 1, value);
                }
        }
}

/* ---- Services ---- */

static struct service_row service_row_of(
        const struct runtime *runtime, uint32_t service, struct instant now) {
        const struct recovery *recovery = runtime_recovery(runtime);
        struct service_status status;
        recovery_service_status(recovery, service, &status);
        return (struct service_row){
                .counters = runtime_counters(runtime, service),
                .state = recovery_state_word(&status),
                .health = status.health,
                .alive = status.alive,
                .ready = status.ready,
                .warnings = status.warnings,
                .paused = status.paused,
                .incident = status.incident != NULL,
                .cause = status.incident ? status.incident->cause : CAUSE_NONE,
                .next_attempt = status.next_attempt,
                .held_by = status.held_by,
                .flapping = status.flapping,
                .flapping_score = status.flapping_score,
                .reminders = status.reminders,
                .content = runtime_content(runtime, service),
                .budget_left = recovery_budget_left(recovery, service, now),
                .budget_limit = runtime_policy(runtime)->services[service].budget.actions,
                .now = now,
        };
}

static void put_services(struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        for (size_t f = 0; f < n_service_metrics; f++) {
                metrics_family(writer, &service_metrics[f].family);
                for (uint32_t i = 0; i < n; i++) {
                        double value = service_metrics[f].value(&rows[i]);
                        if (!isnan(value)) {
                                sample_service(page, writer, i, &no_more, value);
                        }
                }
        }
}

static void put_states(struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        static const struct metric_family family = {"recoverd_service_state", METRIC_GAUGE, NULL,
                "1 for the state in which the service is; other states have no series."};
        metrics_family(writer, &family);
        const char *word = NULL;
        struct more_label state = {0};
        for (uint32_t i = 0; i < n; i++) {
                if (rows[i].state != word) { /* nearly all are in the same */
                        word = rows[i].state;
                        more_init(&state, "state", word);
                }
                sample_service(page, writer, i, &state.span, 1);
        }
}

static bool has_checkpoints(const struct content_report *content) {
        for (int state = 0; content && state < CHECKPOINT_STATE_COUNT; state++) {
                if (content->stored[state] > 0) {
                        return true;
                }
        }
        return false;
}

static void put_checkpoints(struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        static const struct metric_family family = {"recoverd_checkpoints", METRIC_GAUGE, NULL,
                "Checkpoints of the files of the service by state; no series where there are none."};
        metrics_family(writer, &family);
        for (int state = 0; state < CHECKPOINT_STATE_COUNT; state++) {
                struct more_label label = {0};
                more_init(&label, "state", checkpoint_state_text((enum checkpoint_state) state));
                for (uint32_t i = 0; i < n; i++) {
                        if (has_checkpoints(rows[i].content)) {
                                sample_service(page, writer, i, &label.span,
                                        rows[i].content->stored[state]);
                        }
                }
        }
}

static void put_runs(struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        static const struct metric_family family = {"recoverd_probe_runs", METRIC_COUNTER, NULL,
                "Concluded probe runs of a service by outcome."};
        struct more_label outcomes[OUTCOME_TIMEOUT + 1];
        for (size_t k = 0; k < ELEMENTSOF(outcomes); k++) {
                more_init(&outcomes[k], "outcome", outcome_text((enum outcome) k));
        }
        metrics_family(writer, &family);
        for (uint32_t i = 0; i < n; i++) {
                for (size_t k = 0; k < ELEMENTSOF(outcomes); k++) {
                        sample_service(page, writer, i, &outcomes[k].span,
                                (double) rows[i].counters->probes_by_outcome[k]);
                }
        }
}

static void put_actions_of(struct metrics_writer *writer, const char *service,
        const struct service_counters *counters) {
        for (const struct enum_text *action = action_texts; action->text; action++) {
                for (const struct enum_text *result = attempt_result_texts; result->text;
                        result++) {
                        uint64_t value = counters->recovered->actions[action->value][result->value];
                        if (value > 0) {
                                const struct metric_label labels[] = {{"service", service},
                                        {"action", action->text}, {"result", result->text}};
                                metrics_sample_u64(writer, labels, 3, value);
                        }
                }
        }
}

static void put_actions(const struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        static const struct metric_family family = {"recoverd_actions", METRIC_COUNTER, NULL,
                "Attempts by action and by what became of them; those that never happened have "
                "no series."};
        metrics_family(writer, &family);
        for (uint32_t i = 0; i < n; i++) {
                if (rows[i].counters->attempts > 0) {
                        put_actions_of(writer, runtime_policy(page->runtime)->services[i].name,
                                rows[i].counters);
                }
        }
}

static void put_histogram(struct metrics_writer *writer, const char *service,
        const uint32_t buckets[RUNTIME_BUCKETS + 1], double sum) {
        uint64_t counts[RUNTIME_BUCKETS + 1];
        const struct metric_label label = {"service", service};
        struct histogram histogram = {
                .bounds = runtime_bucket_bounds,
                .n_bounds = RUNTIME_BUCKETS,
                .counts = counts,
                .sum = sum,
        };
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                counts[i] = buckets[i];
                histogram.count += buckets[i];
        }
        metrics_histogram(writer, &label, 1, &histogram);
}

/* Only of services that were measured: 34 series for each of a thousand healthy ones would be most
 * of the page, and all zero. */
static void put_histograms(const struct metrics_page *page, struct metrics_writer *writer,
        const struct service_row *rows, uint32_t n) {
        static const struct metric_family detection = {"recoverd_detection_seconds",
                METRIC_HISTOGRAM, "seconds", "From the first failed probe run to the incident."};
        static const struct metric_family recovery = {"recoverd_recovery_seconds", METRIC_HISTOGRAM,
                "seconds",
                "From the first failed probe run to the proof that the service is well."};
        const struct service *services = runtime_policy(page->runtime)->services;
        metrics_family(writer, &detection);
        for (uint32_t i = 0; i < n; i++) {
                if (rows[i].counters->measured > 0) {
                        put_histogram(writer, services[i].name,
                                rows[i].counters->recovered->detection,
                                rows[i].counters->recovered->detection_sum);
                }
        }
        metrics_family(writer, &recovery);
        for (uint32_t i = 0; i < n; i++) {
                if (rows[i].counters->measured > 0) {
                        put_histogram(writer, services[i].name,
                                rows[i].counters->recovered->recovery,
                                rows[i].counters->recovered->recovery_sum);
                }
        }
}

/* ---- Probes ---- */

static void put_probe(struct metrics_writer *writer, const struct probe_metric *metric,
        const struct metrics_span *labels, const struct observation *last) {
        if (metric->microseconds) {
                uint64_t value = metric->microseconds(last);
                if (value != USEC_INFINITY) {
                        metrics_sample_spans_millionths(writer, labels, &no_more, value);
                }
                return;
        }
        double value = metric->value(last);
        if (!isnan(value)) {
                metrics_sample_spans(writer, labels, &no_more, value);
        }
}

static void put_probes(struct metrics_page *page, struct metrics_writer *writer,
        const struct observation *const *last, uint32_t n) {
        for (size_t f = 0; f < n_probe_metrics; f++) {
                metrics_family(writer, &probe_metrics[f].family);
                for (uint32_t i = 0; i < n; i++) {
                        struct metrics_span labels = label_span(page, page->labels.probes, i);
                        put_probe(writer, &probe_metrics[f], &labels, last[i]);
                }
        }
}

static void put_measurements_of(struct metrics_page *page, struct metrics_writer *writer,
        uint32_t service, uint32_t probe) {
        const struct service *spec = &runtime_policy(page->runtime)->services[service];
        uint32_t n = 0;
        const struct measurement *values = runtime_measurements(page->runtime, service, probe, &n);
        for (uint32_t i = 0; i < n; i++) {
                const struct metric_label labels[] = {
                        {"service", spec->name},
                        {"probe", spec->probes[probe].name},
                        {"label", values[i].label},
                        {"unit", values[i].unit},
                };
                metrics_sample(writer, labels, ELEMENTSOF(labels), values[i].value);
        }
}

static void put_measurements(struct metrics_page *page, struct metrics_writer *writer) {
        static const struct metric_family family = {"recoverd_probe_perfdata", METRIC_GAUGE, NULL,
                "What the last run measured, of probes that measure several values, in base units."};
        const struct policy *policy = runtime_policy(page->runtime);
        metrics_family(writer, &family);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                for (uint32_t k = 0; k < policy->services[i].n_probes; k++) {
                        put_measurements_of(page, writer, i, k);
                }
        }
}

/* ---- The page ---- */

/* What one page is written from. */
struct snapshot {
        struct agent_row agent;
        uint32_t n_services, n_probes;
        struct service_row *services;
        const struct observation **probes; /* of all services in order */
};

static void snapshot_done(struct snapshot *snapshot) {
        free(snapshot->services);
        free(snapshot->probes);
}

/* Counters and observations lie far apart in memory: they are asked for here, so that the loops
 * that read them do not wait. */
static int snapshot_take(const struct metrics_page *page, struct snapshot *ret) {
        const struct policy *policy = runtime_policy(page->runtime);
        struct instant now = loop_now(runtime_loop(page->runtime));
        ret->agent = agent_row_of(page, now);
        ret->services = calloc((size_t) policy->n_services + 1, sizeof(*ret->services));
        ret->probes = calloc((size_t) policy->n_probes + 1, sizeof(struct observation *));
        if (!ret->services || !ret->probes) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service_row *row = &ret->services[ret->n_services++];
                *row = service_row_of(page->runtime, i, now);
                __builtin_prefetch(row->counters);
                for (uint32_t k = 0; k < policy->services[i].n_probes; k++) {
                        assert(ret->n_probes < policy->n_probes);
                        const struct observation *last = runtime_observation(page->runtime, i, k);
                        __builtin_prefetch(last);
                        ret->probes[ret->n_probes++] = last;
                }
        }
        return 0;
}

static void put_all(
        struct metrics_page *page, struct metrics_writer *writer, const struct snapshot *snapshot) {
        const struct service_row *rows = snapshot->services;
        uint32_t n = snapshot->n_services;
        put_build(writer);
        put_agent(writer, &snapshot->agent);
        put_reloads(writer, &snapshot->agent.stats);
        put_closed(writer, &snapshot->agent.stats);
        put_agent_checks(writer, &snapshot->agent.stats);
        put_holds(writer, page->runtime, loop_now(runtime_loop(page->runtime)).mono);
        put_held(writer, rows, n);
        put_held_services(page, writer, rows, n);
        put_causes(page, writer, rows, n);
        put_states(page, writer, rows, n);
        put_checkpoints(page, writer, rows, n);
        put_services(page, writer, rows, n);
        put_runs(page, writer, rows, n);
        put_actions(page, writer, rows, n);
        put_histograms(page, writer, rows, n);
        put_probes(page, writer, snapshot->probes, snapshot->n_probes);
        put_measurements(page, writer);
        metrics_put_groups(writer, page->runtime, loop_now(runtime_loop(page->runtime)).mono);
        metrics_put_pools(writer, page->runtime);
}

void metrics_page_reuse(struct metrics_page *page, char *memory) {
        if (memory == page->lent && !page->kept && page->lent_capacity <= METRICS_PAGE_KEPT_MAX) {
                page->kept = memory;
                page->kept_capacity = page->lent_capacity;
        } else {
                free(memory);
        }
}

/* Fresh memory is mapped page by page as it is written to, which costs more than the writing. */
static void borrow(struct metrics_page *page, struct strbuf *out) {
        if (page->kept) {
                out->data = page->kept;
                out->capacity = page->kept_capacity;
                page->kept = NULL;
        }
}

static void lend(struct metrics_page *page, const struct strbuf *out) {
        page->lent = out->data;
        page->lent_capacity = out->capacity;
}

int metrics_page_render(struct metrics_page *page, enum metrics_format format, struct strbuf *ret) {
        AUTO(snapshot_done) struct snapshot snapshot = {0};
        if (snapshot_take(page, &snapshot) < 0 ||
                labels_refresh(page, snapshot.agent.stats.reloads_ok) < 0) {
                return -ENOMEM;
        }
        struct metrics_writer writer;
        borrow(page, ret);
        metrics_begin(&writer, ret, format);
        put_all(page, &writer, &snapshot);
        int r = metrics_end(&writer);
        lend(page, ret);
        runtime_scraped(page->runtime);
        return r;
}
