#include "probes/file_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Holding the inode before it is opened for reading makes sure that it is the one looked at. */
static int hold(int directory, const char *path, struct stat *ret) {
        AUTO_CLOSE int fd = openat(directory, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, ret) < 0) {
                return -errno;
        }
        return TAKE_FD(fd);
}

static int open_held(int held, const struct stat *st) {
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        if (!S_ISREG(st->st_mode)) {
                return S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
        int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int file_open_at(int directory, const char *name, struct stat *ret) {
        AUTO_CLOSE int held = hold(directory, name, ret);
        return held < 0 ? held : open_held(held, ret);
}

/* Replaces the path of a link by where it leads. */
static int follow(int link, char path[PATH_MAX]) {
        char target[PATH_MAX], joined[2 * PATH_MAX];
        ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);
        if (length < 0) {
                return -errno;
        }
        target[length] = '\0';
        const char *slash = strrchr(path, '/');
        int folder = *target == '/' || !slash ? 0 : (int) (slash - path) + 1;
        snprintf(joined, sizeof(joined), "%.*s%s", folder, path, target);
        return str_copy(path, PATH_MAX, joined) ? 0 : -ENAMETOOLONG;
}

/* Of root and of this user: trusted. Other links must all be of one owner, who is noted. */
struct link_owner {
        bool seen;
        uid_t uid;
};

static int note_owner(struct link_owner *owner, uid_t uid) {
        if (uid == 0 || uid == geteuid()) {
                return 0;
        }
        if (owner->seen && owner->uid != uid) {
                return -EXDEV;
        }
        *owner = (struct link_owner){true, uid};
        return 0;
}

int file_open(const char *path, struct stat *ret) {
        char where[PATH_MAX];
        struct link_owner owner = {0};
        if (!str_copy(where, sizeof(where), path)) {
                return -ENAMETOOLONG;
        }
        for (int links = 0; links <= FILE_OPEN_LINKS_MAX; links++) {
                AUTO_CLOSE int held = hold(AT_FDCWD, where, ret);
                if (held < 0 || !S_ISLNK(ret->st_mode)) {
                        bool foreign = held >= 0 && owner.seen && owner.uid != ret->st_uid;
                        return held < 0 ? held : foreign ? -EXDEV : open_held(held, ret);
                }
                int r = note_owner(&owner, ret->st_uid);
                if (r >= 0) {
                        r = follow(held, where);
                }
                if (r < 0) {
                        return r;
                }
        }
        return -ELOOP;
}
