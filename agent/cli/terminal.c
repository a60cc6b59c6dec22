#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"

enum { WIDTH_STANDARD = 80 };

static size_t columns_of_stdout(void) {
        struct winsize size;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
                return size.ws_col;
        }
        return WIDTH_STANDARD;
}

struct terminal terminal_of_stdout(void) {
        struct terminal terminal = {.interactive = isatty(STDOUT_FILENO) == 1};
        if (terminal.interactive) {
                terminal.width = columns_of_stdout();
                terminal.color = str_empty(getenv("NO_COLOR")) && !str_eq(getenv("TERM"), "dumb");
        }
        return terminal;
}

/* Width of the next character; `ret_length` gets its bytes. What cannot be decoded is one column.
 */
static size_t next_width(const char *text, mbstate_t *state, size_t *ret_length) {
        wchar_t c;
        size_t length = mbrtowc(&c, text, strlen(text), state);
        if (length == 0 || length == (size_t) -1 || length == (size_t) -2) {
                *state = (mbstate_t){0};
                *ret_length = 1;
                return 1;
        }
        int width = wcwidth(c);
        *ret_length = length;
        return width < 0 ? 0 : (size_t) width;
}

size_t terminal_fit(const char *text, size_t columns) {
        mbstate_t state = {0};
        size_t used = 0, at = 0;
        while (text[at]) {
                size_t length, width = next_width(text + at, &state, &length);
                if (used + width > columns) {
                        break;
                }
                used += width;
                at += length;
        }
        return at;
}

size_t terminal_width(const char *text) {
        mbstate_t state = {0};
        size_t used = 0;
        for (size_t length; *text; text += length) {
                used += next_width(text, &state, &length);
        }
        return used;
}

void terminal_paint(
        const struct terminal *terminal, struct strbuf *out, enum paint paint, const char *text) {
        static const char *const codes[PAINT_COUNT] = {
                [PAINT_HEAD] = "\033[1m",
                [PAINT_GOOD] = "\033[32m",
                [PAINT_WARN] = "\033[33m",
                [PAINT_BAD] = "\033[1;31m",
                [PAINT_DIM] = "\033[2m",
        };
        AUTO_FREE char *printable = strdup(text);
        if (!printable) {
                out->failed = true;
                return;
        }
        str_make_printable(printable);
        bool painted = terminal->color && codes[paint] && *printable;
        strbuf_add(out, painted ? codes[paint] : "");
        strbuf_add(out, printable);
        strbuf_add(out, painted ? "\033[0m" : "");
}

void terminal_add_lines(struct strbuf *out, const char *text) {
        AUTO_FREE char *copy = strdup(text);
        if (!copy) {
                out->failed = true;
                return;
        }
        for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
                str_make_printable(line);
                strbuf_add(out, line);
                if (rest) {
                        strbuf_add_char(out, '\n');
                }
        }
}

int terminal_write(const struct strbuf *out) {
        const char *text = strbuf_text(out);
        if (!text) {
                return -ENOMEM;
        }
        if (fwrite(text, 1, out->length, stdout) != out->length || fflush(stdout) != 0) {
                return errno ? -errno : -EIO;
        }
        return 0;
}
