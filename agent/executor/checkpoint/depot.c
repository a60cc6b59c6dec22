#include "executor/checkpoint/depot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rng.h"

#define LOCK_POLL (20 * USEC_PER_MSEC)

enum { ATTEMPTS = 16 };

static const char *const folders[] = {"objects", "manifests", "services", "tmp", "damaged"};

static void close_folder(DIR **folder) {
        if (*folder) {
                closedir(*folder);
        }
}

int depot_write_all(int fd, const void *data, size_t size) {
        const char *at = data;
        while (size > 0) {
                ssize_t written = write(fd, at, size);
                if (written < 0 && errno != EINTR) {
                        return -errno;
                }
                if (written > 0) {
                        at += written;
                        size -= (size_t) written;
                }
        }
        return 0;
}

static int replace_file(int folder_fd, const char *name, const void *data, size_t size,
        bool durable, struct error *err) {
        char aside[DEPOT_NAME_MAX];
        snprintf(aside, sizeof(aside), ".%s.new", name);
        AUTO_CLOSE int fd = openat(
                folder_fd, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r = fd < 0 ? -errno : depot_write_all(fd, data, size);
        if (r == 0 &&
                ((durable && fsync(fd) < 0) || renameat(folder_fd, aside, folder_fd, name) < 0 ||
                        (durable && fsync(folder_fd) < 0))) {
                r = -errno;
        }
        if (r < 0) {
                unlinkat(folder_fd, aside, 0);
                return error_set_errno(err, -r, "writing %s", name);
        }
        return 0;
}

int depot_replace_file(
        int folder_fd, const char *name, const void *data, size_t size, struct error *err) {
        return replace_file(folder_fd, name, data, size, true, err);
}

int depot_replace_cache(
        int folder_fd, const char *name, const void *data, size_t size, struct error *err) {
        return replace_file(folder_fd, name, data, size, false, err);
}

int depot_remove_file(int folder_fd, const char *name, struct error *err) {
        if (unlinkat(folder_fd, name, 0) < 0 && errno != ENOENT) {
                return error_set_errno(err, errno, "removing %s", name);
        }
        return fsync(folder_fd) < 0 ? error_set_errno(err, errno, "removing %s", name) : 0;
}

int depot_read_file(int folder_fd, const char *name, struct strbuf *out, struct error *err) {
        char piece[16384];
        ssize_t length;
        AUTO_CLOSE int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                return error_set_errno(err, errno, "reading %s", name);
        }
        while ((length = read(fd, piece, sizeof(piece))) > 0) {
                strbuf_add_bytes(out, piece, (size_t) length);
                if (out->length > DEPOT_RECORD_MAX) {
                        return error_set(err, EFBIG, "%s is too long", name);
                }
        }
        if (length < 0) {
                return error_set_errno(err, errno, "reading %s", name);
        }
        return out->failed ? error_set_errno(err, ENOMEM, "reading %s", name) : 0;
}

int depot_each(int folder_fd, const char *name,
        int (*each)(void *cookie, int fd, const char *name, struct error *err), void *cookie,
        struct error *err) {
        int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        AUTO(close_folder) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        if (!folder) {
                int code = errno;
                if (fd >= 0) {
                        close(fd);
                }
                return code == ENOENT ? 0 : error_set_errno(err, code, "reading %s", name);
        }
        for (;;) {
                errno = 0;
                const struct dirent *entry = readdir(folder);
                if (!entry) {
                        return errno ? error_set_errno(err, errno, "reading %s", name) : 0;
                }
                if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..")) {
                        continue;
                }
                int r = each(cookie, fd, entry->d_name, err);
                if (r != 0) {
                        return r;
                }
        }
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

