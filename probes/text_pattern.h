#pragma once
/* Regular expressions of policies (POSIX extended, regcomp(3)) applied to text from outside. They
 * are searched for in one pass over the text, so that no text makes a reasonable pattern slow. */

#include <stdbool.h>
#include <stddef.h>

enum {
        PATTERN_MAX = 512, /* bytes of a pattern */
        PATTERN_REPEAT_MAX = 1000, /* product of all {m,n}, because each is unrolled */
        PATTERN_SEARCHED = 128 * 1024, /* bytes of text that are looked at */
        PATTERN_WHY_MAX = 160,
};

/* Whether the pattern can be used: 0, or -EINVAL and why. Back-references are refused, because they
 * take exponential time. */
int pattern_check(const char *pattern, char why[PATTERN_WHY_MAX]);

/* 1 found, 0 not; -ENOMEM. The text may hold any bytes and is part of a terminated string. ^ and $
 * match at lines, . matches all but newline. */
int pattern_search(const char *pattern, const char *text, size_t length);
