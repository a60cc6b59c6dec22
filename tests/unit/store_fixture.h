#pragma once
/* A store in a directory of its own, with a loop that is turned until something holds. */

#include <errno.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "io/loop.h"
#include "store/store.h"
#include "unit_test.h"

enum { FIXTURE_DONE_MAX = 8192, FIXTURE_NOT_DONE = 1 };

struct fixture {
        char directory[64], path[96];
        struct store_options options;
        struct loop *loop;
        struct store *store;
        struct store_image image;
        int n_degraded, n_recovered; /* calls of on_health() */
        char why[ERROR_TEXT_MAX]; /* of the last degradation */
        int results[FIXTURE_DONE_MAX]; /* of attempts, in the order of their completion */
        size_t n_done;
        struct store_history history; /* copied from the last answer */
        int answer;
};

/* Turns the loop until the condition holds; twenty seconds are for ever. */
#define PUMP_UNTIL(fixture, condition)                                                             \
        do {                                                                                       \
                usec_t _until = clock_now().mono + 20 * USEC_PER_SEC;                              \
                while (!(condition)) {                                                             \
                        assert_true(clock_now().mono < _until);                                    \
                        assert_true(loop_turn((fixture)->loop, 10 * USEC_PER_MSEC) >= 0);          \
                }                                                                                  \
        } while (0)

static inline void fixture_on_health(void *cookie, bool degraded, const char *why) {
        struct fixture *fixture = cookie;
        if (degraded) {
                fixture->n_degraded++;
                (void) str_copy(fixture->why, sizeof(fixture->why), why);
        } else {
                fixture->n_recovered++;
                assert_string_equal(why, "");
        }
}

static inline void fixture_on_done(void *cookie, int result) {
        struct fixture *fixture = cookie;
        assert_true(fixture->n_done < FIXTURE_DONE_MAX);
        fixture->results[fixture->n_done++] = result;
}

static inline struct fixture *fixture_new(void) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        assert_non_null(fixture);
        /* In memory where possible: fsync on a busy disk takes longer than all the rest. */
        (void) snprintf(fixture->directory, sizeof(fixture->directory), "%s/test_store.XXXXXX",
                access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(fixture->directory));
        (void) snprintf(
                fixture->path, sizeof(fixture->path), "%s/state/state.db", fixture->directory);
        assert_int_equal(loop_new(&fixture->loop, NULL), 0);
        fixture->options = (struct store_options){
                .path = fixture->path,
                .timeout = 5 * USEC_PER_SEC,
                .retry = 5 * USEC_PER_MSEC,
                .keep_incidents = 1000,
                .keep_events = 1000,
                .on_health = fixture_on_health,
                .cookie = fixture,
        };
        return fixture;
}

static inline void fixture_open(struct fixture *fixture) {
        assert_int_equal(
                store_open(fixture->loop, &fixture->options, &fixture->store, &fixture->image), 0);
}

static inline void fixture_close(struct fixture *fixture) {
        store_close(fixture->store, 5 * USEC_PER_SEC);
        fixture->store = NULL;
        store_image_done(&fixture->image);
}

static inline void fixture_reopen(struct fixture *fixture) {
        fixture_close(fixture);
        fixture_open(fixture);
}

enum { FIXTURE_SHORT_MSEC = 100 };

/* Opens an existing database with a short patience; on a busy machine that may take several tries.
 */
static inline void fixture_open_impatient(struct fixture *fixture) {
        fixture->options.timeout = FIXTURE_SHORT_MSEC * USEC_PER_MSEC;
        fixture_open(fixture);
        while (store_degraded(fixture->store)) {
                fixture_reopen(fixture);
        }
}

static inline int fixture_remove_entry(
        const char *path, const struct stat *status, int type, struct FTW *where) {
        (void) status;
        (void) type;
        (void) where;
        return remove(path);
}

static inline void fixture_forget_history(struct fixture *fixture) {
        free(fixture->history.incidents);
        free(fixture->history.attempts);
        free(fixture->history.events);
        free(fixture->history.whys);
        fixture->history = (struct store_history){0};
}

static inline void fixture_free(struct fixture *fixture) {
        fixture_close(fixture);
        fixture_forget_history(fixture);
        loop_free(fixture->loop);
        (void) nftw(fixture->directory, fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        free(fixture);
}

/* ---- Records -------------------------------------------------------------------------------- */

static inline struct attempt make_attempt(uint64_t incident, uint32_t number) {
        return (struct attempt){
                .incident = incident,
                .number = number,
                .step = 1,
                .action = ACTION_RESTART,
                .origin = ORIGIN_LADDER,
                .rule = 12,
                .delay = 1500000,
                .intended = 1767225600000000 + number,
        };
}

static inline struct incident make_incident(uint64_t id, const char *service) {
        struct incident incident = {.id = id,
                .opened = 1767225600000000 + id,
                .cause = CAUSE_EXITED,
                .role = ROLE_READINESS,
                .attempts = 2};
        (void) str_copy(incident.service, sizeof(incident.service), service);
        return incident;
}

static inline struct event make_event(uint64_t incident, const char *text) {
        struct event event = {
                .at = 1767225600000000, .kind = EVENT_PHASE, .level = 5, .incident = incident};
        (void) str_copy(event.service, sizeof(event.service), "shop");
        (void) str_copy(event.text, sizeof(event.text), text);
        return event;
}

static inline void save_attempt(struct fixture *fixture, uint64_t incident, uint32_t number) {
        struct attempt attempt = make_attempt(incident, number);
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, fixture_on_done, fixture);
}

/* ---- Answers -------------------------------------------------------------------------------- */

static inline void *copy_array(const void *items, size_t n, size_t size) {
        void *copy = calloc(n + 1, size);
        assert_non_null(copy);
        if (n > 0) {
                memcpy(copy, items, n * size);
        }
        return copy;
}

static inline void fixture_on_answer(
        void *cookie, int result, const struct store_history *history) {
        struct fixture *fixture = cookie;
        fixture_forget_history(fixture);
        fixture->answer = result;
        fixture->history = (struct store_history){
                copy_array(history->incidents, history->n_incidents, sizeof(struct incident)),
                history->n_incidents,
                copy_array(history->attempts, history->n_attempts, sizeof(struct attempt)),
                history->n_attempts,
                copy_array(history->events, history->n_events, sizeof(struct event)),
                history->n_events,
                .whys = copy_array(history->whys, history->whys ? history->n_attempts : 0,
                        sizeof(struct store_why)),
        };
}

static inline void query_incidents(
        struct fixture *fixture, const char *service, uint64_t before, size_t limit) {
        fixture->answer = FIXTURE_NOT_DONE;
        store_query_incidents(fixture->store, service, before, limit, fixture_on_answer, fixture);
        PUMP_UNTIL(fixture, fixture->answer != FIXTURE_NOT_DONE);
}

static inline void query_incident(struct fixture *fixture, uint64_t id) {
        fixture->answer = FIXTURE_NOT_DONE;
        store_query_incident(fixture->store, id, fixture_on_answer, fixture);
        PUMP_UNTIL(fixture, fixture->answer != FIXTURE_NOT_DONE);
}

/* What an operator would see: the first column of the first row, by a connection of its own. */
static inline int64_t sql_number(const char *path, const char *sql) {
        sqlite3 *db = NULL;
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
        assert_int_equal(sqlite3_busy_timeout(db, 1000), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        int64_t number = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        return number;
}
