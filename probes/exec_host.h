#pragma once
/* What the exec probes of a process share: how many programs they may run at once, and who these
 * run as. A probe asks for a turn, runs its program while it has it, and gives it back. */

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "io/identity.h"

struct loop;
struct worker_pool;
struct exec_host; /* heap */

enum {
        EXEC_PROGRAMS_MAX = 64, /* at once; more wait for their turn, first come, first served */
        EXEC_USERS_MAX = 64, /* different ones that are remembered */
};

/* A user is looked up again after this, a failed look-up is repeated after the second. */
#define EXEC_USER_KEPT (1 * USEC_PER_MINUTE)
#define EXEC_USER_FAILED_KEPT (5 * USEC_PER_SEC)
/* Name services can hang; what they have not said by then they do not say. */
#define EXEC_USER_PATIENCE (5 * USEC_PER_SEC)

enum exec_turn_phase { TURN_NONE = 0, TURN_WAITS_FOR_USER, TURN_WAITS_FOR_OTHERS, TURN_RUNNING };

/* In memory of the one who asks; zeroed at first. */
struct exec_turn {
        struct list node;
        struct exec_host *host;
        enum exec_turn_phase phase;
        struct exec_user *user;
        /* Its turn has come. `identity` is valid in the call; NULL: the user is not known, and
         * `why` says so; the turn is over then. */
        void (*ready)(void *cookie, const struct identity *identity, const char *why);
        void *cookie;
};

int exec_host_new(struct exec_host **ret, struct loop *loop, struct error *err);
/* All turns must be over. Accepts NULL. */
void exec_host_free(struct exec_host *host);

/* The threads that start the programs. */
struct worker_pool *exec_host_starters(const struct exec_host *host);

/* NULL name: who this process is, but when that is root, "recoverd" or else "nobody": what only
 * looks needs no rights. `ready` comes at once or later, until exec_turn_done. The host copies the
 * name. */
void exec_turn_ask(struct exec_turn *turn, struct exec_host *host, const char *name);

/* Ends waiting and running; a turn that is over is left alone. */
void exec_turn_done(struct exec_turn *turn);
