#pragma once
/* Comments by which an operator silences a warning:
 *
 *     # recoverd: allow CODE reason
 *
 * holds for the line that it ends, or, alone on a line, for the next line that is no comment; and
 * for all that is indented below that line, so that above the name of a service it holds for the
 * whole service. A reason is required. */

#include <stdbool.h>
#include <stddef.h>

#include "policy/source_file.h"

struct allowance {
        struct allowance *next; /* of the same file */
        const char *code; /* of a row of problem_kinds */
        struct place place; /* of the comment */
        uint32_t first, last; /* lines that it holds for */
        bool used;
};

/* Finds the comments of a file, and warns of those that say nothing. -ENOMEM otherwise 0. */
int allowances_read(struct source_file *file, struct arena *arena, struct problems *problems);

/* Whether a comment allows the warning at this place. The comment counts as used from then on. */
bool allowances_cover(const struct place *place, const char *code);

/* Warns of the comments that were of no use; only when everything was looked at. */
void allowances_check_use(const struct source_file *file, struct problems *problems);
