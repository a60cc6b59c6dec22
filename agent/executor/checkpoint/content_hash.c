#include "executor/checkpoint/content_hash.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"

const char *content_hash_format(const struct content_hash *hash, char text[HASH_TEXT_MAX]) {
        static const char digits[] = "0123456789abcdef";
        for (size_t i = 0; i < HASH_BYTES; i++) {
                text[2 * i] = digits[hash->bytes[i] >> 4];
                text[2 * i + 1] = digits[hash->bytes[i] & 15];
        }
        text[HASH_TEXT_MAX - 1] = '\0';
        return text;
}

static int digit_value(char c) {
        if (c >= '0' && c <= '9') {
                return c - '0';
        }
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int content_hash_parse(const char *text, struct content_hash *ret) {
        struct content_hash hash;
        if (strlen(text) != HASH_TEXT_MAX - 1) {
                return -EINVAL;
        }
        for (size_t i = 0; i < HASH_BYTES; i++) {
                int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
                if (high < 0 || low < 0) {
                        return -EINVAL;
                }
                hash.bytes[i] = (unsigned char) (high << 4 | low);
        }
        *ret = hash;
        return 0;
}

bool content_hash_equal(const struct content_hash *a, const struct content_hash *b) {
        return memcmp(a, b, sizeof(*a)) == 0;
}

int content_hash_compare(const void *a, const void *b) {
        return memcmp(a, b, sizeof(struct content_hash));
}

int hasher_init(struct hasher *hasher) {
        hasher->context = EVP_MD_CTX_new();
        return hasher->context && EVP_DigestInit_ex(hasher->context, EVP_sha256(), NULL) == 1
                       ? 0
                       : -ENOMEM;
}

void hasher_done(struct hasher *hasher) {
        EVP_MD_CTX_free(hasher->context);
        hasher->context = NULL;
}

/* With the method that the context has already, libcrypto has nothing to look up and cannot fail.
 */
void hasher_begin(struct hasher *hasher) {
        int r = EVP_DigestInit_ex(hasher->context, NULL, NULL);
        assert(r == 1);
}

void hasher_feed(struct hasher *hasher, const void *data, size_t size) {
        int r = EVP_DigestUpdate(hasher->context, data, size);
        assert(r == 1);
}

void hasher_end(struct hasher *hasher, struct content_hash *ret) {
        int r = EVP_DigestFinal_ex(hasher->context, ret->bytes, NULL);
        assert(r == 1);
}

int content_hash_of(const void *data, size_t size, struct content_hash *ret) {
        AUTO(hasher_done) struct hasher hasher = {0};
        int r = hasher_init(&hasher);
        if (r < 0) {
                return r;
        }
        hasher_feed(&hasher, data, size);
        hasher_end(&hasher, ret);
        return 0;
}
