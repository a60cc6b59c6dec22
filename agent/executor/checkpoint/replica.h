#pragma once
/* Copies checkpoints to a replica and back. What is there already is not copied again, so that a
 * copy which was interrupted goes on; what was copied is read back and hashed; the record, which
 * makes it a checkpoint there, comes last. */

#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/catalog.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/replica_target.h"

struct replica_totals {
        uint64_t copied, copied_bytes, there;
};

/* -EBADMSG: what was read back is not what was written, or the store itself is damaged. */
int replica_push(struct replica_target *target, const struct depot *depot,
        const struct catalog *catalog, const struct checkpoint *checkpoint,
        struct replica_totals *totals, struct error *err);

/* Fetches a checkpoint of the catalog's service into the store; `id` as in catalog_find, among
 * those of the replica. *ret belongs to the catalog. -ESRCH: it is not there; -EBADMSG: the replica
 * is damaged. */
int replica_pull(struct replica_target *target, const struct depot *depot, struct catalog *catalog,
        const char *id, struct checkpoint **ret, struct replica_totals *totals, struct error *err);
