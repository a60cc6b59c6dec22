#pragma once
/* Finds contents in the store and reads them. Whoever reads gets to know whether it was what its
 * name says. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/depot.h"

/* From the root of the store on: "objects/ab/cdef...", ".zst" behind it when compressed. */
void object_name(const struct content_hash *hash, bool compressed, char name[DEPOT_NAME_MAX]);

/* Its name and its size on the disk, either of which may be NULL. -ENOENT, or why nobody knows. */
int object_find(const struct depot *depot, const struct content_hash *hash, char *ret_name,
        uint64_t *ret_stored_bytes);

/* Gets the content piece by piece; negative errno ends the reading. */
typedef int (*object_take)(
        void *cookie, const void *data, size_t size, uint64_t offset, struct error *err);

/* Hashes what it gives. -EBADMSG: it is not there, cannot be read, or is not what its name says,
 * which is known only when all of it was given; otherwise what `take` returned. `take` may be NULL.
 */
int object_read(const struct depot *depot, const struct content_hash *hash, object_take take,
        void *cookie, struct error *err);

bool object_is_compressed(const char *name);

/* The same piece by piece, of what comes from elsewhere. NULL: no memory. */
struct object_stream *object_stream_new(bool compressed, object_take take, void *cookie);
void object_stream_free(struct object_stream *stream); /* accepts NULL */
/* Negative errno of `take`, or -EBADMSG. */
int object_stream_feed(
        struct object_stream *stream, const void *data, size_t size, struct error *err);
/* -EBADMSG: it was not that, or not all of it. */
int object_stream_end(
        struct object_stream *stream, const struct content_hash *hash, struct error *err);

/* The same of any file that is named by its hash, such as a manifest. */
int object_read_file(const struct depot *depot, const char *name, bool compressed,
        const struct content_hash *hash, object_take take, void *cookie, struct error *err);
