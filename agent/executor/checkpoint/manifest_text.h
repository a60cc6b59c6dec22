#pragma once
/* Manifests as text: mtree(5), with the keywords hardlink, acl, acl_default, xattr, holes and torn.
 * Equal manifests have equal texts, and so equal hashes. */

#include "base/error.h"
#include "base/str.h"
#include "executor/checkpoint/manifest.h"

/* Appends the whole text. An allocation that failed shows in the buffer. */
void manifest_format(const struct manifest *manifest, struct strbuf *out);
/* One line without its newline and without times: equal for what did not change. */
void entry_format(const struct entry *entry, struct strbuf *out);

/* Takes over `text`, which malloc(3) made, whatever comes of it. -EBADMSG: not such a text, with
 * the line; what comes from a replica is not believed: entries have to be sorted, to lie below the
 * paths, and to have directories above them. */
int manifest_parse(struct manifest *manifest, char *text, struct error *err);
