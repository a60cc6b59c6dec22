#include "probes/file_follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/file_open.h"

/* Lines under construction; the terminator behind them is for pattern matching. */
struct reader {
        file_on_line on_line;
        void *cookie;
        size_t length;
        bool within_long_line;
        char bytes[FILE_FOLLOW_LINE_MAX + 1];
};

static bool same_time(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* ---- lines ---- */

static void give_line(struct reader *reader, char *line, size_t length) {
        char kept = line[length];
        line[length] = '\0';
        reader->on_line(reader->cookie, line, length);
        line[length] = kept;
}

/* Gives the complete lines away and moves the rest to the front. */
static void take_lines(struct reader *reader) {
        char *from = reader->bytes, *end = reader->bytes + reader->length;
        for (char *newline; (newline = memchr(from, '\n', (size_t) (end - from)));
                from = newline + 1) {
                if (!reader->within_long_line) {
                        give_line(reader, from, (size_t) (newline - from));
                }
                reader->within_long_line = false;
        }
        reader->length = (size_t) (end - from);
        memmove(reader->bytes, from, reader->length);
        if (reader->within_long_line) {
                reader->length = 0;
        } else if (reader->length == FILE_FOLLOW_LINE_MAX) {
                give_line(reader, reader->bytes, reader->length);
                reader->within_long_line = true;
                reader->length = 0;
        }
}

/* Up to `end`, which keeps a writer without rest from keeping the reader; a file that became
 * shorter ends earlier. Returns how far it came. */
static int64_t read_lines(struct reader *reader, int fd, uint64_t offset, uint64_t end) {
        while (offset < end) {
                size_t room = FILE_FOLLOW_LINE_MAX - reader->length;
                size_t wanted = end - offset < room ? (size_t) (end - offset) : room;
                ssize_t n = pread(fd, reader->bytes + reader->length, wanted, (off_t) offset);
                if (n < 0 && errno == EINTR) {
                        continue;
                }
                if (n <= 0) {
                        return n < 0 ? -errno : (int64_t) offset;
                }
                offset += (uint64_t) n;
                reader->length += (size_t) n;
                take_lines(reader);
        }
        return (int64_t) offset;
}

/* ---- where it stands ---- */

static int read_mark(int fd, struct file_position *position) {
        size_t length =
                position->offset < FILE_FOLLOW_MARK ? (size_t) position->offset : FILE_FOLLOW_MARK;
        ssize_t n = pread(fd, position->mark, length, (off_t) (position->offset - length));
        if (n < 0) {
                return -errno;
        }
        position->mark_length = (uint32_t) n;
        return 0;
}

/* Whether the bytes before the offset are still those that were read there. */
static bool mark_is_there(int fd, const struct stat *st, const struct file_position *position) {
        char found[FILE_FOLLOW_MARK];
        size_t length = position->mark_length;
        if ((uint64_t) st->st_size < position->offset) {
                return false;
        }
        ssize_t n = pread(fd, found, length, (off_t) (position->offset - length));
        return n == (ssize_t) length && memcmp(found, position->mark, length) == 0;
}

static bool is_same_inode(const struct stat *st, const struct file_position *position) {
        return st->st_dev == position->device && st->st_ino == position->inode;
}

static bool is_unchanged(const struct stat *st, const struct file_position *position) {
        return is_same_inode(st, position) && position->size == (uint64_t) st->st_size &&
               same_time(&st->st_mtim, &position->modified) &&
               same_time(&st->st_ctim, &position->changed);
}

static void note_file(struct file_position *position, const struct stat *st) {
        position->exists = true;
        position->device = st->st_dev;
        position->inode = st->st_ino;
        position->size = (uint64_t) st->st_size;
        position->modified = st->st_mtim;
        position->changed = st->st_ctim;
}

/* A last line without newline is new once it is complete, so its beginning is read again then. */
static int begin_at_end(int fd, const struct stat *st, struct file_position *position) {
        char bytes[4096];
        uint64_t size = (uint64_t) st->st_size;
        size_t length = size < sizeof(bytes) ? (size_t) size : sizeof(bytes);
        ssize_t n = pread(fd, bytes, length, (off_t) (size - length));
        if (n < 0) {
                return -errno;
        }
        const char *newline = memrchr(bytes, '\n', (size_t) n);
        size_t unfinished = newline ? (size_t) (bytes + n - newline - 1) : (size_t) n;
        position->within_long_line = !newline && size > sizeof(bytes);
        position->offset =
                size - (length - (size_t) n) - (position->within_long_line ? 0 : unfinished);
        note_file(position, st);
        return read_mark(fd, position);
}

/* Reads on from the position, at most the last FILE_FOLLOW_READ_MAX bytes; the position follows. */
static int read_on(int fd, const struct stat *st, struct file_position *position,
        struct reader *reader, struct file_follow_result *result) {
        uint64_t end = (uint64_t) st->st_size, from = position->offset;
        reader->length = 0;
        reader->within_long_line = position->within_long_line;
        if (end - from > FILE_FOLLOW_READ_MAX) {
                result->skipped_bytes += end - from - FILE_FOLLOW_READ_MAX;
                from = end - FILE_FOLLOW_READ_MAX;
                reader->within_long_line = true;
        }
        int64_t reached = read_lines(reader, fd, from, end);
        if (reached < 0) {
                return (int) reached;
        }
        position->offset = (uint64_t) reached - reader->length;
        position->within_long_line = reader->within_long_line;
        note_file(position, st);
        return read_mark(fd, position);
}

/* ---- rotation ---- */

/* The folder of the path, and how names of its rotated files begin: access.log becomes
 * access.log.1, access.log-20260101 or access-20260101.log. */
struct rotation {
        char folder[PATH_MAX];
        const char *name;
        size_t stem;
};

static bool split_path(const char *path, struct rotation *ret) {
        const char *slash = strrchr(path, '/');
        if (!slash || !str_copy(ret->folder, sizeof(ret->folder), path)) {
                return false;
        }
        ret->folder[slash == path ? 1 : slash - path] = '\0';
        ret->name = slash + 1;
        const char *dot = strrchr(ret->name, '.');
        ret->stem = dot && dot > ret->name ? (size_t) (dot - ret->name) : strlen(ret->name);
        return true;
}

static bool is_newer(const struct stat *a, const struct stat *b) {
        return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
                                                      : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* The best file so far: the one that was read itself, else the newest that looks like a copy. */
struct finding {
        int fd;
        bool itself;
        struct stat st;
};

static void consider(
        struct finding *best, int folder, const char *name, const struct file_position *position) {
        struct stat st;
        AUTO_CLOSE int fd = file_open_at(folder, name, &st);
        if (fd < 0 || !mark_is_there(fd, &st, position)) {
                return;
        }
        bool itself = is_same_inode(&st, position);
        bool copy = position->mark_length >= FILE_FOLLOW_MARK_LEAST &&
                    (best->fd < 0 || is_newer(&st, &best->st));
        if (itself || copy) {
                cleanup_close(&best->fd);
                *best = (struct finding){TAKE_FD(fd), itself, st};
        }
}

static bool is_named_alike(const struct rotation *rotation, const char *name) {
        return strncmp(name, rotation->name, rotation->stem) == 0 && !str_eq(name, rotation->name);
}

static int open_rotated(DIR *folder, const struct rotation *rotation,
        const struct file_position *position, struct stat *ret) {
        struct finding best = {.fd = -1};
        struct dirent *entry;
        int candidates = FILE_FOLLOW_CANDIDATES_MAX;
        for (int i = 0; i < FILE_FOLLOW_ENTRIES_MAX && candidates > 0 && !best.itself; i++) {
                if (!(entry = readdir(folder))) {
                        break;
                }
                if (is_named_alike(rotation, entry->d_name)) {
                        consider(&best, dirfd(folder), entry->d_name, position);
                        candidates--;
                }
        }
        *ret = best.st;
        return best.fd < 0 ? -ENOENT : best.fd;
}

static int find_rotated(const char *path, const struct file_position *position, struct stat *ret) {
        struct rotation rotation;
        DIR *folder = split_path(path, &rotation) ? opendir(rotation.folder) : NULL;
        int fd = folder ? open_rotated(folder, &rotation, position, ret) : -ENOENT;
        if (folder) {
                closedir(folder);
        }
        return fd;
}

/* What was written to the old file after the last look. Its last line will get no newline. */
static void read_rest(const char *path, struct file_position *position, struct reader *reader,
        struct file_follow_result *result) {
        struct stat st;
        AUTO_CLOSE int fd = find_rotated(path, position, &st);
        if (fd < 0 || read_on(fd, &st, position, reader, result) < 0) {
                result->lost_end = true;
        } else if (reader->length > 0) {
                give_line(reader, reader->bytes, reader->length);
        }
        *position = (struct file_position){.begun = true};
}

/* ---- all together ---- */

static int follow_open(const char *path, int fd, const struct stat *st,
        struct file_position *position, struct reader *reader, struct file_follow_result *result) {
        if (!position->begun) {
                position->begun = true;
                return begin_at_end(fd, st, position);
        }
        if (position->exists && !(is_same_inode(st, position) && mark_is_there(fd, st, position))) {
                read_rest(path, position, reader, result);
        }
        return read_on(fd, st, position, reader, result);
}

int file_follow(const char *path, struct file_position *position, file_on_line on_line,
        void *cookie, struct file_follow_result *ret) {
        struct stat st;
        if (position->exists && stat(path, &st) == 0 && is_unchanged(&st, position)) {
                return 0;
        }
        AUTO_CLOSE int fd = file_open(path, &st);
        if (fd < 0) {
                position->begun |= fd == -ENOENT;
                return fd;
        }
        AUTO_FREE struct reader *reader = malloc(sizeof(*reader));
        if (!reader) {
                return -ENOMEM;
        }
        reader->on_line = on_line;
        reader->cookie = cookie;
        struct file_position next = *position;
        int r = follow_open(path, fd, &st, &next, reader, ret);
        if (r >= 0) {
                *position = next;
        }
        return r;
}
