#include "executor/checkpoint/manifest_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/manifest_text.h"
#include "executor/checkpoint/object_reader.h"

enum { LEVEL = 1, TEXT_MAX = 1 << 30 };

void manifest_name(const struct content_hash *hash, char name[DEPOT_NAME_MAX]) {
        char text[HASH_TEXT_MAX];
        snprintf(name, DEPOT_NAME_MAX, "manifests/%s.zst", content_hash_format(hash, text));
}

static int write_packed(const struct depot *depot, const struct content_hash *hash,
        const void *data, size_t size, struct error *err) {
        char temporary[DEPOT_NAME_MAX], name[DEPOT_NAME_MAX];
        AUTO_CLOSE int fd = depot_temporary(depot, temporary, err);
        if (fd < 0) {
                return fd;
        }
        manifest_name(hash, name);
        int r = depot_write_all(fd, data, size);
        if (r == 0 && depot_place(depot, fd, temporary, name) < 0) {
                r = -errno;
        }
        if (r < 0) {
                depot_discard(depot, temporary);
                return error_set_errno(err, -r, "writing a manifest to %s", depot->path);
        }
        return 0;
}

int manifest_save(const struct depot *depot, const struct manifest *manifest,
        struct content_hash *ret_hash, struct error *err) {
        AUTO_STRBUF struct strbuf text = {0};
        manifest_format(manifest, &text);
        size_t bound = ZSTD_compressBound(text.length);
        AUTO_FREE char *packed = malloc(bound);
        if (text.failed || !packed || content_hash_of(text.data, text.length, ret_hash) < 0) {
                return error_set_errno(err, ENOMEM, "writing a manifest");
        }
        size_t size = ZSTD_compress(packed, bound, text.data, text.length, LEVEL);
        if (ZSTD_isError(size)) {
                return error_set(err, ENOMEM, "packing a manifest: %s", ZSTD_getErrorName(size));
        }
        return write_packed(depot, ret_hash, packed, size, err);
}

static int take_text(
        void *cookie, const void *data, size_t size, uint64_t offset, struct error *err) {
        struct strbuf *text = cookie;
        (void) offset;
        if (text->length + size > TEXT_MAX) {
                return error_set(err, EBADMSG, "the manifest is too long");
        }
        strbuf_add_bytes(text, data, size);
        return text->failed ? error_set_errno(err, ENOMEM, "reading a manifest") : 0;
}

int manifest_load(const struct depot *depot, const struct content_hash *hash,
        struct manifest *manifest, struct error *err) {
        AUTO_STRBUF struct strbuf text = {0};
        char name[DEPOT_NAME_MAX];
        *manifest = (struct manifest){0};
        manifest_name(hash, name);
        int r = object_read_file(depot, name, true, hash, take_text, &text, err);
        if (r < 0) {
                return r;
        }
        if (memchr(strbuf_text(&text), '\0', text.length)) {
                return error_set(err, EBADMSG, "%s holds a NUL", name);
        }
        char *taken = strbuf_take(&text);
        if (!taken) {
                return error_set_errno(err, ENOMEM, "%s", name);
        }
        r = manifest_parse(manifest, taken, err);
        return r < 0 ? error_wrap(err, "%s", name) : 0;
}
