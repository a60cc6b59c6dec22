/* pause and resume: of one service, or of all. */

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/json_read.h"
#include "cli/session.h"

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

int run_pause(struct invocation *invocation) {
        return command(invocation, "/v1/pause");
}

int run_resume(struct invocation *invocation) {
        return command(invocation, "/v1/resume");
}
