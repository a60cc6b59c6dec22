#pragma once
/* A certificate authority of one test, and a server certificate for localhost and 127.0.0.1. */

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/unit_test.h"

struct test_certificate {
        EVP_PKEY *key;
        X509 *certificate; /* signed by its own key, so it is its authority as well */
};

static inline void test_certificate_extend(X509 *certificate, int nid, const char *value) {
        X509V3_CTX context;
        X509V3_set_ctx_nodb(&context);
        X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        assert_non_null(extension);
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        X509_EXTENSION_free(extension);
}

struct test_certificate_terms {
        const char *subject; /* its CN; "": an empty subject */
        const char *names; /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
        long from, until; /* seconds from now */
        bool authority; /* may issue others */
        const struct test_certificate *issuer; /* NULL: itself */
};

static inline void test_certificate_name(X509 *certificate, const char *subject) {
        if (*subject) {
                X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                        (const unsigned char *) subject, -1, -1, 0);
        }
}

static inline void test_certificate_issue(
        struct test_certificate *made, const struct test_certificate_terms *terms) {
        const struct test_certificate *issuer = terms->issuer ? terms->issuer : made;
        X509 *certificate = made->certificate = X509_new();
        made->key = EVP_EC_gen("P-256");
        assert_non_null(made->key);
        assert_int_equal(X509_set_version(certificate, 2), 1);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), terms->from);
        X509_gmtime_adj(X509_getm_notAfter(certificate), terms->until);
        X509_set_pubkey(certificate, made->key);
        test_certificate_name(certificate, terms->subject);
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate));
        test_certificate_extend(certificate, NID_basic_constraints,
                terms->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
        if (terms->names) {
                test_certificate_extend(certificate, NID_subject_alt_name, terms->names);
        }
        assert_true(X509_sign(certificate, issuer->key, EVP_sha256()) > 0);
}

/* Valid from an hour ago until `seconds` from now. */
static inline void test_certificate_make(struct test_certificate *made, long seconds) {
        const struct test_certificate_terms terms = {.subject = "localhost",
                .names = "DNS:localhost,IP:127.0.0.1",
                .from = -3600,
                .until = seconds,
                .authority = true};
        test_certificate_issue(made, &terms);
}

static inline void test_certificate_free(struct test_certificate *made) {
        EVP_PKEY_free(made->key);
        X509_free(made->certificate);
}

static inline void test_certificate_save(const struct test_certificate *made, const char *path) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(PEM_write_X509(f, made->certificate), 1);
        assert_int_equal(fclose(f), 0);
}

/* For servers; free with SSL_CTX_free. */
static inline SSL_CTX *test_certificate_context(const struct test_certificate *made) {
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        assert_int_equal(SSL_CTX_use_certificate(context, made->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, made->key), 1);
        return context;
}

/* Shakes hands, reads what the client says first, answers with a text and closes. */
static inline void test_certificate_serve(int fd, SSL_CTX *context, const char *answer) {
        char bytes[1024];
        size_t n;
        SSL *tls = SSL_new(context);
        SSL_set_fd(tls, fd);
        if (SSL_accept(tls) == 1 && SSL_read_ex(tls, bytes, sizeof(bytes), &n) == 1) {
                (void) SSL_write_ex(tls, answer, strlen(answer), &n);
                (void) SSL_shutdown(tls);
                (void) shutdown(fd, SHUT_WR);
                while (recv(fd, bytes, sizeof(bytes), 0) > 0) { /* no reset over the answer */
                }
        }
        SSL_free(tls);
        ERR_clear_error();
}
