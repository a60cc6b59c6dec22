#include "store/store_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/store_columns.h"
#include "store/store_error.h"

#define COLUMNS(array)                                                                             \
        { array, ELEMENTSOF(array) }

/* ---- Columns, in the order of store_statement.c --------------------------------------------- */

static const struct store_column incident_items[] = {
        STORE_U64(struct incident, id),
        STORE_TEXT(struct incident, service),
        STORE_U64(struct incident, failing_since),
        STORE_U64(struct incident, opened),
        STORE_U64(struct incident, closed),
        STORE_WORD(struct incident, cause, cause_texts),
        STORE_WORD(struct incident, symptom, cause_texts),
        STORE_INT(struct incident, status),
        STORE_WORD(struct incident, role, probe_role_texts),
        STORE_WORD(struct incident, end, incident_end_texts),
        STORE_BOOL(struct incident, exhausted),
        STORE_U32(struct incident, attempts),
        STORE_TEXT(struct incident, probe),
        STORE_TEXT(struct incident, text),
};
static const struct store_columns incident_columns = COLUMNS(incident_items);

/* Without the service, which is no member. */
static const struct store_column attempt_items[] = {
        STORE_U64(struct attempt, incident),
        STORE_U32(struct attempt, number),
        STORE_INT(struct attempt, step),
        STORE_WORD(struct attempt, action, action_texts),
        STORE_WORD(struct attempt, origin, origin_texts),
        STORE_WORD(struct attempt, result, attempt_result_texts),
        STORE_U32(struct attempt, rule),
        STORE_U64(struct attempt, delay),
        STORE_U64(struct attempt, intended),
        STORE_U64(struct attempt, started),
        STORE_U64(struct attempt, acted),
        STORE_U64(struct attempt, verified),
        STORE_TEXT(struct attempt, text),
};
static const struct store_columns attempt_columns = COLUMNS(attempt_items);

/* What names an attempt. */
static const struct store_column attempt_key_items[] = {
        STORE_U32(struct attempt, number),
        STORE_U64(struct attempt, intended),
};
static const struct store_columns attempt_key_columns = COLUMNS(attempt_key_items);

static const struct store_column why_items[] = {STORE_TEXT(struct store_why, text)};
static const struct store_columns why_columns = COLUMNS(why_items);

static const struct store_column evidence_items[] = {
        STORE_U64(struct store_evidence, at),
        STORE_TEXT(struct store_evidence, text),
};
static const struct store_columns evidence_columns = COLUMNS(evidence_items);

static const struct store_column event_items[] = {
        STORE_U64(struct event, id),
        STORE_U64(struct event, at),
        STORE_WORD(struct event, kind, event_kind_texts),
        STORE_INT(struct event, level),
        STORE_TEXT(struct event, service),
        STORE_U64(struct event, incident),
        STORE_U32(struct event, rule),
        STORE_WORD(struct event, phase, phase_texts),
        STORE_WORD(struct event, health, health_texts),
        STORE_TEXT(struct event, text),
};
static const struct store_columns event_columns = COLUMNS(event_items);

static const struct store_column service_items[] = {
        STORE_TEXT(struct service_record, service),
        STORE_TEXT(struct service_record, boot_id),
        STORE_INSTANT(struct service_record, written),
        STORE_WORD(struct service_record, phase, phase_texts),
        STORE_INSTANT(struct service_record, phase_since),
        STORE_WORD(struct service_record, health, health_texts),
        STORE_U64(struct service_record, incident),
        STORE_U32(struct service_record, attempts),
        STORE_INT(struct service_record, step),
        STORE_U32(struct service_record, step_attempts),
        STORE_U32(struct service_record, backoff_level),
        STORE_U64(struct service_record, backoff_previous),
        STORE_INSTANT(struct service_record, next_attempt),
        STORE_INSTANT(struct service_record, healthy_since),
        STORE_NESTED(struct service_record, attempt, &attempt_columns),
        STORE_BOOL(struct service_record, stopped),
        STORE_BOOL(struct service_record, paused),
        STORE_INSTANT(struct service_record, pause_until),
        STORE_TEXT(struct service_record, pause_reason),
        STORE_TEXT(struct service_record, pause_by),
        STORE_U32(struct service_record, reminders),
        STORE_INSTANT(struct service_record, next_reminder),
        STORE_BOOL(struct service_record, flapping),
        STORE_U32(struct service_record, verdicts),
        STORE_U32(struct service_record, n_verdicts),
        STORE_U64(struct service_record, rolled_back),
        STORE_INSTANT(struct service_record, deploy_until),
};
static const struct store_columns service_columns = COLUMNS(service_items);

