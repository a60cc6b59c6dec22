#pragma once
/* Descriptions of the objects that a policy file may hold. One table per object drives parsing,
 * defaults, units, limits, help text, the JSON Schema and the policy reference. The tables live
 * with what they describe (agent/policy, probes/); the engine that walks them is in agent/policy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/units.h"
#include "model/enum_text.h"

/* Kind of a key, and the type of the struct member that it fills. */
enum schema_kind {
        SCHEMA_STRING, /* const char * */
        SCHEMA_PATH, /* const char *, absolute */
        SCHEMA_BOOL, /* bool */
        SCHEMA_UINT, /* uint32_t */
        SCHEMA_DURATION, /* usec_t */
        SCHEMA_SIZE, /* uint64_t, bytes */
        SCHEMA_PERCENT, /* double, 0..100 */
        SCHEMA_AMOUNT, /* struct amount: whichever of percent, size, count `units` allows */
        SCHEMA_ENUM, /* int, by `words` */
        SCHEMA_ENUM_SET, /* uint32_t, bit (1 << value) for each listed word; one word or a list */
        SCHEMA_STRINGS, /* struct strings; one scalar is a list of one */
        SCHEMA_COMMAND, /* struct strings: argv, the first an absolute path, never a shell line */
        SCHEMA_DURATIONS, /* struct durations */
        SCHEMA_PAIRS, /* struct pairs: mapping of text to text */
        SCHEMA_MARKED, /* struct pairs: a text or a list; an item is a text, or a mapping of one
                          text to one of `words`, the first of which a bare text has */
        SCHEMA_OBJECT, /* the object's struct inline at `offset` */
        SCHEMA_OBJECT_PTR, /* pointer to the object's struct; NULL when the key is absent */
        SCHEMA_OBJECTS, /* struct objects: list */
        SCHEMA_OBJECT_MAP, /* struct objects: mapping; the struct begins with `const char *name` */
        SCHEMA_CUSTOM, /* a scalar, or a list of scalars, each given to `parse` in turn */
};

struct strings {
        const char **items; /* NULL-terminated, so that it can be an argv or an environment */
        uint32_t count;
};

struct durations {
        usec_t *items;
        uint32_t count;
};

struct pair {
        const char *key, *value;
};

struct pairs {
        struct pair *items;
        uint32_t count;
};

struct objects {
        void *items; /* array of the object's struct */
        uint32_t count;
};

enum { SCHEMA_WHY_MAX = 384 };

/* Fills (or, for a list, adds to) the member at `to`. On failure writes the reason, a sentence
 * without a period such as "expected a status such as 200 or a range such as 200-299", and returns
 * -EINVAL. */
typedef int (*schema_parse)(
        const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);

enum schema_units { /* what SCHEMA_AMOUNT accepts; or-ed together */
        SCHEMA_UNITS_PERCENT = 1,
        SCHEMA_UNITS_SIZE = 2,
        SCHEMA_UNITS_COUNT = 4,
};

struct schema_field {
        const char *key; /* ends the table when NULL */
        enum schema_kind kind;
        size_t offset;
        const char *standard; /* default, as one would write it; NULL: the member stays zero */
        const char *least, *most; /* limits, as one would write them; NULL: none */
        const char *help; /* one or two sentences for the reference and the JSON Schema */
        const char *example; /* a value in YAML flow style that loads; required for each key */
        const char *with; /* keys that the example needs beside it and the required ones, as in
                             "writable: true"; NULL: none */
        const struct enum_text *words;
        const struct schema *object;
        schema_parse parse;
        /* What was probably meant by a text that `parse` refused, such as "did you mean 'x'?"; NULL
         * when nobody knows. SCHEMA_CUSTOM only, and may be NULL. */
        const char *(*hint)(const char *text, char *hint, size_t size);
        const char *pattern; /* SCHEMA_CUSTOM: regular expression, for the JSON Schema */
        unsigned units;
        bool required;
        bool single; /* SCHEMA_CUSTOM: one scalar only, never a list */
        bool inherited; /* when absent, taken from the enclosing object; said in the reference */
};

struct probe_traits;

/* Exactly one key of this kind is present in the object; it chooses what the object is. */
struct schema_variant {
        const char *key; /* ends the table when NULL */
        int tag;
        const struct schema *object;
        const char *help;
        const struct probe_traits *traits; /* of a probe type; NULL: none */
};

struct schema_report;

/* Complains about a key of the object being checked (NULL: the object as a whole); points at its
 * place in the file. */
void schema_complain(struct schema_report *report, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

struct schema {
        const char *name; /* as in "http probe"; also names its section of the reference */
        const char *help;
        size_t size; /* of the struct */
        const struct schema_field *fields;
        const char *shorthand; /* key that a bare scalar or list stands for (disk: /srv), or NULL */
        const struct schema_variant *variants; /* NULL: none */
        size_t tag_offset; /* int: tag of the variant found; -1 when optional and absent */
        size_t variant_offset; /* const void *: the variant's struct */
        bool variant_optional;
        /* Cross-checks within the object, after all its members are filled; may be NULL. */
        void (*check)(const void *object, struct schema_report *report);
};
