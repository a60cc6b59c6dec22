#pragma once
/* Everything that a core remembers, as text: sparse, in hexadecimal, for the same build only. */

#include "base/error.h"
#include "base/str.h"
#include "recovery/recovery.h"

void core_image_write(const struct recovery *recovery, struct strbuf *out);

/* Into a core that was made of the same policy. -EBADMSG damaged, -EPROTO of another build or other
 * policies; the core is of no use then. */
int core_image_read(struct recovery *recovery, const char *text, struct error *err);
