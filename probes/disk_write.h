#pragma once
/* A real write to a file system: a small file is created, written, synced, read back from the
 * medium, compared and removed. Blocks, so it runs in a worker thread. */

#include <stdbool.h>

#include "base/clock.h"

struct offload;

#define DISK_WRITE_PREFIX ".recoverd-probe-" /* 16 hexadecimal digits follow */
enum { DISK_WRITE_BYTES = 4096, DISK_WRITE_SWEEP_MAX = 65536 /* directory entries looked at */ };

struct disk_write_result {
        int error; /* positive errno of the step that failed; 0: none */
        const char *step; /* the step under way or failed, a literal: "fsync" */
        bool differs; /* what was read back is not what was written */
        usec_t latency; /* from creating the file to the end of its fsync */
};

/* In the directory; `call` is told each step and may be NULL. */
void disk_write_test(int directory, struct offload *call, struct disk_write_result *ret);

/* Removes test files that a killed agent left behind: by name, of this user, and not locked by a
 * run under way. What cannot be removed stays. */
void disk_write_sweep(int directory);
