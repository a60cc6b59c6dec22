/* A folder that the executor believes in is its own. */

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/own_folder.h"
#include "support/scratch.h"
#include "unit_test.h"

static char directory[64], path[80];

static int setup(void **state) {
        (void) state;
        int r = scratch_make(directory, sizeof(directory), "test_own_folder");
        snprintf(path, sizeof(path), "%s/services", directory);
        return r;
}

static int teardown(void **state) {
        (void) state;
        return scratch_remove(directory);
}

static void test_it_is_made(void **state) {
        struct stat status;
        (void) state;
        assert_int_equal(own_folder_check(path), -ENOENT);
        assert_int_equal(own_folder_make(path, 0700), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
        assert_int_equal(own_folder_make(path, 0700), 0); /* once more */
}

static void test_another_users_is_refused(void **state) {
        (void) state;
        if (geteuid() != 0) {
                print_message("skip: only root can give a folder away\n");
                skip();
        }
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(own_folder_make(path, 0700), -EPERM);
}

static void test_a_link_is_refused(void **state) {
        (void) state;
        assert_int_equal(symlink("/tmp", path), 0);
        assert_int_equal(own_folder_make(path, 0700), -ENOTDIR);
}

static void test_no_place_for_it(void **state) {
        (void) state;
        assert_int_equal(own_folder_make("/nonexistent/services", 0700), -ENOENT);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_it_is_made),
                T(test_another_users_is_refused),
                T(test_a_link_is_refused),
                T(test_no_place_for_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
