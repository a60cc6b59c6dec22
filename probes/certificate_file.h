#pragma once
/* Certificates and keys from files. All calls can hang with their mount: for worker threads. */

#include <openssl/x509.h>

#include "probes/probe.h"

enum {
        CERTIFICATE_FILE_MAX = 1024 * 1024, /* bytes of a file */
        CERTIFICATES_MAX = 1000, /* in one file; Debian's authorities are some 140 */
};

/* All certificates of a PEM file, in which keys and other blocks are passed over, or of a DER file.
 * Returns at least one, to be freed with certificates_free; NULL: `result` is concluded. */
STACK_OF(X509) * certificate_file_read(const char *path, struct probe_result *result);

/* The first private key of a PEM or DER file, the same way; free it with EVP_PKEY_free. */
EVP_PKEY *certificate_key_read(const char *path, struct probe_result *result);

void certificates_free(STACK_OF(X509) * certificates); /* accepts NULL */
