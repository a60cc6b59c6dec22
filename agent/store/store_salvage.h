#pragma once
/* What becomes of a corrupt database: it is kept for a person to look at, out of the way. */

#include <limits.h>

#include "base/error.h"

/* Renames the database and its log to PATH.corrupt-TIME, and removes all but the newest
 * STORE_CORRUPT_KEEP of those. The database must be closed. Writes the new path of the database. */
int store_move_aside(const char *path, char ret_to[PATH_MAX], struct error *err);
