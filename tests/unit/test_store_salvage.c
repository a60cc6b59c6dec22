/* Damaged databases are kept with their logs, and not for ever. */

#include <limits.h>

#include "store/store_salvage.h"
#include "store_fixture.h"

static void touch(const char *path, const char *suffix) {
        char name[160];
        (void) snprintf(name, sizeof(name), "%s%s", path, suffix);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        assert_true(fputs(suffix, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static bool exists(const char *path, const char *suffix) {
        AUTO_STRBUF struct strbuf name = {0};
        strbuf_add(&name, path);
        strbuf_add(&name, suffix);
        return access(strbuf_text(&name), F_OK) == 0;
}

static int set_up(void **state) {
        struct fixture *fixture = fixture_new();
        (void) snprintf(fixture->path, sizeof(fixture->path), "%s/state.db", fixture->directory);
        *state = fixture;
        return 0;
}

static int tear_down(void **state) {
        fixture_free(*state);
        return 0;
}

static void test_database_and_log_move_together(void **state) {
        struct fixture *fixture = *state;
        char to[PATH_MAX];
        struct error err = {0};
        touch(fixture->path, "");
        touch(fixture->path, "-wal");
        touch(fixture->path, "-shm");
        assert_int_equal(store_move_aside(fixture->path, to, &err), 0);
        assert_true(str_starts(to, fixture->path));
        assert_non_null(strstr(to, "state.db.corrupt-20"));
        assert_true(exists(to, "") && exists(to, "-wal") && exists(to, "-shm"));
        assert_false(exists(fixture->path, "") || exists(fixture->path, "-wal"));
}

static void test_only_the_newest_are_kept(void **state) {
        struct fixture *fixture = *state;
        char to[STORE_CORRUPT_KEEP + 2][PATH_MAX];
        struct error err = {0};
        touch(fixture->directory, "/other.corrupt-20000101T000000.000000Z");
        touch(fixture->directory, "/state.db.corrupt-notes");
        for (size_t i = 0; i < STORE_CORRUPT_KEEP + 2; i++) {
                touch(fixture->path, "");
                touch(fixture->path, "-wal");
                assert_int_equal(store_move_aside(fixture->path, to[i], &err), 0);
        }
        for (size_t i = 0; i < STORE_CORRUPT_KEEP + 2; i++) {
                assert_int_equal(exists(to[i], ""), i >= 2);
                assert_int_equal(exists(to[i], "-wal"), i >= 2);
        }
        assert_true(exists(fixture->directory, "/other.corrupt-20000101T000000.000000Z"));
        assert_true(exists(fixture->directory, "/state.db.corrupt-notes"));
}

static void test_failure_is_explained(void **state) {
        struct fixture *fixture = *state;
        char path[96], to[PATH_MAX];
        struct error err = {0};
        (void) snprintf(path, sizeof(path), "%s/file/state.db", fixture->directory);
        touch(fixture->directory, "/file");
        assert_int_equal(store_move_aside(path, to, &err), -ENOTDIR);
        assert_non_null(strstr(err.text, "cannot move the damaged database aside: "));
        assert_non_null(strstr(err.text, "not a directory"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_database_and_log_move_together, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_only_the_newest_are_kept, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_failure_is_explained, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
