#pragma once
/* What the host knows of a process and its surroundings at one moment, as text for a person: for
 * the bundle that is collected before a service is disturbed. Everything is bounded; what may not
 * be read, or is not there, says so in its place. Never the environment, never arguments. */

#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

enum {
        EVIDENCE_SECTION_MAX = 8 * 1024, /* bytes of one section */
        EVIDENCE_LINES_MAX = 40, /* of the journal, of descriptors, of children, of sockets */
};

struct evidence_target {
        pid_t pid; /* main process; 0: it is not running */
        const char *unit; /* of systemd, for its messages; NULL: those of the process */
        const char *log_file; /* whose end is shown; NULL: none */
};

/* Adds all sections. It may hang with the disk, so it is for a worker thread. */
void evidence_facts(struct strbuf *out, const struct evidence_target *target);
