#pragma once
/* Takes secrets out of text before it is kept for people: values of words such as password, token
 * or cookie, user information in URLs, private keys. It errs on the side of taking too much. */

#include "base/str.h"

/* Adds `text` to `out` with each secret replaced by "[removed]". */
void scrub(struct strbuf *out, const char *text);
