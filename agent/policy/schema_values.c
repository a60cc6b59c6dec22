#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "policy/schema_fill.h"

typedef int (*scalar_parser)(struct arena *arena, const struct schema_field *field,
        const char *text, void *to, char why[SCHEMA_WHY_MAX]);

static int expected(char why[SCHEMA_WHY_MAX], const char *what) {
        snprintf(why, SCHEMA_WHY_MAX, "expected %s", what);
        return -EINVAL;
}

/* Turns what a parser of base/units.h returned into a reason. */
static int explain(int r, char why[SCHEMA_WHY_MAX], const char *what) {
        if (r == -ERANGE) {
                snprintf(why, SCHEMA_WHY_MAX, "the number is too large");
        } else if (r < 0) {
                expected(why, what);
        }
        return r < 0 ? -EINVAL : 0;
}

static int parse_string(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) field;
        (void) why;
        char *copy = arena_strdup(arena, text);
        *(const char **) to = copy;
        return copy ? 0 : -ENOMEM;
}

static int parse_path(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        if (text[0] != '/') {
                return expected(why, "an absolute path, beginning with '/'");
        }
        if (strlen(text) >= PATH_MAX) {
                return expected(why, "a path of less than 4096 bytes");
        }
        return parse_string(arena, field, text, to, why);
}

static int parse_bool(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        (void) field;
        if (!str_eq(text, "true") && !str_eq(text, "false")) {
                return expected(why, "true or false");
        }
        *(bool *) to = text[0] == 't';
        return 0;
}

static int parse_uint(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        (void) field;
        if (!*text || text[strspn(text, "0123456789")] != '\0') {
                return expected(why, "a whole number such as 3");
        }
        errno = 0;
        unsigned long long value = strtoull(text, NULL, 10);
        if (errno != 0 || value > UINT32_MAX) {
                return explain(-ERANGE, why, "");
        }
        *(uint32_t *) to = (uint32_t) value;
        return 0;
}

static int parse_duration(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        (void) field;
        return explain(units_parse_duration(text, to), why, "a duration such as 500ms, 2s or 5m");
}

static int parse_size(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        (void) field;
        return explain(units_parse_size(text, to), why, "a size such as 512MiB or 2GB");
}

static int parse_percent(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        (void) field;
        return explain(units_parse_percent(text, to), why, "a percentage such as 90%");
}

static const char *amount_words(unsigned units) {
        static const char *const words[] = {
                [SCHEMA_UNITS_PERCENT] = "a percentage such as 90%",
                [SCHEMA_UNITS_SIZE] = "a size such as 512MiB",
                [SCHEMA_UNITS_PERCENT | SCHEMA_UNITS_SIZE] =
                        "a percentage such as 90% or a size such as 512MiB",
                [SCHEMA_UNITS_COUNT] = "a number such as 100",
                [SCHEMA_UNITS_COUNT | SCHEMA_UNITS_PERCENT] =
                        "a percentage such as 90% or a number such as 100",
                [SCHEMA_UNITS_COUNT | SCHEMA_UNITS_SIZE] =
                        "a size such as 512MiB or a number such as 100",
                [SCHEMA_UNITS_COUNT | SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT] =
                        "a percentage such as 90%, a size such as 512MiB, or a number such as 100",
        };
        return words[units];
}

static unsigned unit_bit(enum amount_unit unit) {
        static const unsigned bits[] = {
                [AMOUNT_UNSET] = 0,
                [AMOUNT_COUNT] = SCHEMA_UNITS_COUNT,
                [AMOUNT_BYTES] = SCHEMA_UNITS_SIZE,
                [AMOUNT_PERCENT] = SCHEMA_UNITS_PERCENT,
        };
        return bits[unit];
}

static int parse_amount(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        struct amount amount;
        int r = units_parse_amount(text, &amount);
        if (r == 0 && !(unit_bit(amount.unit) & field->units)) {
                r = -EINVAL;
        }
        if (r == 0) {
                *(struct amount *) to = amount;
        }
        return explain(r, why, amount_words(field->units));
}

static int refuse_word(const struct schema_field *field, char why[SCHEMA_WHY_MAX]) {
        size_t used = (size_t) snprintf(why, SCHEMA_WHY_MAX, "expected");
        for (const struct enum_text *row = field->words; row->text && used < SCHEMA_WHY_MAX;
                row++) {
                const char *separator = row == field->words ? " " : row[1].text ? ", " : " or ";
                used += (size_t) snprintf(
                        why + used, SCHEMA_WHY_MAX - used, "%s%s", separator, row->text);
        }
        return -EINVAL;
}

