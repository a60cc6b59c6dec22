#include "executor/checkpoint/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 256 };

int manifest_init(struct manifest *manifest) {
        *manifest = (struct manifest){.arena = arena_new()};
        return manifest->arena ? 0 : -ENOMEM;
}

void manifest_done(struct manifest *manifest) {
        arena_free(manifest->arena);
        free(manifest->entries);
        free(manifest->text);
        *manifest = (struct manifest){0};
}

int manifest_add(struct manifest *manifest, const struct entry *entry) {
        if (manifest->count == MANIFEST_ENTRIES_MAX) {
                return -E2BIG;
        }
        if (manifest->count == manifest->capacity) {
                size_t capacity = manifest->capacity ? 2 * manifest->capacity : FIRST;
                struct entry *entries = reallocarray(manifest->entries, capacity, sizeof(*entries));
                if (!entries) {
                        return -ENOMEM;
                }
                manifest->entries = entries;
                manifest->capacity = capacity;
        }
        manifest->entries[manifest->count++] = *entry;
        return 0;
}

static int compare_to_path(const void *path, const void *entry) {
        return path_compare(path, ((const struct entry *) entry)->path);
}

const struct entry *manifest_find(const struct manifest *manifest, const char *path) {
        return manifest->count == 0 ? NULL
                                    : bsearch(path, manifest->entries, manifest->count,
                                              sizeof(*manifest->entries), compare_to_path);
}

static bool same_strings(const char *const *a, size_t n_a, const char *const *b, size_t n_b) {
        for (size_t i = 0; n_a == n_b && i < n_a; i++) {
                if (!str_eq(a[i], b[i])) {
                        return false;
                }
        }
        return n_a == n_b;
}

bool manifest_same_scope(const struct manifest *a, const struct manifest *b) {
        return a->one_file_system == b->one_file_system &&
               same_strings(a->paths, a->n_paths, b->paths, b->n_paths) &&
               same_strings(a->excludes, a->n_excludes, b->excludes, b->n_excludes);
}

bool entry_has_object(const struct entry *entry) {
        return entry->type == ENTRY_FILE && entry->size > 0 && !entry->hardlink && !entry->torn;
}

struct manifest_totals manifest_count(const struct manifest *manifest) {
        struct manifest_totals totals = {.files = manifest->count};
        for (size_t i = 0; i < manifest->count; i++) {
                const struct entry *entry = &manifest->entries[i];
                totals.bytes += entry->type == ENTRY_FILE && !entry->hardlink ? entry->size : 0;
                totals.torn += entry->torn != NULL;
        }
        return totals;
}

static bool same_content(const struct entry *a, const struct entry *b) {
        if (a->torn || b->torn) {
                return false;
        }
        return a->size == b->size && content_hash_equal(&a->hash, &b->hash) &&
               str_eq(a->target, b->target);
}

unsigned entry_compare(const struct entry *a, const struct entry *b) {
        unsigned found = 0;
        if (a->type != b->type) {
                return ENTRY_TYPE;
        }
        found |= same_content(a, b) ? 0 : ENTRY_CONTENT;
        found |= a->mode == b->mode ? 0 : ENTRY_MODE;
        found |= a->uid == b->uid && a->gid == b->gid ? 0 : ENTRY_OWNER;
        bool acl = str_eq(a->acl, b->acl) && str_eq(a->acl_default, b->acl_default);
        found |= acl ? 0 : ENTRY_ACL;
        found |= str_eq(a->xattrs, b->xattrs) ? 0 : ENTRY_XATTR;
        found |= str_eq(a->hardlink, b->hardlink) ? 0 : ENTRY_HARDLINK;
        bool mtime = a->mtime_sec == b->mtime_sec && a->mtime_nsec == b->mtime_nsec;
        return found | (mtime ? 0 : ENTRY_MTIME);
}

bool manifest_same_content(const struct manifest *a, const struct manifest *b) {
        if (a->count != b->count || !manifest_same_scope(a, b)) {
                return false;
        }
        for (size_t i = 0; i < a->count; i++) {
                const struct entry *one = &a->entries[i], *other = &b->entries[i];
                if (!str_eq(one->path, other->path) ||
                        (entry_compare(one, other) & ~(unsigned) ENTRY_MTIME)) {
                        return false;
                }
        }
        return true;
}

bool manifest_next(const struct manifest *a, const struct manifest *b,
        struct manifest_cursor *cursor, const struct entry **ret_a, const struct entry **ret_b) {
        const struct entry *one = cursor->a < a->count ? &a->entries[cursor->a] : NULL;
        const struct entry *other = cursor->b < b->count ? &b->entries[cursor->b] : NULL;
        int order = !one ? 1 : !other ? -1 : path_compare(one->path, other->path);
        *ret_a = order <= 0 ? one : NULL;
        *ret_b = order >= 0 ? other : NULL;
        cursor->a += *ret_a != NULL;
        cursor->b += *ret_b != NULL;
        return one || other;
}