static const struct store_column trials_items[] = {
        STORE_TEXT(struct trials_record, service),
        STORE_TEXT(struct trials_record, step),
        STORE_WORD(struct trials_record, cause, cause_texts),
        STORE_U32(struct trials_record, trials.results),
        STORE_U32(struct trials_record, trials.count),
        STORE_U64(struct trials_record, trials.last),
};
static const struct store_columns trials_columns = COLUMNS(trials_items);

static const struct store_column host_items[] = {
        STORE_TEXT(struct host_record, boot_id),
        STORE_INSTANT(struct host_record, written),
        STORE_BOOL(struct host_record, held),
        STORE_INSTANT(struct host_record, held_since),
        STORE_INSTANT(struct host_record, held_until),
        STORE_TEXT(struct host_record, held_by),
        STORE_TEXT(struct host_record, held_reason),
        STORE_BOOL(struct host_record, packages),
        STORE_INSTANT(struct host_record, packages_since),
        STORE_INSTANT(struct host_record, packages_until),
        STORE_TEXT(struct host_record, packages_by),
        STORE_TEXT(struct host_record, packages_lock),
};
static const struct store_columns host_columns = COLUMNS(host_items);

static const struct store_column spent_items[] = {
        STORE_TEXT(struct spent_record, step),
        STORE_INSTANT(struct spent_record, at),
};
static const struct store_columns spent_columns = COLUMNS(spent_items);

static const struct store_column wait_items[] = {
        STORE_TEXT(struct wait_record, step),
        STORE_U32(struct wait_record, level),
        STORE_U64(struct wait_record, previous),
};
static const struct store_columns wait_columns = COLUMNS(wait_items);

/* The host's are no one's step. */
static const struct store_column instant_items[] = {{STORE_COLUMN_INSTANT, 0}};
static const struct store_columns instant_columns = COLUMNS(instant_items);

static const struct store_column call_items[] = {
        STORE_TEXT(struct call_record, service),
        STORE_TEXT(struct call_record, probe),
        STORE_TEXT(struct call_record, boot_id),
        STORE_INSTANT(struct call_record, since),
        STORE_BOOL(struct call_record, called),
        STORE_BOOL(struct call_record, failed),
        STORE_BOOL(struct call_record, overdue),
        STORE_U64(struct call_record, excused),
        STORE_TEXT(struct call_record, text),
};
static const struct store_columns call_columns = COLUMNS(call_items);
static const struct store_columns call_name_columns = {call_items, 2}; /* service and probe */

static const char host_as_service[] = ""; /* in the table `spent` */

/* ---- One statement -------------------------------------------------------------------------- */

struct row_query {
        struct store_database *database;
        sqlite3_stmt *statement;
};

static struct row_query begin_query(
        struct store_database *database, enum store_statement statement) {
        return (struct row_query){database, database->statements[statement]};
}

static void end_query(struct row_query *query) {
        (void) sqlite3_reset(query->statement); /* repeats the result of the step */
        (void) sqlite3_clear_bindings(query->statement);
}

static int fail(struct store_database *database, int result, struct error *err) {
        return store_error(err, database->db, result, database->path);
}

