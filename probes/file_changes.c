#include "probes/file_changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* What becomes of a file, by whichever name. When it loses its last one, or its place to another,
 * the count of its links changes, which is an attribute. */
#define WATCHED (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)

/* Read in one turn: more than that waits for the next. */
enum { EVENTS_BYTES = 16 * 1024 };

struct file_changes {
        struct loop *loop;
        int fd; /* -1: there is no inotify */
        uint64_t count; /* turns in which something had changed */
        usec_t asked; /* the turn in which the kernel was last asked */
};

int file_changes_new(struct file_changes **ret, struct loop *loop, struct error *err) {
        struct file_changes *changes = calloc(1, sizeof(*changes));
        if (!changes) {
                return error_set(err, ENOMEM, "out of memory");
        }
        changes->loop = loop;
        changes->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        *ret = changes;
        return 0;
}

void file_changes_free(struct file_changes *changes) {
        if (!changes) {
                return;
        }
        if (changes->fd >= 0) {
                close(changes->fd);
        }
        free(changes);
}

/* Whatever it is, one that was lost included (IN_Q_OVERFLOW): all are to be read anew. */
static uint64_t count_now(struct file_changes *changes) {
        _Alignas(struct inotify_event) char events[EVENTS_BYTES];
        usec_t now = loop_now(changes->loop).mono;
        if (changes->asked != now) {
                changes->asked = now;
                changes->count += read(changes->fd, events, sizeof(events)) > 0;
        }
        return changes->count;
}

/* By the descriptor and not by a path, which may lead elsewhere by now, or to a disk that hangs. */
static struct file_mark mark_of(struct file_changes *changes, int fd) {
        char path[32];
        struct stat st;
        if (!changes || fstat(fd, &st) < 0) {
                return (struct file_mark){0};
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int descriptor = inotify_add_watch(changes->fd, path, WATCHED);
        if (descriptor < 0) {
                return (struct file_mark){0};
        }
        return (struct file_mark){.by = changes,
                .count = count_now(changes),
                .device = st.st_dev,
                .inode = st.st_ino,
                .descriptor = descriptor};
}

/* A file that is watched already keeps its watch, and the end of one is told as a change. */
void file_changes_watch(struct file_changes *changes, struct file_mark *mark, int fd) {
        struct file_mark now = mark_of(changes, fd);
        if (!now.by || now.descriptor != mark->descriptor) {
                file_changes_forget(mark);
        }
        *mark = now;
}

bool file_changes_none(const struct file_mark *mark) {
        return mark->by && mark->count == count_now(mark->by);
}

bool file_changes_same(const struct file_mark *mark, int fd) {
        struct stat st;
        return file_changes_none(mark) && fstat(fd, &st) == 0 && st.st_ino == mark->inode &&
               st.st_dev == mark->device;
}

/* Another mark of the same file shares its watch: that this one ended is told as an event, upon
 * which the other is read again, and watched again. */
void file_changes_forget(struct file_mark *mark) {
        if (mark->by) {
                (void) inotify_rm_watch(mark->by->fd, mark->descriptor);
        }
        *mark = (struct file_mark){0};
}
