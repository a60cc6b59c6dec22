#include "executor/checkpoint/object_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "base/read_full.h"
#include "executor/checkpoint/object_reader.h"

enum {
        SYNC_EACH_MAX = 16, /* objects; more of them are synced together */
        PIECE = 256 * 1024,
        CLONE_LEAST = 128 * 1024, /* smaller files need less room compressed */
        LEVEL = 1, /* of zstd: the pace of the disk matters more than the last tenth */
};

static int renew(struct object_writer *writer) {
        map_free(writer->pending);
        arena_free(writer->arena);
        writer->pending = map_new();
        writer->arena = arena_new();
        writer->n_pending = 0;
        return writer->pending && writer->arena ? 0 : -ENOMEM;
}

int object_writer_init(struct object_writer *writer, const struct depot *depot, struct error *err) {
        *writer = (struct object_writer){
                .depot = depot, .output_size = ZSTD_compressBound(PIECE), .fd = -1};
        writer->input = malloc(PIECE);
        writer->output = malloc(writer->output_size);
        writer->compressor = ZSTD_createCCtx();
        if (!writer->input || !writer->output || !writer->compressor || renew(writer) < 0 ||
                hasher_init(&writer->hasher) < 0) {
                return error_set_errno(err, ENOMEM, "storing objects");
        }
        ZSTD_CCtx_setParameter(writer->compressor, ZSTD_c_compressionLevel, LEVEL);
        return 0;
}

static void discard_pending(struct object_writer *writer) {
        for (size_t i = 0; i < writer->n_pending; i++) {
                depot_discard(writer->depot, writer->list[i]->temporary);
        }
}

void object_writer_done(struct object_writer *writer) {
        discard_pending(writer);
        map_free(writer->pending);
        arena_free(writer->arena);
        free(writer->list);
        free(writer->input);
        free(writer->output);
        ZSTD_freeCCtx(writer->compressor);
        hasher_done(&writer->hasher);
}

/* As much as a piece holds. */
static ssize_t read_piece(int fd, unsigned char *piece) {
        return read_full(fd, piece, PIECE);
}

static int cannot_read(int code, struct error *err) {
        error_set_errno(err, code, "reading it");
        return -EUCLEAN;
}

static int cannot_store(const struct object_writer *writer, int code, struct error *err) {
        return error_set_errno(err, code, "storing it in %s", writer->depot->path);
}

static bool is_known(const struct object_writer *writer, const struct content_hash *hash) {
        char text[HASH_TEXT_MAX];
        return map_get(writer->pending, content_hash_format(hash, text)) ||
               object_find(writer->depot, hash, NULL, NULL) == 0;
}

/* An object that is being written; what it is called is known at its end. */
static int begin(struct object_writer *writer, struct error *err) {
        if (writer->n_pending == OBJECT_PENDING_MAX) {
                int r = object_writer_flush(writer, err);
                if (r < 0) {
                        return r;
                }
        }
        writer->fd = depot_temporary(writer->depot, writer->temporary, err);
        return writer->fd < 0 ? writer->fd : 0;
}

static void give_up(struct object_writer *writer) {
        cleanup_close(&writer->fd);
        writer->fd = -1;
        depot_discard(writer->depot, writer->temporary);
}

static int add_pending(
        struct object_writer *writer, const struct content_hash *hash, bool compressed) {
        if (writer->n_pending == writer->capacity) {
                size_t capacity = writer->capacity ? 2 * writer->capacity : 64;
                struct object_pending **list =
                        reallocarray(writer->list, capacity, sizeof(struct object_pending *));
                if (!list) {
                        return -ENOMEM;
                }
                writer->list = list;
                writer->capacity = capacity;
        }
        struct object_pending *next = arena_alloc(writer->arena, sizeof(*next));
        if (!next) {
                return -ENOMEM;
        }
        str_copy(next->temporary, sizeof(next->temporary), writer->temporary);
        content_hash_format(hash, next->text);
        next->hash = *hash;
        next->compressed = compressed;
        writer->list[writer->n_pending] = next;
        int r = map_put(writer->pending, next->text, next);
        writer->n_pending += r == 0;
        return r;
}

