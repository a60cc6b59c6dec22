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

        /* Steps have budgets of their own; step '': the budget of the service. */
        "ALTER TABLE spent ADD COLUMN step TEXT NOT NULL DEFAULT '';"
        "PRAGMA user_version = 2;",

        /* Calls for heartbeat probes. `since`: the last one, or when one was first expected. */
        "CREATE TABLE call("
        " service TEXT NOT NULL,"
        " probe TEXT NOT NULL,"
        " boot_id TEXT NOT NULL,"
        " since_mono INTEGER NOT NULL, since INTEGER NOT NULL,"
        " called INTEGER NOT NULL,"
        " failed INTEGER NOT NULL,"
        " overdue INTEGER NOT NULL,"
        " excused INTEGER NOT NULL,"
        " text TEXT NOT NULL,"
        " PRIMARY KEY(service, probe)) WITHOUT ROWID;"
        "PRAGMA user_version = 3;",

        /* What failed: the liveness of the service, or only its readiness. */
        "ALTER TABLE incident ADD COLUMN role TEXT NOT NULL DEFAULT 'liveness';"
        "PRAGMA user_version = 4;",

        /* Reminders of a service that was given up, and what makes it flap. */
        "ALTER TABLE service ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE service ADD COLUMN next_reminder_mono INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE service ADD COLUMN next_reminder INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE service ADD COLUMN flapping INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE service ADD COLUMN verdicts INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE service ADD COLUMN n_verdicts INTEGER NOT NULL DEFAULT 0;"
        "PRAGMA user_version = 5;",

        /* A hold of all recovery. */
        "ALTER TABLE host ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN held_since_mono INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN held_since INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN held_until_mono INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN held_until INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN held_by TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE host ADD COLUMN held_reason TEXT NOT NULL DEFAULT '';"
        "PRAGMA user_version = 6;",

        /* What the last attempts of a step against a cause came to: `results` has a bit for each of
         * the last `count`, the newest in bit 0; 1 = it cured. */
        "CREATE TABLE trials("
        " service TEXT NOT NULL,"
        " step TEXT NOT NULL,"
        " cause TEXT NOT NULL,"
        " results INTEGER NOT NULL,"
        " count INTEGER NOT NULL,"
        " last INTEGER NOT NULL,"
        " PRIMARY KEY(service, step, cause)) WITHOUT ROWID;"
        "PRAGMA user_version = 7;",

        /* Why an attempt was decided on, as JSON: the answer of GET /v1/why at that moment. */
        "ALTER TABLE attempt ADD COLUMN why TEXT NOT NULL DEFAULT '';"
        "PRAGMA user_version = 8;",

        /* What was known right before the first disruptive action of an incident. */
        "CREATE TABLE evidence("
        " incident INTEGER PRIMARY KEY,"
        " at INTEGER NOT NULL,"
        " text TEXT NOT NULL);"
        "PRAGMA user_version = 9;",

        /* What the probes see, where the cause is more than that; and the change of the files of a
         * service that was last undone automatically. */
        "ALTER TABLE incident ADD COLUMN symptom TEXT NOT NULL DEFAULT 'none';"
        "ALTER TABLE service ADD COLUMN rolled_back INTEGER NOT NULL DEFAULT 0;"
        "PRAGMA user_version = 10;",

        /* Exit status or signal of a process that ended. */
        "ALTER TABLE incident ADD COLUMN exit_status INTEGER NOT NULL DEFAULT 0;"
        "PRAGMA user_version = 11;",

        /* What holds recovery no longer than for a while, and the waits of steps that have a
         * backoff of their own. */
        "ALTER TABLE service ADD COLUMN deploy_until_mono INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE service ADD COLUMN deploy_until INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN packages INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN packages_since_mono INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN packages_since INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN packages_until_mono INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN packages_until INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE host ADD COLUMN packages_by TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE host ADD COLUMN packages_lock TEXT NOT NULL DEFAULT '';"
        "CREATE TABLE wait("
        " service TEXT NOT NULL,"
        " step TEXT NOT NULL,"
        " level INTEGER NOT NULL,"
        " previous INTEGER NOT NULL,"
        " PRIMARY KEY(service, step)) WITHOUT ROWID;"
        "PRAGMA user_version = 12;",
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
