#include "executor/checkpoint/object_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"

enum { PIECE = 128 * 1024 };

void object_name(const struct content_hash *hash, bool compressed, char name[DEPOT_NAME_MAX]) {
        char text[HASH_TEXT_MAX];
        content_hash_format(hash, text);
        snprintf(name, DEPOT_NAME_MAX, "objects/%.2s/%s%s", text, text + 2,
                compressed ? ".zst" : "");
}

int object_find(const struct depot *depot, const struct content_hash *hash, char *ret_name,
        uint64_t *ret_stored_bytes) {
        for (int compressed = 1; compressed >= 0; compressed--) {
                char name[DEPOT_NAME_MAX];
                struct stat status;
                object_name(hash, compressed, name);
                if (fstatat(depot->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
                        if (ret_name) {
                                str_copy(ret_name, DEPOT_NAME_MAX, name);
                        }
                        if (ret_stored_bytes) {
                                *ret_stored_bytes = (uint64_t) status.st_size;
                        }
                        return 0;
                }
                if (errno != ENOENT) {
                        return -errno;
                }
        }
        return -ENOENT;
}

struct object_stream {
        struct hasher hasher;
        object_take take;
        void *cookie;
        uint64_t offset;
        unsigned char *output;
        struct ZSTD_DCtx_s *decompressor; /* NULL: it is not compressed */
        bool open_frame; /* more has to come */
};

void object_stream_free(struct object_stream *stream) {
        if (stream) {
                hasher_done(&stream->hasher);
                free(stream->output);
                ZSTD_freeDCtx(stream->decompressor);
                free(stream);
        }
}

DEFINE_CLEANUP(stream_cleanup, struct object_stream, object_stream_free)

struct object_stream *object_stream_new(bool compressed, object_take take, void *cookie) {
        AUTO(stream_cleanup) struct object_stream *stream = calloc(1, sizeof(*stream));
        if (!stream || hasher_init(&stream->hasher) < 0) {
                return NULL;
        }
        stream->take = take;
        stream->cookie = cookie;
        if (compressed) {
                stream->output = malloc(PIECE);
                stream->decompressor = ZSTD_createDCtx();
                stream->open_frame = true;
                if (!stream->output || !stream->decompressor) {
                        return NULL;
                }
        }
        return TAKE_PTR(stream);
}

static int give(struct object_stream *stream, const void *data, size_t size, struct error *err) {
        hasher_feed(&stream->hasher, data, size);
        int r = stream->take && size > 0
                        ? stream->take(stream->cookie, data, size, stream->offset, err)
                        : 0;
        stream->offset += size;
        return r;
}

int object_stream_feed(
        struct object_stream *stream, const void *data, size_t size, struct error *err) {
        ZSTD_inBuffer input = {data, size, 0};
        bool full = true;
        if (!stream->decompressor) {
                return give(stream, data, size, err);
        }
        while (input.pos < input.size || full) {
                ZSTD_outBuffer output = {stream->output, PIECE, 0};
                size_t left = ZSTD_decompressStream(stream->decompressor, &output, &input);
                if (ZSTD_isError(left)) {
                        return error_set(err, EBADMSG, "%s", ZSTD_getErrorName(left));
                }
                stream->open_frame = left > 0;
                /* At the end of a frame nothing is held back, and another call would begin a new
                 * one. */
                full = output.pos == output.size && left > 0;
                int r = give(stream, output.dst, output.pos, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

int object_stream_end(
        struct object_stream *stream, const struct content_hash *hash, struct error *err) {
        struct content_hash found;
        if (stream->open_frame) {
                return error_set(err, EBADMSG, "it is cut off");
        }
        hasher_end(&stream->hasher, &found);
        return content_hash_equal(&found, hash)
                       ? 0
                       : error_set(err, EBADMSG, "it is not what its name says");
}

static int read_all(struct object_stream *stream, int fd, struct error *err) {
        AUTO_FREE unsigned char *input = malloc(PIECE);
        ssize_t length;
        if (!input) {
                return error_set_errno(err, ENOMEM, "reading it");
        }
        while ((length = read(fd, input, PIECE)) > 0) {
                int r = object_stream_feed(stream, input, (size_t) length, err);
                if (r < 0) {
                        return r;
                }
        }
        if (length < 0) {
                error_set_errno(err, errno, "reading it");
                return -EBADMSG;
        }
        return 0;
}

int object_read_file(const struct depot *depot, const char *name, bool compressed,
        const struct content_hash *hash, object_take take, void *cookie, struct error *err) {
        AUTO(stream_cleanup)
        struct object_stream *stream = object_stream_new(compressed, take, cookie);
        AUTO_CLOSE int fd = openat(depot->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (!stream) {
                return error_set_errno(err, ENOMEM, "%s", name);
        }
        if (fd < 0) {
                int code = errno;
                error_set_errno(err, code, "%s", name);
                return code == ENOMEM || code == EMFILE ? -code : -EBADMSG;
        }
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        int r = read_all(stream, fd, err);
        r = r < 0 ? r : object_stream_end(stream, hash, err);
        if (r < 0) {
                error_wrap(err, "%s", name);
        }
        return r;
}

bool object_is_compressed(const char *name) {
        size_t length = strlen(name);
        return length > 4 && str_eq(name + length - 4, ".zst");
}

int object_read(const struct depot *depot, const struct content_hash *hash, object_take take,
        void *cookie, struct error *err) {
        char name[DEPOT_NAME_MAX];
        int r = object_find(depot, hash, name, NULL);
        if (r < 0) {
                object_name(hash, false, name);
                error_set_errno(err, -r, "%s", name);
                return -EBADMSG;
        }
        return object_read_file(depot, name, object_is_compressed(name), hash, take, cookie, err);
}
