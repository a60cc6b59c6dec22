/* ack, restart, rollback, start and stop: one service, and hardly more to say. */

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/session.h"

static void render(struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        terminal_paint(terminal, out, PAINT_NONE, json_string(json, "service"));
        strbuf_add(out, ": ");
        session_render_text(json, terminal, out);
}

int run_order(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0};
        AUTO_JSON struct json_object *body = session_body(invocation->arguments[0]);
        strbuf_addf(&path, "/v1/%s", invocation->command->name);
        bool put = !invocation->undo ||
                   (body && session_put(body, "undo", json_object_new_boolean(true)) == 0);
        if (!body || !put || !strbuf_text(&path)) {
                return session_complain("out of memory");
        }
        return session_send(invocation, strbuf_text(&path), body, render);
}
