#pragma once
/* What an action does where it takes time: one object an action, which ends exactly once, in
 * bounded time, and can be cancelled before. Each manager brings the kinds for what it can do, see
 * manager_kind.h; exec steps are one that every service has. */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/action.h"

struct executor;
struct managed;
struct operation;
struct service;

struct operation_request {
        struct executor *executor;
        struct managed *managed;
        const struct service *service; /* with its steps it outlives the operation */
        struct action_order order;
        const struct exec_spec *exec; /* ACTION_EXEC only: the program */
        const struct haproxy_spec *haproxy; /* ACTION_HAPROXY only */
        usec_t deadline; /* moment on CLOCK_BOOTTIME, by which it ends or begins to kill */
        bool *refused; /* set before it ends where it found that it must not be done, and did
                          nothing */
};

/* text: what was done, or why not, for a person. The operation is gone. */
typedef void (*operation_ended)(void *cookie, bool ok, const char *text);

struct operation_kind {
        size_t size; /* of the kind's struct, which begins with a struct operation and is zeroed */

        /* Begins; it ends with operation_end, never from within. On failure nothing was done, and
         * `release` is called. */
        int (*start)(struct operation *operation, struct error *err);

        /* Gives up what it holds and ends its programs; also when it has ended. */
        void (*release)(struct operation *operation);
};

struct operation {
        const struct operation_kind *kind;
        struct operation_request request;
        operation_ended ended;
        void *cookie;
};

/* The request is copied. */
int operation_start(struct operation **ret, const struct operation_kind *kind,
        const struct operation_request *request, operation_ended ended, void *cookie,
        struct error *err);

/* From within a kind: frees it, then tells. The text may lie in the operation. */
void operation_end(struct operation *operation, bool ok, const char *text);

/* Without a word. Accepts NULL. */
void operation_cancel(struct operation *operation);
