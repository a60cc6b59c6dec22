#pragma once
/* What a row of a table (model/schema.h) says about the value of its key, in the words of the
 * references. Code is between backticks. */

#include "base/str.h"
#include "model/schema.h"

/* Objects that have been written: a section is written once, however many keys lead to it. */
enum { SCHEMA_WRITTEN_MAX = 64 };
struct schema_written {
        const struct schema *objects[SCHEMA_WRITTEN_MAX];
        size_t count;
};

/* Notes the object; false when it was there. */
bool schema_written_first(struct schema_written *written, const struct schema *schema);

/* "duration", "`hard`, `soft`", "list of "; behind an object's comes the name of the object. */
void schema_words_kind(const struct schema_field *field, struct strbuf *out);
/* "`5s`", "required", "the service's"; nothing when it has none. */
void schema_words_standard(const struct schema_field *field, struct strbuf *out);
/* "from `1s` to `1d`"; nothing when there are none. */
void schema_words_limits(const struct schema_field *field, struct strbuf *out);
