#include "store/store_statement.h"

/* Columns in the order of the tables of store_rows.c. */
#define INCIDENT_COLUMNS                                                                                     \
        "id, service, failing_since, opened, closed, cause, symptom, exit_status, role, result, exhausted, " \
        "attempts, probe, text"
#define ATTEMPT_COLUMNS                                                                            \
        "service, incident, number, step, action, origin, result, rule, delay, intended, "         \
        "started, acted, verified, text"
#define TRIALS_COLUMNS "service, step, cause, results, count, last"
#define EVENT_COLUMNS "id, at, kind, level, service, incident, rule, phase, health, text"
#define SERVICE_COLUMNS                                                                            \
        "service, boot_id, written_mono, written, phase, phase_since_mono, phase_since, health, "  \
        "incident, attempts, step, step_attempts, backoff_level, backoff_previous, "               \
        "next_attempt_mono, next_attempt, healthy_since_mono, healthy_since, attempt_incident, "   \
        "attempt_number, attempt_step, attempt_action, attempt_origin, attempt_result, "           \
        "attempt_rule, attempt_delay, attempt_intended, attempt_started, attempt_acted, "          \
        "attempt_verified, attempt_text, stopped, paused, pause_until_mono, "                      \
        "pause_until, pause_reason, pause_by, reminders, next_reminder_mono, next_reminder, "      \
        "flapping, verdicts, n_verdicts, rolled_back, "                                            \
        "deploy_until_mono, deploy_until"

#define HOST_COLUMNS                                                                               \
        "boot_id, written_mono, written, held, held_since_mono, held_since, held_until_mono, "     \
        "held_until, held_by, held_reason, packages, packages_since_mono, packages_since, "        \
        "packages_until_mono, packages_until, packages_by, packages_lock"

#define CALL_COLUMNS                                                                               \
        "service, probe, boot_id, since_mono, since, called, failed, overdue, excused, "           \
        "text"