/* Binds a text (when there is one) and then a struct, and runs the statement. */
static int save(struct store_database *database, enum store_statement statement, const char *text,
        const struct store_columns *columns, const void *object, struct error *err) {
        sqlite3_stmt *handle = database->statements[statement];
        int first = 1;
        if (text) {
                int result = sqlite3_bind_text(handle, first++, text, -1, SQLITE_STATIC);
                if (result != SQLITE_OK) {
                        return fail(database, result, err);
                }
        }
        int next = store_columns_bind(handle, first, columns, object);
        if (next < 0) {
                return fail(database, -next, err);
        }
        return store_database_run(database, statement, err);
}

static const struct store_columns no_columns = {0};

static int run_with_text(struct store_database *database, enum store_statement statement,
        const char *text, struct error *err) {
        return save(database, statement, text, &no_columns, NULL, err);
}

static int bind_numbers(sqlite3_stmt *statement, int first, uint64_t a, uint64_t b) {
        int result = sqlite3_bind_int64(statement, first, (int64_t) a);
        return result == SQLITE_OK ? sqlite3_bind_int64(statement, first + 1, (int64_t) b) : result;
}

/* The first column of the first row; 0 where there is none. */
static int read_number(struct store_database *database, enum store_statement statement,
        uint64_t *ret, struct error *err) {
        AUTO(end_query) struct row_query query = begin_query(database, statement);
        int result = sqlite3_step(query.statement);
        if (result != SQLITE_ROW && result != SQLITE_DONE) {
                return fail(database, result, err);
        }
        *ret = result == SQLITE_ROW ? (uint64_t) sqlite3_column_int64(query.statement, 0) : 0;
        return 0;
}

/* Rows into an array of at most `limit` structs of `size` bytes. */
struct rows {
        const struct store_columns *columns;
        int first; /* column */
        void *items;
        size_t size, limit, count;
};

static int read_rows(struct row_query *query, struct rows *rows, struct error *err) {
        int result;
        while ((result = sqlite3_step(query->statement)) == SQLITE_ROW &&
                rows->count < rows->limit) {
                void *item = (char *) rows->items + rows->count * rows->size;
                (void) store_columns_read(query->statement, rows->first, rows->columns, item);
                rows->count++;
        }
        bool fine = result == SQLITE_DONE || result == SQLITE_ROW;
        return fine ? 0 : fail(query->database, result, err);
}

/* ---- Saving --------------------------------------------------------------------------------- */

static int add_spent(struct store_database *database, const char *service, uint32_t position,
        const struct spent_record *spent, struct error *err) {
        sqlite3_stmt *add = database->statements[STORE_ADD_SPENT];
        int result = sqlite3_bind_int64(add, 2, position);
        int next =
                result == SQLITE_OK ? store_columns_bind(add, 3, &spent_columns, spent) : -result;
        return next < 0 ? fail(database, -next, err)
                        : run_with_text(database, STORE_ADD_SPENT, service, err);
}

static int save_spent(
        struct store_database *database, const struct service_record *record, struct error *err) {
        int r = run_with_text(database, STORE_FORGET_SPENT, record->service, err);
        for (uint32_t i = 0; r == 0 && i < record->n_spent && i < RECORD_SPENT_MAX; i++) {
                r = add_spent(database, record->service, i, &record->spent[i], err);
        }
        return r;
}

static int save_spent_of_host(
        struct store_database *database, const struct host_record *record, struct error *err) {
        int r = run_with_text(database, STORE_FORGET_SPENT, host_as_service, err);
        for (uint32_t i = 0; r == 0 && i < record->n_spent && i < POLICY_BUDGET_MAX; i++) {
                struct spent_record spent = {.at = record->spent[i]};
                r = add_spent(database, host_as_service, i, &spent, err);
        }
        return r;
}

static int save_waits(
        struct store_database *database, const struct service_record *record, struct error *err) {
        int r = run_with_text(database, STORE_FORGET_WAITS, record->service, err);
        for (uint32_t i = 0; r == 0 && i < record->n_waits && i < POLICY_STEPS_MAX; i++) {
                r = save(database, STORE_ADD_WAIT, record->service, &wait_columns,
                        &record->waits[i], err);
        }
        return r;
}

