#pragma once
/* What a file of a checkpoint, or one that is there now, says: for people, so without secrets. */

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/manifest.h"

enum { CONTENT_TEXT_MAX = 64 * 1024 };

/* Adds the text of a file, the target of a link, or nothing for NULL. `depot` NULL: as it is now,
 * beneath the declared path `root`. -EFBIG: it is no text, or too long; -EBADMSG: the object is
 * damaged. */
int content_text(const struct depot *depot, const char *root, const struct entry *entry,
        struct strbuf *out, struct error *err);
