#pragma once
/* Who holds a write lock (fcntl) on a file, as package managers take them. */

#include <sys/types.h>

/* 1: somebody does, and *ret_pid is who, or 0 where the kernel does not say; 0: nobody, or there is
 * no such file; negative errno. Blocks as long as the disk does; takes no lock itself. */
int file_lock_holder(const char *path, pid_t *ret_pid);

/* The same for a file that may be looked at but not opened: from the table of the kernel,
 * /proc/locks (proc(5)). It lists locks of processes that this one can see. */
int file_lock_holder_by_table(const char *path, pid_t *ret_pid);
