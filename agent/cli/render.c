#include "cli/render.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/json_read.h"

enum { PARAGRAPH_COLUMNS = 100 };

enum paint render_word_paint(const char *word) {
        static const struct {
                const char *word;
                enum paint paint;
        } rows[] = {
                {"pass", PAINT_GOOD},
                {"healthy", PAINT_GOOD},
                {"recovered", PAINT_GOOD},
                {"healed", PAINT_GOOD},
                {"done", PAINT_GOOD},
                {"degraded", PAINT_WARN},
                {"suspect", PAINT_WARN},
                {"unknown", PAINT_WARN},
                {"unfinished", PAINT_WARN},
                {"superseded", PAINT_WARN},
                {"open", PAINT_BAD},
                {"fail", PAINT_BAD},
                {"failed", PAINT_BAD},
                {"timeout", PAINT_BAD},
                {"not-cured", PAINT_BAD},
                {"action-failed", PAINT_BAD},
                {"refused", PAINT_BAD},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (str_eq(rows[i].word, word)) {
                        return rows[i].paint;
                }
        }
        return PAINT_NONE;
}

enum paint render_state_paint(struct json_object *service) {
        if (json_flag(service, "down")) {
                return PAINT_BAD;
        }
        bool healthy = str_eq(json_string(service, "health"), "healthy");
        bool fine =
                healthy && !json_member(service, "incident") && json_real(service, "warnings") == 0;
        return fine ? PAINT_GOOD : PAINT_WARN;
}

void render_heading(const struct terminal *terminal, struct strbuf *out, const char *heading) {
        strbuf_add_char(out, '\n');
        terminal_paint(terminal, out, PAINT_HEAD, heading);
        strbuf_add_char(out, '\n');
}

/* Bytes of the next line: as many whole words as fit, at least one. */
static size_t line_length(const char *text, size_t columns) {
        size_t fits = terminal_fit(text, columns);
        if (!text[fits]) {
                return fits;
        }
        size_t at = fits;
        while (at > 0 && text[at] != ' ') {
                at--;
        }
        return at > 0 ? at : fits + strcspn(text + fits, " ");
}

void render_paragraph(const struct terminal *terminal, struct strbuf *out, const char *text) {
        AUTO_FREE char *copy = strdup(text);
        size_t columns = terminal->width && terminal->width < PARAGRAPH_COLUMNS ? terminal->width
                                                                                : PARAGRAPH_COLUMNS;
        if (!copy) {
                out->failed = true;
                return;
        }
        str_make_printable(copy);
        for (const char *at = copy; *at;) {
                size_t length = line_length(at, columns);
                strbuf_add_bytes(out, at, length);
                strbuf_add_char(out, '\n');
                at += length;
                at += strspn(at, " ");
        }
}
