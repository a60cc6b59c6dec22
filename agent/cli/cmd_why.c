#include "base/cleanup.h"
#include "cli/render.h"
#include "cli/session.h"

int run_why(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0}, out = {0};
        AUTO_FREE char *name = agent_escape(invocation->arguments[0]);
        AUTO_REPLY struct agent_reply reply = {0};
        strbuf_addf(&path, "/v1/why?service=%s", name ? name : "");
        if (!strbuf_text(&path)) {
                return session_complain("out of memory");
        }
        int r = session_ask(invocation, strbuf_text(&path), NULL, 0, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        if (invocation->json) {
                return session_print_json(reply.json, EXIT_DONE);
        }
        render_why(reply.json, &invocation->terminal, &out);
        return session_print(&out, EXIT_DONE);
}
