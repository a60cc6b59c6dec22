#pragma once
/* Numbers as text, by hand where that is exact: a scrape formats thousands of them. */

#include <stddef.h>
#include <stdint.h>

enum { METRICS_NUMBER_MAX = 32 }; /* room that every number fits in */

/* Both write without a terminator and return the length. */
size_t metrics_format_u64(char text[METRICS_NUMBER_MAX], uint64_t value);

/* Millionths as a decimal number without trailing zeros: 1500000 is 1.5. */
size_t metrics_format_millionths(char text[METRICS_NUMBER_MAX], uint64_t value);

/* A short decimal number that reads back as the same double: integers below 2^53 without a
 * fraction, NaN, +Inf and -Inf as the exposition formats spell them. */
size_t metrics_format_double(char text[METRICS_NUMBER_MAX], double value);
