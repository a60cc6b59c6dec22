#pragma once
/* SHA-256, by libcrypto: what contents and manifests are named by. */

#include <stdbool.h>
#include <stddef.h>

enum { HASH_BYTES = 32, HASH_TEXT_MAX = 65 };

struct content_hash {
        unsigned char bytes[HASH_BYTES];
};

/* 64 lower-case hexadecimal digits. Returns text. */
const char *content_hash_format(const struct content_hash *hash, char text[HASH_TEXT_MAX]);
/* -EINVAL: not exactly 64 lower-case hexadecimal digits. */
int content_hash_parse(const char *text, struct content_hash *ret);
bool content_hash_equal(const struct content_hash *a, const struct content_hash *b);
int content_hash_compare(const void *a, const void *b); /* for qsort(3) and bsearch(3) */

/* A hash under way; may be begun again and again. */
struct hasher {
        struct evp_md_ctx_st *context;
};

int hasher_init(struct hasher *hasher); /* -ENOMEM */
void hasher_done(struct hasher *hasher);
void hasher_begin(struct hasher *hasher);
void hasher_feed(struct hasher *hasher, const void *data, size_t size);
void hasher_end(struct hasher *hasher, struct content_hash *ret);

/* All at once. -ENOMEM. */
int content_hash_of(const void *data, size_t size, struct content_hash *ret);
