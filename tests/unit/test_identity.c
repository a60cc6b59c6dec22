/* Users and groups of a program. Only names that every system has. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/environment.h"
#include "io/identity.h"
#include "unit_test.h"

static void need_root(void) {
        if (geteuid() != 0) {
                print_message("only root can become somebody else\n");
                skip();
        }
}

static void test_its_own(void **state) {
        struct identity identity;
        (void) state;
        assert_int_equal(identity_resolve(NULL, NULL, &identity, NULL), 0);
        assert_false(identity.change);
        assert_int_equal(identity.uid, geteuid());
}

static void test_a_name(void **state) {
        struct identity identity;
        (void) state;
        need_root();
        assert_int_equal(identity_resolve("daemon", NULL, &identity, NULL), 0);
        assert_true(identity.change);
        assert_int_equal(identity.uid, 1);
        assert_int_equal(identity.gid, 1);
        assert_string_equal(identity.name, "daemon");
        assert_true(identity.n_groups >= 1);
        assert_int_equal(identity.groups[0], 1);
}

static void test_a_group_of_its_own(void **state) {
        struct identity identity;
        (void) state;
        need_root();
        assert_int_equal(identity_resolve("daemon", "nogroup", &identity, NULL), 0);
        assert_int_equal(identity.uid, 1);
        assert_int_equal(identity.gid, 65534);
        assert_int_equal(identity_resolve(NULL, "1", &identity, NULL), 0);
        assert_true(identity.change);
        assert_int_equal(identity.uid, 0);
        assert_int_equal(identity.gid, 1);
}

static void test_a_number_needs_no_entry(void **state) {
        struct identity identity;
        (void) state;
        need_root();
        assert_int_equal(identity_resolve("54321", "12345", &identity, NULL), 0);
        assert_int_equal(identity.uid, 54321);
        assert_int_equal(identity.gid, 12345);
        assert_string_equal(identity.name, "");
        assert_string_equal(identity.home, "/");
        assert_int_equal(identity.n_groups, 1);
        assert_int_equal(identity.groups[0], 12345);
}

static void test_unknown_names(void **state) {
        struct identity identity;
        struct error err = {0};
        (void) state;
        assert_int_equal(identity_resolve("no-such-user", NULL, &identity, &err), -ENOENT);
        assert_string_equal(err.text, "no user named no-such-user");
        assert_int_equal(identity_resolve(NULL, "no-such-group", &identity, &err), -ENOENT);
        assert_string_equal(err.text, "no group named no-such-group");
}

/* -1 as an id means "leave it" to the kernel, which is root here. */
static void test_an_id_that_means_no_change_is_a_name(void **state) {
        struct identity identity;
        (void) state;
        assert_int_equal(identity_resolve("4294967295", NULL, &identity, NULL), -ENOENT);
        assert_int_equal(identity_resolve("-1", NULL, &identity, NULL), -ENOENT);
}

static void test_the_environment_of_a_user(void **state) {
        static const char *const expected[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                "HOME=/home/shop", "SHELL=/bin/sh", "USER=shop", "LOGNAME=shop"};
        const struct identity identity = {.name = "shop", .home = "/home/shop", .shell = "/bin/sh"};
        struct environment environment = {0};
        (void) state;
        environment_set_standard(&environment, &identity);
        assert_int_equal(environment.count, 6);
        for (size_t i = 0; i < environment.count; i++) {
                assert_string_equal(environment.items[i], expected[i]);
        }
        assert_null(environment.items[6]);
        environment_done(&environment);
}

static void test_a_later_variable_replaces_an_earlier_one(void **state) {
        struct environment environment = {0};
        (void) state;
        environment_set(&environment, "A", "1");
        environment_set(&environment, "AB", "2");
        environment_set(&environment, "A", "3");
        assert_int_equal(environment.count, 2);
        assert_string_equal(environment.items[0], "A=3");
        assert_string_equal(environment.items[1], "AB=2");
        assert_false(environment.failed);
        environment_done(&environment);
}

static void test_too_many_variables(void **state) {
        struct environment environment = {0};
        char key[16];
        (void) state;
        for (int i = 0; i <= ENVIRONMENT_MAX; i++) {
                assert_false(environment.failed);
                snprintf(key, sizeof(key), "K%d", i);
                environment_set(&environment, key, "v");
        }
        assert_true(environment.failed);
        environment_done(&environment);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_its_own),
                cmocka_unit_test(test_a_name),
                cmocka_unit_test(test_a_group_of_its_own),
                cmocka_unit_test(test_a_number_needs_no_entry),
                cmocka_unit_test(test_unknown_names),
                cmocka_unit_test(test_an_id_that_means_no_change_is_a_name),
                cmocka_unit_test(test_the_environment_of_a_user),
                cmocka_unit_test(test_a_later_variable_replaces_an_earlier_one),
                cmocka_unit_test(test_too_many_variables),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
