#include "base/str.h"
#include "model/coordination.h"
#include "unit_test.h"

static void a_host_is_the_whole_part_before_the_slash(void **state) {
        (void) state;
        assert_true(member_is_on_host("db1/postgresql", "db1"));
        assert_false(member_is_on_host("db1/postgresql", "db"));
        assert_false(member_is_on_host("db1/postgresql", "db1/"));
        assert_false(member_is_on_host("db1/postgresql", "db1/postgresql"));
        assert_false(member_is_on_host("db1", "db1"));
        assert_false(member_is_on_host("", "db1"));
}

static void a_name_in_a_path_has_no_slash(void **state) {
        (void) state;
        char name[COORDINATION_MEMBER_MAX];
        member_path_name("db1/postgresql", name);
        assert_string_equal(name, "db1:postgresql");
        member_path_name("blue", name);
        assert_string_equal(name, "blue");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_is_the_whole_part_before_the_slash),
                cmocka_unit_test(a_name_in_a_path_has_no_slash),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
