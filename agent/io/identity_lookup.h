#pragma once
/* identity_resolve in a worker thread with a deadline. */

#include "base/clock.h"
#include "io/identity.h"
#include "io/worker.h"

struct identity_lookup; /* heap; gone when `done` was called or it was cancelled */

/* result 0: `identity` is valid in the call; else `text` says why. -ETIMEDOUT: the name service
 * hangs. */
typedef void (*identity_done)(
        void *cookie, int result, const struct identity *identity, const char *text);

/* Texts are copied; NULL as in identity_resolve. `done` is never called from within. */
int identity_lookup_start(struct identity_lookup **ret, struct worker_pool *pool, const char *user,
        const char *group, usec_t deadline, identity_done done, void *cookie, struct error *err);
void identity_lookup_cancel(struct identity_lookup *lookup); /* accepts NULL */
