/* pause and resume: of one service, or of all; and which pauses there are. */

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/json_read.h"
#include "cli/session.h"
#include "cli/text_table.h"

static int bad(const struct invocation *invocation, const char *why) {
        session_complain("%s: %s", invocation->command->name, why);
        return EXIT_USAGE;
}

static int check(const struct invocation *invocation, usec_t *ret_duration) {
        bool named = invocation->n_arguments > 0;
        if (named == invocation->all) {
                return bad(invocation, named ? "a service and --all do not go together"
                                             : "name a service, or say --all");
        }
        if (invocation->duration && units_parse_duration(invocation->duration, ret_duration) < 0) {
                return bad(invocation, "--for takes a duration such as 30m or 1h30m");
        }
        return EXIT_DONE;
}

static struct json_object *body_of(const struct invocation *invocation, usec_t duration) {
        AUTO_JSON struct json_object *body = session_body(invocation->arguments[0]);
        if (!body ||
                (invocation->all && session_put(body, "all", json_object_new_boolean(true)) < 0) ||
                (duration && session_put(body, "for_seconds",
                                     json_object_new_double(
                                             (double) duration / (double) USEC_PER_SEC)) < 0) ||
                (invocation->reason && session_put(body, "reason",
                                               json_object_new_string(invocation->reason)) < 0)) {
                return NULL;
        }
        return TAKE_PTR(body);
}

static void add_line(
        const struct terminal *terminal, struct strbuf *out, struct json_object *result) {
        terminal_paint(terminal, out, PAINT_NONE, json_string(result, "service"));
        strbuf_add(out, ": ");
        terminal_paint(terminal, out, json_flag(result, "ok") ? PAINT_NONE : PAINT_BAD,
                json_string(result, "text"));
        strbuf_add_char(out, '\n');
}

static int print(const struct invocation *invocation, struct json_object *answer) {
        AUTO_STRBUF struct strbuf out = {0};
        struct json_object *results = json_member(answer, "results");
        int status = json_flag(answer, "ok") ? EXIT_DONE : EXIT_NO;
        if (invocation->json) {
                return session_print_json(answer, status);
        }
        for (size_t i = 0; i < json_length(results); i++) {
                add_line(&invocation->terminal, &out, json_object_array_get_idx(results, i));
        }
        if (!results) {
                add_line(&invocation->terminal, &out, answer);
        }
        return session_print(&out, status);
}

static int command(struct invocation *invocation, const char *path) {
        usec_t duration = 0;
        AUTO_REPLY struct agent_reply reply = {0};
        int r = check(invocation, &duration);
        if (r != EXIT_DONE) {
                return r;
        }
        AUTO_JSON struct json_object *body = body_of(invocation, duration);
        if (!body) {
                return session_complain("out of memory");
        }
        r = session_ask(invocation, path, body, 0, &reply);
        return r != EXIT_DONE ? r : print(invocation, reply.json);
}

/* ---- Which there are ---- */

/* {"pauses": [...]} of the services of an answer, each with its name; NULL when out of memory. */
static struct json_object *pauses_of(struct json_object *status) {
        struct json_object *services = json_member(status, "services");
        AUTO_JSON struct json_object *all = json_object_new_object();
        struct json_object *list = json_object_new_array();
        if (!all || !list || session_put(all, "pauses", list) < 0) {
                return NULL;
        }
        for (size_t i = 0; i < json_length(services); i++) {
                struct json_object *service = json_object_array_get_idx(services, i);
                struct json_object *pause = json_member(service, "paused");
                const char *name = json_string(service, "name");
                if (pause && (session_put(pause, "service", json_object_new_string(name)) < 0 ||
                                     json_object_array_add(list, json_object_get(pause)) < 0)) {
                        return NULL;
                }
        }
        return TAKE_PTR(all);
}

static void render_pauses(
        struct json_object *list, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"SERVICE", "FOR ANOTHER", "UNTIL", "BY", "REASON"};
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, sizeof(headers) / sizeof(headers[0]));
        for (size_t i = 0; i < json_length(list); i++) {
                struct json_object *pause = json_object_array_get_idx(list, i);
                char left[UNITS_TEXT_MAX];
                double seconds = json_real(pause, "until_seconds");
                usec_t until = (usec_t) ((seconds > 0 ? seconds : 0) * (double) USEC_PER_SEC);
                text_table_add(&table, json_string(pause, "service"), PAINT_HEAD);
                text_table_add(&table, units_format_duration_short(until, left), PAINT_WARN);
                text_table_add(&table, json_string(pause, "until"), PAINT_NONE);
                text_table_add(&table, json_string(pause, "by"), PAINT_NONE);
                text_table_add(&table, json_string(pause, "reason"), PAINT_NONE);
        }
        text_table_render(&table, terminal, out);
        if (json_length(list) == 0) {
                strbuf_add(out, "nothing is paused\n");
        }
}

static int list_pauses(const struct invocation *invocation) {
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        int r = session_ask(invocation, "/v1/status", NULL, 0, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        AUTO_JSON struct json_object *all = pauses_of(reply.json);
        if (!all) {
                return session_complain("out of memory");
        }
        if (invocation->json) {
                return session_print_json(all, EXIT_DONE);
        }
        render_pauses(json_member(all, "pauses"), &invocation->terminal, &out);
        return session_print(&out, EXIT_DONE);
}

int run_pause(struct invocation *invocation) {
        bool list = invocation->n_arguments == 0 && !invocation->all && !invocation->duration &&
                    !invocation->reason;
        return list ? list_pauses(invocation) : command(invocation, "/v1/pause");
}

int run_resume(struct invocation *invocation) {
        return command(invocation, "/v1/resume");
}
