#pragma once
/* A read that goes on until it has everything: what read(2) gives at once may be a part, and a
 * signal may come in between. */

#include <stddef.h>
#include <sys/types.h>

/* As much as `size`, less only at the end of the file; or negative errno. */
ssize_t read_full(int fd, void *to, size_t size);
