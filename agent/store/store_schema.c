#include "store/store_schema.h"

#include <errno.h>
#include <stdint.h>

#include "store/store_error.h"

/* For people with sqlite3 in hand: moments are microseconds since 1970 (`_mono`: on
 * CLOCK_BOOTTIME), durations microseconds, and what is one of a few is a word. */
const char *const store_migrations[STORE_SCHEMA_VERSION] = {
        /* Incidents, newest last. `closed` 0: open. */
        "CREATE TABLE incident("
        " id INTEGER PRIMARY KEY,"
        " service TEXT NOT NULL,"
        " failing_since INTEGER NOT NULL,"
        " opened INTEGER NOT NULL,"
        " closed INTEGER NOT NULL,"
        " cause TEXT NOT NULL,"
        " result TEXT NOT NULL,"
        " exhausted INTEGER NOT NULL,"
        " attempts INTEGER NOT NULL,"
        " probe TEXT NOT NULL,"
        " text TEXT NOT NULL);"
        "CREATE INDEX incident_service ON incident(service, id);"
        "CREATE INDEX incident_open ON incident(id) WHERE closed = 0;"
        "CREATE INDEX incident_closed ON incident(id) WHERE closed > 0;"

        /* Attempts. `incident` 0: a first start, or a person's restart of a healthy service. */
        "CREATE TABLE attempt("
        " service TEXT NOT NULL,"
        " incident INTEGER NOT NULL,"
        " number INTEGER NOT NULL,"
        " step INTEGER NOT NULL,"
        " action TEXT NOT NULL,"
        " origin TEXT NOT NULL,"
        " result TEXT NOT NULL,"
        " rule INTEGER NOT NULL,"
        " delay INTEGER NOT NULL,"
        " intended INTEGER NOT NULL,"
        " started INTEGER NOT NULL,"
        " acted INTEGER NOT NULL,"
        " verified INTEGER NOT NULL,"
        " text TEXT NOT NULL,"
        " PRIMARY KEY(incident, service, number, intended)) WITHOUT ROWID;"
        "CREATE INDEX attempt_alone ON attempt(intended) WHERE incident = 0;"

        "CREATE TABLE event("
        " id INTEGER PRIMARY KEY,"
        " at INTEGER NOT NULL,"
        " kind TEXT NOT NULL,"
        " level INTEGER NOT NULL,"
        " service TEXT NOT NULL,"
        " incident INTEGER NOT NULL,"
        " rule INTEGER NOT NULL,"
        " phase TEXT NOT NULL,"
        " health TEXT NOT NULL,"
        " text TEXT NOT NULL);"
        "CREATE INDEX event_incident ON event(incident, id) WHERE incident > 0;"

        /* What the agent knew about each service; attempt_*: the attempt under way. */
        "CREATE TABLE service("
        " service TEXT PRIMARY KEY NOT NULL,"
        " boot_id TEXT NOT NULL,"
        " written_mono INTEGER NOT NULL, written INTEGER NOT NULL,"
        " phase TEXT NOT NULL,"
        " phase_since_mono INTEGER NOT NULL, phase_since INTEGER NOT NULL,"
        " health TEXT NOT NULL,"
        " incident INTEGER NOT NULL,"
        " attempts INTEGER NOT NULL,"
        " step INTEGER NOT NULL,"
        " step_attempts INTEGER NOT NULL,"
        " backoff_level INTEGER NOT NULL,"
        " backoff_previous INTEGER NOT NULL,"
        " next_attempt_mono INTEGER NOT NULL, next_attempt INTEGER NOT NULL,"
        " healthy_since_mono INTEGER NOT NULL, healthy_since INTEGER NOT NULL,"
        " attempt_incident INTEGER NOT NULL,"
        " attempt_number INTEGER NOT NULL,"
        " attempt_step INTEGER NOT NULL,"
        " attempt_action TEXT NOT NULL,"
        " attempt_origin TEXT NOT NULL,"
        " attempt_result TEXT NOT NULL,"
        " attempt_rule INTEGER NOT NULL,"
        " attempt_delay INTEGER NOT NULL,"
        " attempt_intended INTEGER NOT NULL,"
        " attempt_started INTEGER NOT NULL,"
        " attempt_acted INTEGER NOT NULL,"
        " attempt_verified INTEGER NOT NULL,"
        " attempt_text TEXT NOT NULL,"
        " stopped INTEGER NOT NULL,"
        " paused INTEGER NOT NULL,"
        " pause_until_mono INTEGER NOT NULL, pause_until INTEGER NOT NULL,"
        " pause_reason TEXT NOT NULL,"
        " pause_by TEXT NOT NULL) WITHOUT ROWID;"

        /* The host as a whole: one row. */
        "CREATE TABLE host("
        " id INTEGER PRIMARY KEY CHECK(id = 1),"
        " boot_id TEXT NOT NULL,"
        " written_mono INTEGER NOT NULL, written INTEGER NOT NULL,"
        " touched INTEGER NOT NULL);"
        "INSERT INTO host VALUES(1, '', 0, 0, 0);"

        /* When actions were taken, for the budgets; service '': any on the host. */
        "CREATE TABLE spent("
        " service TEXT NOT NULL,"
        " position INTEGER NOT NULL,"
        " at_mono INTEGER NOT NULL, at INTEGER NOT NULL,"
        " PRIMARY KEY(service, position)) WITHOUT ROWID;"

        "PRAGMA application_id = 0x52435644;"
        "PRAGMA user_version = 1;",
};

