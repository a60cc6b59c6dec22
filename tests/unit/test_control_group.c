/* The cgroup of a service, where there is none. */

#include <errno.h>

#include "executor/control_group.h"
#include "unit_test.h"

static void test_a_group_that_is_gone(void **state) {
        pid_t pids[4];
        (void) state;
        assert_int_equal(control_group_populated("/nonexistent/group"), 0);
        assert_int_equal(control_group_kill("/nonexistent/group"), 0);
        assert_int_equal(control_group_processes("/nonexistent/group", pids, 4), 0);
        control_group_remove("/nonexistent/group");
}

static void test_without_a_hierarchy_it_says_why(void **state) {
        struct control_groups groups = {.why = "no cgroup v2 hierarchy is mounted"};
        char path[CONTROL_GROUP_PATH_MAX];
        struct error err = {0};
        (void) state;
        assert_int_equal(control_group_make(&groups, "web", path, &err), -ENOENT);
        assert_string_equal(err.text, "no cgroup v2 hierarchy is mounted");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_group_that_is_gone),
                cmocka_unit_test(test_without_a_hierarchy_it_says_why),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
