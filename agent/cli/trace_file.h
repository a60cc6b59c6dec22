#pragma once
/* A recorded matrix of probe results: a header of names, then one row a round, 1 for a pass and 0
 * for a failure, separated by commas; plain, or compressed with xz, which a child process undoes.
 * Read round by round. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "io/spawn.h"

enum {
        TRACE_TARGETS_MAX = 20000,
        TRACE_NAME_MAX = 255, /* bytes */
        TRACE_LINE_MAX = 1024 * 1024, /* bytes */
};

struct trace_file {
        const char *path; /* borrowed; "-": standard input */
        FILE *file;
        struct spawned xz; /* pid 0: none */
        char *line; /* of TRACE_LINE_MAX bytes */
        uint64_t number; /* of the line */
        char **names;
        size_t n_names;
};

/* Opens it and reads the header. Errors are located: "trace.csv:1:9: expected a name, ...".
 * Negative errno. */
int trace_file_open(struct trace_file *trace, const char *path, struct error *err);

/* The next round: one byte a target, 1 passed or 0 failed. 1: read; 0: there are no more, and the
 * child ended well; negative errno. */
int trace_file_next(struct trace_file *trace, unsigned char *ret, struct error *err);

/* Zeroed memory is fine. */
void trace_file_close(struct trace_file *trace);
