#include "policy/man_text.h"

#include <ctype.h>

#include "base/cleanup.h"

/* Of the release: it changes with the version, not with each build. */
#define MAN_DATE "2026-11-30"

/* ---- Escaping ---------------------------------------------------------------------------------
 */

/* What roff would turn into a typographic sign, or takes for the begin of an escape. */
static const char *sign(char c, bool literal) {
        switch (c) {
        case '\\':
                return "\\e";
        case '^':
                return "\\(ha";
        case '~':
                return "\\(ti";
        case '`':
                return "\\(ga";
        case '\'':
                return literal ? "\\(aq" : NULL;
        case '-':
                return "\\-";
        default:
                return NULL;
        }
}

/* A point or an apostrophe at the beginning of a line is a request. */
static bool begins_request(const struct strbuf *out, char c) {
        bool at_begin = out->length == 0 || out->data[out->length - 1] == '\n';
        return at_begin && (c == '.' || c == '\'');
}

static void add_char(struct strbuf *out, char c, bool literal) {
        const char *escape = sign(c, literal);
        if (!out->failed && begins_request(out, c)) {
                strbuf_add(out, "\\&");
        }
        if (escape) {
                strbuf_add(out, escape);
        } else {
                strbuf_add_char(out, c);
        }
}

static void add_literal(struct strbuf *out, const char *text, size_t length) {
        for (size_t i = 0; i < length; i++) {
                add_char(out, text[i], true);
        }
}

void man_bold(struct strbuf *out, const char *text) {
        strbuf_add(out, "\\fB");
        add_literal(out, text, strlen(text));
        strbuf_add(out, "\\fR");
}

void man_italic(struct strbuf *out, const char *text) {
        strbuf_add(out, "\\fI");
        add_literal(out, text, strlen(text));
        strbuf_add(out, "\\fR");
}

void man_text(struct strbuf *out, const char *text) {
        while (*text) {
                const char *end = *text == '`' ? strchr(text + 1, '`') : NULL;
                if (end) {
                        strbuf_add(out, "\\fB");
                        add_literal(out, text + 1, (size_t) (end - text - 1));
                        strbuf_add(out, "\\fR");
                        text = end + 1;
                } else {
                        add_char(out, *text++, false);
                }
        }
}

void man_capital(struct strbuf *out, const char *text) {
        add_char(out, (char) toupper((unsigned char) *text), false);
        man_text(out, text + 1);
}

/* ---- Blocks -----------------------------------------------------------------------------------
 */

void man_begin(struct strbuf *out, const struct man_head *head) {
        strbuf_add(out, ".TH ");
        for (const char *c = head->name; *c; c++) {
                add_char(out, (char) toupper((unsigned char) *c), true);
        }
        strbuf_addf(out, " %s " MAN_DATE " \"recoverd " RECOVERD_VERSION "\" recoverd\n.SH NAME\n",
                head->section);
        man_text(out, head->name);
        strbuf_add(out, " \\- ");
        man_text(out, head->summary);
        strbuf_add_char(out, '\n');
}

void man_section(struct strbuf *out, const char *title) {
        strbuf_addf(out, ".SH %s\n", title);
}

void man_subsection(struct strbuf *out, const char *title) {
        strbuf_addf(out, ".SS %s\n", title);
}

/* Below a heading there is nothing to separate from. */
static bool is_below_heading(const struct strbuf *out) {
        if (out->failed || out->length < 2) {
                return true;
        }
        const char *end = memrchr(out->data, '\n', out->length - 1);
        const char *line = end ? end + 1 : out->data;
        return str_starts(line, ".SH ") || str_starts(line, ".SS ");
}

void man_paragraph(struct strbuf *out) {
        if (!is_below_heading(out)) {
                strbuf_add(out, ".PP\n");
        }
}

void man_paragraphs(struct strbuf *out, const char *text) {
        while (*text) {
                const char *end = strstr(text, "\n\n");
                size_t length = end ? (size_t) (end - text) : strlen(text);
                AUTO_STRBUF struct strbuf one = {0};
                strbuf_add_bytes(&one, text, length);
                man_paragraph(out);
                man_text(out, strbuf_text(&one) ? strbuf_text(&one) : "");
                if (!out->failed && out->data[out->length - 1] != '\n') {
                        strbuf_add_char(out, '\n');
                }
                out->failed |= one.failed;
                text += length;
                text += strspn(text, "\n");
        }
}

void man_example(struct strbuf *out, const char *lines) {
        man_paragraph(out);
        strbuf_add(out, ".RS 4\n.nf\n");
        add_literal(out, lines, strlen(lines));
        strbuf_add(out, ".fi\n.RE\n");
}

void man_term(struct strbuf *out) {
        strbuf_add(out, ".TP\n");
}

void man_definition(struct strbuf *out, const char *term, const char *meaning) {
        man_term(out);
        man_bold(out, term);
        strbuf_add_char(out, '\n');
        man_text(out, meaning);
        strbuf_add_char(out, '\n');
}

void man_see_also(struct strbuf *out, const char *pages) {
        man_section(out, "SEE ALSO");
        while (*pages) {
                size_t name = strcspn(pages, "("), all = strcspn(pages, ",");
                strbuf_add(out, "\\fB");
                add_literal(out, pages, name);
                strbuf_add(out, "\\fR");
                add_literal(out, pages + name, all - name);
                pages += all;
                size_t separator = strspn(pages, ", ");
                strbuf_add(out, separator ? ",\n" : "\n");
                pages += separator;
        }
}
