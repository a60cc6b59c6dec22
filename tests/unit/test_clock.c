/* Clocks, saturating arithmetic, and wall time as text. */

#include <string.h>

#include "base/clock.h"
#include "unit_test.h"

static void test_add_and_sub_saturate(void **state) {
        (void) state;
        assert_int_equal(usec_add(2, 3), 5);
        assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY - 1, 5) == USEC_INFINITY);
        assert_int_equal(usec_sub(5, 3), 2);
        assert_int_equal(usec_sub(3, 5), 0);
}

static void test_now_moves_forward(void **state) {
        struct instant first = clock_now(), second = clock_now();

        (void) state;
        assert_true(first.mono > 0);
        assert_true(second.mono >= first.mono);
        assert_true(first.wall > UINT64_C(1600000000) * USEC_PER_SEC);
}

static void test_cpu_time_grows_with_work(void **state) {
        usec_t start = clock_cpu();
        volatile unsigned work = 0;

        (void) state;
        while (clock_cpu() == start) {
                work++;
        }
        assert_true(clock_cpu() > start);
}

static void test_boot_id_is_a_uuid(void **state) {
        char id[BOOT_ID_MAX];

        (void) state;
        assert_int_equal(clock_boot_id(id), 0);
        assert_int_equal(strlen(id), BOOT_ID_MAX - 1);
        assert_int_equal(id[8], '-');
        assert_null(strchr(id, '\n'));
}

static void test_wall_format(void **state) {
        char text[WALL_TEXT_MAX];

        (void) state;
        assert_string_equal(clock_format_wall(0, text), "1970-01-01T00:00:00.000Z");
        assert_string_equal(
                clock_format_wall(UINT64_C(1772366400123999), text), "2026-03-01T12:00:00.123Z");
        assert_string_equal(clock_format_wall(UINT64_C(1709164800) * USEC_PER_SEC, text),
                "2024-02-29T00:00:00.000Z");
}

static void test_wall_format_of_any_number_fits(void **state) {
        char text[WALL_TEXT_MAX];

        (void) state;
        assert_true(strlen(clock_format_wall(USEC_INFINITY, text)) < WALL_TEXT_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_add_and_sub_saturate),
                cmocka_unit_test(test_now_moves_forward),
                cmocka_unit_test(test_cpu_time_grows_with_work),
                cmocka_unit_test(test_boot_id_is_a_uuid),
                cmocka_unit_test(test_wall_format),
                cmocka_unit_test(test_wall_format_of_any_number_fits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
