#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { FRACTION_DIGITS_MAX = 6 }; /* so that fraction x largest unit fits into 64 bits */

static const double PERCENT_MAX = 100000;

struct unit {
        const char *name;
        uint64_t factor;
};

/* The largest first: several in one duration must come in this order. */
static const struct unit duration_units[] = {
        {"w", 7 * USEC_PER_DAY},
        {"d", USEC_PER_DAY},
        {"h", USEC_PER_HOUR},
        {"m", USEC_PER_MINUTE},
        {"s", USEC_PER_SEC},
        {"ms", USEC_PER_MSEC},
        {"us", 1},
};

static const struct unit binary_units[] = {
        {"TiB", UINT64_C(1) << 40},
        {"GiB", UINT64_C(1) << 30},
        {"MiB", UINT64_C(1) << 20},
        {"KiB", UINT64_C(1) << 10},
        {"B", 1},
};

static const struct unit decimal_units[] = {
        {"TB", 1000000000000},
        {"GB", 1000000000},
        {"MB", 1000000},
        {"kB", 1000},
        {"B", 1},
};

/* whole + fraction / scale */
struct decimal {
        uint64_t whole, fraction, scale;
};

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int parse_digits(const char **text, uint64_t *ret) {
        uint64_t value = 0;

        if (!is_digit(**text)) {
                return -EINVAL;
        }
        for (; is_digit(**text); (*text)++) {
                if (__builtin_mul_overflow(value, 10U, &value) ||
                        __builtin_add_overflow(value, (uint64_t) (**text - '0'), &value)) {
                        return -ERANGE;
                }
        }
        *ret = value;
        return 0;
}

/* By hand rather than strtod(), which takes hexadecimal, "nan", and the locale's decimal point. */
static int parse_decimal(const char **text, struct decimal *ret) {
        *ret = (struct decimal){.scale = 1};
        int r = parse_digits(text, &ret->whole);
        if (r < 0 || **text != '.') {
                return r;
        }
        const char *start = ++*text;
        r = parse_digits(text, &ret->fraction);
        if (r < 0) {
                return r;
        }
        if (*text - start > FRACTION_DIGITS_MAX) {
                return -EINVAL;
        }
        for (; start < *text; start++) {
                ret->scale *= 10;
        }
        return 0;
}

/* Rounds down, except that something never becomes nothing. */
static int decimal_times(const struct decimal *decimal, uint64_t factor, uint64_t *ret) {
        uint64_t value;

        if (__builtin_mul_overflow(decimal->whole, factor, &value) ||
                __builtin_add_overflow(
                        value, decimal->fraction * factor / decimal->scale, &value)) {
                return -ERANGE;
        }
        if (value == 0 && (decimal->whole > 0 || decimal->fraction > 0)) {
                return -ERANGE;
        }
        *ret = value;
        return 0;
}

/* Takes the unit's letters off the text. */
static const struct unit *parse_unit(const char **text, const struct unit *units, size_t n_units) {
        size_t length = 0;

        while (is_letter((*text)[length])) {
                length++;
        }
        for (size_t i = 0; i < n_units; i++) {
                if (strlen(units[i].name) == length && memcmp(units[i].name, *text, length) == 0) {
                        *text += length;
                        return &units[i];
                }
        }
        return NULL;
}

int units_parse_duration(const char *text, usec_t *ret) {
        const struct unit *last = NULL;
        usec_t sum = 0;

        if (str_eq(text, "0")) {
                *ret = 0;
                return 0;
        }
        do {
                struct decimal decimal;
                usec_t part;
                int r = parse_decimal(&text, &decimal);
                if (r < 0) {
                        return r;
                }
                const struct unit *unit =
                        parse_unit(&text, duration_units, ELEMENTSOF(duration_units));
                if (!unit || (last && unit <= last)) {
                        return -EINVAL;
                }
                r = decimal_times(&decimal, unit->factor, &part);
                if (r < 0) {
                        return r;
                }
                sum = usec_add(sum, part);
                last = unit;
        } while (*text);
        if (sum == USEC_INFINITY) {
                return -ERANGE;
        }
        *ret = sum;
        return 0;
}

