#pragma once
/* Opens files whose folders others may write to, without being led astray: a FIFO, a device or a
 * folder in the place of a file is never opened for reading, which could block or set off
 * something. All calls can hang with their mount: for worker threads. */

#include <sys/stat.h>

enum { FILE_OPEN_LINKS_MAX = 8 };

/* Opens a regular file for reading. A symbolic link in its place is followed when it belongs to
 * root, to this user, or to the owner of the file that it leads to, as fs.protected_symlinks does
 * (Linux, Documentation/admin-guide/sysctl/fs.rst): nobody else can make a reader with more rights
 * quote a file of their choice. Returns the descriptor; -EISDIR: a directory; -EINVAL: another kind
 * of file; -EXDEV: a link that is not followed; -ELOOP; other negative errno. */
int file_open(const char *path, struct stat *ret);

/* The same within a directory, for a name without slash; a link is -EINVAL. */
int file_open_at(int directory, const char *name, struct stat *ret);