int store_rows_save_service(
        struct store_database *database, const struct service_record *record, struct error *err) {
        int r = save(database, STORE_SAVE_SERVICE, NULL, &service_columns, record, err);
        r = r < 0 ? r : save_waits(database, record, err);
        return r < 0 ? r : save_spent(database, record, err);
}

int store_rows_forget_service(
        struct store_database *database, const char *service, struct error *err) {
        int r = run_with_text(database, STORE_FORGET_SERVICE, service, err);
        if (r == 0) {
                r = run_with_text(database, STORE_FORGET_CALLS, service, err);
        }
        if (r == 0) {
                r = run_with_text(database, STORE_FORGET_TRIALS, service, err);
        }
        if (r == 0) {
                r = run_with_text(database, STORE_FORGET_WAITS, service, err);
        }
        return r < 0 ? r : run_with_text(database, STORE_FORGET_SPENT, service, err);
}

int store_rows_save_call(
        struct store_database *database, const struct call_record *record, struct error *err) {
        return save(database, STORE_SAVE_CALL, NULL, &call_columns, record, err);
}

int store_rows_forget_call(
        struct store_database *database, const struct call_record *record, struct error *err) {
        return save(database, STORE_FORGET_CALL, NULL, &call_name_columns, record, err);
}

int store_rows_save_host(
        struct store_database *database, const struct host_record *record, struct error *err) {
        int r = save(database, STORE_SAVE_HOST, NULL, &host_columns, record, err);
        return r < 0 ? r : save_spent_of_host(database, record, err);
}

int store_rows_save_trials(
        struct store_database *database, const struct trials_record *record, struct error *err) {
        return save(database, STORE_SAVE_TRIALS, NULL, &trials_columns, record, err);
}

int store_rows_save_incident(
        struct store_database *database, const struct incident *incident, struct error *err) {
        return save(database, STORE_SAVE_INCIDENT, NULL, &incident_columns, incident, err);
}

int store_rows_save_attempt(struct store_database *database, const char *service,
        const struct attempt *attempt, struct error *err) {
        return save(database, STORE_SAVE_ATTEMPT, service, &attempt_columns, attempt, err);
}

int store_rows_save_why(struct store_database *database, const char *service,
        const struct attempt *attempt, const char *why, struct error *err) {
        sqlite3_stmt *handle = database->statements[STORE_SAVE_WHY];
        int result = sqlite3_bind_int64(handle, 2, (int64_t) attempt->incident);
        if (result == SQLITE_OK) {
                result = sqlite3_bind_text(handle, 3, service, -1, SQLITE_STATIC);
        }
        int next = result == SQLITE_OK
                           ? store_columns_bind(handle, 4, &attempt_key_columns, attempt)
                           : -result;
        return next < 0 ? fail(database, -next, err)
                        : run_with_text(database, STORE_SAVE_WHY, why, err);
}

int store_rows_save_evidence(struct store_database *database, uint64_t incident, wall_usec_t at,
        const char *text, struct error *err) {
        sqlite3_stmt *handle = database->statements[STORE_SAVE_EVIDENCE];
        size_t length = strnlen(text, STORE_EVIDENCE_MAX - 1);
        int result = bind_numbers(handle, 1, incident, at);
        if (result == SQLITE_OK) {
                result = sqlite3_bind_text(handle, 3, text, (int) length, SQLITE_STATIC);
        }
        return result == SQLITE_OK ? store_database_run(database, STORE_SAVE_EVIDENCE, err)
                                   : fail(database, result, err);
}

int store_rows_add_event(
        struct store_database *database, const struct event *event, struct error *err) {
        return save(database, STORE_ADD_EVENT, NULL, &event_columns, event, err);
}

/* ---- Loading -------------------------------------------------------------------------------- */

