#pragma once
/* The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding: proves that the
 * client knows the password, and makes the server prove the same. Passwords are taken as they are:
 * those in ASCII need no SASLprep (RFC 4013), others must be normalised (NFKC) in their file. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum {
        SCRAM_HASH_BYTES = 32,
        SCRAM_RANDOM_BYTES = 18,
        SCRAM_NONCE_MAX = 192, /* characters, both parts */
        SCRAM_SALT_MAX = 256, /* bytes */
        SCRAM_ITERATIONS_LEAST = 4096, /* RFC 7677, 4: fewer are as good as none */
        SCRAM_ITERATIONS_MOST = 1000000, /* about half a second of CPU time */
        SCRAM_WHY_MAX = 96,
};

struct scram {
        char nonce[SCRAM_NONCE_MAX + 1]; /* the client's part first, then both */
        size_t client_nonce; /* length of the client's part */
        bool challenged; /* the server's first message was accepted */
        struct strbuf exchanged; /* AuthMessage so far */
        uint8_t server_signature[SCRAM_HASH_BYTES]; /* that has to come */
};

/* What takes time, to be done in a thread. */
struct scram_work {
        char *password;
        uint8_t salt[SCRAM_SALT_MAX];
        size_t salt_length;
        uint32_t iterations;
        bool done;
        uint8_t salted[SCRAM_HASH_BYTES];
};

/* PBKDF2; blocks, and touches nothing but the work. */
void scram_work_run(struct scram_work *work);
void scram_work_free(struct scram_work *work); /* wipes; accepts NULL */

/* Fills `to` with the first message; the user name stays empty, as PostgreSQL wants it. */
void scram_client_first(
        struct scram *scram, const uint8_t random[SCRAM_RANDOM_BYTES], struct strbuf *to);

/* Reads the server's first message and returns the work to do, which the caller frees. NULL: it is
 * not acceptable, and why. */
struct scram_work *scram_server_first(struct scram *scram, const char *text, size_t length,
        const char *password, char why[SCRAM_WHY_MAX]);

/* Fills `to` with the final message: the proof. -EIO: the work failed. */
int scram_client_final(struct scram *scram, const struct scram_work *work, struct strbuf *to);

/* 0: the server knows the password too. -EBADMSG: it has not proved that, and why. */
int scram_server_final(
        const struct scram *scram, const char *text, size_t length, char why[SCRAM_WHY_MAX]);

void scram_done(struct scram *scram);
