#pragma once
/* Starts a program from a worker thread, sharing memory with it until execve (as vfork(2) does).
 * Copying the page tables of a large process costs more than many a program itself; a thread can
 * wait for execve instead, and only that thread hangs when the program lies on a dead mount. */

#include "base/error.h"
#include "io/spawn.h"
#include "io/worker.h"

struct launch; /* heap; gone when `done` was called or it was cancelled */

/* result 0: `spawned` is the receiver's. Otherwise negative errno, and err says why. */
typedef void (*launch_done)(
        void *cookie, int result, const struct spawned *spawned, const struct error *err);

/* The request is copied, its descriptors are duplicated. `done` is never called from within. */
int launch_start(struct launch **ret, struct worker_pool *pool, const struct spawn_request *request,
        launch_done done, void *cookie, struct error *err);
/* A program that is being started is killed as soon as it is there. Accepts NULL. */
void launch_cancel(struct launch *launch);
