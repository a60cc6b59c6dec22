#include "probes/certificate_file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probes/file_open.h"
#include "probes/path_error.h"

void certificates_free(STACK_OF(X509) * certificates) {
        sk_X509_pop_free(certificates, X509_free);
}

/* ---- bytes ---- */

struct bytes {
        unsigned char *data; /* on the heap; may be a secret */
        size_t length;
};

static void bytes_done(struct bytes *bytes) {
        if (bytes->data) {
                explicit_bzero(bytes->data, bytes->length);
                free(bytes->data);
        }
}

static bool refuse(struct probe_result *result, const char *path, const char *what) {
        probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "%.100s: %s", path, what);
        return false;
}

static bool out_of_memory(struct probe_result *result) {
        probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
        return false;
}

static bool not_opened(struct probe_result *result, const char *path, int code) {
        if (code == EISDIR || code == EINVAL) {
                return refuse(result, path, "it is no regular file");
        }
        path_error_conclude(result, path, "open", code);
        return false;
}

/* As many bytes as the file had; should it shrink meanwhile, what is left of it. */
static bool read_open(int fd, struct bytes *bytes, const char *path, struct probe_result *result) {
        size_t done = 0;
        ssize_t n = 1;
        bytes->data = calloc(1, bytes->length);
        if (!bytes->data) {
                return out_of_memory(result);
        }
        while (n > 0 && done < bytes->length) {
                n = read(fd, bytes->data + done, bytes->length - done);
                done += n > 0 ? (size_t) n : 0;
        }
        if (n < 0) {
                path_error_conclude(result, path, "read", errno);
                return false;
        }
        bytes->length = done;
        return true;
}

static bool read_file(const char *path, struct bytes *ret, struct probe_result *result) {
        struct stat st;
        AUTO_CLOSE int fd = file_open(path, &st);
        if (fd < 0) {
                return not_opened(result, path, -fd);
        }
        if (st.st_size == 0) {
                return refuse(result, path, "it is empty");
        }
        if (st.st_size > CERTIFICATE_FILE_MAX) {
                return refuse(result, path, "it is larger than 1MiB, so it was not read");
        }
        ret->length = (size_t) st.st_size;
        return read_open(fd, ret, path, result);
}

/* Neither certificates nor keys are worth asking a person for a password. */
static int refuse_password(char *password, int size, int writing, void *cookie) {
        bool *asked = cookie;
        (void) password;
        (void) size;
        (void) writing;
        if (asked) {
                *asked = true;
        }
        return -1;
}

static bool is_der(const struct bytes *bytes) {
        return bytes->length > 0 && bytes->data[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED);
}

/* ---- certificates ---- */

/* 0; -E2BIG: there are too many; -ENOMEM. Takes the certificate in any case. */
static int add(STACK_OF(X509) * to, X509 *certificate) {
        int r = sk_X509_num(to) >= CERTIFICATES_MAX ? -E2BIG
                : sk_X509_push(to, certificate) > 0 ? 0
                                                    : -ENOMEM;
        if (r < 0) {
                X509_free(certificate);
        }
        return r;
}

/* As `add`; -EBADMSG: the next one is malformed. */
static int parse_der(const struct bytes *bytes, STACK_OF(X509) * to) {
        const unsigned char *at = bytes->data, *end = bytes->data + bytes->length;
        int r = 0;
        while (r == 0 && at < end) {
                X509 *certificate = d2i_X509(NULL, &at, end - at);
                r = certificate ? add(to, certificate) : -EBADMSG;
        }
        return r;
}

static int parse_pem(const struct bytes *bytes, STACK_OF(X509) * to) {
        BIO *bio = BIO_new_mem_buf(bytes->data, (int) bytes->length);
        X509 *certificate;
        int r = bio ? 0 : -ENOMEM;
        while (r == 0 && (certificate = PEM_read_bio_X509(bio, NULL, refuse_password, NULL))) {
                r = add(to, certificate);
        }
        BIO_free(bio);
        bool over = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        return r < 0 || over ? r : -EBADMSG;
}

static bool conclude_parsed(int code, int count, const char *path, struct probe_result *result) {
        switch (code) {
        case -ENOMEM:
                return out_of_memory(result);
        case -E2BIG:
                return refuse(result, path, "it holds more than 1000 certificates");
        case -EBADMSG:
                probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "%.100s: certificate %d in it is malformed", path, count + 1);
                return false;
        default:
                return count > 0 ||
                       refuse(result, path, "there is no certificate in it, in PEM or DER");
        }
}

STACK_OF(X509) * certificate_file_read(const char *path, struct probe_result *result) {
        AUTO(bytes_done) struct bytes bytes = {0};
        if (!read_file(path, &bytes, result)) {
                return NULL;
        }
        STACK_OF(X509) *certificates = sk_X509_new_null();
        if (!certificates) {
                (void) out_of_memory(result);
                return NULL;
        }
        ERR_clear_error();
        int r = is_der(&bytes) ? parse_der(&bytes, certificates) : parse_pem(&bytes, certificates);
        ERR_clear_error();
        if (!conclude_parsed(r, sk_X509_num(certificates), path, result)) {
                certificates_free(TAKE_PTR(certificates));
        }
        return certificates;
}

/* ---- keys ---- */

static EVP_PKEY *parse_key(const struct bytes *bytes, bool *ret_encrypted) {
        const unsigned char *at = bytes->data;
        if (is_der(bytes)) {
                return d2i_AutoPrivateKey(NULL, &at, (long) bytes->length);
        }
        BIO *bio = BIO_new_mem_buf(bytes->data, (int) bytes->length);
        EVP_PKEY *key =
                bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_password, ret_encrypted) : NULL;
        BIO_free(bio);
        return key;
}

EVP_PKEY *certificate_key_read(const char *path, struct probe_result *result) {
        AUTO(bytes_done) struct bytes bytes = {0};
        bool encrypted = false;
        if (!read_file(path, &bytes, result)) {
                return NULL;
        }
        EVP_PKEY *key = parse_key(&bytes, &encrypted);
        ERR_clear_error();
        if (!key && encrypted) {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "%.100s: the key is encrypted, so it was not compared", path);
        } else if (!key) {
                (void) refuse(result, path, "there is no private key in it, in PEM or DER");
        }
        return key;
}
