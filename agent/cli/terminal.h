#pragma once
/* Where the output goes: colours and cutting only on a terminal, and never a control character from
 * outside. */

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct terminal {
        bool color;
        bool interactive; /* a person is looking */
        size_t width; /* columns; 0: do not cut */
};

enum paint { PAINT_NONE = 0, PAINT_HEAD, PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_DIM };
enum { PAINT_COUNT = PAINT_DIM + 1 };

/* What standard output is. NO_COLOR and TERM=dumb switch colours off (https://no-color.org). */
struct terminal terminal_of_stdout(void);

/* Columns that text takes on a terminal; needs a UTF-8 LC_CTYPE for what is not ASCII. */
size_t terminal_width(const char *text);

/* Bytes of the longest beginning of `text` that fits into `columns`. */
size_t terminal_fit(const char *text, size_t columns);

/* Adds text, made printable, in colour where the terminal has it. */
void terminal_paint(
        const struct terminal *terminal, struct strbuf *out, enum paint paint, const char *text);

/* Adds lines of text from outside: newlines stay, other control characters become '?'. */
void terminal_add_lines(struct strbuf *out, const char *text);

/* Writes the buffer to standard output. Returns 0, or -errno (a full disk, a closed pipe). */
int terminal_write(const struct strbuf *out);
