#pragma once
/* What a service consists of, and what it was well with: as the executor found it out, for whoever
 * shows it. */

#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"
#include "model/checkpoint_state.h"
#include "model/files_state.h"

enum { CONTENT_NAME_MAX = 256, CONTENT_WHY_MAX = 512, CONTENT_LINES_MAX = 2048 };

struct content_report {
        enum files_state state;
        wall_usec_t since; /* it consists of that */
        wall_usec_t trusted; /* the newest that earned trust did so then; 0: none has */
        uint32_t n_trusted; /* how many have */
        uint32_t stored[CHECKPOINT_STATE_COUNT]; /* checkpoints of its files; all 0: it has none */
        uint64_t change; /* names the change; 0: there is none */
        char present[CONTENT_NAME_MAX], good[CONTENT_NAME_MAX]; /* "": not known, or none */
        char text[CONTENT_WHY_MAX]; /* why nothing is known; else what changed, "" where names say
                                       all */
        char lines[CONTENT_LINES_MAX]; /* what changed, a line each; "" where the names say all */
};

/* "it was well with v1, and is v2 since ..." */
void content_report_describe(const struct content_report *report, struct strbuf *out);