/* The number that a pragma gives. */
static int read_number(sqlite3 *db, const char *sql, int64_t *ret) {
        sqlite3_stmt *statement = NULL;
        int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
        if (result == SQLITE_OK) {
                result = sqlite3_step(statement);
        }
        if (result == SQLITE_ROW) {
                *ret = sqlite3_column_int64(statement, 0);
                result = SQLITE_OK;
        }
        sqlite3_finalize(statement); /* repeats the result of the step */
        return result;
}

struct identity {
        int64_t application, version, tables;
};

static int read_identity(sqlite3 *db, struct identity *ret) {
        const struct {
                const char *sql;
                int64_t *to;
        } numbers[] = {
                {"PRAGMA application_id", &ret->application},
                {"PRAGMA user_version", &ret->version},
                {"SELECT count(*) FROM sqlite_master", &ret->tables},
        };
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                int result = read_number(db, numbers[i].sql, numbers[i].to);
                if (result != SQLITE_OK) {
                        return result;
                }
        }
        return SQLITE_OK;
}

int store_schema_check(sqlite3 *db, const char *path, int newest, struct error *err) {
        struct identity found = {0};
        int result = read_identity(db, &found);
        if (result != SQLITE_OK) {
                return store_error(err, db, result, path);
        }
        bool empty = found.tables == 0 && found.version == 0 && found.application == 0;
        if (!empty && found.application != STORE_APPLICATION_ID) {
                return error_set(err, EPROTO,
                        "state database %s: belongs to another program, left alone", path);
        }
        if (found.version > newest) {
                return error_set(err, EPROTO,
                        "state database %s: was written by a newer recoverd (schema %lld, this "
                        "one knows up to %d), left alone",
                        path, (long long) found.version, newest);
        }
        return 0;
}

/* One step; what fails in the middle is undone as a whole. */
static int migrate_once(sqlite3 *db, const char *sql) {
        int result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (result == SQLITE_OK) {
                result = sqlite3_exec(db, sql, NULL, NULL, NULL);
        }
        if (result == SQLITE_OK) {
                result = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        }
        return result;
}

static void roll_back(sqlite3 *db) {
        if (!sqlite3_get_autocommit(db)) {
                (void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        }
}

int store_schema_migrate(sqlite3 *db, const char *path, const char *const *migrations, int newest,
        struct error *err) {
        int64_t version = 0;
        int result = read_number(db, "PRAGMA user_version", &version);
        for (; result == SQLITE_OK && version < newest; version++) {
                result = migrate_once(db, migrations[version]);
        }
        if (result == SQLITE_OK) {
                return 0;
        }
        int code = store_error(err, db, result, path);
        roll_back(db);
        return code;
}
