#include <stdio.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/text_table.h"

static const char *const headers[] = {"SERVICE", "STATE", "SINCE", "PROBE", "NEXT", "DETAIL"};

enum { CELL_MAX = 128 };

static const char *next_of(struct json_object *service, char text[CELL_MAX]) {
        char duration[UNITS_TEXT_MAX];
        struct json_object *pause = json_member(service, "paused");
        const char *blocked = json_string(service, "blocked_by");
        const char *held = json_string(service, "held_by");
        if (pause) {
                snprintf(text, CELL_MAX, "paused for %s",
                        json_duration(pause, "until_seconds", duration));
        } else if (json_member(service, "next_attempt")) {
                snprintf(text, CELL_MAX, "%s in %s",
                        *json_string(service, "step") ? json_string(service, "step") : "attempt",
                        json_duration(service, "next_attempt_seconds", duration));
        } else if (*blocked) {
                snprintf(text, CELL_MAX, "after %s", blocked);
        } else if (*held) {
                snprintf(text, CELL_MAX, "held: %s", held);
        } else if (str_eq(json_string(service, "state"), "exhausted")) {
                snprintf(text, CELL_MAX, "ack");
        } else {
                *text = 0;
        }
        return text;
}

static void add_row(struct text_table *table, struct json_object *service) {
        char since[UNITS_TEXT_MAX], next[CELL_MAX];
        text_table_add(table, json_string(service, "name"), PAINT_NONE);
        text_table_add(table, json_string(service, "state"), render_state_paint(service));
        text_table_add(table, json_duration(service, "since_seconds", since), PAINT_NONE);
        text_table_add(table, json_string(service, "failing_probe"), PAINT_NONE);
        text_table_add(table, next_of(service, next), PAINT_NONE);
        text_table_add(table, json_string(service, "detail"), PAINT_DIM);
}

static void put_summary(
        struct json_object *status, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *summary = json_member(status, "summary");
        static const struct {
                const char *key, *word;
                enum paint paint;
        } parts[] = {
                {"down", "down", PAINT_BAD},
                {"not_ready", "not ready", PAINT_WARN},
                {"degraded", "degraded", PAINT_WARN},
                {"exhausted", "given up", PAINT_BAD},
                {"paused", "paused", PAINT_WARN},
        };
        strbuf_addf(out, "%.0f of %.0f services up", json_real(summary, "up"),
                json_real(summary, "services"));
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                double value = json_real(summary, parts[i].key);
                if (value > 0) {
                        char text[CELL_MAX];
                        snprintf(text, sizeof(text), "%.0f %s", value, parts[i].word);
                        strbuf_add(out, ", ");
                        terminal_paint(terminal, out, parts[i].paint, text);
                }
        }
        strbuf_add_char(out, '\n');
}

static void put_agent(
        struct json_object *agent, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *degraded = json_member(agent, "degraded");
        if (json_flag(agent, "dry_run")) {
                terminal_paint(
                        terminal, out, PAINT_WARN, "Dry run: the agent decides and never acts.");
                strbuf_add_char(out, '\n');
        }
        for (size_t i = 0; i < json_length(degraded); i++) {
                const char *text = json_object_get_string(json_object_array_get_idx(degraded, i));
                terminal_paint(terminal, out, PAINT_BAD, "Agent: ");
                terminal_paint(terminal, out, PAINT_NONE, text);
                strbuf_add_char(out, '\n');
        }
}

void render_status(
        struct json_object *status, const struct terminal *terminal, struct strbuf *out) {
        AUTO_TEXT_TABLE struct text_table table = {0};
        struct json_object *services = json_member(status, "services");
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(services); i++) {
                add_row(&table, json_object_array_get_idx(services, i));
        }
        text_table_render(&table, terminal, out);
        if (json_length(services) > 0) {
                strbuf_add_char(out, '\n');
        }
        put_summary(status, terminal, out);
        put_agent(json_member(status, "agent"), terminal, out);
}