int units_parse_size(const char *text, uint64_t *ret_bytes) {
        struct decimal decimal;

        if (str_eq(text, "0")) {
                *ret_bytes = 0;
                return 0;
        }
        int r = parse_decimal(&text, &decimal);
        if (r < 0) {
                return r;
        }
        const struct unit *unit = parse_unit(&text, binary_units, ELEMENTSOF(binary_units));
        if (!unit) {
                unit = parse_unit(&text, decimal_units, ELEMENTSOF(decimal_units));
        }
        if (!unit || *text) {
                return -EINVAL;
        }
        return decimal_times(&decimal, unit->factor, ret_bytes);
}

int units_parse_percent(const char *text, double *ret_percent) {
        struct decimal decimal;
        int r = parse_decimal(&text, &decimal);
        if (r < 0) {
                return r;
        }
        if (!str_eq(text, "%")) {
                return -EINVAL;
        }
        double percent =
                (double) decimal.whole + (double) decimal.fraction / (double) decimal.scale;
        if (percent > PERCENT_MAX) {
                return -ERANGE;
        }
        *ret_percent = percent;
        return 0;
}

static int parse_count(const char *text, uint64_t *ret) {
        uint64_t count;
        int r = parse_digits(&text, &count);
        if (r < 0) {
                return r;
        }
        if (*text) {
                return -EINVAL;
        }
        *ret = count;
        return 0;
}

int units_parse_amount(const char *text, struct amount *ret) {
        struct amount amount;
        uint64_t number = 0;
        int r;

        if (strchr(text, '%')) {
                amount.unit = AMOUNT_PERCENT;
                r = units_parse_percent(text, &amount.value);
        } else if (strpbrk(text, "Bb")) {
                amount.unit = AMOUNT_BYTES;
                r = units_parse_size(text, &number);
                amount.value = (double) number;
        } else {
                amount.unit = AMOUNT_COUNT;
                r = parse_count(text, &number);
                amount.value = (double) number;
        }
        if (r < 0) {
                return r;
        }
        *ret = amount;
        return 0;
}

/* part / whole as a decimal without trailing zeros: 1500000 of 1000000 is "1.5". whole: 1000^n. */
static void format_decimal(uint64_t part, uint64_t whole, char *text, size_t size) {
        int digits = whole == USEC_PER_SEC ? 6 : whole == USEC_PER_MSEC ? 3 : 0;
        int length = snprintf(text, size, "%" PRIu64, part / whole);

        if (part % whole == 0) {
                return;
        }
        length += snprintf(
                text + length, size - (size_t) length, ".%0*" PRIu64, digits, part % whole);
        while (text[length - 1] == '0') {
                text[--length] = '\0';
        }
}

static void format_below_second(usec_t duration, char text[UNITS_TEXT_MAX]) {
        char number[UNITS_TEXT_MAX - 2];
        bool micro = duration < USEC_PER_MSEC;

        format_decimal(duration, micro ? 1 : USEC_PER_MSEC, number, sizeof(number));
        (void) snprintf(text, UNITS_TEXT_MAX, "%s%s", number, micro ? "us" : "ms");
}

/* Days, hours and minutes, whole; then seconds with a fraction. */
static void format_from_second(usec_t duration, char text[UNITS_TEXT_MAX]) {
        static const struct unit wholes[] = {
                {"d", USEC_PER_DAY}, {"h", USEC_PER_HOUR}, {"m", USEC_PER_MINUTE}};
        size_t length = 0;

        for (size_t i = 0; i < ELEMENTSOF(wholes); i++) {
                uint64_t count = duration / wholes[i].factor;
                if (count > 0) {
                        length += (size_t) snprintf(text + length, UNITS_TEXT_MAX - length,
                                "%" PRIu64 "%s", count, wholes[i].name);
                        duration %= wholes[i].factor;
                }
        }
        if (duration > 0) {
                format_decimal(duration, USEC_PER_SEC, text + length, UNITS_TEXT_MAX - length - 1);
                memcpy(text + strlen(text), "s", 2);
        }
}

