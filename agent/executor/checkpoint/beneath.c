#include "executor/checkpoint/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/checkpoint/manifest.h"

static int open_resolved(int folder_fd, const char *relative, int flags, uint64_t resolve) {
        struct open_how how = {
                .flags = (uint64_t) (flags | O_CLOEXEC),
                .resolve = resolve,
        };
        int fd;
        do {
                fd = (int) syscall(SYS_openat2, folder_fd, relative, &how, sizeof(how));
        } while (fd < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: a rename came between */
        return fd < 0 ? -errno : fd;
}

int beneath_open(int folder_fd, const char *relative, int flags) {
        return open_resolved(folder_fd, relative, flags | O_NOFOLLOW,
                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

size_t beneath_parent_length(const char *path) {
        return (size_t) (strrchr(path, '/') - path) + 1;
}

int beneath_open_parent(const char *path, struct error *err) {
        char parent[MANIFEST_PATH_BYTES];
        if (!str_copy(parent, sizeof(parent), path)) {
                return error_set_errno(err, ENAMETOOLONG, "%.100s...", path);
        }
        parent[beneath_parent_length(path)] = '\0';
        int fd = open_resolved(AT_FDCWD, parent, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
        if (fd == -ELOOP) {
                return error_set(err, ECANCELED,
                        "%s: a symbolic link is on the way to it; name the path that it leads to",
                        path);
        }
        if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR) {
                return error_set_errno(err, -fd, "%s", parent);
        }
        return fd == -ENOTDIR ? -ENOENT : fd;
}