static int load_of_service(struct store_database *database, enum store_statement load,
        const char *service, struct rows *rows, uint32_t *ret_n, struct error *err) {
        AUTO(end_query) struct row_query query = begin_query(database, load);
        int result = sqlite3_bind_text(query.statement, 1, service, -1, SQLITE_STATIC);
        if (result == SQLITE_OK) {
                result = sqlite3_bind_int64(query.statement, 2, (int64_t) rows->limit);
        }
        int r = result == SQLITE_OK ? read_rows(&query, rows, err) : fail(database, result, err);
        *ret_n = (uint32_t) rows->count;
        return r;
}

/* All rows of a table whose size `count` tells, at most POLICY_SERVICES_MAX. */
static int load_table(struct store_database *database, enum store_statement count,
        enum store_statement load, struct rows *rows, struct error *err) {
        uint64_t n = 0;
        int r = read_number(database, count, &n, err);
        if (r < 0 || n == 0) {
                return r;
        }
        rows->limit = n < POLICY_SERVICES_MAX ? n : POLICY_SERVICES_MAX;
        rows->items = calloc(rows->limit, rows->size);
        if (!rows->items) {
                return fail(database, SQLITE_NOMEM, err);
        }
        AUTO(end_query) struct row_query query = begin_query(database, load);
        int result = sqlite3_bind_int64(query.statement, 1, (int64_t) rows->limit);
        return result == SQLITE_OK ? read_rows(&query, rows, err) : fail(database, result, err);
}

static int load_services(
        struct store_database *database, struct store_image *image, struct error *err) {
        struct rows rows = {&service_columns, .size = sizeof(struct service_record)};
        int r = load_table(database, STORE_COUNT_SERVICES, STORE_LOAD_SERVICES, &rows, err);
        image->services = rows.items;
        image->n_services = rows.count;
        for (size_t i = 0; r == 0 && i < rows.count; i++) {
                struct service_record *record = &image->services[i];
                struct rows spent = {&spent_columns, 0, record->spent, sizeof(record->spent[0]),
                        RECORD_SPENT_MAX};
                struct rows waits = {&wait_columns, 0, record->waits, sizeof(record->waits[0]),
                        POLICY_STEPS_MAX};
                r = load_of_service(
                        database, STORE_LOAD_SPENT, record->service, &spent, &record->n_spent, err);
                r = r < 0 ? r
                          : load_of_service(database, STORE_LOAD_WAITS, record->service, &waits,
                                    &record->n_waits, err);
        }
        return r;
}

static int load_host(struct store_database *database, struct host_record *host, struct error *err) {
        AUTO(end_query) struct row_query query = begin_query(database, STORE_LOAD_HOST);
        struct rows rows = {&host_columns, 0, host, sizeof(*host), 1};
        struct rows spent = {
                &instant_columns, 1, host->spent, sizeof(host->spent[0]), POLICY_BUDGET_MAX};
        int r = read_rows(&query, &rows, err);
        return r < 0 ? r
                     : load_of_service(database, STORE_LOAD_SPENT, host_as_service, &spent,
                               &host->n_spent, err);
}

static int load_trials(
        struct store_database *database, struct store_image *image, struct error *err) {
        struct rows rows = {&trials_columns, .size = sizeof(struct trials_record)};
        int r = load_table(database, STORE_COUNT_TRIALS, STORE_LOAD_TRIALS, &rows, err);
        image->trials = rows.items;
        image->n_trials = rows.count;
        return r;
}

static int load_open(
        struct store_database *database, struct store_image *image, struct error *err) {
        struct rows rows = {&incident_columns, .size = sizeof(struct incident)};
        int r = load_table(database, STORE_COUNT_OPEN, STORE_LOAD_OPEN, &rows, err);
        image->open = rows.items;
        image->n_open = rows.count;
        return r;
}

static int load_calls(
        struct store_database *database, struct store_image *image, struct error *err) {
        struct rows rows = {&call_columns, .size = sizeof(struct call_record)};
        int r = load_table(database, STORE_COUNT_CALLS, STORE_LOAD_CALLS, &rows, err);
        image->calls = rows.items;
        image->n_calls = rows.count;
        return r;
}