static int check_owner(const struct depot *depot, struct error *err) {
        struct stat status;
        if (fstat(depot->fd, &status) < 0) {
                return error_set_errno(err, errno, "%s", depot->path);
        }
        if (status.st_uid != geteuid()) {
                return error_set(err, ECANCELED,
                        "%s belongs to uid %u; a store is believed only by its owner", depot->path,
                        status.st_uid);
        }
        if (status.st_mode & 077) {
                return error_set(err, ECANCELED,
                        "%s may be entered by others: chmod 0700 it, for it holds what the services' files hold",
                        depot->path);
        }
        return 0;
}

static int make_folders(const struct depot *depot, struct error *err) {
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                if (mkdirat(depot->fd, folders[i], 0700) < 0 && errno != EEXIST) {
                        return error_set_errno(
                                err, errno, "%s: making %s", depot->path, folders[i]);
                }
        }
        int r = depot_replace_file(depot->fd, "version", DEPOT_VERSION, strlen(DEPOT_VERSION), err);
        return r < 0 ? error_wrap(err, "%s", depot->path) : 0;
}

static int is_empty(void *cookie, int fd, const char *name, struct error *err) {
        (void) cookie;
        (void) fd;
        (void) err;
        return str_starts(name, ".") || str_eq(name, "lost+found") ? 0 : 1;
}

/* A store says what it is, so that nobody writes hashes all over a wrong folder. */
static int check_version(const struct depot *depot, enum depot_access access, struct error *err) {
        AUTO_STRBUF struct strbuf text = {0};
        int r = depot_read_file(depot->fd, "version", &text, err);
        if (r == 0 && str_eq(strbuf_text(&text), DEPOT_VERSION)) {
                return 0;
        }
        if (r == 0) {
                return error_set(err, ECANCELED, "%s: a store of another version", depot->path);
        }
        if (r != -ENOENT) {
                return error_wrap(err, "%s", depot->path);
        }
        r = depot_each(depot->fd, ".", is_empty, NULL, err);
        if (r != 0 && !faccessat(depot->fd, "objects", F_OK, 0)) {
                r = 0; /* its making was interrupted */
        }
        if (r > 0 || (r == 0 && access == DEPOT_READ)) {
                return error_set(err, r > 0 ? ECANCELED : ESRCH,
                        "%s: no store of checkpoints (no file 'version')", depot->path);
        }
        return r < 0 ? r : make_folders(depot, err);
}

/* flock with a deadline. A holder that was killed has its lock until it is gone, which a disk can
 * delay. -EWOULDBLOCK: it was held all the time. */
static int lock_within(int fd, int how, usec_t wait) {
        usec_t deadline = usec_add(clock_now().mono, wait);
        while (flock(fd, how | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR) {
                        return -errno;
                }
                if (clock_now().mono >= deadline) {
                        return -EWOULDBLOCK;
                }
                /* style: allow usleep: a program of its own, with one thing to do */
                (void) usleep(LOCK_POLL);
        }
        return 0;
}

