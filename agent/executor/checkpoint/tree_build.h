#pragma once
/* Writes the tree of a manifest: contents from the store, and what is the same in the present as
 * hard links. libarchive's disk writer does what is left of a file: owner, mode, ACL, attributes
 * and times, in the order in which they have to be set. */

#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/manifest.h"
#include "executor/checkpoint/tree_walk.h"

struct tree_build {
        const struct depot *depot; /* NULL: everything is linked */
        const struct manifest *target;
        const int
                *to; /* of each declared path the folder in which its last part is made; -1: none */
        const struct manifest *present; /* to link from; NULL: nothing */
        const int *from; /* likewise, of the present */
        bool *linked; /* of each entry of the target, when not NULL: it is a link to the present */
        /* Called when all of a declared path was written, and times of directories were not yet
         * set; or NULL. */
        int (*extra)(void *cookie, size_t path, struct error *err);
        void *cookie;
        uint64_t written, written_bytes, n_linked; /* out: files */
};

/* -EBADMSG: an object is damaged, and *ret_bad is which, when not NULL. Leaves the working
 * directory as it was. */
int tree_build(struct tree_build *build, struct content_hash *ret_bad, struct error *err);

/* The entry of the present that can be linked as this entry of the target, or NULL: it is the same
 * in all, times as well. */
const struct entry *tree_build_twin(const struct manifest *present, const struct entry *entry);

/* One more name for a file of any kind but a directory, without following links. Negative errno. */
int tree_link(int from_fd, const char *from, int to_fd, const char *to);
