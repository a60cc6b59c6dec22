#pragma once
/* Unified diffs of two texts, by the greedy algorithm of Myers (1986). */

#include "base/str.h"

/* Adds "--- from", "+++ to" and the hunks with three lines around them; nothing where the texts are
 * equal. Texts that have too little in common are told as one replaced by the other. An allocation
 * that failed shows in the buffer. */
void text_diff(struct strbuf *out, const char *from_name, const char *to_name, const char *from,
        const char *to);
