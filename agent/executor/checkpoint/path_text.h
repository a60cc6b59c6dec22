#pragma once
/* Paths are bytes; here they become text and bytes again. As in mtree(5), a byte that may not stand
 * there is a backslash with three octal digits. */

#include <stddef.h>

#include "base/str.h"

/* As a word of a manifest: printable ASCII without space, backslash, '#' and '='. */
void path_text_add_word(struct strbuf *out, const char *bytes);
/* For people and JSON: spaces and valid UTF-8 stand as they are. */
void path_text_add(struct strbuf *out, const char *bytes);
/* Both kinds back to bytes, in place. -EINVAL: a backslash without its digits, or a NUL. */
int path_text_parse(char *text);
/* Order of a walk: as strcmp(3), with '/' before every other byte. */
int path_compare(const char *a, const char *b);
/* `path` is `folder` or lies below it. */
bool path_is_below(const char *path, const char *folder);
/* Absolute, not "/", without empty, "." and ".." parts and without '/' at its end. */
bool path_is_plain(const char *path);
