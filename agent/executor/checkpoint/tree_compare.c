#include "executor/checkpoint/tree_compare.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/tree_read.h"
#include "executor/checkpoint/tree_walk.h"
#include "model/enum_text.h"

enum { SYNC_EACH_MAX = 32 }; /* entries */

static const struct enum_text words[] = {
        {ENTRY_TYPE, "type", NULL},
        {ENTRY_CONTENT, "content", NULL},
        {ENTRY_MODE, "mode", NULL},
        {ENTRY_OWNER, "owner", NULL},
        {ENTRY_ACL, "acl", NULL},
        {ENTRY_XATTR, "xattr", NULL},
        {ENTRY_HARDLINK, "hardlink", NULL},
        {ENTRY_MTIME, "mtime", NULL},
        {0},
};

const char *tree_differences(unsigned differences, char *text, size_t size) {
        AUTO_STRBUF struct strbuf list = {0};
        for (const struct enum_text *word = words; word->text; word++) {
                if (differences & (unsigned) word->value) {
                        strbuf_addf(&list, "%s%s", list.length ? ", " : "", word->text);
                }
        }
        str_copy(text, size, list.failed ? "something" : strbuf_text(&list));
        return text;
}

static int scan(const struct tree_comparison *comparison, struct manifest *found,
        struct tree_notes *notes, struct error *err) {
        const struct manifest *target = comparison->target;
        AUTO(hasher_done) struct hasher hasher = {0};
        const struct tree_place place = {.parents = comparison->parents};
        struct tree_reading reading = {
                .known = comparison->known,
                .content = tree_hash_content,
                .cookie = &hasher,
                .parents = comparison->parents,
                .linked = true,
                .sync = target->count <= SYNC_EACH_MAX,
        };
        if (manifest_init(found) < 0 || hasher_init(&hasher) < 0) {
                return error_set_errno(err, ENOMEM, "comparing");
        }
        memcpy(found->paths, target->paths, sizeof(found->paths));
        memcpy(found->excludes, target->excludes, sizeof(found->excludes));
        found->n_paths = target->n_paths;
        found->n_excludes = target->n_excludes;
        found->one_file_system = target->one_file_system;
        int r = tree_walk(found, &place, notes, err);
        return r < 0 ? r : tree_read(found, &reading, 0, err);
}

static bool is_compared(const struct tree_comparison *comparison, const char *path) {
        for (size_t i = 0; i < comparison->target->n_paths; i++) {
                if (path_is_below(path, comparison->target->paths[i])) {
                        return comparison->parents[i] >= 0;
                }
        }
        return false;
}

static int judge(const struct tree_comparison *comparison, const struct entry *wanted,
        const struct entry *is, struct error *err) {
        char text[128];
        if (wanted && !is_compared(comparison, wanted->path)) {
                return 0;
        }
        if (!wanted || !is) {
                return error_set(err, EIO, wanted ? "%s is missing" : "%s is too much",
                        wanted ? wanted->path : is->path);
        }
        if (is->torn) {
                return error_set(err, EIO, "%s: %s", is->path, is->torn);
        }
        unsigned differences = entry_compare(wanted, is) & ~comparison->ignored;
        if (differences == 0) {
                return 0;
        }
        return error_set(err, EIO, "%s differs in %s", wanted->path,
                tree_differences(differences, text, sizeof(text)));
}

/* Few files were made durable one by one, as they were read; many are at once. */
static int sync_all(const struct tree_comparison *comparison, struct error *err) {
        const struct manifest *target = comparison->target;
        for (size_t i = 0; target->count > SYNC_EACH_MAX && i < target->n_paths; i++) {
                if (comparison->parents[i] >= 0 && syncfs(comparison->parents[i]) < 0) {
                        return error_set_errno(err, errno, "making %s durable", target->paths[i]);
                }
        }
        return 0;
}

int tree_compare(const struct tree_comparison *comparison, struct error *err) {
        AUTO(manifest_done) struct manifest found = {0};
        AUTO(tree_notes_done) struct tree_notes notes = {0};
        struct manifest_cursor cursor = {0};
        const struct entry *wanted, *is;
        int r = scan(comparison, &found, &notes, err);
        while (r == 0 && manifest_next(comparison->target, &found, &cursor, &wanted, &is)) {
                r = judge(comparison, wanted, is, err);
        }
        r = r < 0 ? r : sync_all(comparison, err);
        if (r == 0 && comparison->found) {
                *comparison->found = found;
                found = (struct manifest){0};
        }
        return r;
}
