#pragma once
/* The tables of the state database, and how an older database becomes a newer one. */

#include <sqlite3.h>
#include <stddef.h>

#include "base/error.h"

enum {
        STORE_SCHEMA_VERSION = 12, /* kept in PRAGMA user_version */
        STORE_APPLICATION_ID = 0x52435644, /* "RCVD", kept in PRAGMA application_id */
};

/* Migration number i leads from version i to version i + 1; the first makes the tables. */
extern const char *const store_migrations[STORE_SCHEMA_VERSION];

/* Whether the database is one of ours, not newer than this program, or empty. Changes nothing.
 * -EPROTO: it is newer, or belongs to another program; otherwise what store_error() gives. */
int store_schema_check(sqlite3 *db, const char *path, int newest, struct error *err);

/* Brings the database to version `newest`, each step in a transaction of its own. */
int store_schema_migrate(sqlite3 *db, const char *path, const char *const *migrations, int newest,
        struct error *err);
