#pragma once
/* Writes a checkpoint below another root: on an empty host, or to look at it. */

#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/manifest.h"

/* `root` is made when it is not there, and has to be empty. /etc/shop becomes ROOT/etc/shop, and
 * directories that are no part of the checkpoint are root's with mode 0755. Everything is built
 * aside, compared, made durable, and then gets its place; after a failure nothing is left.
 * -EBADMSG, with the object that is damaged. */
int restore_tree(const struct depot *depot, const struct manifest *manifest, const char *root,
        struct content_hash *ret_bad, struct error *err);
