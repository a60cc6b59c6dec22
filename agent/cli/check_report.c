#include "cli/check_report.h"

#include "base/cleanup.h"
#include "cli/check_explain.h"
#include "cli/text_table.h"
#include "model/manager.h"
#include "probes/probe.h"

enum {
        WAITS_NAMED = 3,
        EXPLAINED_MAX = 3, /* services that are explained without being asked for */
};

/* ---- Text ---- */

static void add_cell(struct text_table *table, const struct strbuf *text) {
        const char *cell = strbuf_text(text);
        if (cell) {
                text_table_add(table, cell, PAINT_NONE);
        } else {
                table->failed = true;
        }
}

static void add_detection(struct text_table *table, const struct implications *implied) {
        AUTO_STRBUF struct strbuf text = {0};
        if (implied->n_detections > 0) {
                check_add_range(&text, implied->typical_detection, implied->worst_detection);
        }
        add_cell(table, &text);
}

/* How many of the attempts that are listed wait before they act. */
static uint32_t count_waits(const struct implications *implied) {
        uint32_t n = implied->n_attempts;
        while (n > 0 && action_traits(implied->attempts[n - 1].action)->only_tells) {
                n--;
        }
        return n;
}

static void add_waits(struct text_table *table, const struct implications *implied) {
        AUTO_STRBUF struct strbuf text = {0};
        uint32_t n = count_waits(implied);
        for (uint32_t i = 0; i < n && i < WAITS_NAMED; i++) {
                strbuf_add(&text, i ? ", " : "");
                check_add_range(&text, implied->attempts[i].least, implied->attempts[i].most);
        }
        if (n > WAITS_NAMED) {
                const struct implied_attempt *last = &implied->attempts[n - 1];
                strbuf_add(&text, n > WAITS_NAMED + 1 ? ", ... " : ", ");
                check_add_range(&text, last->least, last->most);
        }
        add_cell(table, &text);
}

static void add_giving_up(struct text_table *table, const struct implications *implied) {
        AUTO_STRBUF struct strbuf text = {0};
        if (implied->total_attempts > 0) {
                check_add_range(&text, implied->exhausted_least, implied->exhausted_most);
        }
        add_cell(table, &text);
}

static void add_row(struct text_table *table, const struct policy *policy, uint32_t service) {
        struct implications implications;
        check_imply(policy, &policy->services[service], &implications);
        text_table_add(table, policy->services[service].name, PAINT_NONE);
        text_table_addf(table, "%u", policy->services[service].n_probes);
        add_detection(table, &implications);
        text_table_addf(table, "%u", implications.total_attempts);
        add_giving_up(table, &implications);
        text_table_addf(table, "%u", implications.actions_per_hour);
        add_waits(table, &implications);
}

static void put_implications(
        const struct policy *policy, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"SERVICE", "PROBES", "DETECTED IN", "ATTEMPTS",
                "GIVEN UP AFTER", "ACTIONS/H", "WAITS BEFORE ATTEMPTS"};
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (uint32_t i = 0; i < policy->n_services; i++) {
                add_row(&table, policy, i);
        }
        text_table_render(&table, terminal, out);
}

static void put_explained(const struct policy *policy, const struct service *service,
        const struct terminal *terminal, struct strbuf *out) {
        check_explain(policy, service, terminal, out);
        strbuf_add_char(out, '\n');
}

/* Few are explained at length, many are a line each. */
static void put_services(
        const struct policy *policy, const struct terminal *terminal, struct strbuf *out) {
        if (policy->n_services > EXPLAINED_MAX) {
                put_implications(policy, terminal, out);
                strbuf_add(out, "\n'recoverctl check --explain SERVICE' says more about one.\n\n");
                return;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                put_explained(policy, &policy->services[i], terminal, out);
        }
}

