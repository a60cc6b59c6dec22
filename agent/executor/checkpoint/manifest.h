#pragma once
/* What a checkpoint is made of: one entry for each file, in the order of a walk, and what was
 * declared. A manifest knows contents by their hashes and holds none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/path_text.h"

enum {
        MANIFEST_ENTRIES_MAX = 2 * 1000 * 1000,
        MANIFEST_PATHS_MAX = 64,
        MANIFEST_EXCLUDES_MAX = 256,
        MANIFEST_PATH_BYTES = 4096, /* of one path, with its NUL */
};

enum entry_type { ENTRY_FILE, ENTRY_DIRECTORY, ENTRY_LINK, ENTRY_FIFO };

/* By what a file is known again without being read. Not part of the manifest's text. */
struct file_identity {
        uint64_t device, inode; /* inode 0: not known */
        int64_t ctime_sec, mtime_sec;
        uint32_t ctime_nsec, mtime_nsec;
};

/* Strings belong to the manifest. Absolute paths, as bytes. */
struct entry {
        const char *path;
        enum entry_type type;
        uint32_t mode; /* 07777 */
        uint32_t uid, gid;
        int64_t mtime_sec;
        uint32_t mtime_nsec;
        uint64_t size; /* of a file */
        struct content_hash hash; /* of a file that is not empty */
        const char *target; /* of a symbolic link */
        const char *hardlink; /* the first path of the same file; NULL: this is the first */
        const char *acl, *acl_default; /* as acl(5) in short form, ids as numbers; NULL: none */
        const char *xattrs; /* "xattr=NAME:BASE64 xattr=..." sorted by name; NULL: none */
        bool holes; /* the file is sparse */
        const char *torn; /* why it could not be read whole; NULL: it was */
        struct file_identity identity;
};

struct manifest {
        struct arena *arena;
        struct entry *entries;
        size_t count, capacity;
        const char *paths[MANIFEST_PATHS_MAX]; /* sorted */
        size_t n_paths;
        const char *excludes[MANIFEST_EXCLUDES_MAX];
        size_t n_excludes;
        bool one_file_system;
        char *text; /* that was parsed, which entries point into */
};

int manifest_init(struct manifest *manifest); /* -ENOMEM */
void manifest_done(struct manifest *manifest); /* accepts one that is all zero */

/* Takes over `entry`, whose strings live in the arena or longer. -ENOMEM; -E2BIG. */
int manifest_add(struct manifest *manifest, const struct entry *entry);
const struct entry *manifest_find(const struct manifest *manifest, const char *path);
/* The same manifest declares the same: paths, globs, and whether mounts are left out. */
bool manifest_same_scope(const struct manifest *a, const struct manifest *b);

struct manifest_totals {
        uint64_t files, bytes, torn;
};
struct manifest_totals manifest_count(const struct manifest *manifest);

/* An object belongs to it: a file with content, and the first of its links. */
bool entry_has_object(const struct entry *entry);

/* In what two entries of one path differ; or-ed together. */
enum entry_difference {
        ENTRY_TYPE = 1,
        ENTRY_CONTENT = 2, /* or the target of a link */
        ENTRY_MODE = 4,
        ENTRY_OWNER = 8,
        ENTRY_ACL = 16,
        ENTRY_XATTR = 32,
        ENTRY_HARDLINK = 64,
        ENTRY_MTIME = 128, /* alone it is no change: see docs/checkpoints.md */
};
unsigned entry_compare(const struct entry *a, const struct entry *b);

/* Equal but for times of modification, in scope and in all entries. */
bool manifest_same_content(const struct manifest *a, const struct manifest *b);

/* Goes through two manifests side by side, in the order of paths; where only one has the path, the
 * other side is NULL. False at the end. Start with a zeroed cursor. */
struct manifest_cursor {
        size_t a, b;
};
bool manifest_next(const struct manifest *a, const struct manifest *b,
        struct manifest_cursor *cursor, const struct entry **ret_a, const struct entry **ret_b);