static int parse_enum(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        int value = enum_text_parse(field->words, text);
        if (value < 0) {
                return refuse_word(field, why);
        }
        *(int *) to = value;
        return 0;
}

static int parse_enum_set(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        int value = 0;
        int r = parse_enum(arena, field, text, &value, why);
        if (r == 0) {
                *(uint32_t *) to |= UINT32_C(1) << value;
        }
        return r;
}

static int parse_custom(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        return field->parse(text, to, arena, why);
}

/* Strings and durations are added one by one: the array was allocated for all of them. */
static int parse_strings(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        struct strings *strings = to;
        return parse_string(arena, field, text, &strings->items[strings->count++], why);
}

static int parse_command(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        const struct strings *command = to;
        if (command->count == 0 && text[0] != '/') {
                return expected(why, "the absolute path of a program, beginning with '/'");
        }
        return parse_strings(arena, field, text, to, why);
}

static int parse_durations(struct arena *arena, const struct schema_field *field, const char *text,
        void *to, char why[SCHEMA_WHY_MAX]) {
        struct durations *durations = to;
        return parse_duration(arena, field, text, &durations->items[durations->count++], why);
}

static const struct {
        size_t size;
        bool scalar;
        scalar_parser parse;
} kinds[] = {
        [SCHEMA_STRING] = {sizeof(const char *), true, parse_string},
        [SCHEMA_PATH] = {sizeof(const char *), true, parse_path},
        [SCHEMA_BOOL] = {sizeof(bool), true, parse_bool},
        [SCHEMA_UINT] = {sizeof(uint32_t), true, parse_uint},
        [SCHEMA_DURATION] = {sizeof(usec_t), true, parse_duration},
        [SCHEMA_SIZE] = {sizeof(uint64_t), true, parse_size},
        [SCHEMA_PERCENT] = {sizeof(double), true, parse_percent},
        [SCHEMA_AMOUNT] = {sizeof(struct amount), true, parse_amount},
        [SCHEMA_ENUM] = {sizeof(int), true, parse_enum},
        [SCHEMA_ENUM_SET] = {sizeof(uint32_t), false, parse_enum_set},
        [SCHEMA_STRINGS] = {sizeof(struct strings), false, parse_strings},
        [SCHEMA_COMMAND] = {sizeof(struct strings), false, parse_command},
        [SCHEMA_DURATIONS] = {sizeof(struct durations), false, parse_durations},
        [SCHEMA_PAIRS] = {sizeof(struct pairs), false, NULL},
        [SCHEMA_MARKED] = {sizeof(struct pairs), false, NULL},
        [SCHEMA_OBJECT] = {0, false, NULL},
        [SCHEMA_OBJECT_PTR] = {sizeof(void *), false, NULL},
        [SCHEMA_OBJECTS] = {sizeof(struct objects), false, NULL},
        [SCHEMA_OBJECT_MAP] = {sizeof(struct objects), false, NULL},
        [SCHEMA_CUSTOM] = {0, false, parse_custom},
};

bool schema_kind_is_scalar(enum schema_kind kind) {
        return kinds[kind].scalar;
}

size_t schema_kind_size(enum schema_kind kind) {
        return kinds[kind].size;
}

/* ---- Limits -----------------------------------------------------------------------------------
 */

static bool as_number(enum schema_kind kind, const void *value, double *ret) {
        switch (kind) {
        case SCHEMA_UINT:
                *ret = *(const uint32_t *) value;
                return true;
        case SCHEMA_DURATION:
        case SCHEMA_SIZE:
                *ret = (double) *(const uint64_t *) value;
                return true;
        case SCHEMA_PERCENT:
                *ret = *(const double *) value;
                return true;
        case SCHEMA_AMOUNT:
                *ret = ((const struct amount *) value)->value;
                return true;
        case SCHEMA_DURATIONS: { /* the newest: each was checked when it was added */
                const struct durations *durations = value;
                *ret = (double) durations->items[durations->count - 1];
                return true;
        }
        case SCHEMA_STRING:
        case SCHEMA_PATH:
        case SCHEMA_BOOL:
        case SCHEMA_ENUM:
        case SCHEMA_ENUM_SET:
        case SCHEMA_STRINGS:
        case SCHEMA_COMMAND:
        case SCHEMA_PAIRS:
        case SCHEMA_MARKED:
        case SCHEMA_OBJECT:
        case SCHEMA_OBJECT_PTR:
        case SCHEMA_OBJECTS:
        case SCHEMA_OBJECT_MAP:
        case SCHEMA_CUSTOM:
                return false;
        }
        return false;
}

