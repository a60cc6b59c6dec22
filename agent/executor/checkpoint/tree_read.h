#pragma once
/* Fills in what a walk leaves open: contents, attributes, link targets. What is known from an
 * earlier scan, by device, inode, size, mtime and ctime, is not read again. */

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/manifest.h"

/* Hashes (and perhaps stores) what `fd` holds, which is expected to be `size` bytes. -EUCLEAN: the
 * file cannot be read. */
typedef int (*tree_content)(void *cookie, int fd, uint64_t size, struct content_hash *ret_hash,
        uint64_t *ret_size, struct error *err);

struct tree_reading {
        const struct manifest *known; /* with identities; outlives the manifest; or NULL */
        tree_content content; /* NULL: files stay unread */
        void *cookie;
        const int *parents; /* as in struct tree_place; NULL: at home */
        bool linked; /* known files may have got further names, which changes their ctime */
        bool sync; /* makes what is read durable, directories as well */
        uint64_t files; /* that had to be read */
};

/* A file that cannot be read, or changes each of the three times that it is read, becomes torn.
 * Identities stay only with files that cannot have changed unseen: `began` is when the walk began.
 */
int tree_read(struct manifest *manifest, struct tree_reading *reading, wall_usec_t began,
        struct error *err);

/* Bytes of those files that are not known: what reading them can cost. */
uint64_t tree_unknown_bytes(const struct manifest *manifest, const struct manifest *known);

/* A `tree_content` that stores nothing; the cookie is a struct hasher. */
int tree_hash_content(void *cookie, int fd, uint64_t size, struct content_hash *ret_hash,
        uint64_t *ret_size, struct error *err);
