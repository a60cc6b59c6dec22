#pragma once
/* Tables between enum members and the words people and files use for them. */

#include <stddef.h>

struct enum_text {
        int value;
        const char *text; /* lower case; ends the table when NULL */
        const char *help; /* a sentence for the generated reference, or NULL */
};

/* The word for a value; "?" for one that the table lacks. */
const char *enum_text_format(const struct enum_text *table, int value);

/* The value of a word, -EINVAL when there is none. */
int enum_text_parse(const struct enum_text *table, const char *text);

/* Declares name_text(value), name_parse(text) and the table name_texts. */
#define DECLARE_ENUM_TEXT(name)                                                                    \
        extern const struct enum_text name##_texts[];                                              \
        static inline const char *name##_text(enum name value) {                                   \
                return enum_text_format(name##_texts, (int) value);                                \
        }                                                                                          \
        static inline int name##_parse(const char *text) {                                         \
                return enum_text_parse(name##_texts, text);                                        \
        }
