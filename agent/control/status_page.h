#pragma once
/* The status page: one self-contained HTML document without scripts, read-only. */

#include "base/str.h"

struct runtime;

/* Adds the document; services that need a person come first. */
void status_page(const struct runtime *runtime, struct strbuf *out);

/* Adds text with what HTML gives a meaning escaped; for content and quoted attributes. */
void status_page_escape(struct strbuf *out, const char *text);
