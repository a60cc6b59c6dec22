/* The names of transient units; what systemd does with them is tested in tests/lab. */

#include <errno.h>
#include <string.h>

#include "io/transient_unit.h"
#include "unit_test.h"

static void expect_name(const char *name, const char *unit) {
        char text[UNIT_ID_SIZE];
        assert_int_equal(transient_name(name, text), 0);
        assert_string_equal(text, unit);
}

static void test_names(void **state) {
        (void) state;
        expect_name("web", "recoverd-web.service");
        expect_name("orders-db_2.eu:1", "recoverd-orders-db_2.eu:1.service");
        expect_name("shop@1", "recoverd-shop\\x401.service");
        expect_name("a b/c\\", "recoverd-a\\x20b\\x2fc\\x5c.service");
}

static void test_a_name_has_a_limit(void **state) {
        char name[UNIT_ID_SIZE + 1], text[UNIT_ID_SIZE];
        (void) state;
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        assert_int_equal(transient_name(name, text), -ENAMETOOLONG);
}

static void test_names_of_what_is_done_once(void **state) {
        char text[UNIT_ID_SIZE];
        (void) state;
        assert_int_equal(transient_name_once("web", 17, text), 0);
        assert_string_equal(text, "exec-recoverd-web-17.service");
        assert_int_equal(transient_name_once("shop@1", UINT64_MAX, text), 0);
        assert_string_equal(text, "exec-recoverd-shop\\x401-18446744073709551615.service");
}

static void test_a_name_with_a_number_has_a_limit(void **state) {
        char name[UNIT_ID_SIZE - 40], text[UNIT_ID_SIZE];
        (void) state;
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        assert_int_equal(transient_name_once(name, 1, text), 0);
        assert_int_equal(transient_name_once(name, UINT64_MAX, text), -ENAMETOOLONG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_a_name_has_a_limit),
                cmocka_unit_test(test_names_of_what_is_done_once),
                cmocka_unit_test(test_a_name_with_a_number_has_a_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
