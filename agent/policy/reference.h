#pragma once
/* The policy reference and the JSON Schema, generated from the tables that drive the parser. */

#include "base/str.h"
#include "model/schema.h"

/* Markdown: every key with its kind, standard, limits, meaning and an example. -ENOMEM. */
int reference_write(const struct schema_variant *probes, struct strbuf *out);

/* JSON Schema, draft 2020-12, for editors. It knows each file by itself, so it demands nothing that
 * a template or defaults may supply; the loader does. -ENOMEM. */
int json_schema_write(const struct schema_variant *probes, struct strbuf *out);
