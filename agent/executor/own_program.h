#pragma once
/* Programs that come with the executor and that it runs as its children. */

#include <limits.h>

/* Beside the executor, which is where a build leaves it, or where it was installed. Returns path or
 * a constant. */
const char *own_program_find(const char *name, char path[PATH_MAX]);
