#include "cli/text_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum { GAP = 2, CUT_LEAST = 10 }; /* columns between columns; a column is not cut below */

struct text_cell {
        char *text;
        size_t width;
        enum paint paint;
};

void text_table_init(struct text_table *table, const char *const *headers, size_t n_columns) {
        assert(n_columns > 0 && n_columns <= TEXT_TABLE_COLUMNS_MAX);
        *table = (struct text_table){.headers = headers, .n_columns = n_columns};
}

void text_table_done(struct text_table *table) {
        for (size_t i = 0; i < table->n_cells; i++) {
                free(table->cells[i].text);
        }
        free(table->cells);
        *table = (struct text_table){0};
}

static int grow(struct text_table *table) {
        if (table->n_cells < table->capacity) {
                return 0;
        }
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        struct text_cell *cells = reallocarray(table->cells, capacity, sizeof(*table->cells));
        if (!cells) {
                return -ENOMEM;
        }
        table->cells = cells;
        table->capacity = capacity;
        return 0;
}

void text_table_add(struct text_table *table, const char *text, enum paint paint) {
        AUTO_FREE char *copy = strdup(str_empty(text) ? "-" : text);
        if (!copy || grow(table) < 0) {
                table->failed = true;
                return;
        }
        str_make_printable(copy);
        struct text_cell *cell = &table->cells[table->n_cells++];
        cell->width = terminal_width(copy);
        cell->paint = paint;
        cell->text = TAKE_PTR(copy);
}

void text_table_addf(struct text_table *table, const char *format, ...) {
        AUTO_STRBUF struct strbuf text = {0};
        va_list arguments;
        va_start(arguments, format);
        strbuf_vaddf(&text, format, arguments);
        va_end(arguments);
        if (strbuf_text(&text)) {
                text_table_add(table, strbuf_text(&text), PAINT_NONE);
        } else {
                table->failed = true;
        }
}

static void measure(const struct text_table *table, size_t widths[]) {
        for (size_t c = 0; c < table->n_columns; c++) {
                widths[c] = terminal_width(table->headers[c]);
        }
        for (size_t i = 0; i < table->n_cells; i++) {
                size_t c = i % table->n_columns;
                if (table->cells[i].width > widths[c]) {
                        widths[c] = table->cells[i].width;
                }
        }
}

/* Room for the last column; 0: as much as it takes. */
static size_t last_room(
        const struct text_table *table, const struct terminal *terminal, const size_t widths[]) {
        size_t used = 0;
        for (size_t c = 0; c + 1 < table->n_columns; c++) {
                used += widths[c] + GAP;
        }
        if (terminal->width == 0) {
                return 0;
        }
        return terminal->width > used + CUT_LEAST ? terminal->width - used : CUT_LEAST;
}

static void put_cut(const struct terminal *terminal, struct strbuf *out, enum paint paint,
        const char *text, size_t room) {
        size_t fits = room ? terminal_fit(text, room) : strlen(text);
        if (!text[fits]) {
                terminal_paint(terminal, out, paint, text);
                return;
        }
        AUTO_STRBUF struct strbuf cut = {0};
        strbuf_add_bytes(&cut, text, terminal_fit(text, room - 1));
        strbuf_add(&cut, "\xe2\x80\xa6"); /* an ellipsis */
        terminal_paint(terminal, out, paint, strbuf_text(&cut) ? strbuf_text(&cut) : "");
}

static void put_cell(const struct text_table *table, const struct terminal *terminal,
        struct strbuf *out, const size_t widths[], size_t column, const struct text_cell *cell) {
        if (column + 1 == table->n_columns) {
                put_cut(terminal, out, cell->paint, cell->text, last_room(table, terminal, widths));
                strbuf_add_char(out, '\n');
                return;
        }
        terminal_paint(terminal, out, cell->paint, cell->text);
        strbuf_add_repeated(out, ' ', widths[column] - cell->width + GAP);
}

void text_table_render(
        const struct text_table *table, const struct terminal *terminal, struct strbuf *out) {
        size_t widths[TEXT_TABLE_COLUMNS_MAX];
        if (table->failed) {
                out->failed = true;
                return;
        }
        if (table->n_columns == 0 || table->n_cells < table->n_columns) {
                return;
        }
        measure(table, widths);
        for (size_t c = 0; c < table->n_columns; c++) {
                struct text_cell head = {.text = (char *) table->headers[c],
                        .width = terminal_width(table->headers[c]),
                        .paint = PAINT_HEAD};
                put_cell(table, terminal, out, widths, c, &head);
        }
        size_t whole = table->n_cells - table->n_cells % table->n_columns;
        for (size_t i = 0; i < whole; i++) {
                put_cell(table, terminal, out, widths, i % table->n_columns, &table->cells[i]);
        }
}
