#include "probes/scram.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { ITERATIONS_DIGITS_MAX = 9, MESSAGE_MAX = 1024 };

DEFINE_CLEANUP(cleanup_work, struct scram_work, scram_work_free)

/* ---- base64 ---- */

/* Bytes decoded into `ret`, at most `most`; negative: it is no base64, or too much. */
static ssize_t decode_base64(const char *text, size_t length, uint8_t *ret, size_t most) {
        uint8_t decoded[(SCRAM_SALT_MAX + 2) / 3 * 3];
        size_t padding = 0;
        while (padding < 2 && padding < length && text[length - 1 - padding] == '=') {
                padding++;
        }
        if (length == 0 || length % 4 != 0 || length / 4 * 3 > sizeof(decoded)) {
                return -EBADMSG;
        }
        int n = EVP_DecodeBlock(decoded, (const unsigned char *) text, (int) length);
        if (n < 0 || (size_t) n < padding || (size_t) n - padding > most) {
                return -EBADMSG;
        }
        memcpy(ret, decoded, (size_t) n - padding);
        return n - (ssize_t) padding;
}

/* ---- attributes: "r=...,s=...,i=..." ---- */

/* The value of the attribute that `*text` begins with; NULL: it is another. Goes on behind the
 * comma. */
static const char *take_attribute(
        const char **text, const char *end, char name, size_t *ret_length) {
        const char *at = *text;
        if (end - at < 2 || at[0] != name || at[1] != '=') {
                return NULL;
        }
        const char *comma = memchr(at, ',', (size_t) (end - at));
        const char *stop = comma ? comma : end;
        *text = comma ? comma + 1 : end;
        *ret_length = (size_t) (stop - at) - 2;
        return at + 2;
}

static bool parse_iterations(const char *text, size_t length, uint32_t *ret) {
        if (length == 0 || length > ITERATIONS_DIGITS_MAX) {
                return false;
        }
        uint32_t value = 0;
        for (size_t i = 0; i < length; i++) {
                if (text[i] < '0' || text[i] > '9') {
                        return false;
                }
                value = value * 10 + (uint32_t) (text[i] - '0');
        }
        *ret = value;
        return true;
}

/* ---- messages ---- */

void scram_client_first(
        struct scram *scram, const uint8_t random[SCRAM_RANDOM_BYTES], struct strbuf *to) {
        EVP_EncodeBlock((unsigned char *) scram->nonce, random, SCRAM_RANDOM_BYTES);
        scram->client_nonce = strlen(scram->nonce);
        strbuf_addf(&scram->exchanged, "n=,r=%s", scram->nonce);
        strbuf_addf(to, "n,,n=,r=%s", scram->nonce);
}

static bool take_nonce(struct scram *scram, const char *nonce, size_t length) {
        if (!nonce || length <= scram->client_nonce || length > SCRAM_NONCE_MAX ||
                memcmp(nonce, scram->nonce, scram->client_nonce) != 0) {
                return false;
        }
        memcpy(scram->nonce, nonce, length);
        scram->nonce[length] = '\0';
        return true;
}

static bool take_iterations(
        const char *text, size_t length, uint32_t *ret, char why[SCRAM_WHY_MAX]) {
        if (!text || !parse_iterations(text, length, ret)) {
                snprintf(why, SCRAM_WHY_MAX, "malformed SCRAM challenge");
                return false;
        }
        if (*ret < SCRAM_ITERATIONS_LEAST || *ret > SCRAM_ITERATIONS_MOST) {
                snprintf(why, SCRAM_WHY_MAX, "asks for %u SCRAM iterations, allowed are %d to %d",
                        *ret, SCRAM_ITERATIONS_LEAST, SCRAM_ITERATIONS_MOST);
                return false;
        }
        return true;
}

static bool read_challenge(struct scram *scram, const char *text, size_t length,
        struct scram_work *work, char why[SCRAM_WHY_MAX]) {
        const char *end = text + length;
        size_t nonce_length = 0, salt_length = 0, count_length = 0;
        const char *nonce = take_attribute(&text, end, 'r', &nonce_length);
        const char *salt = take_attribute(&text, end, 's', &salt_length);
        const char *count = take_attribute(&text, end, 'i', &count_length);
        if (!take_nonce(scram, nonce, nonce_length)) {
                snprintf(why, SCRAM_WHY_MAX, "SCRAM challenge without our nonce");
                return false;
        }
        ssize_t n = salt ? decode_base64(salt, salt_length, work->salt, sizeof(work->salt)) : -1;
        if (n <= 0) {
                snprintf(why, SCRAM_WHY_MAX, "malformed SCRAM challenge");
                return false;
        }
        work->salt_length = (size_t) n;
        return take_iterations(count, count_length, &work->iterations, why);
}

