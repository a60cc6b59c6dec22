#include "executor/checkpoint/scan_refresh.h"

#include "base/cleanup.h"
#include "executor/checkpoint/checkpoint_create.h"
#include "executor/checkpoint/scan_cache.h"
#include "executor/checkpoint/tree_walk.h"

static bool same_but_ctime(const struct file_identity *a, const struct file_identity *b) {
        return a->inode == b->inode && a->device == b->device && a->mtime_sec == b->mtime_sec &&
               a->mtime_nsec == b->mtime_nsec;
}

static bool same(const struct file_identity *a, const struct file_identity *b) {
        return same_but_ctime(a, b) && a->ctime_sec == b->ctime_sec &&
               a->ctime_nsec == b->ctime_nsec;
}

/* The entries of the cache against what is there: the ones that `fits` does not take are not known
 * any more, the others get the identity of now. */
static bool compare(struct scan_refresh *refresh, const struct depot *depot,
        bool (*fits)(const struct file_identity *a, const struct file_identity *b)) {
        AUTO(manifest_done) struct manifest present = {0};
        AUTO(tree_notes_done) struct tree_notes notes = {0};
        struct tree_scope scope;
        struct manifest_cursor cursor = {0};
        const struct entry *known, *is;
        scope_of(&refresh->known, &scope);
        if (manifest_init(&present) < 0 || tree_declare(&present, &scope, depot->path, NULL) < 0 ||
                tree_walk(&present, NULL, &notes, NULL) < 0) {
                return false;
        }
        while (manifest_next(&refresh->known, &present, &cursor, &known, &is)) {
                if (!known) {
                        continue;
                }
                struct file_identity *identity = &refresh->known.entries[cursor.a - 1].identity;
                bool stays = is && identity->inode != 0 && is->type == known->type &&
                             is->size == known->size && fits(identity, &is->identity);
                *identity = stays ? is->identity : (struct file_identity){0};
        }
        return true;
}

void scan_refresh_begin(
        struct scan_refresh *refresh, const struct depot *depot, const struct catalog *catalog) {
        *refresh = (struct scan_refresh){0};
        refresh->usable = scan_cache_load_known(depot, catalog, &refresh->known, &refresh->hash) &&
                          compare(refresh, depot, same);
}

void scan_refresh_end(
        struct scan_refresh *refresh, const struct depot *depot, const struct catalog *catalog) {
        if (refresh->usable && compare(refresh, depot, same_but_ctime)) {
                (void) scan_cache_save(catalog->fd, &refresh->known, &refresh->hash, NULL);
        }
        manifest_done(&refresh->known);
}
