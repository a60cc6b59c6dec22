/* ack, restart, start and stop: one service, no more to say. */

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/session.h"

int run_order(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0}, out = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_JSON struct json_object *body = session_body(invocation->arguments[0]);
        strbuf_addf(&path, "/v1/%s", invocation->command->name);
        if (!body || !strbuf_text(&path)) {
                return session_complain("out of memory");
        }
        int r = session_ask(invocation, strbuf_text(&path), body, 0, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        if (invocation->json) {
                return session_print_json(reply.json, EXIT_DONE);
        }
        terminal_paint(&invocation->terminal, &out, PAINT_NONE, json_string(reply.json, "service"));
        strbuf_add(&out, ": ");
        terminal_paint(&invocation->terminal, &out, PAINT_NONE, json_string(reply.json, "text"));
        strbuf_add_char(&out, '\n');
        return session_print(&out, EXIT_DONE);
}
