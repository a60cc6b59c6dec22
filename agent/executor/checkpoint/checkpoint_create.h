#pragma once
/* Takes a checkpoint of what is there now; or only looks at it. */

#include "base/error.h"
#include "executor/checkpoint/catalog.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/manifest.h"
#include "executor/checkpoint/tree_walk.h"

/* The present, scanned. Zero-initialise. */
struct present {
        struct manifest known; /* of the last scan, which the manifest borrows from */
        struct manifest manifest;
        struct tree_notes notes;
        uint64_t read_files, stored_bytes;
        char id[CHECKPOINT_ID_MAX];
};

void present_done(struct present *present);

/* What a scan does with the contents that it has to read. */
enum present_use {
        PRESENT_LOOK, /* hashes them */
        PRESENT_STORE, /* stores them durably */
};

/* Scans what the scope covers. `max_bytes` 0: no limit. -ECANCELED: a rule forbids it. */
int present_scan(struct present *present, const struct depot *depot, const struct catalog *catalog,
        const struct tree_scope *scope, enum present_use use, uint64_t max_bytes,
        struct error *err);

/* The scope that a manifest was made with; borrows its strings. */
void scope_of(const struct manifest *manifest, struct tree_scope *ret);

/* Writes down a scanned and stored present as a checkpoint, or finds the one that it is already.
 * Torn ones become suspects. *ret belongs to the catalog until something is added to it. *ret_new
 * may be NULL. */
int checkpoint_keep(struct present *present, const struct depot *depot, struct catalog *catalog,
        enum checkpoint_state state, const char *reason, struct checkpoint **ret, bool *ret_new,
        struct error *err);
