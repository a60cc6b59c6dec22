#pragma once
/* Reads the lines that were added to a log since the last time, through rotation by renaming, by
 * copying and truncating, and through truncation alone. Between two calls no descriptor is held, so
 * that nothing keeps a file system from being unmounted: a rotated file is found again in its
 * folder, by its inode or by the last bytes that were read of it. All calls can hang with their
 * mount: for worker threads. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
        FILE_FOLLOW_LINE_MAX = 16 * 1024, /* bytes of a line that are looked at */
        FILE_FOLLOW_READ_MAX = 4 * 1024 * 1024, /* bytes a call; of more only the last are read */
        FILE_FOLLOW_MARK = 128, /* last bytes that were read, to recognise a file by */
        FILE_FOLLOW_MARK_LEAST = 32, /* with fewer a copy is not recognised */
        FILE_FOLLOW_ENTRIES_MAX = 16384, /* of the folder in which a rotated file is looked for */
        FILE_FOLLOW_CANDIDATES_MAX = 64, /* files there that are compared */
};

/* How far a log was read; a plain value, zeroed at first. */
struct file_position {
        bool begun;
        bool exists; /* there was a file at the last look; the rest is about it */
        bool within_long_line; /* the offset is behind the part of a line that was looked at */
        dev_t device;
        ino_t inode;
        uint64_t offset;
        struct timespec modified, changed; /* an unchanged file is not opened */
        uint64_t size;
        uint32_t mark_length;
        char mark[FILE_FOLLOW_MARK]; /* the bytes before the offset */
};

struct file_follow_result {
        uint64_t skipped_bytes; /* that were too many */
        bool lost_end; /* the log was rotated, and the rest of the old file not found */
};

/* One line without its newline; bytes of any kind, terminated besides. */
typedef void (*file_on_line)(void *cookie, const char *line, size_t length);

/* The first call begins at the end of what is there. A last line that is not complete waits for its
 * newline, unless the log has been rotated. Adds to *ret. -ENOENT: there is no file now, which may
 * be the middle of a rotation; otherwise as file_open, or an error of reading. After an error the
 * position is as before. */
int file_follow(const char *path, struct file_position *position, file_on_line on_line,
        void *cookie, struct file_follow_result *ret);
