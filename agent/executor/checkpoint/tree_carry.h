#pragma once
/* Takes over into a new tree what no checkpoint holds: excluded files and directories, sockets and
 * devices, as hard links, so that who has them open goes on with them. */

#include "base/error.h"
#include "executor/checkpoint/manifest.h"

/* `path` lies below declared path `index` of `target`, whose last part is in from[index] and, being
 * built, in to[index]. 1: carried; 0: the directory that it is in is not part of the target;
 * negative errno. */
int tree_carry(const struct manifest *target, const int *from, const int *to, size_t index,
        const char *path, struct error *err);
