#include "probes/perfdata.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { NUMBER_MAX = 64 }; /* bytes of a number; what is longer measures nothing */

/* A stretch of text that is being read. */
struct reader {
        const char *at, *end;
};

static bool is_space(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* ---- Units ---- */

static const struct unit {
        const char *symbol, *name;
        double factor;
} units[] = {
        {"s", "seconds", 1},
        {"ms", "seconds", 1e-3},
        {"us", "seconds", 1e-6},
        {"\xc2\xb5s", "seconds", 1e-6},
        {"ns", "seconds", 1e-9},
        {"%", "ratio", 0.01},
        {"c", "count", 1},
        {"B", "bytes", 1},
        {"kB", "bytes", 1e3},
        {"KB", "bytes", 1e3},
        {"MB", "bytes", 1e6},
        {"GB", "bytes", 1e9},
        {"TB", "bytes", 1e12},
        {"KiB", "bytes", 1024},
        {"MiB", "bytes", 1048576},
        {"GiB", "bytes", 1073741824},
        {"TiB", "bytes", 1099511627776},
        {0},
};

/* No digits and signs: "1,5" is 1.5 in one language and 15 in another, so it is nothing here. A '?'
 * stands for what was not printable. */
static bool is_unit(const char *text, size_t length) {
        for (size_t i = 0; i < length; i++) {
                bool letter =
                        (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
                if (!letter && !strchr("%/_?", text[i]) && (unsigned char) text[i] < 0x80) {
                        return false;
                }
        }
        return length < MEASUREMENT_UNIT_MAX;
}

static bool set_unit(struct measurement *value, const char *text, size_t length) {
        if (!is_unit(text, length)) {
                return false;
        }
        memcpy(value->unit, text, length);
        value->unit[length] = '\0';
        for (const struct unit *unit = units; unit->symbol; unit++) {
                if (str_eq(unit->symbol, value->unit)) {
                        str_copy(value->unit, sizeof(value->unit), unit->name);
                        value->value *= unit->factor;
                        return true;
                }
        }
        str_make_printable(value->unit);
        return true;
}

/* ---- Numbers ---- */

static size_t digits(const char *text, size_t length) {
        size_t n = 0;
        while (n < length && is_digit(text[n])) {
                n++;
        }
        return n;
}

/* How much of the text is a decimal number; 0: none. Neither hexadecimal nor "nan" nor "inf", which
 * strtod() would take. */
static size_t number_length(const char *text, size_t length) {
        size_t n = length > 0 && (text[0] == '-' || text[0] == '+');
        size_t whole = digits(text + n, length - n);
        n += whole;
        if (n < length && text[n] == '.') {
                size_t fraction = digits(text + n + 1, length - n - 1);
                whole += fraction;
                n += 1 + fraction;
        }
        if (whole == 0) {
                return 0;
        }
        if (n < length && (text[n] == 'e' || text[n] == 'E')) {
                size_t mark = n + 1;
                mark += mark < length && (text[mark] == '-' || text[mark] == '+');
                size_t exponent = digits(text + mark, length - mark);
                n = exponent > 0 ? mark + exponent : n;
        }
        return n;
}

/* "12.5ms": false for everything that is not a finite number with a unit or without. */
static bool parse_value(const char *text, size_t length, struct measurement *ret) {
        char number[NUMBER_MAX + 1];
        size_t n = number_length(text, length);
        if (n == 0 || n > NUMBER_MAX) {
                return false;
        }
        memcpy(number, text, n);
        number[n] = '\0';
        ret->value = strtod(number, NULL);
        return set_unit(ret, text + n, length - n) && isfinite(ret->value);
}

/* ---- Items ---- */

static void add_to_label(struct measurement *value, size_t *length, char c) {
        if (*length + 1 < sizeof(value->label)) {
                value->label[(*length)++] = c;
                value->label[*length] = '\0';
        }
}

/* 'a label', in which '' stands for one quote. */
static bool read_quoted(struct reader *reader, struct measurement *value) {
        size_t length = 0;
        for (reader->at++; reader->at < reader->end; reader->at++) {
                if (*reader->at == '\'') {
                        if (reader->end - reader->at < 2 || reader->at[1] != '\'') {
                                reader->at++;
                                return true;
                        }
                        reader->at++;
                }
                add_to_label(value, &length, *reader->at);
        }
        return false;
}

static bool read_plain(struct reader *reader, struct measurement *value) {
        size_t length = 0;
        for (; reader->at < reader->end && !is_space(*reader->at); reader->at++) {
                if (*reader->at == '=') {
                        return true;
                }
                add_to_label(value, &length, *reader->at);
        }
        return false;
}

/* Up to the '=' behind it, which has to be there. */
static bool read_label(struct reader *reader, struct measurement *value) {
        bool good = *reader->at == '\'' ? read_quoted(reader, value) : read_plain(reader, value);
        if (!good || reader->at == reader->end || *reader->at != '=' || str_empty(value->label)) {
                return false;
        }
        reader->at++;
        str_make_printable(value->label);
        return true;
}

static size_t word_length(const struct reader *reader) {
        const char *end = reader->at;
        while (end < reader->end && !is_space(*end)) {
                end++;
        }
        return (size_t) (end - reader->at);
}

static bool read_item(struct reader *reader, struct measurement *ret) {
        bool labelled = read_label(reader, ret);
        size_t length = word_length(reader);
        const char *text = reader->at;
        reader->at += length;
        const char *thresholds = memchr(text, ';', length);
        size_t value_length = thresholds ? (size_t) (thresholds - text) : length;
        return labelled && parse_value(text, value_length, ret);
}

void perfdata_parse(struct perfdata *data, const char *text, size_t length) {
        struct reader reader = {text, text + length};
        while (reader.at < reader.end) {
                if (is_space(*reader.at)) {
                        reader.at++;
                        continue;
                }
                struct measurement value = {0};
                if (!read_item(&reader, &value) || perfdata_find(data, value.label) ||
                        data->count == MEASUREMENTS_MAX) {
                        data->left_out++;
                        continue;
                }
                data->values[data->count++] = value;
        }
}

const struct measurement *perfdata_find(const struct perfdata *data, const char *label) {
        for (uint32_t i = 0; i < data->count; i++) {
                if (str_eq(data->values[i].label, label)) {
                        return &data->values[i];
                }
        }
        return NULL;
}

/* ---- Writing ---- */

static int format_one(const struct measurement *value, char *text, size_t size) {
        char label[2 * MEASUREMENT_LABEL_MAX];
        size_t n = 0;
        for (const char *c = value->label; *c; c++) {
                if (*c == '\'') {
                        label[n++] = '\'';
                }
                label[n++] = *c;
        }
        label[n] = '\0';
        return snprintf(text, size, "'%s'=%.17g%s ", label, value->value, value->unit);
}

const char *perfdata_format(
        const struct measurement *values, uint32_t count, char *text, size_t size) {
        size_t used = 0;
        text[0] = '\0';
        for (uint32_t i = 0; i < count; i++) {
                int n = format_one(&values[i], text + used, size - used);
                if (n < 0 || (size_t) n >= size - used) {
                        text[used] = '\0';
                        break;
                }
                used += (size_t) n;
        }
        return text;
}
