#include "base/cleanup.h"
#include "cli/render.h"
#include "cli/session.h"

int run_why(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0};
        AUTO_FREE char *name = agent_escape(invocation->arguments[0]);
        strbuf_addf(&path, "/v1/why?service=%s", name ? name : "");
        return session_show(invocation, &path, render_why);
}
