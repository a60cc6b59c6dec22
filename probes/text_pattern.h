#pragma once
/* Regular expressions of policies (Perl-compatible, pcre2pattern(3)) applied to text from outside.
 * The work of one search is limited, so that no text holds up the loop, whatever the pattern is. */

#include <stdbool.h>
#include <stddef.h>

enum {
        PATTERN_MAX = 512, /* bytes of a pattern */
        PATTERN_REPEAT_MAX = 1000, /* product of all {m,n}, because each is unrolled */
        PATTERN_SEARCHED = 128 * 1024, /* bytes of text that are looked at */
        PATTERN_STEPS_MAX = 2000 * 1000, /* of the matcher for one search: some 50 milliseconds */
        PATTERN_HEAP_KIB = 1024, /* for its memory of where to go back to */
        PATTERN_WHY_MAX = 160,
};

/* A piece of a text; not terminated. */
struct pattern_piece {
        const char *start;
        size_t length;
};

/* Whether the pattern can be used: 0, or -EINVAL and why. Refused is also what makes the matcher
 * work without counting: back-references, look-arounds, atomic groups, possessive repeats. */
int pattern_check(const char *pattern, char why[PATTERN_WHY_MAX]);

/* How many groups a checked pattern captures. */
unsigned pattern_groups(const char *pattern);

/* A checked pattern, ready for many searches; NULL when there is no memory. */
struct pattern;
struct pattern *pattern_new(const char *text);
void pattern_free(struct pattern *pattern); /* accepts NULL */

/* 1 found, 0 not; -ENOMEM; -E2BIG when the search was given up at the limit of its work. The text
 * may hold any bytes. ^ and $ match at lines, . matches all but newline. */
int pattern_find(struct pattern *pattern, const char *text, size_t length);

/* The same for one search. `ret_group` (may be NULL) gets what the first group matched; a group
 * that took no part is empty. */
int pattern_search(
        const char *pattern, const char *text, size_t length, struct pattern_piece *ret_group);
