#pragma once
/* Structs as columns, by tables that name each member once for both directions. */

#include <sqlite3.h>
#include <stddef.h>

#include "model/enum_text.h"

enum store_column_kind {
        STORE_COLUMN_TEXT, /* char[size] */
        STORE_COLUMN_U64, /* uint64_t, usec_t, wall_usec_t; USEC_INFINITY becomes -1 */
        STORE_COLUMN_U32, /* uint32_t */
        STORE_COLUMN_INT, /* int */
        STORE_COLUMN_BOOL, /* bool */
        STORE_COLUMN_WORD, /* int, an enum by its word */
        STORE_COLUMN_INSTANT, /* struct instant: two columns, monotonic and wall */
        STORE_COLUMN_NESTED, /* the columns of a struct inside */
};

struct store_columns;

struct store_column {
        enum store_column_kind kind;
        size_t offset;
        size_t size;
        const struct enum_text *words;
        const struct store_columns *nested;
};

struct store_columns {
        const struct store_column *items;
        size_t count;
};

#define STORE_TEXT(type, member)                                                                   \
        { STORE_COLUMN_TEXT, offsetof(type, member), sizeof(((type *) 0)->member) }
#define STORE_U64(type, member)                                                                    \
        { STORE_COLUMN_U64, offsetof(type, member) }
#define STORE_U32(type, member)                                                                    \
        { STORE_COLUMN_U32, offsetof(type, member) }
#define STORE_INT(type, member)                                                                    \
        { STORE_COLUMN_INT, offsetof(type, member) }
#define STORE_BOOL(type, member)                                                                   \
        { STORE_COLUMN_BOOL, offsetof(type, member) }
#define STORE_WORD(type, member, texts)                                                            \
        { STORE_COLUMN_WORD, offsetof(type, member), 0, texts }
#define STORE_INSTANT(type, member)                                                                \
        { STORE_COLUMN_INSTANT, offsetof(type, member) }
#define STORE_NESTED(type, member, columns)                                                        \
        { STORE_COLUMN_NESTED, offsetof(type, member), 0, NULL, columns }

/* Binds the members of `object` to the parameters from `first` (1-based) on; returns the number
 * behind the last one, or a negative result of SQLite. Texts are not copied: run the statement
 * before they change. */
int store_columns_bind(sqlite3_stmt *statement, int first, const struct store_columns *columns,
        const void *object);

/* Fills the members from the current row, from column `first` (0-based) on; returns the number
 * behind the last one. A word that no table has gives 0, the member that means nothing or unknown.
 */
int store_columns_read(
        sqlite3_stmt *statement, int first, const struct store_columns *columns, void *object);
