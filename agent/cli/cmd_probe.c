#include <stdio.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/text_table.h"

static void add_value(struct text_table *table, struct json_object *row) {
        char text[UNITS_TEXT_MAX];
        double value = json_real(row, "value");
        const char *unit = json_string(row, "value_unit");
        if (!json_member(row, "value")) {
                text_table_add(table, "", PAINT_NONE);
        } else if (str_eq(unit, "seconds")) {
                text_table_add(table, json_duration(row, "value", text), PAINT_NONE);
        } else if (str_eq(unit, "bytes") && value >= 0 && value < (double) INT64_MAX) {
                text_table_add(table, units_format_size_short((uint64_t) value, text), PAINT_NONE);
        } else if (str_eq(unit, "ratio")) {
                text_table_addf(table, "%.1f%%", 100 * value);
        } else {
                text_table_addf(table, "%.6g %s", value, unit);
        }
}

void render_probed(
        struct json_object *answer, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {
                "PROBE", "TYPE", "OUTCOME", "TOOK", "VALUE", "DETAIL"};
        struct json_object *rows = json_member(answer, "probes");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char took[UNITS_TEXT_MAX];
                const char *outcome = json_string(row, "outcome");
                text_table_add(&table, json_string(row, "name"), PAINT_NONE);
                text_table_add(&table, json_string(row, "type"), PAINT_NONE);
                text_table_add(&table, outcome, render_word_paint(outcome));
                text_table_add(&table, json_duration(row, "duration_seconds", took), PAINT_NONE);
                add_value(&table, row);
                text_table_add(&table, json_string(row, "detail"), PAINT_NONE);
        }
        text_table_render(&table, terminal, out);
}

int run_probe(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_JSON struct json_object *body = session_body_of_probe(invocation->arguments[0]);
        if (!body) {
                return session_complain("out of memory");
        }
        int r = session_ask(invocation, "/v1/probe", body, AGENT_LONG_TIMEOUT_SECONDS, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        int status = json_flag(reply.json, "ok") ? EXIT_DONE : EXIT_NO;
        if (invocation->json) {
                return session_print_json(reply.json, status);
        }
        render_probed(reply.json, &invocation->terminal, &out);
        return session_print(&out, status);
}
