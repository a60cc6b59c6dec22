#include "executor/checkpoint/tree_carry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/tree_build.h"
#include "executor/checkpoint/tree_read.h"
#include "executor/checkpoint/tree_walk.h"

/* The folder that holds `path`, below `parent_fd`. */
static int open_holder(int parent_fd, const char *root, const char *path) {
        char holder[MANIFEST_PATH_BYTES];
        const char *relative = path + beneath_parent_length(root);
        str_copy(holder, sizeof(holder), relative);
        *strrchr(holder, '/') = '\0';
        return beneath_open(parent_fd, holder, O_PATH | O_DIRECTORY);
}

static int link_one(int from, int to, const char *path, struct error *err) {
        const char *name = strrchr(path, '/') + 1;
        int r = tree_link(from, name, to, name);
        if (r == 0 || r == -EEXIST || r == -ENOENT) {
                return 0;
        }
        return error_set_errno(err, -r,
                "%s is in no checkpoint and has to be taken over, but cannot be linked", path);
}

/* Files stay unread: they are the same ones. */
static int scan(struct manifest *manifest, struct tree_notes *notes, int from, const char *path,
        struct error *err) {
        const struct tree_place place = {.parents = &from, .devices = true};
        struct tree_reading reading = {.parents = &from};
        if (manifest_init(manifest) < 0) {
                return error_set_errno(err, ENOMEM, "%s", path);
        }
        manifest->paths[0] = arena_strdup(manifest->arena, path);
        manifest->n_paths = 1;
        if (!manifest->paths[0]) {
                return error_set_errno(err, ENOMEM, "%s", path);
        }
        int r = tree_walk(manifest, &place, notes, err);
        r = r < 0 ? r : tree_read(manifest, &reading, 0, err);
        if (r == 0 && notes->mount) {
                r = error_set(err, ECANCELED,
                        "a file system is mounted on %s, which would be lost from there: unmount it",
                        notes->mount);
        }
        return r;
}

static int carry_folder(int from, int to, const char *path, struct error *err) {
        AUTO(manifest_done) struct manifest manifest = {0};
        AUTO(tree_notes_done) struct tree_notes notes = {0};
        int r = scan(&manifest, &notes, from, path, err);
        if (r < 0) {
                return r;
        }
        struct tree_build build = {
                .target = &manifest, .present = &manifest, .from = &from, .to = &to};
        r = tree_build(&build, NULL, err);
        for (size_t i = 0; r == 0 && i < notes.n_left_out; i++) {
                AUTO_CLOSE int old = open_holder(from, path, notes.left_out[i]);
                AUTO_CLOSE int new = open_holder(to, path, notes.left_out[i]);
                r = old < 0 || new < 0
                            ? error_set_errno(err, old < 0 ? -old : -new, "%s", notes.left_out[i])
                            : link_one(old, new, notes.left_out[i], err);
        }
        return r;
}

static bool holder_is_wanted(const struct manifest *target, const char *path) {
        char holder[MANIFEST_PATH_BYTES];
        str_copy(holder, sizeof(holder), path);
        *strrchr(holder, '/') = '\0';
        const struct entry *entry = manifest_find(target, holder);
        return entry && entry->type == ENTRY_DIRECTORY;
}

int tree_carry(const struct manifest *target, const int *from, const int *to, size_t index,
        const char *path, struct error *err) {
        const char *root = target->paths[index];
        struct stat status;
        if (!holder_is_wanted(target, path)) {
                return 0;
        }
        AUTO_CLOSE int old = open_holder(from[index], root, path);
        AUTO_CLOSE int new = open_holder(to[index], root, path);
        if (old < 0 || new < 0) {
                return error_set_errno(err, old < 0 ? -old : -new, "taking over %s", path);
        }
        if (fstatat(old, strrchr(path, '/') + 1, &status, AT_SYMLINK_NOFOLLOW) < 0) {
                return errno == ENOENT ? 1 : error_set_errno(err, errno, "taking over %s", path);
        }
        int r = S_ISDIR(status.st_mode) ? carry_folder(old, new, path, err)
                                        : link_one(old, new, path, err);
        return r < 0 ? r : 1;
}
