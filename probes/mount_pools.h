#pragma once
/* Worker threads for calls on files, a pool for each file system: one that hangs holds up nobody
 * but itself, and only so many threads. Which file system a path is on is read from the mount
 * table, by the text of the path, because asking the file system could hang. */

#include <stdbool.h>

#include "base/error.h"

struct loop;
struct mount_pools;
struct worker_pool;

enum {
        MOUNT_POOLS_MAX = 64, /* file systems told apart; the others share one more pool */
        MOUNT_THREADS = 4, /* at work at once on one file system */
        MOUNT_STUCK = 4, /* calls that hang on one; then it is called no more until one returns */
        MOUNT_QUEUE = 4096,
};

int mount_pools_new(struct mount_pools **ret, struct loop *loop, struct error *err);
void mount_pools_free(struct mount_pools *pools); /* nobody may call through them any more */

/* The pool for calls on this absolute path; lives as long as `pools`. */
struct worker_pool *mount_pools_get(struct mount_pools *pools, const char *path);

/* Whether the path is on a file system in memory (tmpfs, as /run is), which waits for nobody. */
bool mount_pools_in_memory(struct mount_pools *pools, const char *path);
