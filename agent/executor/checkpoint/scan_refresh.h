#pragma once
/* Unlinking one of two names of a file changes its ctime, and then the cache of the last scan would
 * know it no more. The old trees of an apply are removed between these two: what was exactly what
 * the cache says before is still that afterwards, and the cache takes the new ctime over. */

#include <stdbool.h>

#include "executor/checkpoint/catalog.h"
#include "executor/checkpoint/manifest.h"

struct scan_refresh {
        struct manifest known; /* with inode 0 where it is not what the cache says */
        struct content_hash hash;
        bool usable;
};

/* Never fails: where anything is in the way the cache stays as it is, and files are read again. */
void scan_refresh_begin(
        struct scan_refresh *refresh, const struct depot *depot, const struct catalog *catalog);
void scan_refresh_end(
        struct scan_refresh *refresh, const struct depot *depot, const struct catalog *catalog);
