#include <stdio.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/text_table.h"

static void put_evidence(
        struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {
                "PROBE", "ROLE", "HEALTH", "OUTCOME", "AGO", "EVIDENCE"};
        struct json_object *rows = json_member(why, "evidence");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char ago[UNITS_TEXT_MAX];
                const char *health = json_string(row, "health");
                const char *outcome = json_string(row, "outcome");
                text_table_add(&table, json_string(row, "probe"), PAINT_NONE);
                text_table_add(&table, json_string(row, "role"), PAINT_DIM);
                text_table_add(&table, health, render_word_paint(health));
                text_table_add(&table, outcome, render_word_paint(outcome));
                text_table_add(&table, json_duration(row, "at_seconds", ago), PAINT_NONE);
                text_table_add(&table, json_string(row, "detail"), PAINT_NONE);
        }
        render_heading(terminal, out, "Evidence");
        text_table_render(&table, terminal, out);
}

static void put_rule(struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *rule = json_member(why, "rule");
        char ago[UNITS_TEXT_MAX];
        if (!rule) {
                return;
        }
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_addf(&text, "Rule %.0f, %s ago: %s.", json_real(rule, "number"),
                json_duration(rule, "at_seconds", ago), json_string(rule, "sentence"));
        render_heading(terminal, out, "Last decision");
        render_paragraph(terminal, out, strbuf_text(&text) ? strbuf_text(&text) : "");
}

static void put_guards(
        struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"GUARD", "HOLDS", "FOR", "WHY"};
        struct json_object *rows = json_member(why, "guards");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char until[UNITS_TEXT_MAX];
                bool holds = json_flag(row, "holds");
                text_table_add(&table, json_string(row, "name"), PAINT_NONE);
                text_table_add(&table, holds ? "yes" : "no", holds ? PAINT_BAD : PAINT_DIM);
                text_table_add(&table, json_duration(row, "until_seconds", until), PAINT_NONE);
                text_table_add(&table, json_string(row, "text"), PAINT_NONE);
        }
        render_heading(terminal, out, "Guards");
        text_table_render(&table, terminal, out);
}

static void put_ladder(
        struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"STEP", "ACTION", "ATTEMPTS", "NOW"};
        struct json_object *rows = json_member(why, "ladder");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                text_table_addf(&table, "%zu", i + 1);
                text_table_add(&table, json_string(row, "action"), PAINT_NONE);
                text_table_addf(
                        &table, "%.0f of %.0f", json_real(row, "made"), json_real(row, "attempts"));
                const char *fit = json_string(row, "fit");
                bool here = json_flag(row, "current") && str_eq(fit, "fits");
                text_table_add(&table, here ? "here" : fit, here ? PAINT_WARN : PAINT_NONE);
        }
        render_heading(terminal, out, "Ladder");
        text_table_render(&table, terminal, out);
        if (json_length(rows) == 0) {
                strbuf_add(out, "The policy has no recovery step.\n");
        }
}

static void put_content(
        struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *lines = json_member(json_member(why, "content"), "lines");
        if (json_length(lines) == 0) {
                return;
        }
        render_heading(terminal, out, "What changed");
        for (size_t i = 0; i < json_length(lines); i++) {
                terminal_paint(terminal, out, PAINT_NONE,
                        json_object_get_string(json_object_array_get_idx(lines, i)));
                strbuf_add_char(out, '\n');
        }
}

static void put_rejected(
        struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"NOT", "BECAUSE"};
        struct json_object *rows = json_member(why, "rejected");
        AUTO_TEXT_TABLE struct text_table table = {0};
        if (json_length(rows) == 0) {
                return;
        }
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                text_table_add(&table, json_string(row, "what"), PAINT_NONE);
                text_table_add(&table, json_string(row, "why"), PAINT_NONE);
        }
        render_heading(terminal, out, "Rejected");
        text_table_render(&table, terminal, out);
}

static void put_dependencies(
        struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"DEPENDENCY", "KIND", "STATE", "SINCE", "DETAIL"};
        struct json_object *rows = json_member(why, "dependencies");
        AUTO_TEXT_TABLE struct text_table table = {0};
        if (json_length(rows) == 0) {
                return;
        }
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char since[UNITS_TEXT_MAX];
                const char *health = json_string(row, "health");
                text_table_add(&table, json_string(row, "name"), PAINT_NONE);
                text_table_add(&table, json_string(row, "kind"), PAINT_DIM);
                text_table_add(&table, json_string(row, "state"), render_word_paint(health));
                text_table_add(&table, json_duration(row, "since_seconds", since), PAINT_NONE);
                text_table_add(&table, json_string(row, "detail"), PAINT_NONE);
        }
        render_heading(terminal, out, "Dependencies");
        text_table_render(&table, terminal, out);
}

static void put_incident(
        struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *incident = json_member(why, "incident");
        if (incident) {
                double id = json_real(incident, "id");
                render_heading(terminal, out, "Incident");
                strbuf_addf(out, "%.0f; 'recoverctl incident %.0f' has its timeline.\n", id, id);
        }
}

void render_why(struct json_object *why, const struct terminal *terminal, struct strbuf *out) {
        render_paragraph(terminal, out, json_string(why, "summary"));
        put_evidence(why, terminal, out);
        put_content(why, terminal, out);
        put_rule(why, terminal, out);
        put_dependencies(why, terminal, out);
        put_guards(why, terminal, out);
        put_ladder(why, terminal, out);
        put_rejected(why, terminal, out);
        put_incident(why, terminal, out);
}
