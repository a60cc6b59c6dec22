#pragma once
/* Manifests in the store: manifests/HASH.zst. */

#include "base/error.h"
#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/manifest.h"

void manifest_name(const struct content_hash *hash, char name[DEPOT_NAME_MAX]);
/* Durable when it returns 0. */
int manifest_save(const struct depot *depot, const struct manifest *manifest,
        struct content_hash *ret_hash, struct error *err);
/* -EBADMSG: it is not there, or not what its name says. */
int manifest_load(const struct depot *depot, const struct content_hash *hash,
        struct manifest *manifest, struct error *err);
