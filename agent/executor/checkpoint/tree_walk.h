#pragma once
/* Walks the declared paths of a manifest and fills in what stat(2) knows of each file, in order.
 * Contents, attributes and link targets follow in tree_read.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/manifest.h"

/* The names of what this program builds beside declared paths; never part of a checkpoint. */
#define TREE_ASIDE_PREFIX ".recoverd-"

enum { TREE_NOTES_MAX = 100 };

struct tree_note {
        const char *path, *why;
};

/* What was not taken; strings belong to the manifest. Zero-initialise. */
struct tree_notes {
        struct tree_note skipped[TREE_NOTES_MAX]; /* sockets, mounts */
        size_t n_skipped;
        uint64_t more_skipped;
        const char **left_out; /* the uppermost path of all that was excluded or is a socket */
        size_t n_left_out, capacity;
        const char *mount; /* a path below a declared one on which something is mounted; or NULL */
};

void tree_notes_done(struct tree_notes *notes);

/* What a checkpoint is to cover. */
struct tree_scope {
        const char *paths[MANIFEST_PATHS_MAX];
        size_t n_paths;
        const char *excludes[MANIFEST_EXCLUDES_MAX];
        size_t n_excludes;
        bool one_file_system;
};

/* Copies the scope into an empty manifest. -ECANCELED: a path is not absolute, is "/", lies within
 * another, or holds `forbidden` (the store) or lies in it. */
int tree_declare(struct manifest *manifest, const struct tree_scope *scope, const char *forbidden,
        struct error *err);

/* Where and how to look; all zero: at the declared paths themselves. */
struct tree_place {
        const int *parents; /* of each declared path a folder that holds its last part; -1: not
                               there */
        bool devices; /* are left out like sockets, and no error */
};

/* A declared path that is not there gives no entry. -ECANCELED: a device node, or a link on the way
 * to a declared path. A directory that cannot be read is torn. */
int tree_walk(struct manifest *manifest, const struct tree_place *place, struct tree_notes *notes,
        struct error *err);