const char *units_format_duration(usec_t duration, char text[UNITS_TEXT_MAX]) {
        if (duration == USEC_INFINITY) {
                memcpy(text, "never", sizeof("never"));
        } else if (duration == 0) {
                memcpy(text, "0s", sizeof("0s"));
        } else if (duration < USEC_PER_SEC) {
                format_below_second(duration, text);
        } else {
                format_from_second(duration, text);
        }
        return text;
}

/* What is below a limit is rounded to this precision before it is printed. */
static const struct precision {
        usec_t below, quantum;
} precisions[] = {
        {USEC_PER_MSEC, 1},
        {10 * USEC_PER_MSEC, 10},
        {100 * USEC_PER_MSEC, 100},
        {USEC_PER_SEC, USEC_PER_MSEC},
        {10 * USEC_PER_SEC, 10 * USEC_PER_MSEC},
        {USEC_PER_MINUTE, 100 * USEC_PER_MSEC},
        {USEC_PER_HOUR, USEC_PER_SEC},
        {USEC_PER_DAY, USEC_PER_MINUTE},
        {USEC_INFINITY, USEC_PER_HOUR},
};

const char *units_format_duration_short(usec_t duration, char text[UNITS_TEXT_MAX]) {
        size_t i = 0;

        if (duration == USEC_INFINITY) {
                return units_format_duration(duration, text);
        }
        while (duration >= precisions[i].below) {
                i++;
        }
        usec_t quantum = precisions[i].quantum;
        usec_t rounded = usec_add(duration, quantum / 2) / quantum * quantum;
        return units_format_duration(rounded, text);
}

static int format_in_unit(uint64_t bytes, const struct unit *units, char text[UNITS_TEXT_MAX]) {
        while (bytes % units->factor != 0) {
                units++; /* ends at "B", whose factor is 1 */
        }
        return snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "%s", bytes / units->factor, units->name);
}

const char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_MAX]) {
        char decimal[UNITS_TEXT_MAX];

        if (bytes == 0) {
                memcpy(text, "0B", sizeof("0B"));
                return text;
        }
        int binary_length = format_in_unit(bytes, binary_units, text);
        if (format_in_unit(bytes, decimal_units, decimal) < binary_length) {
                str_copy(text, UNITS_TEXT_MAX, decimal);
        }
        return text;
}

const char *units_format_size_short(uint64_t bytes, char text[UNITS_TEXT_MAX]) {
        const struct unit *unit = binary_units;

        while (bytes < unit->factor && unit->factor > 1) {
                unit++;
        }
        double value = (double) bytes / (double) unit->factor;
        if (round(value) >= 1024 && unit > binary_units) {
                unit--;
                value /= 1024;
        }
        int decimals = value >= 100 || unit->factor == 1 ? 0 : value >= 10 ? 1 : 2;
        int length = snprintf(text, UNITS_TEXT_MAX - 4, "%.*f", decimals, value);
        if (decimals > 0) {
                while (text[length - 1] == '0') {
                        length--;
                }
                length -= text[length - 1] == '.';
        }
        memcpy(text + length, unit->name, strlen(unit->name) + 1);
        return text;
}

const char *units_format_amount(const struct amount *amount, char text[UNITS_TEXT_MAX]) {
        switch (amount->unit) {
        case AMOUNT_COUNT:
                (void) snprintf(text, UNITS_TEXT_MAX, "%.10g", amount->value);
                return text;
        case AMOUNT_BYTES:
                return units_format_size((uint64_t) amount->value, text);
        case AMOUNT_PERCENT:
                (void) snprintf(text, UNITS_TEXT_MAX, "%.10g%%", amount->value);
                return text;
        case AMOUNT_UNSET:
                break;
        }
        memcpy(text, "-", 2);
        return text;
}
