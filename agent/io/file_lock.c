#include "io/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/mount_table.h"

enum { LINE_MAX_BYTES = 1024 };

/* A file as the kernel's tables name it. On btrfs and overlayfs stat(2) gives another device number
 * than those tables have, so it is asked by the mount. */
struct identity {
        dev_t device;
        uint64_t inode;
};

static void close_stream(FILE **stream) {
        if (*stream) {
                fclose(*stream);
        }
}

#define AUTO_STREAM __attribute__((cleanup(close_stream)))

static void take_device_of_mount(uint64_t mount, dev_t *to) {
        AUTO_FREE char *text = NULL;
        struct mount_entry entry;
        if (mount_table_read(&text) < 0) {
                return;
        }
        for (const char *rest = text; mount_table_next(&rest, &entry);) {
                if ((uint64_t) entry.id == mount) {
                        *to = entry.device;
                        return;
                }
        }
}

static int identify(const char *path, struct identity *ret) {
        struct statx st;
        if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, &st) < 0) {
                return -errno;
        }
        *ret = (struct identity){makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino};
        if (st.stx_mask & STATX_MNT_ID) {
                take_device_of_mount(st.stx_mnt_id, &ret->device);
        }
        return 0;
}

/* "08:01:131": the device in hexadecimal, and the inode. */
static bool names_file(const char *text, const struct identity *file) {
        char *end;
        if (strtoul(text, &end, 16) != major(file->device) || *end != ':') {
                return false;
        }
        if (strtoul(end + 1, &end, 16) != minor(file->device) || *end != ':') {
                return false;
        }
        return strtoull(end + 1, &end, 10) == file->inode && *end == '\0';
}

/* "1: POSIX  ADVISORY  WRITE 4711 08:01:131 0 EOF". A line with "->" in place of the class waits
 * for a lock. */
static bool is_write_lock(char *line, const struct identity *file, pid_t *ret_pid) {
        enum { NUMBER, CLASS, MANNER, ACCESS, PID, FILE_NAME, WORDS };
        const char *words[WORDS];
        size_t n = 0;
        for (char *rest = line, *word; n < WORDS && (word = strsep(&rest, " \n"));) {
                if (*word) {
                        words[n++] = word;
                }
        }
        if (n < WORDS || !(str_eq(words[CLASS], "POSIX") || str_eq(words[CLASS], "OFDLCK")) ||
                !str_eq(words[ACCESS], "WRITE") || !names_file(words[FILE_NAME], file)) {
                return false;
        }
        long pid = strtol(words[PID], NULL, 10);
        *ret_pid = pid > 0 ? (pid_t) pid : 0;
        return true;
}

int file_lock_holder_by_table(const char *path, pid_t *ret_pid) {
        struct identity file = {0};
        char line[LINE_MAX_BYTES];
        int r = identify(path, &file);
        if (r < 0) {
                return r == -ENOENT || r == -ENOTDIR ? 0 : r;
        }
        AUTO_STREAM FILE *stream = fopen("/proc/locks", "re");
        if (!stream) {
                return -errno;
        }
        while (fgets(line, sizeof(line), stream)) {
                if (is_write_lock(line, &file, ret_pid)) {
                        return 1;
                }
        }
        return 0;
}

int file_lock_holder(const char *path, pid_t *ret_pid) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0) {
                bool absent = errno == ENOENT || errno == ENOTDIR;
                return absent ? 0 : file_lock_holder_by_table(path, ret_pid);
        }
        struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_GETLK, &lock) < 0) {
                return -errno;
        }
        if (lock.l_type == F_UNLCK) {
                return 0;
        }
        *ret_pid = lock.l_pid > 0 ? lock.l_pid : 0;
        return 1;
}
