#pragma once
/* The control socket: HTTP and JSON for recoverctl and scripts, as docs/control-api.md describes
 * it. */

#include "base/error.h"

struct runtime;
struct control; /* heap */

enum {
        CONTROL_CALLS_MAX = 256, /* requests under way, those included whose client has left */
        CONTROL_LIST_MAX = 1000, /* rows of one list */
        CONTROL_LIST_STANDARD = 50,
};

/* Listens on the socket; anybody on the host may connect, what they may do is decided per request.
 * -EADDRINUSE when another agent serves there. */
int control_new(
        struct control **ret, struct runtime *runtime, const char *socket_path, struct error *err);

/* Call it when the runtime is gone: until then it may still answer commands. Requests without an
 * answer are closed, the socket file is removed. Accepts NULL. */
void control_free(struct control *control);
