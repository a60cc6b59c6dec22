#include "cli/simulate_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/text_table.h"

/* ---- The timeline ---- */

/* "3d 04:05:06.789" since the beginning. */
static void add_moment(struct strbuf *out, usec_t at) {
        unsigned milliseconds = (unsigned) (at / USEC_PER_MSEC % 1000);
        unsigned seconds = (unsigned) (at / USEC_PER_SEC % 60);
        unsigned minutes = (unsigned) (at / USEC_PER_MINUTE % 60);
        unsigned hours = (unsigned) (at / USEC_PER_HOUR % 24);
        strbuf_addf(out, "%3" PRIu64 "d %02u:%02u:%02u.%03u", (uint64_t) (at / USEC_PER_DAY), hours,
                minutes, seconds, milliseconds);
}

static double seconds_of(usec_t duration) {
        return (double) duration / (double) USEC_PER_SEC;
}

static void tell_json(struct json_object *events, usec_t at, const char *service, const char *what,
        const char *text) {
        struct json_object *event = json_object_new_object();
        if (!event) {
                return;
        }
        session_put(event, "at_seconds", json_object_new_double(seconds_of(at)));
        if (service) {
                session_put(event, "service", json_object_new_string(service));
        }
        session_put(event, "what", json_object_new_string(what));
        session_put(event, "text", json_object_new_string(text));
        json_object_array_add(events, event);
}

void simulate_report_tell(
        void *cookie, usec_t at, const char *service, const char *what, const char *text) {
        struct simulated *run = cookie;
        if (run->events) {
                tell_json(run->events, at, service, what, text);
                return;
        }
        add_moment(&run->timeline, at);
        strbuf_addf(&run->timeline, "  %-16s %-16s %s\n", service ? service : "-", what, text);
}

/* ---- The table ---- */

static const char *percentiles(const struct sample_set *samples, char *text, size_t size) {
        char half[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX], longest[UNITS_TEXT_MAX];
        if (samples->count == 0) {
                return "-";
        }
        snprintf(text, size, "%s/%s/%s",
                units_format_duration_short(sample_percentile(samples, 50), half),
                units_format_duration_short(sample_percentile(samples, 95), most),
                units_format_duration_short(sample_percentile(samples, 100), longest));
        return text;
}

static void add_actions(struct text_table *table, const struct service_outcome *outcome) {
        AUTO_STRBUF struct strbuf text = {0};
        for (int action = 0; action < ACTION_COUNT; action++) {
                if (outcome->actions[action] > 0) {
                        strbuf_addf(&text, "%s%s %u", text.length ? ", " : "",
                                action_text((enum action) action), outcome->actions[action]);
                }
        }
        text_table_add(table, strbuf_text(&text), PAINT_NONE);
}

static void add_bad(struct text_table *table, uint32_t count) {
        char text[16];
        snprintf(text, sizeof(text), "%u", count);
        text_table_add(table, text, count > 0 ? PAINT_BAD : PAINT_NONE);
}

static void add_row(struct text_table *table, const struct simulated *run, uint32_t service,
        const char *title) {
        const struct service_outcome *outcome = &run->result.services[service];
        char text[128], down[UNITS_TEXT_MAX];
        text_table_add(table, outcome->name, PAINT_NONE);
        if (title) {
                text_table_add(table, title, PAINT_NONE);
        }
        if (outcome->standby) {
                text_table_add(table, "standby", PAINT_NONE);
                text_table_add(table, "-", PAINT_NONE);
        } else {
                text_table_addf(table, "%.4f%%", 100 * service_availability(&run->result, service));
                text_table_addf(table, "%s", units_format_duration_short(outcome->down, down));
        }
        text_table_addf(table, "%u/%u", outcome->outages, outcome->incidents);
        text_table_add(table, percentiles(&outcome->detection, text, sizeof(text)), PAINT_NONE);
        text_table_add(table, percentiles(&outcome->recovery, text, sizeof(text)), PAINT_NONE);
        add_actions(table, outcome);
        add_bad(table, outcome->wrong);
        add_bad(table, outcome->missed);
        add_bad(table, outcome->gave_up);
}

#define HEADERS                                                                                    \
        "AVAILABLE", "DOWN", "OUTAGES/INCIDENTS", "DETECTED p50/p95/max", "BACK p50/p95/max",      \
                "ACTIONS", "WRONG", "MISSED", "GIVEN UP"

