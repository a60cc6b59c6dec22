#pragma once
/* Secrets that policies name by file: passwords and tokens. A file is read in a worker thread, and
 * anew in each run, so that a changed secret counts at once and none is kept. No text that comes
 * from here holds any of it. */

#include <stddef.h>

#include "probes/offload.h"
#include "probes/probe.h"

enum {
        SECRET_MAX = 4096, /* bytes of a secret */
        SECRET_WHY_MAX = 144,
};

/* `secret` is terminated, printable or not but without line breaks, and wiped after the call. NULL:
 * it could not be had, and `why` says so for a person; that is the observer's trouble, so such a
 * run ends as unknown. */
typedef void (*secret_file_done)(struct probe_run *run, const char *secret, const char *why);

/* In the state of a probe; zeroed at first. */
struct secret_file {
        struct offload *call;
        struct probe_run *run; /* that waits */
        secret_file_done done;
};

/* Reads `path` for this run and calls `done` once: later from the loop, or before this returns when
 * the reading cannot begin, as while the last one still hangs. */
void secret_file_read(
        struct secret_file *file, struct probe_run *run, const char *path, secret_file_done done);

/* For `stop`: done is not called any more. For `release`: nothing is held any more. */
void secret_file_cancel(struct secret_file *file);
void secret_file_release(struct secret_file *file);

/* A copy of a secret on the heap, to be freed with secret_free, which wipes it; NULL: out of
 * memory. */
char *secret_copy(const char *secret);
void secret_free(char *secret); /* accepts NULL */

/* The reading alone; blocks. The secret is the whole file without the newline at its end, 1 to
 * SECRET_MAX bytes on one line. 0 and its length, or -errno and why. */
int secret_file_load(
        const char *path, char ret[SECRET_MAX + 1], size_t *ret_length, char why[SECRET_WHY_MAX]);
