#pragma once
/* Runs a program to its end as a transient unit of systemd and collects its output, as io/child.h
 * does for a child: it shares neither the executor's sandbox nor its cgroup, and its end is proven
 * by its own. */

#include "executor/executor.h"
#include "io/child.h"
#include "io/environment.h"

struct unit_program_request {
        struct executor *executor;
        const char *service; /* these two make the unit's name; borrowed for the call */
        uint64_t number;
        const char *user; /* NULL: root; borrowed until the end, like argv */
        const char *const *argv;
        struct environment *environment; /* what it holds is taken */
        usec_t deadline; /* moment on CLOCK_BOOTTIME; then SIGTERM to all of it, then SIGKILL */
};

struct unit_program; /* heap; gone when `done` was called or it was cancelled */

/* `done` is never called from within; it comes with the same results as a child's. */
int unit_program_start(struct unit_program **ret, const struct unit_program_request *request,
        child_done done, void *cookie, struct error *err);

/* SIGKILL to all of it. Accepts NULL. */
void unit_program_cancel(struct unit_program *program);
