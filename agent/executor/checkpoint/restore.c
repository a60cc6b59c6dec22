#include "executor/checkpoint/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/tree_build.h"
#include "executor/checkpoint/tree_compare.h"
#include "executor/checkpoint/tree_remove.h"

#define ASIDE TREE_ASIDE_PREFIX "restore"

struct restore {
        const struct manifest *manifest;
        const char *root;
        int root_fd, aside_fd;
        int parents[MANIFEST_PATHS_MAX];
};

static void restore_done(struct restore *restore) {
        for (size_t i = 0; i < MANIFEST_PATHS_MAX; i++) {
                cleanup_close(&restore->parents[i]);
        }
        cleanup_close(&restore->aside_fd);
        cleanup_close(&restore->root_fd);
}

static int is_foreign(void *cookie, int fd, const char *name, struct error *err) {
        (void) fd;
        if (str_eq(name, ASIDE) || str_eq(name, "lost+found")) {
                return 0;
        }
        return error_set(
                err, ECANCELED, "%s is not empty (%s is in it)", (const char *) cookie, name);
}

static int open_root(struct restore *restore, struct error *err) {
        if (mkdir(restore->root, 0755) < 0 && errno != EEXIST) {
                return error_set_errno(err, errno, "making %s", restore->root);
        }
        restore->root_fd = open(restore->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (restore->root_fd < 0) {
                return error_set_errno(err, errno, "%s", restore->root);
        }
        int r = depot_each(restore->root_fd, ".", is_foreign, (void *) restore->root, err);
        r = r < 0 ? r : tree_remove(restore->root_fd, ASIDE, err);
        if (r < 0) {
                return r;
        }
        if (mkdirat(restore->root_fd, ASIDE, 0700) < 0) {
                return error_set_errno(err, errno, "%s/" ASIDE, restore->root);
        }
        restore->aside_fd = beneath_open(restore->root_fd, ASIDE, O_RDONLY | O_DIRECTORY);
        return restore->aside_fd < 0
                       ? error_set_errno(err, -restore->aside_fd, "%s/" ASIDE, restore->root)
                       : 0;
}

/* The folder above a path, made part by part. */
static int make_parent(const struct restore *restore, const char *path) {
        char parent[MANIFEST_PATH_BYTES];
        str_copy(parent, sizeof(parent), path + 1);
        for (char *at = parent; (at = strchr(at, '/')); at++) {
                *at = '\0';
                if (mkdirat(restore->aside_fd, parent, 0755) == 0) {
                        (void) fchmodat(
                                restore->aside_fd, parent, 0755, 0); /* whatever umask says */
                } else if (errno != EEXIST) {
                        return -errno;
                }
                *at = '/';
        }
        char *last = strrchr(parent, '/');
        if (last) {
                *last = '\0';
        }
        return beneath_open(restore->aside_fd, last ? parent : ".", O_RDONLY | O_DIRECTORY);
}

static int make_parents(struct restore *restore, struct error *err) {
        for (size_t i = 0; i < restore->manifest->n_paths; i++) {
                restore->parents[i] = make_parent(restore, restore->manifest->paths[i]);
                if (restore->parents[i] < 0) {
                        return error_set_errno(err, -restore->parents[i], "%s%s", restore->root,
                                restore->manifest->paths[i]);
                }
        }
        return 0;
}

static int place_one(void *cookie, int fd, const char *name, struct error *err) {
        const struct restore *restore = cookie;
        return renameat2(fd, name, restore->root_fd, name, RENAME_NOREPLACE) < 0
                       ? error_set_errno(err, errno, "%s/%s", restore->root, name)
                       : 0;
}

static int place(struct restore *restore, struct error *err) {
        for (size_t i = 0; i < restore->manifest->n_paths; i++) {
                if (fsync(restore->parents[i]) < 0) {
                        return error_set_errno(err, errno, "%s", restore->root);
                }
        }
        int r = fsync(restore->aside_fd) < 0 ? error_set_errno(err, errno, "%s", restore->root) : 0;
        r = r < 0 ? r : depot_each(restore->aside_fd, ".", place_one, restore, err);
        if (r < 0) {
                return r;
        }
        bool tidy = unlinkat(restore->root_fd, ASIDE, AT_REMOVEDIR) == 0 &&
                    fsync(restore->root_fd) == 0;
        return tidy ? 0 : error_set_errno(err, errno, "%s", restore->root);
}

/* Only root can give files to others, and another file system may know times less exactly. */
static unsigned ignored(void) {
        return ENTRY_MTIME | (geteuid() == 0 ? 0 : ENTRY_OWNER);
}

static int build(struct restore *restore, const struct depot *depot, struct content_hash *ret_bad,
        struct error *err) {
        struct tree_build build = {
                .depot = depot, .target = restore->manifest, .to = restore->parents};
        const struct tree_comparison comparison = {
                .target = restore->manifest,
                .parents = restore->parents,
                .ignored = ignored(),
        };
        int r = make_parents(restore, err);
        r = r < 0 ? r : tree_build(&build, ret_bad, err);
        r = r < 0 ? r : tree_compare(&comparison, err);
        return r < 0 ? r : place(restore, err);
}

int restore_tree(const struct depot *depot, const struct manifest *manifest, const char *root,
        struct content_hash *ret_bad, struct error *err) {
        AUTO(restore_done)
        struct restore restore = {
                .manifest = manifest, .root = root, .root_fd = -1, .aside_fd = -1};
        for (size_t i = 0; i < MANIFEST_PATHS_MAX; i++) {
                restore.parents[i] = -1;
        }
        int r = open_root(&restore, err);
        if (r < 0) {
                return r;
        }
        r = build(&restore, depot, ret_bad, err);
        if (r < 0) {
                (void) tree_remove(restore.root_fd, ASIDE, NULL);
        }
        return r;
}
