#pragma once
/* Names of systemd units, see systemd.unit(5). */

#include <stddef.h>

enum { UNIT_NAME_MAX = 255 }; /* bytes */

/* Whether the text is the whole name of a unit that can be started, with its suffix: a template
 * without an instance is none. 0, or -EINVAL and what was expected, as the end of "expected ...".
 */
int unit_name_check(const char *text, const char **ret_expected);

/* "did you mean 'nginx.service'?" for a name that only lacks its suffix, and likewise for a
 * template; NULL when nothing comes to mind. Fits schema_field.hint. */
const char *unit_name_hint(const char *text, char *hint, size_t size);
