#include "store/store_columns.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"

static const void *member(const void *object, const struct store_column *column) {
        return (const char *) object + column->offset;
}

static int bind_number(sqlite3_stmt *statement, int at, uint64_t value) {
        return sqlite3_bind_int64(statement, at, (int64_t) value);
}

static int bind_text(sqlite3_stmt *statement, int at, const char *text) {
        return sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static int bind_instant(sqlite3_stmt *statement, int at, const struct instant *instant) {
        int result = bind_number(statement, at, instant->mono);
        return result == SQLITE_OK ? bind_number(statement, at + 1, instant->wall) : result;
}

static int bind_plain(
        sqlite3_stmt *statement, int at, const struct store_column *column, const void *value) {
        switch (column->kind) {
        case STORE_COLUMN_TEXT:
                return bind_text(statement, at, value);
        case STORE_COLUMN_U64:
                return bind_number(statement, at, *(const uint64_t *) value);
        case STORE_COLUMN_U32:
                return bind_number(statement, at, *(const uint32_t *) value);
        case STORE_COLUMN_INT:
                return sqlite3_bind_int(statement, at, *(const int *) value);
        case STORE_COLUMN_BOOL:
                return sqlite3_bind_int(statement, at, *(const bool *) value);
        case STORE_COLUMN_WORD:
                return bind_text(
                        statement, at, enum_text_format(column->words, *(const int *) value));
        case STORE_COLUMN_INSTANT:
                return bind_instant(statement, at, value);
        case STORE_COLUMN_NESTED:
                break;
        }
        return SQLITE_MISUSE;
}

int store_columns_bind(sqlite3_stmt *statement, int first, const struct store_columns *columns,
        const void *object) {
        int at = first;
        for (size_t i = 0; i < columns->count; i++) {
                const struct store_column *column = &columns->items[i];
                const void *value = member(object, column);
                if (column->kind == STORE_COLUMN_NESTED) {
                        at = store_columns_bind(statement, at, column->nested, value);
                        if (at < 0) {
                                return at;
                        }
                        continue;
                }
                int result = bind_plain(statement, at, column, value);
                if (result != SQLITE_OK) {
                        return -result;
                }
                at += column->kind == STORE_COLUMN_INSTANT ? 2 : 1;
        }
        return at;
}

static const char *column_text(sqlite3_stmt *statement, int at) {
        const unsigned char *text = sqlite3_column_text(statement, at);
        return text ? (const char *) text : "";
}

static int column_word(sqlite3_stmt *statement, int at, const struct enum_text *words) {
        int value = enum_text_parse(words, column_text(statement, at));
        return value < 0 ? 0 : value;
}

static void read_plain(
        sqlite3_stmt *statement, int at, const struct store_column *column, void *value) {
        switch (column->kind) {
        case STORE_COLUMN_TEXT:
                (void) str_copy(value, column->size, column_text(statement, at));
                break;
        case STORE_COLUMN_U64:
                *(uint64_t *) value = (uint64_t) sqlite3_column_int64(statement, at);
                break;
        case STORE_COLUMN_U32:
                *(uint32_t *) value = (uint32_t) sqlite3_column_int64(statement, at);
                break;
        case STORE_COLUMN_INT:
                *(int *) value = sqlite3_column_int(statement, at);
                break;
        case STORE_COLUMN_BOOL:
                *(bool *) value = sqlite3_column_int(statement, at) != 0;
                break;
        case STORE_COLUMN_WORD:
                *(int *) value = column_word(statement, at, column->words);
                break;
        case STORE_COLUMN_INSTANT:
                *(struct instant *) value = (struct instant){
                        .mono = (usec_t) sqlite3_column_int64(statement, at),
                        .wall = (wall_usec_t) sqlite3_column_int64(statement, at + 1),
                };
                break;
        case STORE_COLUMN_NESTED:
                break;
        }
}

int store_columns_read(
        sqlite3_stmt *statement, int first, const struct store_columns *columns, void *object) {
        int at = first;
        for (size_t i = 0; i < columns->count; i++) {
                const struct store_column *column = &columns->items[i];
                void *value = (char *) object + column->offset;
                if (column->kind == STORE_COLUMN_NESTED) {
                        at = store_columns_read(statement, at, column->nested, value);
                        continue;
                }
                read_plain(statement, at, column, value);
                at += column->kind == STORE_COLUMN_INSTANT ? 2 : 1;
        }
        return at;
}
