#include "executor/checkpoint/hash_set.h"

#include <errno.h>
#include <stdlib.h>

void hash_set_done(struct hash_set *set) {
        free(set->items);
        *set = (struct hash_set){0};
}

int hash_set_add(struct hash_set *set, const struct content_hash *hash) {
        if (set->count == set->capacity) {
                size_t capacity = set->capacity ? 2 * set->capacity : 64;
                struct content_hash *items = reallocarray(set->items, capacity, sizeof(*items));
                if (!items) {
                        return -ENOMEM;
                }
                set->items = items;
                set->capacity = capacity;
        }
        set->items[set->count++] = *hash;
        return 0;
}

int hash_set_add_objects(struct hash_set *set, const struct manifest *manifest) {
        for (size_t i = 0; i < manifest->count; i++) {
                if (entry_has_object(&manifest->entries[i])) {
                        int r = hash_set_add(set, &manifest->entries[i].hash);
                        if (r < 0) {
                                return r;
                        }
                }
        }
        return 0;
}

void hash_set_sort(struct hash_set *set) {
        size_t kept = 0;
        if (set->count == 0) {
                return;
        }
        qsort(set->items, set->count, sizeof(*set->items), content_hash_compare);
        for (size_t i = 1; i < set->count; i++) {
                if (!content_hash_equal(&set->items[kept], &set->items[i])) {
                        set->items[++kept] = set->items[i];
                }
        }
        set->count = kept + 1;
}

bool hash_set_has(const struct hash_set *set, const struct content_hash *hash) {
        return set->count > 0 &&
               bsearch(hash, set->items, set->count, sizeof(*hash), content_hash_compare);
}

const struct content_hash *hash_set_meets(
        const struct hash_set *set, const struct manifest *manifest) {
        for (size_t i = 0; i < manifest->count; i++) {
                const struct entry *entry = &manifest->entries[i];
                if (entry_has_object(entry) && hash_set_has(set, &entry->hash)) {
                        return &entry->hash;
                }
        }
        return NULL;
}