const char *const store_statement_texts[STORE_STATEMENT_COUNT] = {
        [STORE_BEGIN] = "BEGIN IMMEDIATE",
        [STORE_COMMIT] = "COMMIT",
        [STORE_ROLLBACK] = "ROLLBACK",

        [STORE_SAVE_SERVICE] =
                "INSERT OR REPLACE INTO service(" SERVICE_COLUMNS ") "
                "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [STORE_FORGET_SERVICE] = "DELETE FROM service WHERE service = ?",
        [STORE_SAVE_HOST] = "UPDATE host SET (" HOST_COLUMNS ") = "
                            "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [STORE_TOUCH] = "UPDATE host SET touched = 1 - touched",
        [STORE_FORGET_SPENT] = "DELETE FROM spent WHERE service = ?",
        [STORE_ADD_SPENT] =
                "INSERT INTO spent(service, position, step, at_mono, at) VALUES(?, ?, ?, ?, ?)",
        [STORE_FORGET_WAITS] = "DELETE FROM wait WHERE service = ?",
        [STORE_ADD_WAIT] = "INSERT INTO wait(service, step, level, previous) VALUES(?, ?, ?, ?)",
        [STORE_LOAD_WAITS] =
                "SELECT step, level, previous FROM wait WHERE service = ? ORDER BY step LIMIT ?",
        [STORE_SAVE_TRIALS] = "INSERT OR REPLACE INTO trials(" TRIALS_COLUMNS ") "
                              "VALUES(?, ?, ?, ?, ?, ?)",
        [STORE_FORGET_TRIALS] = "DELETE FROM trials WHERE service = ?",
        [STORE_SAVE_INCIDENT] = "INSERT OR REPLACE INTO incident(" INCIDENT_COLUMNS ") "
                                "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [STORE_SAVE_ATTEMPT] =
                "INSERT INTO attempt(" ATTEMPT_COLUMNS ") "
                "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT(incident, service, number, intended) DO UPDATE SET "
                "step = excluded.step, action = excluded.action, origin = excluded.origin, "
                "result = excluded.result, rule = excluded.rule, delay = excluded.delay, "
                "started = excluded.started, acted = excluded.acted, "
                "verified = excluded.verified, text = excluded.text",
        [STORE_SAVE_WHY] = "UPDATE attempt SET why = ?1 WHERE incident = ?2 AND service = ?3 "
                           "AND number = ?4 AND intended = ?5",
        [STORE_ADD_EVENT] = "INSERT INTO event(" EVENT_COLUMNS ") "
                            "VALUES(nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?)",

        [STORE_SAVE_CALL] = "INSERT OR REPLACE INTO call(" CALL_COLUMNS ") "
                            "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [STORE_FORGET_CALL] = "DELETE FROM call WHERE service = ? AND probe = ?",
        [STORE_FORGET_CALLS] = "DELETE FROM call WHERE service = ?",

        [STORE_COUNT_SERVICES] = "SELECT count(*) FROM service",
        [STORE_LOAD_SERVICES] = "SELECT " SERVICE_COLUMNS " FROM service ORDER BY service LIMIT ?",
        [STORE_LOAD_HOST] = "SELECT " HOST_COLUMNS " FROM host",
        [STORE_LOAD_SPENT] =
                "SELECT step, at_mono, at FROM spent WHERE service = ? ORDER BY position LIMIT ?",
        [STORE_COUNT_TRIALS] = "SELECT count(*) FROM trials",
        [STORE_LOAD_TRIALS] = "SELECT " TRIALS_COLUMNS " FROM trials ORDER BY service LIMIT ?",
        [STORE_COUNT_OPEN] = "SELECT count(*) FROM incident WHERE closed = 0",
        [STORE_LOAD_OPEN] =
                "SELECT " INCIDENT_COLUMNS " FROM incident WHERE closed = 0 ORDER BY id LIMIT ?",
        [STORE_COUNT_CALLS] = "SELECT count(*) FROM call",
        [STORE_LOAD_CALLS] = "SELECT " CALL_COLUMNS " FROM call ORDER BY service, probe LIMIT ?",
        [STORE_LAST_INCIDENT] =
                "SELECT max(coalesce((SELECT max(id) FROM incident), 0), "
                "coalesce((SELECT max(incident) FROM attempt), 0), "
                "coalesce((SELECT max(incident) FROM event WHERE incident > 0), 0), "
                "coalesce((SELECT max(incident) FROM service), 0))",

        [STORE_QUERY_INCIDENTS] = "SELECT " INCIDENT_COLUMNS " FROM incident "
                                  "WHERE id < ? ORDER BY id DESC LIMIT ?",
        [STORE_QUERY_INCIDENTS_OF] = "SELECT " INCIDENT_COLUMNS " FROM incident "
                                     "WHERE id < ? AND service = ? ORDER BY id DESC LIMIT ?",
        [STORE_QUERY_INCIDENT] = "SELECT " INCIDENT_COLUMNS " FROM incident WHERE id = ? LIMIT ?",
        [STORE_QUERY_ATTEMPTS] = "SELECT " ATTEMPT_COLUMNS " FROM attempt "
                                 "WHERE incident = ? ORDER BY number, intended LIMIT ?",
        [STORE_SAVE_EVIDENCE] =
                "INSERT OR REPLACE INTO evidence(incident, at, text) VALUES(?, ?, ?)",
        [STORE_QUERY_EVIDENCE] = "SELECT at, text FROM evidence WHERE incident = ? LIMIT ?",
        [STORE_DELETE_EVIDENCE] = "DELETE FROM evidence WHERE incident = ?",
        [STORE_QUERY_WHYS] = "SELECT why FROM attempt "
                             "WHERE incident = ? ORDER BY number, intended LIMIT ?",
        [STORE_QUERY_EVENTS] = "SELECT " EVENT_COLUMNS " FROM event "
                               "WHERE incident = ? AND incident > 0 ORDER BY id LIMIT ?",

        /* Closed incidents beyond the newest ?1: the oldest ?2 of them. */
        [STORE_OLD_INCIDENTS] =
                "SELECT id FROM incident WHERE closed > 0 AND id <= (SELECT id FROM incident "
                "WHERE closed > 0 ORDER BY id DESC LIMIT 1 OFFSET ?1) ORDER BY id LIMIT ?2",
        [STORE_DELETE_INCIDENT] = "DELETE FROM incident WHERE id = ?",
        [STORE_DELETE_ATTEMPTS] = "DELETE FROM attempt WHERE incident = ? AND incident > 0",
        [STORE_DELETE_EVENTS] = "DELETE FROM event WHERE incident = ? AND incident > 0",
        [STORE_TRIM_ATTEMPTS] =
                "DELETE FROM attempt WHERE incident = 0 AND intended <= (SELECT intended FROM "
                "attempt WHERE incident = 0 ORDER BY intended DESC LIMIT 1 OFFSET ?1)",
        [STORE_TRIM_EVENTS] =
                "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id <= (SELECT max(id) "
                "FROM event) - ?1 ORDER BY id LIMIT ?2)",
        [STORE_VACUUM] = "PRAGMA incremental_vacuum(256)",
};
