#include "base/cleanup.h"
#include "cli/render.h"
#include "cli/session.h"

int run_incident(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0};
        AUTO_FREE char *id = agent_escape(invocation->arguments[0]);
        strbuf_addf(&path, "/v1/incidents/%s", id ? id : "");
        return session_show(
                invocation, &path, invocation->evidence ? render_evidence : render_incident);
}
