#include "coordinator/peer_message.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

#define FIRST_LINE "recoverd-peers 1"
enum { SHA256_BYTES = 32, HEX_BYTES = 2 * SHA256_BYTES, FIELDS = 9 };

static void write_hex(const unsigned char bytes[SHA256_BYTES], char ret[HEX_BYTES + 1]) {
        for (size_t i = 0; i < SHA256_BYTES; i++) {
                (void) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
        }
}

static int sign(const char *data, size_t length, const char *secret, char ret[HEX_BYTES + 1]) {
        unsigned char bytes[SHA256_BYTES];
        unsigned n = 0;
        if (!HMAC(EVP_sha256(), secret, (int) strlen(secret), (const unsigned char *) data, length,
                    bytes, &n) ||
                n != SHA256_BYTES) {
                return -ENOMEM;
        }
        write_hex(bytes, ret);
        return 0;
}

/* ---- Writing ---- */

int peer_message_format(
        const struct peer_message *message, const char *secret, char ret[PEER_MESSAGE_MAX]) {
        int n = snprintf(ret, PEER_MESSAGE_MAX - HEX_BYTES,
                FIRST_LINE "\n%d\n%s\n%s\n%s\n%" PRIu64 "\n%s\n%s\n%s\n", message->kind,
                message->group, message->from, message->to, message->number, message->nonce,
                message->terms, message->text);
        if (n >= PEER_MESSAGE_MAX - HEX_BYTES) {
                return -EMSGSIZE;
        }
        int r = sign(ret, (size_t) n, secret, ret + n);
        return r < 0 ? r : n + HEX_BYTES;
}

/* ---- Reading ---- */

static bool is_signed(const char *data, size_t length, const char *secret) {
        char expected[HEX_BYTES + 1];
        return sign(data, length - HEX_BYTES, secret, expected) == 0 &&
               CRYPTO_memcmp(expected, data + length - HEX_BYTES, HEX_BYTES) == 0;
}

static bool read_number(const char *text, uint64_t *ret) {
        char *end = NULL;
        if (*text < '0' || *text > '9') {
                return false;
        }
        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno == 0 && *end == '\0';
}

/* Exactly so many lines, each with its end. */
static bool split_lines(char *text, const char *ret[FIELDS]) {
        char *rest = text;
        for (size_t i = 0; i < FIELDS; i++) {
                ret[i] = strsep(&rest, "\n");
                if (!rest) {
                        return false;
                }
        }
        return *rest == '\0';
}

static bool read_fields(const char *const fields[FIELDS], struct peer_message *ret) {
        uint64_t kind;
        bool known = str_eq(fields[0], FIRST_LINE) && read_number(fields[1], &kind) &&
                     kind >= PEER_ASK && kind <= PEER_NO;
        if (!known) {
                return false;
        }
        ret->kind = (int) kind;
        return str_copy(ret->group, sizeof(ret->group), fields[2]) &&
               str_copy(ret->from, sizeof(ret->from), fields[3]) &&
               str_copy(ret->to, sizeof(ret->to), fields[4]) &&
               read_number(fields[5], &ret->number) &&
               str_copy(ret->nonce, sizeof(ret->nonce), fields[6]) &&
               str_copy(ret->terms, sizeof(ret->terms), fields[7]) &&
               str_copy(ret->text, sizeof(ret->text), fields[8]);
}

int peer_message_parse(
        const char *data, size_t length, const char *secret, struct peer_message *ret) {
        char text[PEER_MESSAGE_MAX];
        const char *fields[FIELDS];
        struct peer_message message = {0};
        if (length <= HEX_BYTES || length > PEER_MESSAGE_MAX || memchr(data, '\0', length) ||
                !str_starts(data, FIRST_LINE)) {
                return -EBADMSG;
        }
        if (!is_signed(data, length, secret)) {
                return -EACCES;
        }
        memcpy(text, data, length - HEX_BYTES);
        text[length - HEX_BYTES] = '\0';
        if (!split_lines(text, fields) || !read_fields(fields, &message)) {
                return -EBADMSG;
        }
        *ret = message;
        return 0;
}

/* ---- Terms ---- */

static int compare_names(const void *left, const void *right) {
        const struct group_member_spec *const *a = left, *const *b = right;
        return strcmp((*a)->name, (*b)->name);
}

int peer_terms(const struct group_spec *group, char ret[PEER_TERMS_MAX]) {
        const struct group_member_spec *members[GROUP_MEMBERS_MAX] = {NULL};
        AUTO_STRBUF struct strbuf text = {0};
        unsigned char bytes[SHA256_BYTES];
        size_t n = 0;
        for (; n < group->n_members && n < ELEMENTSOF(members); n++) {
                members[n] = &group->members[n];
        }
        qsort(members, n, sizeof(members[0]), compare_names);
        strbuf_addf(&text, "%s\n%d\n%d\n%" PRIu64 "\n%" PRIu64 "\n", group->name,
                group->coordinator, group->on_coordinator_loss, group->lease, group->margin);
        for (size_t i = 0; i < n; i++) {
                strbuf_addf(&text, "%s %s\n", members[i]->name,
                        members[i]->address ? members[i]->address : "");
        }
        if (text.failed || !EVP_Digest(text.data, text.length, bytes, NULL, EVP_sha256(), NULL)) {
                return -ENOMEM;
        }
        write_hex(bytes, ret);
        return 0;
}
