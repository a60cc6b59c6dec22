#pragma once
/* The small files that the settings of a coordinator name: a password, certificates. Reading them
 * can hang with their file system: it belongs in a thread, or in a program of its own. */

#include <stddef.h>

#include "base/error.h"
#include "io/http_client.h"
#include "model/coordination.h"

enum { COORDINATOR_FILE_MAX = 64 * 1024 };

struct coordinator_files { /* texts, to be freed; NULL: there is no such setting */
        char *ca, *cert, *key, *password; /* the password without its end of line */
};

/* All of them or none. The error names key and path: -EINVAL for a file that is empty or larger
 * than COORDINATOR_FILE_MAX, else that of open(2) or read(2), or -ENOMEM. */
int coordinator_files_read(
        struct coordinator_files *ret, const struct coordinator_spec *spec, struct error *err);
/* What they say of TLS, for a request. It refers to both, which have to outlive it. */
struct http_tls coordinator_files_tls(const struct coordinator_files *files, const char *ca_file);
/* Leaves nothing of them in memory. */
void coordinator_files_done(struct coordinator_files *files);
