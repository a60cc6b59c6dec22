#pragma once
/* Durations (500ms 2s 5m 1h 7d), sizes (512MiB 2GB), percents (90%) and counts: text to number and
 * back. A unit is always required; 0 alone is accepted for durations and sizes. */

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum { UNITS_TEXT_MAX = 32 };

/* A quantity whose unit the author of a policy may choose, where the key allows several. */
enum amount_unit { AMOUNT_UNSET = 0, AMOUNT_COUNT, AMOUNT_BYTES, AMOUNT_PERCENT };

struct amount {
        double value; /* count, bytes, or percent in 0..100 (CPU: of one core, may exceed 100) */
        enum amount_unit unit;
};

/* All parsers: 0 on success; -EINVAL not of the form, -ERANGE does not fit; output untouched then.
 * Units: us ms s m h d w, with a decimal fraction allowed (1.5s); several may follow (1h30m). */
int units_parse_duration(const char *text, usec_t *ret);

/* B, kB MB GB TB (powers of 1000), KiB MiB GiB TiB (powers of 1024). */
int units_parse_size(const char *text, uint64_t *ret_bytes);

/* 90% or 12.5%, 0 to 100000. */
int units_parse_percent(const char *text, double *ret_percent);

/* Any of: percent, size with unit, bare count. */
int units_parse_amount(const char *text, struct amount *ret);

/* The shortest exact form a person would write: 250ms, 1.5s, 90s -> 1m30s, never for infinity. */
const char *units_format_duration(usec_t duration, char text[UNITS_TEXT_MAX]);

/* For reading, at most three significant parts of precision: 1m30s, 2h5m, 850ms, 12.3s. */
const char *units_format_duration_short(usec_t duration, char text[UNITS_TEXT_MAX]);

/* 512MiB when exact in binary units, 2GB when exact in decimal ones, else bytes: 1234567B. */
const char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_MAX]);

/* For reading, three significant digits in binary units: 1.21GiB. */
const char *units_format_size_short(uint64_t bytes, char text[UNITS_TEXT_MAX]);

const char *units_format_amount(const struct amount *amount, char text[UNITS_TEXT_MAX]);