static int load_all(struct store_database *database, struct store_image *image, struct error *err) {
        int r = load_services(database, image, err);
        if (r == 0) {
                r = load_host(database, &image->host, err);
        }
        if (r == 0) {
                r = load_trials(database, image, err);
        }
        if (r == 0) {
                r = load_open(database, image, err);
        }
        if (r == 0) {
                r = load_calls(database, image, err);
        }
        if (r == 0) {
                r = read_number(database, STORE_LAST_INCIDENT, &image->next_incident, err);
        }
        return r;
}

int store_rows_load(
        struct store_database *database, struct store_image *ret_image, struct error *err) {
        *ret_image = (struct store_image){0};
        int r = load_all(database, ret_image, err);
        if (r < 0) {
                store_image_done(ret_image);
                return r;
        }
        ret_image->next_incident++;
        return 0;
}

void store_image_done(struct store_image *image) {
        free(image->services);
        free(image->trials);
        free(image->open);
        free(image->calls);
        *image = (struct store_image){0};
}

/* ---- Queries -------------------------------------------------------------------------------- */

/* Makes room for `limit` structs and reads what the bound statement gives. */
static int answer(struct row_query *query, struct rows *rows, size_t limit, struct error *err) {
        rows->limit = limit;
        rows->items = calloc(limit, rows->size);
        return rows->items ? read_rows(query, rows, err) : fail(query->database, SQLITE_NOMEM, err);
}

static int bind_incidents(
        struct row_query *query, const char *service, uint64_t before, size_t limit) {
        int at = 1;
        int result = sqlite3_bind_int64(query->statement, at++,
                before > 0 && before <= INT64_MAX ? (int64_t) before : INT64_MAX);
        if (result == SQLITE_OK && service) {
                result = sqlite3_bind_text(query->statement, at++, service, -1, SQLITE_STATIC);
        }
        return result == SQLITE_OK ? sqlite3_bind_int64(query->statement, at, (int64_t) limit)
                                   : result;
}

int store_rows_incidents(struct store_database *database, const char *service, uint64_t before,
        size_t limit, struct store_history *ret_history, struct error *err) {
        AUTO(end_query)
        struct row_query query =
                begin_query(database, service ? STORE_QUERY_INCIDENTS_OF : STORE_QUERY_INCIDENTS);
        struct rows rows = {&incident_columns, .size = sizeof(struct incident)};
        size_t bounded = limit < STORE_ANSWER_MAX ? limit : STORE_ANSWER_MAX;
        if (bounded == 0) {
                return 0;
        }
        int result = bind_incidents(&query, service, before, bounded);
        int r = result == SQLITE_OK ? answer(&query, &rows, bounded, err)
                                    : fail(database, result, err);
        ret_history->incidents = rows.items;
        ret_history->n_incidents = rows.count;
        return r;
}

/* The rows that belong to one incident. */
static int rows_of(struct store_database *database, enum store_statement statement, uint64_t id,
        size_t limit, struct rows *rows, struct error *err) {
        AUTO(end_query) struct row_query query = begin_query(database, statement);
        int result = bind_numbers(query.statement, 1, id, limit);
        return result == SQLITE_OK ? answer(&query, rows, limit, err) : fail(database, result, err);
}

