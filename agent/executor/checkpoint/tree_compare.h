#pragma once
/* Whether a tree on the disk is the one of a manifest: it is scanned and read back. */

#include "base/error.h"
#include "executor/checkpoint/manifest.h"

struct tree_comparison {
        const struct manifest *target;
        const int *parents; /* where the declared paths lie, as in struct tree_place; -1: not
                               compared */
        const struct manifest
                *known; /* files that may be links to these need not be read; or NULL */
        unsigned ignored; /* of enum entry_difference */
        struct manifest *found; /* out, when not NULL: what is there; the caller's */
};

/* What was compared is durable when it returns 0. -EIO: it is another one, with the path and what
 * differs. */
int tree_compare(const struct tree_comparison *comparison, struct error *err);

/* "content, mode": the words for or-ed differences. Returns text. */
const char *tree_differences(unsigned differences, char *text, size_t size);
