/* heartbeat: for the lines of cron, and for scripts. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/session.h"
#include "probes/secret_file.h"

/* 0, or the status to exit with. */
static int add_token(struct json_object *body, const char *path) {
        char token[SECRET_MAX + 1], why[SECRET_WHY_MAX];
        size_t length;
        if (secret_file_load(path, token, &length, why) < 0) {
                session_complain("%s", why);
                return EXIT_USAGE;
        }
        int r = session_put(body, "token", json_object_new_string(token));
        explicit_bzero(token, sizeof(token));
        return r < 0 ? session_complain("out of memory") : 0;
}

static struct json_object *body_of(const struct invocation *invocation) {
        AUTO_JSON struct json_object *body = session_body_of_probe(invocation->arguments[0]);
        if (!body || session_put(body, "failed", json_object_new_boolean(invocation->failed)) < 0 ||
                (invocation->status && session_put(body, "status",
                                               json_object_new_string(invocation->status)) < 0)) {
                return NULL;
        }
        return TAKE_PTR(body);
}

int run_heartbeat(struct invocation *invocation) {
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_JSON struct json_object *body = body_of(invocation);
        if (!body) {
                return session_complain("out of memory");
        }
        int r = invocation->token_file ? add_token(body, invocation->token_file) : 0;
        r = r ? r : session_ask(invocation, "/v1/heartbeat", body, 0, &reply);
        if (r != EXIT_DONE || !invocation->json) { /* cron mails whatever is printed */
                return r;
        }
        return session_print_json(reply.json, EXIT_DONE);
}
