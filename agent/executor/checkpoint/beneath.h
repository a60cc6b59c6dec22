#pragma once
/* Opens what lies below a folder without ever following a symbolic link, by openat2(2): whoever
 * owns a tree can swap a directory for a link at any moment, while root walks it. */

#include <stddef.h>

#include "base/error.h"

/* Returns a descriptor (O_CLOEXEC), or negative errno: -ELOOP where a symbolic link lies on the
 * way, or is what is named (unless with O_PATH | O_NOFOLLOW). */
int beneath_open(int folder_fd, const char *relative, int flags);

/* The folder above an absolute path, no part of which may be a link. -ENOENT without a text: it is
 * not there; -ECANCELED: a link is on the way. */
int beneath_open_parent(const char *path, struct error *err);

/* Where the name begins that beneath_open(parent, ...) wants: behind the parent's path. */
size_t beneath_parent_length(const char *path);
