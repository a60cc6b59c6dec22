#pragma once
/* What SQLite reports, as errno and a sentence for a person. */

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "base/error.h"

/* Turns a result of SQLite that is not OK, ROW or DONE into negative errno: the system's own cause
 * where there is one, -EBADMSG for a corrupt database, -EINVAL for values that it refuses. The text
 * begins with "state database PATH: ". `db` may be NULL. */
int store_error(struct error *err, sqlite3 *db, int result, const char *path);

/* The same for a failed call to the system about the file at `path`; `code` is positive. */
int store_error_system(struct error *err, int code, const char *path);

/* Whether the values of one write are at fault, and the database works. */
static inline bool store_error_is_refusal(int code) {
        return code == -EINVAL;
}
