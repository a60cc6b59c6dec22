/* Older databases are brought forward step by step, or stay what they were. */

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "store/store_schema.h"
#include "unit_test.h"

static int set_up(void **state) {
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
        *state = db;
        return 0;
}

static int tear_down(void **state) {
        return sqlite3_close(*state);
}

static int64_t number(sqlite3 *db, const char *sql) {
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        int64_t value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return value;
}

static void test_an_empty_database_gets_all_tables(void **state) {
        sqlite3 *db = *state;
        struct error err = {0};
        assert_int_equal(store_schema_check(db, "x.db", STORE_SCHEMA_VERSION, &err), 0);
        assert_int_equal(
                store_schema_migrate(db, "x.db", store_migrations, STORE_SCHEMA_VERSION, &err), 0);
        assert_int_equal(number(db, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
        assert_int_equal(number(db, "PRAGMA application_id"), STORE_APPLICATION_ID);
        assert_int_equal(number(db, "SELECT count(*) FROM host"), 1);
        assert_int_equal(store_schema_check(db, "x.db", STORE_SCHEMA_VERSION, &err), 0);
        assert_int_equal(
                store_schema_migrate(db, "x.db", store_migrations, STORE_SCHEMA_VERSION, &err), 0);
}

static void test_what_was_open_before_roles_is_of_liveness(void **state) {
        sqlite3 *db = *state;
        struct error err = {0};
        assert_int_equal(store_schema_migrate(db, "x.db", store_migrations, 1, &err), 0);
        const char *insert =
                "INSERT INTO incident VALUES(7, 'web', 1, 2, 0, 'exited', 'open', 0, 3, "
                "'live', 'killed')";
        assert_int_equal(sqlite3_exec(db, insert, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(
                store_schema_migrate(db, "x.db", store_migrations, STORE_SCHEMA_VERSION, &err), 0);
        assert_int_equal(
                number(db, "SELECT count(*) FROM incident WHERE id = 7 AND role = 'liveness'"), 1);
}

static void test_what_was_seen_before_symptoms_is_no_symptom(void **state) {
        sqlite3 *db = *state;
        struct error err = {0};
        assert_int_equal(store_schema_migrate(db, "x.db", store_migrations, 9, &err), 0);
        const char *insert =
                "INSERT INTO incident(id, service, failing_since, opened, closed, cause, "
                "result, exhausted, attempts, probe, text) VALUES(7, 'web', 1, 2, 0, "
                "'exited', 'open', 0, 3, 'live', 'killed')";
        assert_int_equal(sqlite3_exec(db, insert, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(
                store_schema_migrate(db, "x.db", store_migrations, STORE_SCHEMA_VERSION, &err), 0);
        assert_int_equal(number(db, "SELECT count(*) FROM incident WHERE cause = 'exited' AND "
                                    "symptom = 'none'"),
                1);
}

static const char *const steps[] = {
        "CREATE TABLE a(x); INSERT INTO a VALUES(1); PRAGMA application_id = 0x52435644; "
        "PRAGMA user_version = 1;",
        "ALTER TABLE a ADD COLUMN y DEFAULT 5; PRAGMA user_version = 2;",
        "CREATE TABLE b(z); INSERT INTO nowhere VALUES(1); PRAGMA user_version = 3;",
};

static void test_steps_keep_the_data(void **state) {
        sqlite3 *db = *state;
        struct error err = {0};
        assert_int_equal(store_schema_migrate(db, "x.db", steps, 1, &err), 0);
        assert_int_equal(number(db, "PRAGMA user_version"), 1);
        assert_int_equal(store_schema_migrate(db, "x.db", steps, 2, &err), 0);
        assert_int_equal(number(db, "PRAGMA user_version"), 2);
        assert_int_equal(number(db, "SELECT x + y FROM a"), 6);
}

static void test_a_failing_step_changes_nothing(void **state) {
        sqlite3 *db = *state;
        struct error err = {0};
        assert_int_equal(store_schema_migrate(db, "x.db", steps, 3, &err), -EBADMSG);
        assert_non_null(strstr(err.text, "state database x.db: "));
        assert_non_null(strstr(err.text, "nowhere"));
        assert_int_equal(number(db, "PRAGMA user_version"), 2);
        assert_int_equal(number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'b'"), 0);
        assert_true(sqlite3_get_autocommit(db));
}

static void test_what_is_not_ours_is_refused(void **state) {
        static const struct {
                const char *sql, *why;
        } rows[] = {
                {"PRAGMA application_id = 0x52435644; PRAGMA user_version = 2;", "newer recoverd"},
                {"PRAGMA application_id = 1; PRAGMA user_version = 0;", "another program"},
                {"PRAGMA application_id = 0; PRAGMA user_version = 7;", "another program"},
                {"PRAGMA user_version = 0; CREATE TABLE t(a);", "another program"},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct error err = {0};
                assert_int_equal(sqlite3_exec(*state, rows[i].sql, NULL, NULL, NULL), SQLITE_OK);
                assert_int_equal(store_schema_check(*state, "x.db", 1, &err), -EPROTO);
                assert_non_null(strstr(err.text, rows[i].why));
                assert_non_null(strstr(err.text, "left alone"));
        }
}

#define SCHEMA_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                SCHEMA_TEST(test_an_empty_database_gets_all_tables),
                SCHEMA_TEST(test_what_was_open_before_roles_is_of_liveness),
                SCHEMA_TEST(test_what_was_seen_before_symptoms_is_no_symptom),
                SCHEMA_TEST(test_steps_keep_the_data),
                SCHEMA_TEST(test_a_failing_step_changes_nothing),
                SCHEMA_TEST(test_what_is_not_ours_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
