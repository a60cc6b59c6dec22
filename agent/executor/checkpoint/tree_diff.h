#pragma once
/* What differs between two manifests, path by path. */

#include "base/clock.h"
#include "base/error.h"
#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/manifest.h"

enum tree_change_kind {
        TREE_ADDED,
        TREE_REMOVED,
        TREE_CHANGED, /* another type or content */
        TREE_METADATA, /* only owner, mode, ACL, attributes, links */
};

struct tree_change {
        enum tree_change_kind kind;
        const struct entry *from, *to; /* NULL: not there */
        unsigned differences; /* of enum entry_difference, where both are there */
};

struct tree_diff_result {
        uint64_t changes;
        struct content_hash hash; /* the same for the same difference */
        wall_usec_t newest; /* of the changes, by the ctimes of `to`; 0: not known */
};

/* Negative errno ends the comparison. */
typedef int (*tree_change_take)(void *cookie, const struct tree_change *change, struct error *err);

/* Calls `take` for each change, in the order of paths. */
int tree_diff(const struct manifest *from, const struct manifest *to, tree_change_take take,
        void *cookie, struct tree_diff_result *ret, struct error *err);
