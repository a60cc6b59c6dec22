#pragma once
/* A set of hashes: added in any order, sorted once, then asked. Zero-initialise. */

#include <stdbool.h>
#include <stddef.h>

#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/manifest.h"

struct hash_set {
        struct content_hash *items;
        size_t count, capacity;
};

void hash_set_done(struct hash_set *set);
int hash_set_add(struct hash_set *set, const struct content_hash *hash); /* -ENOMEM */
/* All objects of a manifest. -ENOMEM. */
int hash_set_add_objects(struct hash_set *set, const struct manifest *manifest);
/* Each once, in order; until something is added, the set may be asked. */
void hash_set_sort(struct hash_set *set);
bool hash_set_has(const struct hash_set *set, const struct content_hash *hash);
/* One of the manifest's objects that is in the set; NULL: none is. */
const struct content_hash *hash_set_meets(
        const struct hash_set *set, const struct manifest *manifest);
