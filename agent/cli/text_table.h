#pragma once
/* A table for people: columns aligned by display width, the last one cut to the terminal. */

#include "cli/terminal.h"

enum { TEXT_TABLE_COLUMNS_MAX = 12 };

struct text_table {
        const char *const *headers; /* not owned */
        size_t n_columns;
        struct text_cell *cells; /* row by row */
        size_t n_cells, capacity;
        bool failed; /* out of memory */
};

void text_table_init(struct text_table *table, const char *const *headers, size_t n_columns);
void text_table_done(struct text_table *table);

/* The next cell; text is copied and made printable; empty text shows as "-". */
void text_table_add(struct text_table *table, const char *text, enum paint paint);
void text_table_addf(struct text_table *table, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Only complete rows are rendered. Without rows nothing is, the headers included. */
void text_table_render(
        const struct text_table *table, const struct terminal *terminal, struct strbuf *out);
#define AUTO_TEXT_TABLE AUTO(text_table_done)
