#pragma once
/* Requests of recoverctl to the agent's control socket, one at a time. */

#include <json-c/json.h>

#include "base/clock.h"
#include "base/error.h"

#define AGENT_SOCKET_STANDARD "/run/recoverd/control.sock"

enum {
        AGENT_TIMEOUT_SECONDS = 30,
        AGENT_LONG_TIMEOUT_SECONDS = 180, /* of what the agent itself has to wait for */
        AGENT_REPLY_MAX = 256 * 1024 * 1024,
};

struct agent_request {
        const char *socket; /* path */
        const char *path; /* "/v1/status?service=checkout" */
        struct json_object *body; /* not owned; NULL: GET */
        long timeout_seconds; /* 0: the standard */
};

struct agent_reply {
        long status; /* of HTTP */
        struct json_object *json; /* always an object; freed by agent_reply_done */
};

/* 0 when an answer came, of whatever status. Otherwise negative errno: no agent listens there, it
 * may not be reached, or it does not answer; `err` says in one sentence what was tried and what to
 * do. */
int agent_ask(const struct agent_request *request, struct agent_reply *ret, struct error *err);
void agent_reply_done(struct agent_reply *reply);

/* `text` as a part of a URL, on the heap; NULL when out of memory. */
char *agent_escape(const char *text);
