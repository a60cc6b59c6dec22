#pragma once
/* Tells whether files were changed, replaced or removed since they were read, by inotify(7), so
 * that they need not be read again to find that out. It only ever says that all are as they were:
 * one change anywhere makes each of them be read once more. What inotify does not see (a write
 * through mmap, a folder above that was renamed, another host) is the caller's to find by a look
 * now and then. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "io/loop.h"

struct file_changes; /* heap */

struct file_mark { /* a file that is watched; zero-initialise */
        struct file_changes *by; /* NULL: it is not watched */
        uint64_t count; /* of changes, when that began */
        dev_t device;
        ino_t inode;
        int descriptor; /* of inotify */
};

/* Without inotify, or beyond its limits, no file is watched: no error. -ENOMEM. */
int file_changes_new(struct file_changes **ret, struct loop *loop, struct error *err);
void file_changes_free(struct file_changes *changes);

/* Watches the file that was opened as `fd`, from now on: what is read afterwards is new. The caller
 * opens its path once more, to see by file_changes_same whether it leads there still. `changes` may
 * be NULL: then nothing is watched. */
void file_changes_watch(struct file_changes *changes, struct file_mark *mark, int fd);

/* Whether it is not known to have changed since then. Asks the kernel once a turn of the loop. */
bool file_changes_none(const struct file_mark *mark);

/* The same, and that `fd` is that file. */
bool file_changes_same(const struct file_mark *mark, int fd);

void file_changes_forget(struct file_mark *mark);
