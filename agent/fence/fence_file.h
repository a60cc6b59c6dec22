#pragma once
/* The highest fencing token that a resource has seen, in a file; `FILE.lock` beside it is locked by
 * whoever looks at it or acts by its leave. All calls block. */

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

/* Waits for the lock for at most `patience`. Returns a descriptor that holds it while it is open;
 * -EBUSY: another had it all the time; -EPERM: not a regular file. */
int fence_lock(const char *path, usec_t patience, struct error *err);

/* 0 when there is no such file. -EBADMSG: it holds something else. */
int fence_read(const char *path, uint64_t *ret, struct error *err);

/* It is on the disk, wholly, before this returns. With the lock. */
int fence_write(const char *path, uint64_t token, struct error *err);

/* A decimal number above 0. -EINVAL. */
int fence_parse(const char *text, uint64_t *ret);
