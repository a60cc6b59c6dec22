#pragma once
/* Manual pages in the macros of man(7), which groff and mandoc both read. Text comes as in the rest
 * of the program: plain, with `code` between backticks; what roff would take for a request is
 * escaped. */

#include "base/str.h"

/* "recoverctl-status", "1", "services and their state". */
struct man_head {
        const char *name, *section, *summary;
};

void man_begin(struct strbuf *out, const struct man_head *head);
void man_section(struct strbuf *out, const char *title);
void man_subsection(struct strbuf *out, const char *title);

/* Text within a line, escaped; code in bold. */
void man_text(struct strbuf *out, const char *text);
/* The same, with a capital letter in front. */
void man_capital(struct strbuf *out, const char *text);
/* The same as it stands, in bold or in italics. */
void man_bold(struct strbuf *out, const char *text);
void man_italic(struct strbuf *out, const char *text);

/* Begins a paragraph. */
void man_paragraph(struct strbuf *out);
/* Paragraphs, which an empty line separates. */
void man_paragraphs(struct strbuf *out, const char *text);
/* Lines that are shown as they stand, indented. */
void man_example(struct strbuf *out, const char *lines);
/* Begins a term, which is the rest of the line; what follows is indented. */
void man_term(struct strbuf *out);
/* A term and what it means, in a line each. */
void man_definition(struct strbuf *out, const char *term, const char *meaning);
/* The section of that name: "recoverctl(1), recoverd.yaml(5)". */
void man_see_also(struct strbuf *out, const char *pages);