int store_rows_incident(struct store_database *database, uint64_t id,
        struct store_history *ret_history, struct error *err) {
        struct rows incidents = {&incident_columns, .size = sizeof(struct incident)};
        struct rows attempts = {&attempt_columns, 1, .size = sizeof(struct attempt)};
        struct rows whys = {&why_columns, .size = sizeof(struct store_why)};
        struct rows evidence = {&evidence_columns, .size = sizeof(struct store_evidence)};
        struct rows events = {&event_columns, .size = sizeof(struct event)};
        int r = rows_of(database, STORE_QUERY_INCIDENT, id, 1, &incidents, err);
        if (r == 0) {
                r = rows_of(database, STORE_QUERY_ATTEMPTS, id, STORE_ANSWER_MAX, &attempts, err);
        }
        if (r == 0) {
                r = rows_of(database, STORE_QUERY_WHYS, id, STORE_ANSWER_MAX, &whys, err);
        }
        if (r == 0) {
                r = rows_of(database, STORE_QUERY_EVIDENCE, id, 1, &evidence, err);
        }
        if (r == 0) {
                r = rows_of(database, STORE_QUERY_EVENTS, id, STORE_ANSWER_MAX, &events, err);
        }
        *ret_history = (struct store_history){
                .incidents = incidents.items,
                .n_incidents = incidents.count,
                .attempts = attempts.items,
                .n_attempts = attempts.count,
                .whys = whys.items,
                .evidence = evidence.count > 0 ? evidence.items : NULL,
                .events = events.items,
                .n_events = events.count,
        };
        if (evidence.count == 0) {
                free(evidence.items);
        }
        bool found = incidents.count > 0;
        return r < 0 || found ? r : error_set(err, ENOENT, "there is no incident %lu", id);
}

void store_history_done(struct store_history *history) {
        free(history->incidents);
        free(history->attempts);
        free(history->whys);
        free(history->evidence);
        free(history->events);
        *history = (struct store_history){0};
}

/* ---- Retention ------------------------------------------------------------------------------ */

static const struct store_column id_items[] = {{STORE_COLUMN_U64, 0}};
static const struct store_columns id_columns = COLUMNS(id_items);

static int delete_incident(struct store_database *database, uint64_t id, struct error *err) {
        static const enum store_statement statements[] = {STORE_DELETE_EVIDENCE,
                STORE_DELETE_EVENTS, STORE_DELETE_ATTEMPTS, STORE_DELETE_INCIDENT};
        int r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(statements); i++) {
                r = save(database, statements[i], NULL, &id_columns, &id, err);
        }
        return r;
}

static int trim_incidents(struct store_database *database, uint64_t keep, struct error *err) {
        uint64_t ids[STORE_TRIM_MAX];
        struct rows rows = {&id_columns, 0, ids, sizeof(ids[0]), ELEMENTSOF(ids)};
        {
                AUTO(end_query) struct row_query query = begin_query(database, STORE_OLD_INCIDENTS);
                int result = bind_numbers(query.statement, 1, keep, STORE_TRIM_MAX);
                int r = result == SQLITE_OK ? read_rows(&query, &rows, err)
                                            : fail(database, result, err);
                if (r < 0) {
                        return r;
                }
        }
        for (size_t i = 0; i < rows.count; i++) {
                int r = delete_incident(database, ids[i], err);
                if (r < 0) {
                        return r;
                }
        }
        return (int) rows.count;
}

/* Runs a DELETE; returns how many rows it took. */
static int trim(struct store_database *database, enum store_statement statement, uint64_t keep,
        struct error *err) {
        sqlite3_stmt *handle = database->statements[statement];
        int result = sqlite3_bind_int64(handle, 1, (int64_t) keep);
        if (result == SQLITE_OK && sqlite3_bind_parameter_count(handle) > 1) {
                result = sqlite3_bind_int64(handle, 2, STORE_TRIM_MAX);
        }
        if (result != SQLITE_OK) {
                return fail(database, result, err);
        }
        int r = store_database_run(database, statement, err);
        return r < 0 ? r : sqlite3_changes(database->db);
}

int store_rows_trim(struct store_database *database, uint64_t keep_incidents, uint64_t keep_events,
        struct error *err) {
        int incidents = trim_incidents(database, keep_incidents, err);
        if (incidents < 0) {
                return incidents;
        }
        int attempts = trim(database, STORE_TRIM_ATTEMPTS, keep_incidents, err);
        if (attempts < 0) {
                return attempts;
        }
        int events = trim(database, STORE_TRIM_EVENTS, keep_events, err);
        return events < 0 || events > incidents ? events : incidents;
}
