#pragma once
/* The SQLite database of the store, for the thread that alone uses it: opening and proving it,
 * prepared statements, transactions, upkeep. Errors are negative errno, -EBADMSG meaning a corrupt
 * database; calls may hang as long as the disk does. */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "store/store_statement.h"

enum {
        STORE_CHECK_BYTES_MAX = 8 * 1024 * 1024, /* a larger database is checked in part at open */
        STORE_BUSY_MSEC = 500, /* wait for an operator's sqlite3 that holds a lock */
        STORE_LOG_PAGES_MAX = 1000, /* of the write-ahead log; beyond, it is copied back */
};

struct store_database {
        const char *path; /* not owned */
        sqlite3 *db; /* NULL: not open */
        sqlite3_stmt *statements[STORE_STATEMENT_COUNT];
        bool durable; /* a commit waits for the disk: synchronous=FULL */
        int log_pages; /* in the write-ahead log after the last commit */
        int checkpoint_at; /* pages at which the log is copied back */
        dev_t device; /* of the file that is open */
        ino_t inode;
};

/* Makes a missing directory (0750) and file (0640), proves that the database is ours and sound, and
 * brings its tables up to date. On failure nothing stays open. */
int store_database_open(struct store_database *database, const char *path, struct error *err);
void store_database_close(struct store_database *database); /* one that is not open: no-op */

/* A transaction. `durable`: when commit returns, fsync has. A commit that fails has rolled back. */
int store_database_begin(struct store_database *database, bool durable, struct error *err);
int store_database_commit(struct store_database *database, struct error *err);
void store_database_roll_back(struct store_database *database);

/* Runs a statement whose values are bound, to its end, and makes it ready for the next time. */
int store_database_run(
        struct store_database *database, enum store_statement statement, struct error *err);

/* -ESTALE when the file at the path is not the one that is open: somebody removed or replaced it.
 */
int store_database_verify_path(const struct store_database *database, struct error *err);

/* Copies a long write-ahead log back into the database. A reader that is in the way is no error. */
int store_database_checkpoint(struct store_database *database, struct error *err);

/* Bytes on disk, with the write-ahead log. */
uint64_t store_database_bytes(const struct store_database *database);