static void add_count(struct strbuf *out, size_t n, const char *what) {
        strbuf_addf(out, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

bool check_report_is_ok(const struct check_report *report) {
        return report->policy && (!report->strict || report->problems->count == 0);
}

static void add_verdict(
        const struct check_report *report, const struct terminal *terminal, struct strbuf *out) {
        bool ok = check_report_is_ok(report);
        terminal_paint(terminal, out, ok ? PAINT_GOOD : PAINT_BAD,
                ok               ? "ok"
                : report->policy ? "refused by --strict"
                                 : "refused");
        strbuf_add(out, ": ");
        if (report->policy) {
                add_count(out, report->policy->n_services, "service");
                strbuf_add(out, ", ");
                add_count(out, report->policy->n_probes, "probe");
        } else {
                add_count(out, report->problems->errors, "error");
        }
        size_t warnings = report->problems->count - report->problems->errors;
        if (warnings > 0) {
                strbuf_add(out, ", ");
                add_count(out, warnings, "warning");
        }
        if (report->problems->allowed > 0) {
                strbuf_add(out, ", ");
                add_count(out, report->problems->allowed, "warning");
                strbuf_add(out, " allowed by comments");
        }
        strbuf_add_char(out, '\n');
}

void check_report_text(
        const struct check_report *report, const struct terminal *terminal, struct strbuf *out) {
        AUTO_STRBUF struct strbuf text = {0};
        problems_format(report->problems, &text);
        terminal_add_lines(out, strbuf_text(&text) ? strbuf_text(&text) : "");
        strbuf_add(out, report->problems->count > 0 ? "\n" : "");
        if (report->policy && report->explained) {
                put_explained(report->policy, report->explained, terminal, out);
        } else if (report->policy) {
                put_services(report->policy, terminal, out);
        }
        add_verdict(report, terminal, out);
}

/* ---- JSON ---- */

/* Adds a member, or with `key` NULL an element. A failure frees the value and is remembered. */
static void put(struct json_object *to, const char *key, struct json_object *value, bool *failed) {
        int r = !value ? -1
                : key  ? json_object_object_add(to, key, value)
                       : json_object_array_add(to, value);
        if (r < 0) {
                json_object_put(value);
                *failed = true;
        }
}

static struct json_object *text_or_null(const char *text) {
        return text ? json_object_new_string(text) : json_object_new_null();
}

static struct json_object *seconds(usec_t duration) {
        return json_object_new_double((double) duration / (double) USEC_PER_SEC);
}

static struct json_object *problem_json(const struct problem *problem, bool *failed) {
        struct json_object *json = json_object_new_object();
        if (!json) {
                return NULL;
        }
        put(json, "level",
                json_object_new_string(problem->level == PROBLEM_ERROR ? "error" : "warning"),
                failed);
        put(json, "code", json_object_new_string(problem->code), failed);
        put(json, "file", json_object_new_string(problem->file), failed);
        put(json, "line", json_object_new_int64(problem->line), failed);
        put(json, "column", json_object_new_int64(problem->column), failed);
        put(json, "message", json_object_new_string(problem->message), failed);
        if (problem->source) {
                put(json, "source", text_or_null(problem->source), failed);
        }
        if (problem->hint) {
                put(json, "hint", text_or_null(problem->hint), failed);
        }
        return json;
}

static struct json_object *attempt_json(const struct implied_attempt *attempt, bool *failed) {
        struct json_object *json = json_object_new_object();
        if (!json) {
                return NULL;
        }
        put(json, "number", json_object_new_int64(attempt->number), failed);
        put(json, "step", json_object_new_int64(attempt->step), failed);
        put(json, "action", json_object_new_string(action_text((enum action) attempt->action)),
                failed);
        put(json, "wait_least_seconds", seconds(attempt->least), failed);
        put(json, "wait_most_seconds", seconds(attempt->most), failed);
        put(json, "action_most_seconds", seconds(attempt->action_time), failed);
        put(json, "verify_seconds", seconds(attempt->verify), failed);
        put(json, "ends_most_seconds", seconds(attempt->ends), failed);
        return json;
}

static void put_causes(struct json_object *to, uint32_t causes, bool *failed) {
        struct json_object *list = json_object_new_array();
        for (const struct enum_text *row = cause_texts; list && row->text; row++) {
                if (causes & CAUSE_BIT(row->value)) {
                        put(list, NULL, json_object_new_string(row->text), failed);
                }
        }
        put(to, "can_find", list, failed);
}

static struct json_object *detection_json(const struct detection *detection, bool *failed) {
        const struct probe_spec *probe = detection->probe;
        const struct probe_type *type = probe_types[probe->type];
        struct json_object *json = json_object_new_object();
        if (!json) {
                return NULL;
        }
        put(json, "probe", json_object_new_string(probe->name), failed);
        put(json, "type", json_object_new_string(type->name), failed);
        put(json, "role", json_object_new_string(probe_role_text((enum probe_role) probe->role)),
                failed);
        put(json, "interval_seconds", seconds(probe->interval), failed);
        put(json, "timeout_seconds", seconds(probe->timeout), failed);
        put(json, "fall", json_object_new_int64(probe->fall), failed);
        put(json, "at_once", json_object_new_boolean(detection->at_once), failed);
        put(json, "typical_seconds", seconds(detection->at_once ? 0 : detection->typical), failed);
        put(json, "worst_seconds", seconds(detection->at_once ? 0 : detection->worst), failed);
        put_causes(json, probe_causes(&type->traits, probe->params), failed);
        return json;
}

static struct json_object *detections_json(const struct implications *implied, bool *failed) {
        struct json_object *list = json_object_new_array();
        for (uint32_t i = 0; list && i < implied->n_detections; i++) {
                put(list, NULL, detection_json(&implied->detections[i], failed), failed);
        }
        return list;
}

static struct json_object *service_json(
        const struct policy *policy, uint32_t service, bool *failed) {
        struct implications implications;
        check_imply(policy, &policy->services[service], &implications);
        struct json_object *json = json_object_new_object();
        struct json_object *attempts = json_object_new_array();
        if (!json || !attempts) {
                json_object_put(json);
                json_object_put(attempts);
                return NULL;
        }
        put(json, "name", json_object_new_string(policy->services[service].name), failed);
        put(json, "probes", json_object_new_int64(policy->services[service].n_probes), failed);
        put(json, "detection_typical_seconds", seconds(implications.typical_detection), failed);
        put(json, "detection_worst_seconds", seconds(implications.worst_detection), failed);
        put(json, "detections", detections_json(&implications, failed), failed);
        put(json, "attempts_total", json_object_new_int64(implications.total_attempts), failed);
        put(json, "given_up_least_seconds", seconds(implications.exhausted_least), failed);
        put(json, "given_up_most_seconds", seconds(implications.exhausted_most), failed);
        put(json, "actions_per_hour", json_object_new_int64(implications.actions_per_hour), failed);
        put(json, "budget_holds", json_object_new_boolean(implications.budget_holds), failed);
        for (uint32_t i = 0; i < implications.n_attempts; i++) {
                put(attempts, NULL, attempt_json(&implications.attempts[i], failed), failed);
        }
        put(json, "attempts", attempts, failed);
        return json;
}

struct json_object *check_report_json(const struct check_report *report) {
        const struct policy *policy = report->policy;
        const struct problems *problems = report->problems;
        bool failed = false;
        struct json_object *json = json_object_new_object();
        struct json_object *list = json_object_new_array(), *services = json_object_new_array();
        if (!json || !list || !services) {
                json_object_put(json);
                json_object_put(list);
                json_object_put(services);
                return NULL;
        }
        for (size_t i = 0; i < problems->count; i++) {
                put(list, NULL, problem_json(&problems->items[i], &failed), &failed);
        }
        for (uint32_t i = 0; policy && i < policy->n_services; i++) {
                if (!report->explained || report->explained == &policy->services[i]) {
                        put(services, NULL, service_json(policy, i, &failed), &failed);
                }
        }
        put(json, "ok", json_object_new_boolean(check_report_is_ok(report)), &failed);
        put(json, "errors", json_object_new_int64((int64_t) problems->errors), &failed);
        put(json, "warnings", json_object_new_int64((int64_t) (problems->count - problems->errors)),
                &failed);
        put(json, "warnings_allowed", json_object_new_int64((int64_t) problems->allowed), &failed);
        put(json, "problems", list, &failed);
        put(json, "services", services, &failed);
        if (failed) {
                json_object_put(json);
                return NULL;
        }
        return json;
}
