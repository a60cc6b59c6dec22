/* Three starts within ten minutes that did not end in order make the next one observe only. */

#include "recovery/crash_loop.h"
#include "unit_test.h"

#define NOW (UINT64_C(1767225600) * USEC_PER_SEC)
#define AGO(minutes) (NOW - (minutes) *USEC_PER_MINUTE)

static const struct crash_loop_spec standard = {.starts = 3, .within = 10 * USEC_PER_MINUTE};

static void test_three_make_a_loop(void **state) {
        (void) state;
        const wall_usec_t starts[] = {AGO(9), AGO(5), AGO(1)};
        assert_int_equal(crash_loop_quiet(&standard, starts, 0, NOW), 0);
        assert_int_equal(crash_loop_quiet(&standard, starts, 2, NOW), 0);
        assert_int_equal(crash_loop_quiet(&standard, starts, 3, NOW), standard.within);
        char text[128];
        crash_loop_describe(&standard, starts, 3, NOW, text, sizeof(text));
        assert_string_equal(
                text, "the agent was started 3 times within 10m and never ended in order");
}

static void test_what_is_long_ago_does_not_count(void **state) {
        (void) state;
        const wall_usec_t starts[] = {AGO(10), AGO(5), AGO(1)};
        assert_int_equal(crash_loop_quiet(&standard, starts, 3, NOW), 0);
}

static void test_a_clock_that_was_set_back(void **state) {
        (void) state;
        const wall_usec_t starts[] = {NOW + 1, NOW + USEC_PER_DAY, AGO(1)};
        assert_int_equal(crash_loop_quiet(&standard, starts, 3, NOW), 0);
}

static void test_it_may_be_off(void **state) {
        (void) state;
        const wall_usec_t starts[] = {AGO(3), AGO(2), AGO(1)};
        const struct crash_loop_spec off = {.within = USEC_PER_HOUR};
        assert_int_equal(crash_loop_quiet(&off, starts, 3, NOW), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_three_make_a_loop),
                cmocka_unit_test(test_what_is_long_ago_does_not_count),
                cmocka_unit_test(test_a_clock_that_was_set_back),
                cmocka_unit_test(test_it_may_be_off),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
