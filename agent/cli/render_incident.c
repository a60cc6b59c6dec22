#include <stdio.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/text_table.h"

/* ---- The list ---- */

void render_incidents(
        struct json_object *answer, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {
                "ID", "SERVICE", "OPENED", "END", "LASTED", "ATTEMPTS", "CAUSE", "DETAIL"};
        struct json_object *rows = json_member(answer, "incidents");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char opened[JSON_TIME_MAX], lasted[UNITS_TEXT_MAX];
                const char *end = json_string(row, "end");
                text_table_addf(&table, "%.0f", json_real(row, "id"));
                text_table_add(&table, json_string(row, "service"), PAINT_NONE);
                text_table_add(&table, json_local_time(row, "opened", opened), PAINT_NONE);
                text_table_add(&table, end, render_word_paint(end));
                text_table_add(&table, json_duration(row, "duration_seconds", lasted), PAINT_NONE);
                text_table_addf(&table, "%.0f", json_real(row, "attempts"));
                text_table_add(&table, json_string(row, "cause"), PAINT_NONE);
                text_table_add(&table, json_string(row, "detail"), PAINT_DIM);
        }
        text_table_render(&table, terminal, out);
        if (json_length(rows) == 0) {
                strbuf_add(out, "No incidents.\n");
        }
}

/* ---- One ---- */

static void put_head(
        struct json_object *incident, const struct terminal *terminal, struct strbuf *out) {
        char opened[JSON_TIME_MAX], lasted[UNITS_TEXT_MAX];
        AUTO_STRBUF struct strbuf title = {0}, detail = {0};
        strbuf_addf(&title, "Incident %.0f of %s", json_real(incident, "id"),
                json_string(incident, "service"));
        terminal_paint(terminal, out, PAINT_HEAD, strbuf_text(&title) ? strbuf_text(&title) : "");
        strbuf_addf(out, "\nOpened %s, %s ", json_local_time(incident, "opened", opened),
                json_flag(incident, "open") ? "open for" : "lasted");
        strbuf_addf(out, "%s; ", json_duration(incident, "duration_seconds", lasted));
        const char *end = json_string(incident, "end");
        terminal_paint(terminal, out, render_word_paint(end), end);
        strbuf_add(out, json_flag(incident, "exhausted") ? ", was given up on the way\n" : "\n");
        const char *probe = json_string(incident, "probe");
        bool only_readiness = str_eq(json_string(incident, "role"), "readiness");
        strbuf_addf(&detail, "%s%s%s%s: %s%s", *probe ? "Probe " : "", probe, *probe ? ", " : "",
                json_string(incident, "cause"), json_string(incident, "detail"),
                only_readiness ? " (only its readiness)" : "");
        render_paragraph(terminal, out, strbuf_text(&detail) ? strbuf_text(&detail) : "");
}

static void put_times(
        struct json_object *incident, const struct terminal *terminal, struct strbuf *out) {
        char text[UNITS_TEXT_MAX];
        render_heading(terminal, out, "Measured");
        strbuf_addf(out, "detected after   %s (from the first failed probe run)\n",
                json_duration(incident, "detection_seconds", text));
        strbuf_addf(out, "recovered after  %s (from the first failed run to the proof)\n",
                json_duration(incident, "recovery_seconds", text));
}

static void put_attempts(
        struct json_object *incident, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {
                "ATTEMPT", "ACTION", "WAITED", "TOOK", "VERIFIED IN", "RESULT", "DETAIL"};
        struct json_object *rows = json_member(incident, "attempts");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char text[UNITS_TEXT_MAX];
                const char *result = json_string(row, "result");
                text_table_addf(&table, "%.0f", json_real(row, "number"));
                text_table_add(&table, json_string(row, "action"), PAINT_NONE);
                text_table_add(&table, json_duration(row, "delay_seconds", text), PAINT_NONE);
                text_table_add(&table, json_duration(row, "action_seconds", text), PAINT_NONE);
                text_table_add(&table, json_duration(row, "verify_seconds", text), PAINT_NONE);
                text_table_add(&table, result, render_word_paint(result));
                text_table_add(&table, json_string(row, "text"), PAINT_DIM);
        }
        render_heading(terminal, out, "Attempts");
        text_table_render(&table, terminal, out);
        if (json_length(rows) == 0) {
                strbuf_add(out, "None was made.\n");
        }
}

/* Each attempt with the reason that was given when it was decided on. */
static void put_reasons(
        struct json_object *incident, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *rows = json_member(incident, "attempts");
        bool headed = false;
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                struct json_object *why = json_member(row, "why");
                if (!why) {
                        continue;
                }
                if (!headed) {
                        render_heading(terminal, out, "Why");
                        headed = true;
                }
                AUTO_STRBUF struct strbuf text = {0};
                strbuf_addf(&text, "Attempt %.0f: %s", json_real(row, "number"),
                        json_string(why, "summary"));
                render_paragraph(terminal, out, strbuf_text(&text) ? strbuf_text(&text) : "");
        }
}

static enum paint level_paint(const char *level) {
        bool bad = str_eq(level, "err") || str_eq(level, "crit") || str_eq(level, "alert") ||
                   str_eq(level, "emerg");
        return bad ? PAINT_BAD : str_eq(level, "warning") ? PAINT_WARN : PAINT_NONE;
}

static void put_timeline(
        struct json_object *incident, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"TIME", "EVENT", "STATE", "TEXT"};
        struct json_object *rows = json_member(incident, "events");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char clock[JSON_TIME_MAX];
                text_table_add(&table, json_local_clock(row, "at", clock), PAINT_NONE);
                text_table_add(
                        &table, json_string(row, "kind"), level_paint(json_string(row, "level")));
                text_table_add(&table, json_string(row, "phase"), PAINT_NONE);
                text_table_add(&table, json_string(row, "text"), PAINT_NONE);
        }
        render_heading(terminal, out, "Timeline");
        text_table_render(&table, terminal, out);
}

static void put_evidence(
        struct json_object *incident, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *evidence = json_member(incident, "evidence");
        if (evidence) {
                char at[JSON_TIME_MAX];
                render_heading(terminal, out, "Evidence");
                strbuf_addf(out,
                        "%.0f bytes of %s, before the first action; 'recoverctl incident %.0f "
                        "--evidence' shows them.\n",
                        json_real(evidence, "bytes"), json_local_time(evidence, "at", at),
                        json_real(incident, "id"));
        }
}

void render_evidence(
        struct json_object *answer, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *incident = json_member(answer, "incident");
        struct json_object *evidence = json_member(incident, "evidence");
        (void) terminal;
        strbuf_add(out, evidence ? json_string(evidence, "text")
                                 : "No evidence was kept: nothing disruptive was done.\n");
}

void render_incident(
        struct json_object *answer, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *incident = json_member(answer, "incident");
        put_head(incident, terminal, out);
        put_times(incident, terminal, out);
        put_attempts(incident, terminal, out);
        put_reasons(incident, terminal, out);
        put_evidence(incident, terminal, out);
        put_timeline(incident, terminal, out);
}
