#pragma once
/* The policy reference, the JSON Schema, the page of warnings and the manual pages of section 5,
 * generated from the tables that drive the parser. */

#include "base/str.h"
#include "model/schema.h"

/* Markdown: every key with its kind, standard, limits, meaning and an example. -ENOMEM. */
int reference_write(const struct schema_variant *probes, struct strbuf *out);

/* The same for one object and what it holds, behind a beginning. -ENOMEM. */
int reference_write_object(const char *begin, const struct schema *schema, struct strbuf *out);

/* JSON Schema, draft 2020-12, for editors. It knows each file by itself, so it demands nothing that
 * a template or defaults may supply; the loader does. -ENOMEM. */
int json_schema_write(const struct schema_variant *probes, struct strbuf *out);

/* Markdown: every warning and error that a policy can get (policy/problem_kinds.h), with what is
 * said about its example. -ENOMEM. */
int check_warnings_write(const struct schema_variant *probes, struct strbuf *out);

/* The manual pages recoverd-policy(5) and recoverd.yaml(5), in man(7). -ENOMEM. */
int policy_manual_write(const struct schema_variant *probes, struct strbuf *out);
int config_manual_write(struct strbuf *out);
