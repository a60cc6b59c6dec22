#include "executor/checkpoint/apply_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/hash_set.h"
#include "executor/checkpoint/object_reader.h"
#include "executor/checkpoint/tree_build.h"

enum { MODE_SET_ID = 06000, SPARE_BYTES = 16 * 1024 * 1024 };

#define CAPABILITY "xattr=security.capability:"

static size_t path_of(const struct manifest *manifest, const char *path) {
        for (size_t i = 0; i < manifest->n_paths; i++) {
                if (path_is_below(path, manifest->paths[i])) {
                        return i;
                }
        }
        return 0;
}

static enum path_change change_of(
        const struct manifest *target, const struct manifest *present, const char *path) {
        if (!manifest_find(target, path)) {
                return CHANGE_REMOVED;
        }
        return manifest_find(present, path) ? CHANGE_EXCHANGED : CHANGE_CREATED;
}

bool apply_plan_writes(const struct apply_plan *plan, const struct manifest *target,
        const struct manifest *present, const struct entry *entry) {
        enum path_change change = plan->changes[path_of(target, entry->path)];
        return (change == CHANGE_EXCHANGED || change == CHANGE_CREATED) &&
               !tree_build_twin(present, entry);
}

void apply_plan_make(
        struct apply_plan *plan, const struct manifest *target, const struct manifest *present) {
        struct manifest_cursor cursor = {0};
        const struct entry *wanted, *is;
        *plan = (struct apply_plan){0};
        while (manifest_next(target, present, &cursor, &wanted, &is)) {
                bool differ =
                        !wanted || !is || (entry_compare(wanted, is) & ~(unsigned) ENTRY_MTIME);
                if (differ) {
                        size_t i = path_of(target, wanted ? wanted->path : is->path);
                        plan->changes[i] = change_of(target, present, target->paths[i]);
                }
        }
        for (size_t i = 0; i < target->count; i++) {
                const struct entry *entry = &target->entries[i];
                bool writes = entry->type == ENTRY_FILE && !entry->hardlink &&
                              apply_plan_writes(plan, target, present, entry);
                plan->files += writes;
                plan->bytes += writes ? entry->size : 0;
        }
}

bool apply_plan_is_empty(const struct apply_plan *plan, const struct manifest *target) {
        for (size_t i = 0; i < target->n_paths; i++) {
                if (plan->changes[i] != CHANGE_NONE) {
                        return false;
                }
        }
        return true;
}

/* ---- Rules ------------------------------------------------------------------------------------
 */

static bool gives_rights(const struct entry *entry) {
        return entry->type == ENTRY_FILE &&
               ((entry->mode & MODE_SET_ID) ||
                       (entry->xattrs && strstr(entry->xattrs, CAPABILITY)));
}

int apply_check_rights(
        const struct manifest *target, const struct manifest *present, struct error *err) {
        for (size_t i = 0; i < target->count; i++) {
                const struct entry *entry = &target->entries[i];
                if (!gives_rights(entry)) {
                        continue;
                }
                const struct entry *is = manifest_find(present, entry->path);
                unsigned harmless = ENTRY_MTIME | ENTRY_HARDLINK;
                if (!is || (entry_compare(entry, is) & ~harmless)) {
                        return error_set(err, ECANCELED,
                                "%s would be setuid, setgid or get capabilities, which no rollback does: "
                                "install it by hand, or exclude it",
                                entry->path);
                }
        }
        return 0;
}

static int check_torn(const struct manifest *present, struct error *err) {
        for (size_t i = 0; i < present->count; i++) {
                const struct entry *entry = &present->entries[i];
                if (entry->torn) {
                        return error_set(err, ECANCELED,
                                "%s cannot be kept, so there would be no way back: %s", entry->path,
                                entry->torn);
                }
        }
        return 0;
}

static uint64_t mount_of(int folder_fd, const char *name) {
        struct statx st;
        bool known = statx(folder_fd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_MNT_ID,
                             &st) == 0 &&
                     (st.stx_mask & STATX_MNT_ID);
        return known ? st.stx_mnt_id : 0;
}

static int check_home(
        const struct apply_plan *plan, const char *path, int home, struct error *err) {
        struct statvfs status;
        char wanted[UNITS_TEXT_MAX], is[UNITS_TEXT_MAX];
        const char *name = path + beneath_parent_length(path);
        uint64_t mount = mount_of(home, name);
        if (mount != 0 && mount != mount_of(home, "")) {
                return error_set(err, ECANCELED,
                        "%s is a mount point, which cannot be exchanged: declare what is in it",
                        path);
        }
        if (fstatvfs(home, &status) < 0) {
                return error_set_errno(err, errno, "%s", path);
        }
        if (status.f_flag & ST_RDONLY) {
                return error_set_errno(err, EROFS, "%s", path);
        }
        uint64_t free_bytes = (uint64_t) status.f_bavail * status.f_frsize;
        if (plan->bytes + SPARE_BYTES > free_bytes) {
                return error_set(err, ENOSPC, "%s: %s have to be written, and %s are free", path,
                        units_format_size_short(plan->bytes, wanted),
                        units_format_size_short(free_bytes, is));
        }
        if (status.f_files > 0 && plan->files > status.f_favail) {
                return error_set(err, ENOSPC,
                        "%s: %llu files have to be written, and %llu inodes are free", path,
                        (unsigned long long) plan->files, (unsigned long long) status.f_favail);
        }
        return 0;
}

int apply_plan_check(const struct apply_plan *plan, const struct manifest *target,
        const struct present *present, struct error *err) {
        int r = check_torn(&present->manifest, err);
        r = r < 0 ? r : apply_check_rights(target, &present->manifest, err);
        if (r == 0 && present->notes.mount) {
                return error_set(err, ECANCELED,
                        "a file system is mounted on %s, which would be lost from there: unmount it",
                        present->notes.mount);
        }
        for (size_t i = 0; r == 0 && i < target->n_paths; i++) {
                if (plan->changes[i] == CHANGE_NONE) {
                        continue;
                }
                AUTO_CLOSE int home = beneath_open_parent(target->paths[i], err);
                if (home == -ENOENT) {
                        return error_set(err, ECANCELED, "%s: the directory that it was in is gone",
                                target->paths[i]);
                }
                r = home < 0 ? home : check_home(plan, target->paths[i], home, err);
        }
        return r;
}

int apply_plan_verify(const struct apply_plan *plan, const struct depot *depot,
        const struct manifest *target, const struct manifest *present, struct content_hash *ret_bad,
        struct error *err) {
        AUTO(hash_set_done) struct hash_set needed = {0};
        for (size_t i = 0; i < target->count; i++) {
                const struct entry *entry = &target->entries[i];
                if (entry_has_object(entry) && apply_plan_writes(plan, target, present, entry) &&
                        hash_set_add(&needed, &entry->hash) < 0) {
                        return error_set_errno(err, ENOMEM, "verifying objects");
                }
        }
        hash_set_sort(&needed);
        for (size_t i = 0; i < needed.count; i++) {
                int r = object_read(depot, &needed.items[i], NULL, NULL, err);
                if (r < 0) {
                        *ret_bad = needed.items[i];
                        return r;
                }
        }
        return 0;
}