static void put_one(
        const struct simulated *run, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"SERVICE", HEADERS};
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (uint32_t i = 0; i < run->result.n_services; i++) {
                add_row(&table, run, i, NULL);
        }
        text_table_render(&table, terminal, out);
}

/* A service of the first policy, and below it the same one of the others. */
static void put_side_by_side(const struct simulated *runs, size_t n,
        const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"SERVICE", "POLICY", HEADERS};
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t run = 0; run < n; run++) {
                for (uint32_t i = 0; i < runs[run].result.n_services; i++) {
                        const char *name = runs[run].result.services[i].name;
                        bool shown = run > 0 && policy_service(runs[0].policy, name);
                        if (!shown) {
                                add_row(&table, &runs[run], i, runs[run].title);
                        }
                        for (size_t k = 1; run == 0 && k < n; k++) {
                                const struct service *same = policy_service(runs[k].policy, name);
                                if (same) {
                                        add_row(&table, &runs[k], same->index, runs[k].title);
                                }
                        }
                }
        }
        text_table_render(&table, terminal, out);
}

static void put_faults(const struct simulation *result, struct strbuf *out) {
        strbuf_add(out, "\nfaults:");
        for (uint32_t i = 0; i < result->n_faults; i++) {
                strbuf_addf(out, "%s %s %u", i ? "," : "", result->faults[i].name,
                        result->faults[i].occurred);
        }
        strbuf_add(out, "\n");
}

struct totals {
        usec_t down;
        uint64_t actions, wrong, missed, gave_up;
};

static struct totals total_of(const struct simulation *result) {
        struct totals totals = {0};
        for (uint32_t i = 0; i < result->n_services; i++) {
                const struct service_outcome *outcome = &result->services[i];
                totals.down += outcome->down;
                totals.wrong += outcome->wrong;
                totals.missed += outcome->missed;
                totals.gave_up += outcome->gave_up;
                for (int action = 0; action < ACTION_COUNT; action++) {
                        totals.actions += outcome->actions[action];
                }
        }
        return totals;
}

static void put_total(const struct simulated *run, struct strbuf *out) {
        struct totals totals = total_of(&run->result);
        char down[UNITS_TEXT_MAX];
        strbuf_addf(out,
                "%s: %s down in all, %" PRIu64 " actions (%" PRIu64 " wrong), %" PRIu64
                " missed, given up %" PRIu64 " times\n",
                run->title, units_format_duration_short(totals.down, down), totals.actions,
                totals.wrong, totals.missed, totals.gave_up);
}

/* What a group would have done, and is not played. */
static void put_failovers(const struct simulated *run, struct strbuf *out) {
        for (uint32_t i = 0; i < run->result.n_services; i++) {
                const struct service_outcome *outcome = &run->result.services[i];
                if (outcome->handed_over > 0) {
                        strbuf_addf(out,
                                "%s: %s asked %u times for another member of its group to take "
                                "over, which is not played\n",
                                run->title, outcome->name, outcome->handed_over);
                }
        }
}

void simulate_report_text(const struct simulated *runs, size_t n, uint64_t seed,
        const struct terminal *terminal, struct strbuf *out) {
        char duration[UNITS_TEXT_MAX];
        for (size_t i = 0; i < n; i++) {
                const char *timeline = strbuf_text(&runs[i].timeline);
                if (n > 1 && !str_empty(timeline)) {
                        render_heading(terminal, out, runs[i].title);
                }
                terminal_add_lines(out, timeline ? timeline : "");
                strbuf_add(out, str_empty(timeline) ? "" : "\n");
        }
        if (n == 1) {
                put_one(runs, terminal, out);
        } else {
                put_side_by_side(runs, n, terminal, out);
        }
        put_faults(&runs[0].result, out);
        for (size_t i = 0; i < n; i++) {
                put_total(&runs[i], out);
                put_failovers(&runs[i], out);
        }
        strbuf_addf(out, "simulated %s with seed %" PRIu64 "\n",
                units_format_duration(runs[0].result.duration, duration), seed);
}

/* ---- JSON ---- */

static struct json_object *json_count(uint64_t count) {
        return json_object_new_int64((int64_t) count);
}

