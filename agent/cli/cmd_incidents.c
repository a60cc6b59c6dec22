#include "base/cleanup.h"
#include "cli/render.h"
#include "cli/session.h"

static void add_parameter(struct strbuf *path, const char *name, const char *value) {
        if (value) {
                AUTO_FREE char *escaped = agent_escape(value);
                strbuf_addf(path, "%c%s=%s", strchr(path->data, '?') ? '&' : '?', name,
                        escaped ? escaped : "");
        }
}

int run_incidents(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0};
        strbuf_add(&path, "/v1/incidents");
        if (strbuf_text(&path)) {
                add_parameter(&path, "service", invocation->arguments[0]);
                add_parameter(&path, "limit", invocation->limit);
                add_parameter(&path, "before", invocation->before);
        }
        return session_show(invocation, &path, render_incidents);
}
