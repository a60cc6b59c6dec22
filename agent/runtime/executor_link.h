#pragma once
/* The agent's side of the connection to the executor. It connects to RUNTIME_DIR/executor.sock;
 * only where nobody serves there does it start an executor of its own, over a socket pair and in a
 * session of its own, so that what ends the agent does not end the executor. It starts none where
 * RUNTIME_DIR or the lock file in it is another user's: that is the host's executor, which comes
 * (back).
 * What breaks is tried again: at once, then after 100 ms, doubling up to 5 s. Nothing here blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/loop.h"
#include "model/wire.h"

#define EXECUTOR_RETRY_FIRST (100 * USEC_PER_MSEC)
#define EXECUTOR_RETRY_MAX (5 * USEC_PER_SEC)
#define EXECUTOR_WELCOME_TIMEOUT                                                                   \
        (10 * USEC_PER_SEC) /* from hello; then the connection is dropped */

struct executor_link; /* heap */

/* Texts are copied. */
struct executor_link_options {
        const char *config; /* NULL: none; handed to an executor that is started here */
        const char *const *policies; /* the same */
        size_t n_policies;
        const char *state_dir, *runtime_dir; /* required */
        const char *executor_path; /* NULL: beside /proc/self/exe, else in RECOVERD_LIBEXECDIR */
        bool connect_only; /* never start one: it is a system service of its own */
};

/* All optional; none is called from within executor_link_new or executor_link_free. Each may send;
 * none may free the link. */
struct executor_link_callbacks {
        void (*on_up)(void *cookie); /* `welcome` came and its version fits: send `list` now */
        void (*on_down)(void *cookie, const char *why); /* after on_up only: once for each */
        void (*on_message)(void *cookie,
                const struct wire_message *message); /* after on_up only; `welcome` is the first */
};

/* Begins to connect in the next turn of the loop. -EINVAL, -ENOMEM. The callbacks are copied. */
int executor_link_new(struct executor_link **ret, struct loop *loop,
        const struct executor_link_options *options,
        const struct executor_link_callbacks *callbacks, void *cookie, struct error *err);

/* Closes the connection and leaves the executor alone: one that was started here ends by itself
 * when it has nothing left to keep. Accepts NULL. */
void executor_link_free(struct executor_link *link);

/* 0 when it was sent or queued; -ENOTCONN while it is down; -EAGAIN when UNIX_QUEUE_MAX packets
 * wait (the caller tries again in a later turn); -EMSGSIZE. */
int executor_link_send(struct executor_link *link, const struct wire_message *message);

bool executor_link_up(const struct executor_link *link);

/* Packets that may be sent now before -EAGAIN; 0 while it is down. */
size_t executor_link_room(const struct executor_link *link);

/* Of the executor at the other end; 0 while it is down. */
pid_t executor_link_pid(const struct executor_link *link);

/* How late it is with what it does next, now: while it is down or not welcome yet something is
 * always due. Grows when it stands still. */
usec_t executor_link_overdue(const struct executor_link *link);

/* Why it is down, for a person; "" while it is up. Valid until the next turn. */
const char *executor_link_why(const struct executor_link *link);
