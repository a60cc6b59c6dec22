#include "executor/checkpoint/tree_diff.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "executor/checkpoint/manifest_text.h"

struct diffing {
        const struct manifest *to;
        tree_change_take take;
        void *cookie;
        struct hasher hasher;
        struct strbuf line;
        struct tree_diff_result result;
};

static void diffing_done(struct diffing *diffing) {
        hasher_done(&diffing->hasher);
        strbuf_done(&diffing->line);
}

static void feed(struct diffing *diffing, const struct entry *entry) {
        strbuf_reset(&diffing->line);
        if (entry) {
                entry_format(entry, &diffing->line);
        }
        hasher_feed(&diffing->hasher, strbuf_text(&diffing->line), diffing->line.length + 1);
}

static wall_usec_t ctime_of(const struct entry *entry) {
        return (wall_usec_t) entry->identity.ctime_sec * USEC_PER_SEC +
               entry->identity.ctime_nsec / 1000;
}

/* When a path went, its directory changed. */
static wall_usec_t time_of_removal(const struct manifest *to, const char *path) {
        char folder[MANIFEST_PATH_BYTES];
        struct stat status;
        str_copy(folder, sizeof(folder), path);
        *strrchr(folder, '/') = '\0';
        const struct entry *above = manifest_find(to, folder);
        if (above) {
                return ctime_of(above);
        }
        if (lstat(*folder ? folder : "/", &status) < 0) {
                return 0;
        }
        return (wall_usec_t) status.st_mtim.tv_sec * USEC_PER_SEC +
               (wall_usec_t) status.st_mtim.tv_nsec / 1000;
}

static wall_usec_t time_of(const struct manifest *to, const struct tree_change *change) {
        if (change->to) {
                return ctime_of(change->to);
        }
        assert(change->from);
        return time_of_removal(to, change->from->path);
}

static enum tree_change_kind kind_of(
        const struct entry *from, const struct entry *to, unsigned differences) {
        if (!from || !to) {
                return from ? TREE_REMOVED : TREE_ADDED;
        }
        return differences & (ENTRY_TYPE | ENTRY_CONTENT) ? TREE_CHANGED : TREE_METADATA;
}

static int take(struct diffing *diffing, const struct entry *from, const struct entry *to,
        struct error *err) {
        unsigned differences = from && to ? entry_compare(from, to) & ~(unsigned) ENTRY_MTIME : 0;
        if (from && to && differences == 0) {
                return 0;
        }
        const struct tree_change change = {
                .kind = kind_of(from, to, differences),
                .from = from,
                .to = to,
                .differences = differences,
        };
        feed(diffing, from);
        feed(diffing, to);
        if (diffing->line.failed) {
                return error_set_errno(err, ENOMEM, "comparing");
        }
        wall_usec_t changed = time_of(diffing->to, &change);
        diffing->result.changes++;
        if (changed > diffing->result.newest) {
                diffing->result.newest = changed;
        }
        return diffing->take(diffing->cookie, &change, err);
}

int tree_diff(const struct manifest *from, const struct manifest *to, tree_change_take take_change,
        void *cookie, struct tree_diff_result *ret, struct error *err) {
        AUTO(diffing_done)
        struct diffing diffing = {.to = to, .take = take_change, .cookie = cookie};
        struct manifest_cursor cursor = {0};
        const struct entry *one, *other;
        if (hasher_init(&diffing.hasher) < 0) {
                return error_set_errno(err, ENOMEM, "comparing");
        }
        while (manifest_next(from, to, &cursor, &one, &other)) {
                int r = take(&diffing, one, other, err);
                if (r < 0) {
                        return r;
                }
        }
        hasher_end(&diffing.hasher, &diffing.result.hash);
        *ret = diffing.result;
        return 0;
}
