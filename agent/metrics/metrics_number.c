#include "metrics/metrics_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Up to here every integer has a double of its own. */
static const double exact_limit = 9007199254740992.0; /* 2^53 */

static const char digit_pairs[] = "0001020304050607080910111213141516171819"
                                  "2021222324252627282930313233343536373839"
                                  "4041424344454647484950515253545556575859"
                                  "6061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

size_t metrics_format_u64(char text[METRICS_NUMBER_MAX], uint64_t value) {
        char digits[METRICS_NUMBER_MAX];
        char *end = digits + sizeof(digits), *p = end;
        while (value >= 100) {
                p -= 2;
                memcpy(p, digit_pairs + 2 * (value % 100), 2);
                value /= 100;
        }
        if (value >= 10) {
                p -= 2;
                memcpy(p, digit_pairs + 2 * value, 2);
        } else {
                *--p = (char) ('0' + value);
        }
        size_t length = (size_t) (end - p);
        memcpy(text, p, length);
        return length;
}

size_t metrics_format_millionths(char text[METRICS_NUMBER_MAX], uint64_t value) {
        size_t length = metrics_format_u64(text, value / 1000000);
        unsigned rest = (unsigned) (value % 1000000);
        if (rest == 0) {
                return length;
        }
        text[length] = '.';
        memcpy(text + length + 1, digit_pairs + (size_t) 2 * (rest / 10000), 2);
        memcpy(text + length + 3, digit_pairs + (size_t) 2 * (rest / 100 % 100), 2);
        memcpy(text + length + 5, digit_pairs + (size_t) 2 * (rest % 100), 2);
        length += strlen(".123456");
        while (text[length - 1] == '0') {
                length--;
        }
        return length;
}

static size_t format_word(char text[METRICS_NUMBER_MAX], const char *word) {
        size_t length = strlen(word);
        memcpy(text, word, length);
        return length;
}

/* `scaled` / 10^places, trailing zeros removed. */
static size_t format_fixed(char text[METRICS_NUMBER_MAX], uint64_t scaled, unsigned places) {
        while (places > 0 && scaled % 10 == 0) {
                scaled /= 10;
                places--;
        }
        char digits[METRICS_NUMBER_MAX];
        size_t n = metrics_format_u64(digits, scaled);
        if (places == 0) {
                memcpy(text, digits, n);
                return n;
        }
        size_t whole = n > places ? n - places : 0;
        size_t length = whole;
        memcpy(text, digits, whole);
        if (whole == 0) {
                text[length++] = '0';
        }
        text[length++] = '.';
        for (size_t zeros = n < places ? places - n : 0; zeros > 0; zeros--) {
                text[length++] = '0';
        }
        memcpy(text + length, digits + whole, n - whole);
        return length + n - whole;
}

/* A decimal m / 10^n with both parts exact doubles is read as the correctly rounded quotient
 * (Clinger 1990, the fast path of strtod). If that division gives the value back, its digits are
 * right. */
static size_t format_few_decimals(char text[METRICS_NUMBER_MAX], double value) {
        static const struct {
                double scale;
                unsigned places;
        } tries[] = {{1, 0}, {1e6, 6}, {1e9, 9}};
        for (size_t i = 0; i < ELEMENTSOF(tries); i++) {
                double product = value * tries[i].scale;
                if (product >= exact_limit) {
                        return 0;
                }
                uint64_t scaled = (uint64_t) (product + 0.5);
                if ((double) scaled / tries[i].scale == value) {
                        return format_fixed(text, scaled, tries[i].places);
                }
        }
        return 0;
}

static size_t format_any(char text[METRICS_NUMBER_MAX], double value) {
        int length = 0;
        for (int digits = 15; digits <= 17; digits++) { /* 17 always suffice for a double */
                length = snprintf(text, METRICS_NUMBER_MAX, "%.*g", digits, value);
                if (strtod(text, NULL) == value) {
                        break;
                }
        }
        return (size_t) length;
}

size_t metrics_format_double(char text[METRICS_NUMBER_MAX], double value) {
        if (isnan(value)) {
                return format_word(text, "NaN");
        }
        if (isinf(value)) {
                return format_word(text, value > 0 ? "+Inf" : "-Inf");
        }
        size_t sign = 0;
        if (value < 0) {
                text[sign++] = '-';
                value = -value;
        }
        char digits[METRICS_NUMBER_MAX];
        size_t length = format_few_decimals(digits, value);
        if (length == 0) {
                length = format_any(digits, value);
        }
        memcpy(text + sign, digits, length);
        return sign + length;
}
