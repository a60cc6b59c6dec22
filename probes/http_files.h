#pragma once
/* The files that an HTTP probe names: a secret, and what TLS needs. They are read in a worker
 * thread, because a disk can hang, and anew in each run, so that a token or certificate that was
 * renewed counts at once. */

#include <stdbool.h>

#include "io/http_client.h"
#include "probes/http_params.h"
#include "probes/offload.h"

enum { HTTP_PEM_MAX = 1024 * 1024 }; /* bytes of a file with certificates */

enum http_file {
        HTTP_FILE_SECRET,
        HTTP_FILE_AUTHORITIES,
        HTTP_FILE_CERTIFICATE,
        HTTP_FILE_KEY,
        HTTP_N_FILES,
};

/* What the files hold; terminated texts on the heap, NULL where none is named. */
struct http_texts {
        char *text[HTTP_N_FILES];
        size_t length[HTTP_N_FILES];
};

void http_texts_done(struct http_texts *texts); /* wipes them */

bool http_files_named(const struct http_params *params);

/* Called once unless cancelled. The texts are the callee's to take, by zeroing them, within the
 * call. NULL: they could not be had, and `why` says so for a person. */
typedef void (*http_files_done)(struct probe_run *run, struct http_texts *texts, const char *why);

/* In the state of a probe; zeroed at first. */
struct http_files {
        struct offload *call;
        struct probe_run *run; /* that waits */
        http_files_done done;
};

/* Reads all files of the run's parameters; calls `done` later from the loop, or before it returns
 * when it cannot begin. */
void http_files_read(struct http_files *files, struct probe_run *run, http_files_done done);
