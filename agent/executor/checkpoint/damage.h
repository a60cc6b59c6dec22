#pragma once
/* What follows when something in the store is not what its name says: each checkpoint that needs it
 * is withdrawn, of whatever service, and the bad object is put aside, so that the next checkpoint
 * stores it anew. All others stay. */

#include "base/error.h"
#include "executor/checkpoint/catalog.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/hash_set.h"

/* `bad` is sorted; manifests that cannot be loaded count as bad as well. `own` is the catalog that
 * the caller holds, or NULL. Gets each withdrawn checkpoint's service and id; the callback may be
 * NULL. */
int damage_withdraw(const struct depot *depot, struct catalog *own, const struct hash_set *bad,
        void (*withdrawn)(void *cookie, const char *service, const char *id), void *cookie,
        struct error *err);
