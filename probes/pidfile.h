#pragma once
/* Reads a pidfile, which may block, so it runs in a worker thread. */

#include <sys/types.h>

#include "probes/file_changes.h"

/* The process id on the first line (PostgreSQL writes more of them). -EBADMSG when there is none
 * or it is no regular file, otherwise the errno of open and read. */
int pidfile_read(const char *path, pid_t *ret);

/* The same without blocking, for a path on a file system in memory; see openat2(2). -EAGAIN when
 * that cannot be promised: then pidfile_read has to find out. */
int pidfile_read_in_memory(const char *path, pid_t *ret);

/* The same, and watches the file: what was read holds as long as file_changes_none says so. */
int pidfile_read_watched(
        const char *path, struct file_changes *changes, struct file_mark *mark, pid_t *ret);

/* The same for its text. */
int pidfile_parse(const char *text, pid_t *ret);