struct scram_work *scram_server_first(struct scram *scram, const char *text, size_t length,
        const char *password, char why[SCRAM_WHY_MAX]) {
        AUTO(cleanup_work) struct scram_work *work = calloc(1, sizeof(*work));
        snprintf(why, SCRAM_WHY_MAX, "out of memory");
        if (!work || !(work->password = strdup(password))) {
                return NULL;
        }
        if (length > MESSAGE_MAX || !read_challenge(scram, text, length, work, why)) {
                return NULL;
        }
        scram->challenged = true;
        strbuf_add_char(&scram->exchanged, ',');
        strbuf_add_bytes(&scram->exchanged, text, length);
        return TAKE_PTR(work);
}

static bool hmac(const uint8_t key[SCRAM_HASH_BYTES], const char *text, size_t length,
        uint8_t ret[SCRAM_HASH_BYTES]) {
        return HMAC(EVP_sha256(), key, SCRAM_HASH_BYTES, (const unsigned char *) text, length, ret,
                       NULL) != NULL;
}

/* RFC 5802, 3: ClientProof and ServerSignature. */
static bool prove(struct scram *scram, const struct scram_work *work, uint8_t ret_proof[]) {
        uint8_t client_key[SCRAM_HASH_BYTES], stored_key[SCRAM_HASH_BYTES];
        uint8_t server_key[SCRAM_HASH_BYTES], signature[SCRAM_HASH_BYTES];
        const struct strbuf *message = &scram->exchanged;
        bool ok =
                hmac(work->salted, "Client Key", 10, client_key) &&
                EVP_Digest(client_key, sizeof(client_key), stored_key, NULL, EVP_sha256(), NULL) &&
                hmac(stored_key, message->data, message->length, signature) &&
                hmac(work->salted, "Server Key", 10, server_key) &&
                hmac(server_key, message->data, message->length, scram->server_signature);
        for (size_t i = 0; ok && i < SCRAM_HASH_BYTES; i++) {
                ret_proof[i] = client_key[i] ^ signature[i];
        }
        OPENSSL_cleanse(client_key, sizeof(client_key));
        OPENSSL_cleanse(server_key, sizeof(server_key));
        return ok;
}

/* "biws" is the base64 of "n,,": no channel binding. */
int scram_client_final(struct scram *scram, const struct scram_work *work, struct strbuf *to) {
        uint8_t proof[SCRAM_HASH_BYTES];
        strbuf_addf(&scram->exchanged, ",c=biws,r=%s", scram->nonce);
        if (!work->done || scram->exchanged.failed || !prove(scram, work, proof)) {
                return -EIO;
        }
        strbuf_addf(to, "c=biws,r=%s,p=", scram->nonce);
        strbuf_add_base64(to, proof, sizeof(proof));
        return 0;
}

int scram_server_final(
        const struct scram *scram, const char *text, size_t length, char why[SCRAM_WHY_MAX]) {
        uint8_t signature[SCRAM_HASH_BYTES];
        const char *end = text + length;
        size_t value_length = 0;
        const char *value = take_attribute(&text, end, 'v', &value_length);
        if (!value) {
                snprintf(why, SCRAM_WHY_MAX, "malformed end of SCRAM");
                return -EBADMSG;
        }
        ssize_t n = decode_base64(value, value_length, signature, sizeof(signature));
        if (n != SCRAM_HASH_BYTES ||
                CRYPTO_memcmp(signature, scram->server_signature, SCRAM_HASH_BYTES) != 0) {
                snprintf(why, SCRAM_WHY_MAX, "did not prove that it knows the password");
                return -EBADMSG;
        }
        return 0;
}

void scram_done(struct scram *scram) {
        strbuf_done(&scram->exchanged);
        OPENSSL_cleanse(scram, sizeof(*scram));
}

/* ---- work ---- */

void scram_work_run(struct scram_work *work) {
        work->done = PKCS5_PBKDF2_HMAC(work->password, (int) strlen(work->password), work->salt,
                             (int) work->salt_length, (int) work->iterations, EVP_sha256(),
                             SCRAM_HASH_BYTES, work->salted) == 1;
}

void scram_work_free(struct scram_work *work) {
        if (work) {
                if (work->password) {
                        OPENSSL_cleanse(work->password, strlen(work->password));
                        free(work->password);
                }
                OPENSSL_cleanse(work, sizeof(*work));
                free(work);
        }
}