/* A limit in the terms of the value; false when it does not apply (none, or in another unit). */
static bool limit_number(
        const struct schema_field *field, const char *limit, const void *value, double *ret) {
        enum schema_kind kind = field->kind == SCHEMA_DURATIONS ? SCHEMA_DURATION : field->kind;
        char why[SCHEMA_WHY_MAX];
        struct amount room; /* large enough for each kind of number */

        if (!limit || kinds[kind].parse(NULL, field, limit, &room, why) < 0) {
                return false;
        }
        if (kind == SCHEMA_AMOUNT && room.unit != ((const struct amount *) value)->unit) {
                return false;
        }
        return as_number(kind, &room, ret);
}

static int check_limits(
        const struct schema_field *field, const void *value, char why[SCHEMA_WHY_MAX]) {
        double number, limit;
        if ((!field->least && !field->most) || !as_number(field->kind, value, &number)) {
                return 0;
        }
        if (limit_number(field, field->least, value, &limit) && number < limit) {
                snprintf(why, SCHEMA_WHY_MAX, "must be at least %s", field->least);
                return -ERANGE;
        }
        if (limit_number(field, field->most, value, &limit) && number > limit) {
                snprintf(why, SCHEMA_WHY_MAX, "must be at most %s", field->most);
                return -ERANGE;
        }
        return 0;
}

int schema_parse_scalar(struct schema_filler *filler, const struct schema_field *field,
        const char *text, void *to, char why[SCHEMA_WHY_MAX]) {
        int r = kinds[field->kind].parse(filler->arena, field, text, to, why);
        return r < 0 ? r : check_limits(field, to, why);
}

/* ---- Hints ------------------------------------------------------------------------------------
 */

static const char *example_unit(const struct schema_field *field) {
        switch (field->kind) {
        case SCHEMA_DURATION:
        case SCHEMA_DURATIONS:
                return "s";
        case SCHEMA_SIZE:
                return "MiB";
        case SCHEMA_PERCENT:
                return "%";
        case SCHEMA_AMOUNT:
                return field->units & SCHEMA_UNITS_PERCENT ? "%" : "MiB";
        case SCHEMA_STRING:
        case SCHEMA_PATH:
        case SCHEMA_BOOL:
        case SCHEMA_UINT:
        case SCHEMA_ENUM:
        case SCHEMA_ENUM_SET:
        case SCHEMA_STRINGS:
        case SCHEMA_COMMAND:
        case SCHEMA_PAIRS:
        case SCHEMA_MARKED:
        case SCHEMA_OBJECT:
        case SCHEMA_OBJECT_PTR:
        case SCHEMA_OBJECTS:
        case SCHEMA_OBJECT_MAP:
        case SCHEMA_CUSTOM:
                return NULL;
        }
        return NULL;
}

static const char *bool_hint(const char *text) {
        static const struct {
                const char *written, *hint;
        } words[] = {
                {"yes", "write true"},
                {"on", "write true"},
                {"True", "write true"},
                {"TRUE", "write true"},
                {"no", "write false"},
                {"off", "write false"},
                {"False", "write false"},
                {"FALSE", "write false"},
        };
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                if (str_eq(text, words[i].written)) {
                        return words[i].hint;
                }
        }
        return NULL;
}

static const char *nearest_word(const char *text, const struct enum_text *words) {
        size_t n = 0;
        while (words[n].text) {
                n++;
        }
        return problems_nearest(text, &words->text, n, sizeof(*words));
}

const char *schema_scalar_hint(
        const struct schema_field *field, const char *text, char hint[PROBLEM_HINT_MAX]) {
        enum { NUMBER_MAX = 20 };
        const char *unit = example_unit(field);

        if (field->hint) {
                return field->hint(text, hint, PROBLEM_HINT_MAX);
        }
        if (field->kind == SCHEMA_BOOL) {
                return bool_hint(text);
        }
        if (field->words && field->kind != SCHEMA_CUSTOM) {
                return problems_did_you_mean(nearest_word(text, field->words), hint);
        }
        size_t digits = strspn(text, "0123456789.");
        if (unit && digits > 0 && digits < NUMBER_MAX && text[digits] == '\0') {
                snprintf(hint, PROBLEM_HINT_MAX, "the unit is missing: %s%s?", text, unit);
                return hint;
        }
        return NULL;
}