static int keep(struct object_writer *writer, const struct content_hash *hash, bool compressed,
        struct error *err) {
        struct stat status;
        if (is_known(writer, hash)) {
                give_up(writer);
                return 0;
        }
        int r = fstat(writer->fd, &status) < 0 ? -errno : add_pending(writer, hash, compressed);
        if (r < 0) {
                give_up(writer);
                return cannot_store(writer, -r, err);
        }
        writer->stored_bytes += (uint64_t) status.st_size;
        cleanup_close(&writer->fd);
        writer->fd = -1;
        return 0;
}

/* A file that fits into one piece: it is written only when it is new. */
static int add_small(
        struct object_writer *writer, size_t length, struct content_hash *hash, struct error *err) {
        hasher_begin(&writer->hasher);
        hasher_feed(&writer->hasher, writer->input, length);
        hasher_end(&writer->hasher, hash);
        if (length == 0 || is_known(writer, hash)) {
                return 0;
        }
        size_t packed = ZSTD_compress2(
                writer->compressor, writer->output, writer->output_size, writer->input, length);
        bool compressed = !ZSTD_isError(packed) && packed < length;
        int r = begin(writer, err);
        if (r < 0) {
                return r;
        }
        r = depot_write_all(writer->fd, compressed ? writer->output : writer->input,
                compressed ? packed : length);
        if (r < 0) {
                give_up(writer);
                return cannot_store(writer, -r, err);
        }
        return keep(writer, hash, compressed, err);
}

static int write_compressed(
        struct object_writer *writer, int to, size_t length, ZSTD_EndDirective directive) {
        ZSTD_inBuffer input = {writer->input, length, 0};
        size_t left;
        do {
                ZSTD_outBuffer output = {writer->output, writer->output_size, 0};
                left = ZSTD_compressStream2(writer->compressor, &output, &input, directive);
                int r = ZSTD_isError(left) ? -ENOMEM : depot_write_all(to, output.dst, output.pos);
                if (r < 0) {
                        return r;
                }
        } while (input.pos < input.size || (directive == ZSTD_e_end && left > 0));
        return 0;
}

/* What does not become a tenth smaller at its beginning is stored as it is. */
static bool is_worth_compressing(struct object_writer *writer, size_t length) {
        size_t packed = ZSTD_compress2(
                writer->compressor, writer->output, writer->output_size, writer->input, length);
        return !ZSTD_isError(packed) && packed < length - length / 10;
}

/* The first piece, of `length`, is in the buffer. */
static int stream(struct object_writer *writer, int fd, int to, bool compressed, ssize_t length,
        uint64_t *ret_size, struct error *err) {
        uint64_t size = 0;
        hasher_begin(&writer->hasher);
        while (length > 0) {
                hasher_feed(&writer->hasher, writer->input, (size_t) length);
                int r = to < 0 ? 0
                        : compressed
                                ? write_compressed(writer, to, (size_t) length, ZSTD_e_continue)
                                : depot_write_all(to, writer->input, (size_t) length);
                if (r < 0) {
                        return cannot_store(writer, -r, err);
                }
                size += (uint64_t) length;
                length = length < PIECE ? 0 : read_piece(fd, writer->input);
        }
        if (length < 0) {
                return cannot_read((int) -length, err);
        }
        int r = compressed ? write_compressed(writer, to, 0, ZSTD_e_end) : 0;
        *ret_size = size;
        return r < 0 ? cannot_store(writer, -r, err) : 0;
}

static int add_large(struct object_writer *writer, int fd, ssize_t length,
        struct content_hash *hash, uint64_t *ret_size, struct error *err) {
        int r = begin(writer, err);
        if (r < 0) {
                return r;
        }
        bool compressed = is_worth_compressing(writer, (size_t) length);
        r = stream(writer, fd, writer->fd, compressed, length, ret_size, err);
        if (r < 0) {
                ZSTD_CCtx_reset(writer->compressor, ZSTD_reset_session_only);
                give_up(writer);
                return r;
        }
        hasher_end(&writer->hasher, hash);
        return keep(writer, hash, compressed, err);
}

/* Where blocks can be shared, the object costs nothing, and the file cannot change under the hash.
 * 1: done; 0: it has to be copied. */
