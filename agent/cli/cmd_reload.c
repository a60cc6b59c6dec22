#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/session.h"

int run_reload(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_JSON struct json_object *body = session_body(NULL);
        if (!body) {
                return session_complain("out of memory");
        }
        int r = session_ask(invocation, "/v1/reload", body, AGENT_LONG_TIMEOUT_SECONDS, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        if (invocation->json) {
                return session_print_json(reply.json, EXIT_DONE);
        }
        const char *text = json_string(reply.json, "text");
        terminal_add_lines(&out, *text ? text : "reloaded");
        strbuf_add_char(&out, '\n');
        return session_print(&out, EXIT_DONE);
}
