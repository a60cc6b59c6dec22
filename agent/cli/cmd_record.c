/* record start, stop, status: the inputs of a running agent, to be run again by simulate --replay.
 */

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/json_read.h"
#include "cli/session.h"

static int order(const struct invocation *invocation, const char *path) {
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_JSON struct json_object *body = session_body(NULL);
        if (!body) {
                return session_complain("out of memory");
        }
        int r = session_ask(invocation, path, body, AGENT_LONG_TIMEOUT_SECONDS, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        if (invocation->json) {
                return session_print_json(reply.json, EXIT_DONE);
        }
        terminal_add_lines(&out, json_string(reply.json, "text"));
        strbuf_add_char(&out, '\n');
        return session_print(&out, EXIT_DONE);
}

static void render(struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        const char *path = json_string(json, "path"), *ended = json_string(json, "ended");
        bool recording = json_flag(json, "recording");
        char size[UNITS_TEXT_MAX];
        if (!*path) {
                strbuf_add(out, "nothing is being recorded\n");
                return;
        }
        units_format_size_short((uint64_t) json_real(json, "bytes"), size);
        strbuf_add(out, recording ? "recording to " : "recorded to ");
        terminal_paint(terminal, out, PAINT_HEAD, path);
        strbuf_addf(out, " since %s: %.0f inputs, %s", json_string(json, "since"),
                json_real(json, "inputs"), size);
        if (!recording) {
                strbuf_add(out, "; it ended: ");
                terminal_paint(terminal, out, PAINT_NONE, ended);
        }
        strbuf_add_char(out, '\n');
}

static int show(const struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0};
        strbuf_add(&path, "/v1/record");
        return session_show(invocation, &path, render);
}

int run_record(struct invocation *invocation) {
        const char *what = invocation->arguments[0];
        if (str_eq(what, "start")) {
                return order(invocation, "/v1/record/start");
        }
        if (str_eq(what, "stop")) {
                return order(invocation, "/v1/record/stop");
        }
        if (str_eq(what, "status")) {
                return show(invocation);
        }
        session_complain("record takes start, stop or status, not '%.60s'", what);
        return EXIT_USAGE;
}
