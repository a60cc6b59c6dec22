#include "base/cleanup.h"
#include "cli/render.h"
#include "cli/session.h"

/* Whether the page is there; nothing is said where it is not. */
static bool answers(const struct invocation *invocation, const struct strbuf *path) {
        const struct agent_request request = {
                .socket = invocation->socket, .path = strbuf_text(path)};
        AUTO_REPLY struct agent_reply reply = {0};
        return request.path && agent_ask(&request, &reply, NULL) == 0 && reply.status == 200;
}

/* A name of a group, and not of a service as well. */
static bool is_group(
        const struct invocation *invocation, const char *name, const struct strbuf *group_path) {
        AUTO_STRBUF struct strbuf service = {0};
        strbuf_addf(&service, "/v1/status?service=%s", name);
        return answers(invocation, group_path) && !answers(invocation, &service);
}

int run_why(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0}, group = {0};
        AUTO_FREE char *name = agent_escape(invocation->arguments[0]);
        strbuf_addf(&group, "/v1/groups?group=%s", name ? name : "");
        if (name && is_group(invocation, name, &group)) {
                return session_show(invocation, &group, render_why_group);
        }
        strbuf_addf(&path, "/v1/why?service=%s", name ? name : "");
        return session_show(invocation, &path, render_why);
}
