#pragma once
/* What an apply would have to do, and whether a rule forbids it. Looks, and changes nothing. */

#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/apply_journal.h"
#include "executor/checkpoint/checkpoint_create.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/manifest.h"

struct apply_plan {
        enum path_change changes[MANIFEST_PATHS_MAX]; /* of each declared path */
        uint64_t files, bytes; /* to be written */
};

/* `present` is what is there now, in the scope of the target. */
void apply_plan_make(
        struct apply_plan *plan, const struct manifest *target, const struct manifest *present);
bool apply_plan_is_empty(const struct apply_plan *plan, const struct manifest *target);

/* An entry of the target that is not just linked, in a path that changes. */
bool apply_plan_writes(const struct apply_plan *plan, const struct manifest *target,
        const struct manifest *present, const struct entry *entry);

/* Space, mounts, torn files of the present, files that would become setuid. -ECANCELED, -ENOSPC. */
int apply_plan_check(const struct apply_plan *plan, const struct manifest *target,
        const struct present *present, struct error *err);
/* The entries that would give somebody rights which the present does not give. -ECANCELED.
 * `present` may be empty. */
int apply_check_rights(
        const struct manifest *target, const struct manifest *present, struct error *err);
/* Hashes the objects that will be needed. -EBADMSG, with the one that is damaged. */
int apply_plan_verify(const struct apply_plan *plan, const struct depot *depot,
        const struct manifest *target, const struct manifest *present, struct content_hash *ret_bad,
        struct error *err);
