#pragma once
/* Where copies of checkpoints are kept elsewhere. A kind of place is one row of functions; names
 * are those of the store's files ("objects/ab/...", "manifests/...", "services/NAME/ID.json"), so
 * that any place that can keep bytes under such names will do: a directory, an object store, a
 * distributed file system. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct replica_target;

typedef int (*replica_take)(void *cookie, const void *data, size_t size, struct error *err);

struct replica_kind {
        const char *scheme; /* "file": what stands before "://" in the name of a place */
        /* `make`: it may be made ready for its first use. -ESRCH: there is no replica. */
        int (*open)(struct replica_target *target, const char *place, bool make, struct error *err);
        void (*close)(struct replica_target *target);
        /* Its size. -ENOENT without a text. */
        int (*look)(struct replica_target *target, const char *name, uint64_t *ret_bytes,
                struct error *err);
        /* Stores what `fd` holds, whole and durably or not at all; what had the name is replaced.
         */
        int (*put)(struct replica_target *target, const char *name, int fd, struct error *err);
        /* Gives what is kept there, as far as possible not from a cache, to `take` piece by piece;
         * what that returns below 0 ends it. -ENOENT without a text. */
        int (*get)(struct replica_target *target, const char *name, replica_take take, void *cookie,
                struct error *err);
        /* Calls `each` for every name in a folder, until it returns something else than 0. */
        int (*list)(struct replica_target *target, const char *folder,
                int (*each)(void *cookie, const char *name, struct error *err), void *cookie,
                struct error *err);
};

struct replica_target {
        const struct replica_kind *kind;
        void *data; /* of the kind */
};

extern const struct replica_kind replica_directory;

/* "/mnt/copies", or "SCHEME://...". -EINVAL: there is no such kind, with those that there are. */
int replica_open(struct replica_target *target, const char *place, bool make, struct error *err);
void replica_close(struct replica_target *target); /* accepts one that is all zero */