static struct json_object *json_samples(const struct sample_set *samples) {
        static const struct {
                const char *key;
                double percent;
        } rows[] = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"max", 100}};
        struct json_object *json = json_object_new_object();
        if (!json) {
                return NULL;
        }
        int r = session_put(json, "count", json_count(samples->count));
        for (size_t i = 0; r == 0 && samples->count > 0 && i < ELEMENTSOF(rows); i++) {
                usec_t value = sample_percentile(samples, rows[i].percent);
                r = session_put(json, rows[i].key, json_object_new_double(seconds_of(value)));
        }
        return json;
}

static struct json_object *json_actions(const struct service_outcome *outcome) {
        struct json_object *json = json_object_new_object();
        for (int action = 0; json && action < ACTION_COUNT; action++) {
                if (outcome->actions[action] > 0) {
                        session_put(json, action_text((enum action) action),
                                json_count(outcome->actions[action]));
                }
        }
        return json;
}

static struct json_object *json_standby(const struct service_outcome *outcome) {
        struct json_object *json = json_object_new_object();
        if (json && (session_put(json, "name", json_object_new_string(outcome->name)) < 0 ||
                            session_put(json, "standby", json_object_new_boolean(true)) < 0)) {
                json_object_put(json);
                return NULL;
        }
        return json;
}

static struct json_object *json_service(const struct simulated *run, uint32_t service) {
        const struct service_outcome *outcome = &run->result.services[service];
        if (outcome->standby) {
                return json_standby(outcome);
        }
        const struct {
                const char *key;
                struct json_object *value;
        } rows[] = {
                {"name", json_object_new_string(outcome->name)},
                {"availability",
                        json_object_new_double(service_availability(&run->result, service))},
                {"down_seconds", json_object_new_double(seconds_of(outcome->down))},
                {"outages", json_count(outcome->outages)},
                {"incidents", json_count(outcome->incidents)},
                {"given_up", json_count(outcome->gave_up)},
                {"detection_seconds", json_samples(&outcome->detection)},
                {"recovery_seconds", json_samples(&outcome->recovery)},
                {"actions", json_actions(outcome)},
                {"wrong_actions", json_count(outcome->wrong)},
                {"missed", json_count(outcome->missed)},
                {"handed_over", json_count(outcome->handed_over)},
        };
        struct json_object *json = json_object_new_object();
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (!json || session_put(json, rows[i].key, rows[i].value) < 0) {
                        json_object_put(json);
                        return NULL;
                }
        }
        return json;
}

static struct json_object *json_fault(const struct fault_outcome *fault) {
        struct json_object *json = json_object_new_object();
        if (json) {
                session_put(json, "name", json_object_new_string(fault->name));
                session_put(json, "occurred", json_count(fault->occurred));
                session_put(json, "cured", json_count(fault->cured));
        }
        return json;
}

static struct json_object *json_run(const struct simulated *run) {
        AUTO_JSON struct json_object *services = json_object_new_array();
        AUTO_JSON struct json_object *faults = json_object_new_array();
        AUTO_JSON struct json_object *json = json_object_new_object();
        for (uint32_t i = 0; services && i < run->result.n_services; i++) {
                json_object_array_add(services, json_service(run, i));
        }
        for (uint32_t i = 0; faults && i < run->result.n_faults; i++) {
                json_object_array_add(faults, json_fault(&run->result.faults[i]));
        }
        if (!json || !services || !faults ||
                session_put(json, "policy", json_object_new_string(run->title)) < 0 ||
                session_put(json, "services", TAKE_PTR(services)) < 0 ||
                session_put(json, "faults", TAKE_PTR(faults)) < 0) {
                return NULL;
        }
        if (run->events && json_object_array_length(run->events) > 0) {
                session_put(json, "timeline", json_object_get(run->events));
        }
        return TAKE_PTR(json);
}

struct json_object *simulate_report_json(const struct simulated *runs, size_t n, uint64_t seed) {
        AUTO_JSON struct json_object *list = json_object_new_array();
        AUTO_JSON struct json_object *json = json_object_new_object();
        for (size_t i = 0; list && i < n; i++) {
                json_object_array_add(list, json_run(&runs[i]));
        }
        if (!json || !list || session_put(json, "seed", json_count(seed)) < 0 ||
                session_put(json, "for_seconds",
                        json_object_new_double(seconds_of(runs[0].result.duration))) < 0 ||
                session_put(json, "runs", TAKE_PTR(list)) < 0) {
                return NULL;
        }
        return TAKE_PTR(json);
}
