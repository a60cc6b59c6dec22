#pragma once
/* Puts contents into the store, each under the SHA-256 of what it holds: objects/ab/REST, or
 * REST.zst where zstd(1) made it smaller. An object that has its name is whole and on the disk. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/depot.h"

enum { OBJECT_PENDING_MAX = 64 * 1024 };

struct object_pending {
        char temporary[DEPOT_NAME_MAX];
        char text[HASH_TEXT_MAX]; /* of the hash */
        struct content_hash hash;
        bool compressed;
};

/* Objects are written one after another and made durable all together: each fsync waits for the
 * disk, and thousands of them would take minutes. */
struct object_writer {
        const struct depot *depot;
        struct hasher hasher;
        struct ZSTD_CCtx_s *compressor;
        unsigned char *input, *output; /* a piece, and what it can become */
        size_t output_size;
        struct arena *arena; /* holds what is pending */
        struct map *pending; /* by the text of the hash */
        struct object_pending **list;
        size_t n_pending, capacity;
        int fd; /* of the object that is being written; -1: none */
        char temporary[DEPOT_NAME_MAX];
        bool no_clones; /* the file system cannot share blocks between files */
        uint64_t stored_bytes; /* what the store grew by */
};

int object_writer_init(struct object_writer *writer, const struct depot *depot, struct error *err);
/* Discards what is pending. */
void object_writer_done(struct object_writer *writer);

/* Stores what `fd` holds from its offset on; `size` is what it is expected to be, *ret_size what it
 * was. The hash may be written down anywhere only after object_writer_flush. -EUCLEAN: the file
 * could not be read, which is no fault of the store. */
int object_writer_add(struct object_writer *writer, int fd, uint64_t size,
        struct content_hash *ret_hash, uint64_t *ret_size, struct error *err);
/* All that was added is durable and has its name. */
int object_writer_flush(struct object_writer *writer, struct error *err);
