/* What an apply remembers: there and back, and what is not believed. */

#include <errno.h>

#include "base/cleanup.h"
#include "depot_fixture.h"
#include "executor/checkpoint/apply_journal.h"

static struct depot_fixture fixture;
static struct journal journal, found; /* large */

static int setup(void **state) {
        (void) state;
        journal = (struct journal){.phase = JOURNAL_EXCHANGING, .n_paths = 2};
        str_copy(journal.before, sizeof(journal.before), "0123456789abcdef");
        str_copy(journal.target, sizeof(journal.target), "fedcba9876543210");
        journal.paths[0] =
                (struct journal_path){"/srv/a\nb\xff", CHANGE_EXCHANGED, ".recoverd-x", 42};
        journal.paths[1] = (struct journal_path){"/srv/c", CHANGE_NONE, "", 0};
        return depot_setup(&fixture);
}

static int teardown(void **state) {
        (void) state;
        return depot_teardown(&fixture);
}

static int save_text(const char *text) {
        struct error err = {0};
        return depot_replace_file(fixture.depot.fd, "journal", text, strlen(text), &err);
}

static int load(void) {
        struct error err = {0};
        return journal_load(fixture.depot.fd, &found, &err);
}

static void test_there_and_back(void **state) {
        struct error err = {0};
        (void) state;
        assert_int_equal(load(), -ENOENT);
        assert_int_equal(journal_save(fixture.depot.fd, &journal, &err), 0);
        assert_int_equal(load(), 0);
        assert_int_equal(found.phase, JOURNAL_EXCHANGING);
        assert_int_equal(found.n_paths, 2);
        assert_string_equal(found.before, journal.before);
        assert_string_equal(found.target, journal.target);
        assert_string_equal(found.paths[0].path, "/srv/a\nb\xff");
        assert_string_equal(found.paths[0].aside, ".recoverd-x");
        assert_int_equal(found.paths[0].change, CHANGE_EXCHANGED);
        assert_int_equal(found.paths[0].inode, 42);
        assert_int_equal(found.paths[1].change, CHANGE_NONE);
        assert_int_equal(journal_remove(fixture.depot.fd, &err), 0);
        assert_int_equal(load(), -ENOENT);
}

static bool may_go(enum journal_phase phase, bool prepared) {
        struct error err = {0};
        journal.phase = phase;
        journal.prepared = prepared;
        assert_int_equal(journal_save(fixture.depot.fd, &journal, &err), 0);
        return journal_may_go(fixture.depot.fd);
}

static void test_only_what_is_over_or_prepared_may_go(void **state) {
        (void) state;
        assert_false(journal_may_go(fixture.depot.fd));
        assert_true(may_go(JOURNAL_DONE, false));
        assert_true(may_go(JOURNAL_BUILDING, true));
        assert_false(may_go(JOURNAL_BUILDING, false));
        assert_false(may_go(JOURNAL_EXCHANGING, false));
}

/* It is read by root, who renames what it names. */
static void test_what_is_not_believed(void **state) {
        static const char *const bad[] = {
                "",
                "{}",
                "[]",
                "{\"phase\":\"flying\",\"before\":\"a\",\"target\":\"b\",\"paths\":[]}",
                "{\"phase\":\"done\",\"before\":\"a\",\"target\":\"b\",\"paths\":{}}",
                "{\"phase\":\"done\",\"before\":\"a\",\"target\":\"b\",\"paths\":[{\"path\":\"/srv\",\"change\":\"none\","
                "\"aside\":\"../x\",\"inode\":0}]}",
                "{\"phase\":\"done\",\"before\":\"a\",\"target\":\"b\",\"paths\":[{\"path\":\"/srv/../etc\",\"change\":\"none\","
                "\"aside\":\"x\",\"inode\":0}]}",
                "{\"phase\":\"done\",\"before\":\"a\",\"target\":\"b\",\"paths\":[{\"path\":\"/srv\",\"change\":\"burnt\","
                "\"aside\":\"x\",\"inode\":0}]}",
        };
        (void) state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                assert_int_equal(save_text(bad[i]), 0);
                assert_int_equal(load(), -EBADMSG);
        }
}

static void test_the_last_apply(void **state) {
        struct applied applied = {"0123456789abcdef", "fedcba9876543210", USEC_PER_SEC}, back = {0};
        struct error err = {0};
        (void) state;
        assert_int_equal(applied_load(fixture.depot.fd, &back, &err), -ENOENT);
        assert_int_equal(applied_save(fixture.depot.fd, &applied, &err), 0);
        assert_int_equal(applied_load(fixture.depot.fd, &back, &err), 0);
        assert_string_equal(back.before, applied.before);
        assert_string_equal(back.target, applied.target);
        assert_int_equal(back.at, applied.at);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_only_what_is_over_or_prepared_may_go, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_is_not_believed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_last_apply, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
