/* hold and release: of the recovery of the whole host. */

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/json_read.h"
#include "cli/session.h"

static int bad(const struct invocation *invocation, const char *why) {
        session_complain("%s: %s", invocation->command->name, why);
        return EXIT_USAGE;
}

static int check(const struct invocation *invocation, usec_t *ret_duration) {
        if (!invocation->all) {
                return bad(invocation,
                        "it is for the whole host: say --all; for one service there is "
                        "'recoverctl pause SERVICE'");
        }
        if (str_empty(invocation->reason)) {
                return bad(invocation, "say why: --reason TEXT");
        }
        if (invocation->duration && units_parse_duration(invocation->duration, ret_duration) < 0) {
                return bad(invocation, "--for takes a duration such as 30m or 1h30m");
        }
        return EXIT_DONE;
}

int run_hold(struct invocation *invocation) {
        usec_t duration = 0;
        int r = check(invocation, &duration);
        if (r != EXIT_DONE) {
                return r;
        }
        AUTO_JSON struct json_object *body = session_body(NULL);
        double seconds = (double) duration / (double) USEC_PER_SEC;
        if (!body || session_put(body, "reason", json_object_new_string(invocation->reason)) < 0 ||
                (duration &&
                        session_put(body, "for_seconds", json_object_new_double(seconds)) < 0)) {
                return session_complain("out of memory");
        }
        return session_send(invocation, "/v1/hold", body, session_render_text);
}

int run_release(struct invocation *invocation) {
        AUTO_JSON struct json_object *body = session_body(NULL);
        return body ? session_send(invocation, "/v1/release", body, session_render_text)
                    : session_complain("out of memory");
}
