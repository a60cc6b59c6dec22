#pragma once
/* The mounts of this process, from the text of /proc/self/mountinfo (proc_pid_mountinfo(5)).
 * Looking into it touches no file system, so it works while one of them hangs. */

#include <stdbool.h>
#include <sys/types.h>

enum {
        MOUNT_PATH_MAX = 1024, /* mounts with longer paths are passed over */
        MOUNT_TYPE_MAX = 32,
        MOUNT_SOURCE_MAX = 256, /* longer ones are cut to nothing */
        MOUNT_TABLE_MAX = 16 * 1024 * 1024, /* bytes read */
};

struct mount_entry {
        int id; /* as in statx(2) */
        dev_t device; /* st_dev of its files, but for btrfs, whose subvolumes have their own */
        char root[MOUNT_PATH_MAX]; /* which part of the file system is mounted */
        char point[MOUNT_PATH_MAX]; /* where */
        char type[MOUNT_TYPE_MAX];
        char source[MOUNT_SOURCE_MAX]; /* "/dev/sda1", "server:/export", or any word */
        bool read_only; /* this mount, or the whole file system */
        bool file_system_read_only; /* the latter, so for all mounts of it */
};

/* Reads the file whole; the caller frees `ret_text`. */
int mount_table_read(char **ret_text);

/* Takes the next entry off *text; false at the end. Lines that are none are passed over. */
bool mount_table_next(const char **text, struct mount_entry *ret);

/* The mount that an absolute path lies on by its name: symbolic links are not followed, because
 * that could hang. -ENOENT when there is none. */
int mount_table_find(const char *text, const char *path, struct mount_entry *ret);

/* The part of `path` below `root`, "" for root itself; NULL when it is not below. */
const char *mount_path_below(const char *path, const char *root);
