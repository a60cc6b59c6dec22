#pragma once
/* The small text files in which a process remembers things, in folders of its own. These calls can
 * hang with their disk: they belong in a worker thread. */

#include <stdbool.h>
#include <stddef.h>

/* The whole text, which the caller frees. `folder` may be AT_FDCWD. -EBADMSG: it is no regular
 * file, or larger than max_bytes; else negative errno of open(2), fstat(2), read(2), or -ENOMEM. */
int own_file_read(int folder, const char *name, size_t max_bytes, char **ret);

/* Replaces `name` wholly or not at all, by way of `aside`, as a file for this user only. `durable`:
 * it is on the disk when this returns, and stays there; that needs a real `folder`. -ENOSPC: not
 * all of it was written; else negative errno. */
int own_file_replace(
        int folder, const char *aside, const char *name, const char *text, bool durable);
