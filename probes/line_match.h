#pragma once
/* Which lines of a log count: those that contain a text, or match a pattern, and match no pattern
 * of lines to be ignored. */

#include <stdbool.h>
#include <stddef.h>

#include "model/schema.h"

/* As in a policy; each NULL: not given. */
struct line_match_params {
        const char *contains, *matches, *ignore;
};

/* Complains about the keys contains, matches and ignore of the object being checked. */
void line_match_check(const struct line_match_params *params, struct schema_report *report);

/* For a person: `with "ERROR"`, `matching "^E"`, or "" when every line counts. Returns text. */
enum { LINE_MATCH_TEXT_MAX = 64 };
const char *line_match_format(
        const struct line_match_params *params, char text[LINE_MATCH_TEXT_MAX]);

/* Ready for use by one thread at a time, independent of the policy. NULL: out of memory. */
struct line_match;
struct line_match *line_match_new(const struct line_match_params *params);
void line_match_free(struct line_match *match); /* accepts NULL */

/* Whether a line, without its newline, counts. The text is part of a terminated buffer. */
bool line_match_test(const struct line_match *match, const char *line, size_t length);
