/* A replica in a directory, on another disk or mount: a store like the first. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mount_promise.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/replica_target.h"

#define LOCK_WAIT (30 * USEC_PER_SEC)

enum { PIECE = 128 * 1024 };

static int open_directory(
        struct replica_target *target, const char *place, bool make, struct error *err) {
        struct depot *depot = calloc(1, sizeof(*depot));
        if (!depot) {
                return error_set_errno(err, ENOMEM, "%s", place);
        }
        *depot = DEPOT_CLOSED;
        target->data = depot;
        if (*place != '/') {
                return error_set(
                        err, EINVAL, "%s: the directory of a replica has to be absolute", place);
        }
        char missing[PATH_MAX];
        if (mount_is_missing(MOUNTS_PROMISED, MOUNTS_PRESENT, place, missing, sizeof(missing))) {
                return error_set(err, ECANCELED,
                        "%s: %s is not mounted, though /etc/fstab names it: mount it first", place,
                        missing);
        }
        return depot_open(depot, place, make ? DEPOT_WRITE : DEPOT_READ, LOCK_WAIT, err);
}

static void close_directory(struct replica_target *target) {
        if (target->data) {
                depot_close(target->data);
                free(target->data);
        }
}

static int look(
        struct replica_target *target, const char *name, uint64_t *ret_bytes, struct error *err) {
        const struct depot *depot = target->data;
        struct stat status;
        if (fstatat(depot->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
                return errno == ENOENT ? -ENOENT
                                       : error_set_errno(err, errno, "%s/%s", depot->path, name);
        }
        *ret_bytes = (uint64_t) status.st_size;
        return 0;
}

static int copy(int from, int to) {
        AUTO_FREE char *piece = malloc(PIECE);
        ssize_t length = 0;
        if (!piece) {
                return -ENOMEM;
        }
        while ((length = read(from, piece, PIECE)) > 0) {
                int r = depot_write_all(to, piece, (size_t) length);
                if (r < 0) {
                        return r;
                }
        }
        return length < 0 ? -errno : 0;
}

/* The folders above the name, each durable in the one above it. Returns the last. */
static int make_folders(const struct depot *depot, const char *name) {
        int folder = fcntl(depot->fd, F_DUPFD_CLOEXEC, 0);
        const char *part = name, *end;
        while (folder >= 0 && (end = strchr(part, '/'))) {
                char text[DEPOT_NAME_MAX + DEPOT_SERVICE_MAX];
                int above = folder;
                str_copy(text,
                        (size_t) (end - part) + 1 < sizeof(text) ? (size_t) (end - part) + 1
                                                                 : sizeof(text),
                        part);
                bool made = mkdirat(above, text, 0700) == 0;
                bool failed = (!made && errno != EEXIST) || (made && fsync(above) < 0);
                folder = failed ? -1
                                : openat(above, text,
                                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                cleanup_close(&above);
                part = end + 1;
        }
        return folder < 0 ? -errno : folder;
}

static int put(struct replica_target *target, const char *name, int fd, struct error *err) {
        const struct depot *depot = target->data;
        char temporary[DEPOT_NAME_MAX];
        AUTO_CLOSE int folder = make_folders(depot, name);
        AUTO_CLOSE int to = folder < 0 ? folder : depot_temporary(depot, temporary, err);
        if (to < 0) {
                return folder < 0 ? error_set_errno(err, -folder, "%s/%s", depot->path, name) : to;
        }
        int r = copy(fd, to);
        if (r == 0 && fsync(to) < 0) {
                r = -errno;
        }
        /* So that reading it back reads the disk. */
        (void) posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
        if (r == 0 && (renameat(depot->fd, temporary, depot->fd, name) < 0 || fsync(folder) < 0)) {
                r = -errno;
        }
        if (r < 0) {
                depot_discard(depot, temporary);
                return error_set_errno(err, -r, "%s/%s", depot->path, name);
        }
        return 0;
}

static int get(struct replica_target *target, const char *name, replica_take take, void *cookie,
        struct error *err) {
        const struct depot *depot = target->data;
        AUTO_FREE char *piece = malloc(PIECE);
        AUTO_CLOSE int from = openat(depot->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        ssize_t length = -1;
        if (from < 0 && errno == ENOENT) {
                return -ENOENT;
        }
        while (piece && from >= 0 && (length = read(from, piece, PIECE)) > 0) {
                int r = take(cookie, piece, (size_t) length, err);
                if (r < 0) {
                        return r;
                }
        }
        return length < 0 ? error_set_errno(err, errno, "%s/%s", depot->path, name) : 0;
}

struct listing {
        int (*each)(void *cookie, const char *name, struct error *err);
        void *cookie;
};

static int list_one(void *cookie, int fd, const char *name, struct error *err) {
        const struct listing *listing = cookie;
        (void) fd;
        return listing->each(listing->cookie, name, err);
}

static int list(struct replica_target *target, const char *folder,
        int (*each)(void *cookie, const char *name, struct error *err), void *cookie,
        struct error *err) {
        const struct depot *depot = target->data;
        struct listing listing = {each, cookie};
        return depot_each(depot->fd, folder, list_one, &listing, err);
}

const struct replica_kind replica_directory = {
        .scheme = "file",
        .open = open_directory,
        .close = close_directory,
        .look = look,
        .put = put,
        .get = get,
        .list = list,
};