static int take_lock(struct depot *depot, enum depot_access access, struct error *err) {
        if (access == DEPOT_READ) {
                return 0;
        }
        depot->lock_fd = openat(depot->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (depot->lock_fd < 0) {
                return error_set_errno(err, errno, "%s/lock", depot->path);
        }
        int r = lock_within(
                depot->lock_fd, access == DEPOT_ALONE ? LOCK_EX : LOCK_SH, depot->lock_wait);
        if (r == -EWOULDBLOCK) {
                return error_set(err, EWOULDBLOCK, "%s is in use by another recoverd-checkpoint",
                        depot->path);
        }
        return r < 0 ? error_set_errno(err, -r, "locking %s", depot->path) : 0;
}

int depot_open(struct depot *depot, const char *path, enum depot_access access, usec_t lock_wait,
        struct error *err) {
        *depot = DEPOT_CLOSED;
        depot->lock_wait = lock_wait;
        if (!str_copy(depot->path, sizeof(depot->path), path)) {
                return error_set(err, ECANCELED, "the path of the store is too long");
        }
        if (access != DEPOT_READ && mkdir(path, 0700) < 0 && errno != EEXIST) {
                return error_set_errno(err, errno, "making the store %s", path);
        }
        depot->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (depot->fd < 0) {
                return errno == ENOENT ? error_set(err, ESRCH, "%s: there is no store", path)
                                       : error_set_errno(err, errno, "%s", path);
        }
        int r = check_owner(depot, err);
        r = r < 0 ? r : check_version(depot, access, err);
        return r < 0 ? r : take_lock(depot, access, err);
}

void depot_close(struct depot *depot) {
        cleanup_close(&depot->fd);
        cleanup_close(&depot->lock_fd);
        *depot = DEPOT_CLOSED;
}

/* ---- A service --------------------------------------------------------------------------------
 */

static bool is_service_name(const char *name) {
        return *name && *name != '.' && strlen(name) <= DEPOT_SERVICE_MAX && !strchr(name, '/');
}

int depot_open_service(
        const struct depot *depot, const char *service, bool make, struct error *err) {
        char path[DEPOT_SERVICE_MAX + 16];
        if (!is_service_name(service)) {
                return error_set(err, EINVAL, "'%s' is no name of a service", service);
        }
        snprintf(path, sizeof(path), "services/%s", service);
        if (make && mkdirat(depot->fd, path, 0700) < 0 && errno != EEXIST) {
                return error_set_errno(err, errno, "%s/%s", depot->path, path);
        }
        int fd = openat(depot->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                return errno == ENOENT ? error_set(err, ESRCH, "there is no checkpoint of %s in %s",
                                                 service, depot->path)
                                       : error_set_errno(err, errno, "%s/%s", depot->path, path);
        }
        return fd;
}

int depot_lock_service(
        const struct depot *depot, int service_fd, const char *service, struct error *err) {
        int fd = openat(service_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                return error_set_errno(err, errno, "locking the checkpoints of %s", service);
        }
        int r = lock_within(fd, LOCK_EX, depot->lock_wait);
        if (r == 0) {
                return fd;
        }
        close(fd);
        return r == -EWOULDBLOCK
                       ? error_set(err, EWOULDBLOCK,
                                 "another recoverd-checkpoint works on %s; try again", service)
                       : error_set_errno(err, -r, "locking the checkpoints of %s", service);
}

int depot_temporary(const struct depot *depot, char ret_name[DEPOT_NAME_MAX], struct error *err) {
        struct rng rng;
        rng_seed_from_system(&rng);
        for (int i = 0; i < ATTEMPTS; i++) {
                snprintf(ret_name, DEPOT_NAME_MAX, "tmp/%016llx",
                        (unsigned long long) rng_next(&rng));
                int fd = openat(depot->fd, ret_name,
                        O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd >= 0 || errno != EEXIST) {
                        return fd >= 0 ? fd
                                       : error_set_errno(err, errno, "making a file in %s/tmp",
                                                 depot->path);
                }
        }
        return error_set_errno(err, EEXIST, "making a file in %s/tmp", depot->path);
}

int depot_place(const struct depot *depot, int fd, const char *temporary, const char *name) {
        char folder[DEPOT_NAME_MAX];
        str_copy(folder, sizeof(folder), name);
        *strrchr(folder, '/') = '\0';
        bool made = mkdirat(depot->fd, folder, 0700) == 0;
        if (!made && errno != EEXIST) {
                return -1;
        }
        AUTO_CLOSE int above = openat(depot->fd, "objects", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSE int holder = openat(depot->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool done = above >= 0 && holder >= 0 && (!made || fsync(above) == 0) && fsync(fd) == 0 &&
                    renameat(depot->fd, temporary, depot->fd, name) == 0 && fsync(holder) == 0;
        return done ? 0 : -1;
}

void depot_discard(const struct depot *depot, const char *name) {
        unlinkat(depot->fd, name, 0);
}
