#pragma once
/* Starts the main process of a command service: looks its user up and opens its log in worker
 * threads, writes the intent down, forks into its cgroup, and waits for execve. */

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/managed.h"

struct service_start; /* heap; gone when `done` was called or it was freed */

/* ok: execve worked, and the process is held by `managed`; else text says what did not, and a
 * process that was forked may still be there. */
typedef void (*service_start_ended)(void *cookie, bool ok, const char *text);

/* The service outlives it. `done` is never called from within. */
int service_start_new(struct service_start **ret, struct managed *managed,
        const struct service *service, usec_t deadline, service_start_ended done, void *cookie,
        struct error *err);
void service_start_free(struct service_start *start); /* accepts NULL */

/* What a start needs of others (names, log, cgroup) begins to be fetched as soon as a process has
 * ended, while the agent still thinks: service_start_new takes it when it comes soon. One a
 * service; a failure is forgotten. The group must be gone. */
#define SERVICE_START_FRESH (2 * USEC_PER_SEC)
void service_start_prepare(struct managed *managed);
void service_start_forget(struct managed *managed);

/* A new INVOCATION_ID. */
void service_start_invocation(char id[INVOCATION_ID_SIZE]);

/* The process that it forked has ended: execve has worked before, or never will. */
void service_start_process_ended(struct service_start *start);

/* What it waits for: "the user look-up". */
const char *service_start_waits_for(const struct service_start *start);
