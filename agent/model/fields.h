#pragma once
/* Plain structs as text lines `key=value`, both ways, by one table: for packets between processes
 * and for small state files. A value is one line of printable text. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/enum_text.h"

enum { FIELDS_TEXT_MAX = 2048, FIELDS_MAX = 64 };

enum field_kind {
        FIELD_U32,
        FIELD_U64,
        FIELD_INT,
        FIELD_BOOL,
        FIELD_DOUBLE,
        FIELD_WORD,
        FIELD_TEXT
};

/* A table ends with a NULL key and has at most FIELDS_MAX rows. Enums and pid_t are read as int. */
struct field {
        const char *key;
        enum field_kind kind;
        size_t offset;
        size_t size; /* FIELD_TEXT: of the array, at most FIELDS_TEXT_MAX */
        const struct enum_text *words; /* FIELD_WORD */
};

#define FIELD(object, member, kind_)                                                               \
        { #member, kind_, offsetof(object, member) }
#define FIELD_OF_WORDS(object, key_, member, words_)                                               \
        { key_, FIELD_WORD, offsetof(object, member), 0, words_ }
#define FIELD_OF_TEXT(object, member)                                                              \
        { #member, FIELD_TEXT, offsetof(object, member), sizeof(((object *) 0)->member) }

/* Writes the members that differ from zero, in the order of the table, without a terminator.
 * Control characters in texts become spaces. Returns the length; -EMSGSIZE when it does not fit. */
ssize_t fields_write(const struct field *table, const void *object, char *to, size_t size);

/* Reads lines into a zeroed object. Unknown keys are ignored. -EBADMSG with the reason: not of the
 * form, cut, a key twice, a value out of range, or not beginning with the first key of the table.
 * Then the object is left half filled. `text` is changed on the way. */
int fields_read(const struct field *table, char *text, void *object, struct error *err);