static int add_clone(struct object_writer *writer, int fd, struct content_hash *hash,
        uint64_t *ret_size, struct error *err) {
        int r = begin(writer, err);
        if (r < 0) {
                return r;
        }
        int to = writer->fd;
        if (ioctl(to, FICLONE, fd) < 0) {
                writer->no_clones = errno != EINVAL && errno != ETXTBSY; /* of this file alone */
                give_up(writer);
                return 0;
        }
        ssize_t length = read_piece(to, writer->input);
        r = length < 0 ? cannot_read((int) -length, err)
                       : stream(writer, to, -1, false, length, ret_size, err);
        if (r < 0) {
                give_up(writer);
                return r;
        }
        hasher_end(&writer->hasher, hash);
        r = keep(writer, hash, false, err);
        return r < 0 ? r : 1;
}

int object_writer_add(struct object_writer *writer, int fd, uint64_t size,
        struct content_hash *ret_hash, uint64_t *ret_size, struct error *err) {
        if (size >= CLONE_LEAST && !writer->no_clones) {
                int r = add_clone(writer, fd, ret_hash, ret_size, err);
                if (r != 0) {
                        return r < 0 ? r : 0;
                }
        }
        ssize_t length = read_piece(fd, writer->input);
        if (length < 0) {
                return cannot_read((int) -length, err);
        }
        if (length < PIECE) {
                *ret_size = (uint64_t) length;
                return add_small(writer, (size_t) length, ret_hash, err);
        }
        return add_large(writer, fd, length, ret_hash, ret_size, err);
}

/* ---- Making them durable ----------------------------------------------------------------------
 */

/* objects/ab, where `ab` is the beginning of the hash. */
static int make_folder(const struct object_writer *writer, const struct content_hash *hash) {
        char path[DEPOT_NAME_MAX];
        snprintf(path, sizeof(path), "objects/%02x", hash->bytes[0]);
        return mkdirat(writer->depot->fd, path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int sync_folder(const struct object_writer *writer, const char *path) {
        AUTO_CLOSE int fd = openat(writer->depot->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int place(const struct object_writer *writer, const struct object_pending *one) {
        char name[DEPOT_NAME_MAX];
        object_name(&one->hash, one->compressed, name);
        return renameat(writer->depot->fd, one->temporary, writer->depot->fd, name) < 0 ? -errno
                                                                                        : 0;
}

static int sync_file(const struct object_writer *writer, const char *name) {
        AUTO_CLOSE int fd = openat(writer->depot->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Few files one by one; many at once, with whatever else the file system has to write. */
static int sync_contents(const struct object_writer *writer) {
        if (writer->n_pending > SYNC_EACH_MAX) {
                return syncfs(writer->depot->fd) < 0 ? -errno : 0;
        }
        for (size_t i = 0; i < writer->n_pending; i++) {
                int r = sync_file(writer, writer->list[i]->temporary);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

static int sync_names(const struct object_writer *writer) {
        if (writer->n_pending > SYNC_EACH_MAX) {
                return syncfs(writer->depot->fd) < 0 ? -errno : 0;
        }
        for (size_t i = 0; i < writer->n_pending; i++) {
                char path[DEPOT_NAME_MAX];
                snprintf(path, sizeof(path), "objects/%02x", writer->list[i]->hash.bytes[0]);
                int r = sync_folder(writer, path);
                if (r < 0) {
                        return r;
                }
        }
        return sync_folder(writer, "objects");
}

static int flush(struct object_writer *writer) {
        int r = sync_contents(writer);
        for (size_t i = 0; r == 0 && i < writer->n_pending; i++) {
                r = make_folder(writer, &writer->list[i]->hash);
                r = r < 0 ? r : place(writer, writer->list[i]);
        }
        return r < 0 ? r : sync_names(writer);
}

int object_writer_flush(struct object_writer *writer, struct error *err) {
        int r = writer->n_pending > 0 ? flush(writer) : 0;
        if (r < 0) {
                discard_pending(writer);
        }
        int renewed = renew(writer);
        r = r < 0 ? r : renewed;
        return r < 0 ? cannot_store(writer, -r, err) : 0;
}
