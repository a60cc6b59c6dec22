#include "model/group_timing.h"
#include "unit_test.h"

static struct group_spec spec(usec_t lease, usec_t stop, usec_t margin) {
        static const struct group_step_spec steps[] = {
                {.action = ACTION_EXEC, .timeout = 2 * USEC_PER_SEC},
                {.action = ACTION_STOP},
        };
        return (struct group_spec){.lease = lease,
                .stop_timeout = stop,
                .margin = margin,
                .demote = {.items = steps, .count = 2}};
}

static void the_sum_names_all_that_has_to_fit(void **state) {
        (void) state;
        struct group_spec group = spec(15 * USEC_PER_SEC, 3 * USEC_PER_SEC, 1 * USEC_PER_SEC);
        struct group_timing timing;
        group_timing(&group, &timing);
        assert_int_equal(timing.renewal, 5 * USEC_PER_SEC);
        assert_int_equal(timing.programs, 2 * USEC_PER_SEC);
        assert_int_equal(timing.total, 12 * USEC_PER_SEC);
        assert_int_equal(group_demotion_time(&group), 6 * USEC_PER_SEC);
}

static void the_least_lease_fits_and_a_shorter_one_does_not(void **state) {
        (void) state;
        struct group_timing timing;
        struct group_spec group = spec(2 * USEC_PER_SEC, 3 * USEC_PER_SEC, 1 * USEC_PER_SEC);
        group_timing(&group, &timing);
        usec_t least = timing.least_lease;
        group.lease = least + USEC_PER_MSEC;
        group_timing(&group, &timing);
        assert_true(timing.total < group.lease);
        group.lease = least - USEC_PER_MSEC;
        group_timing(&group, &timing);
        assert_true(timing.total > group.lease);
}

static void a_demotion_ends_a_margin_before_the_lease(void **state) {
        (void) state;
        struct group_spec group = spec(15 * USEC_PER_SEC, 3 * USEC_PER_SEC, 1 * USEC_PER_SEC);
        usec_t deadline = group_guard_deadline(&group, 100 * USEC_PER_SEC);
        assert_int_equal(deadline, 99 * USEC_PER_SEC);
        assert_int_equal(group_demotion_begin(&group, deadline), 93 * USEC_PER_SEC);
        assert_int_equal(group_demotion_begin(&group, 5 * USEC_PER_SEC), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_sum_names_all_that_has_to_fit),
                cmocka_unit_test(the_least_lease_fits_and_a_shorter_one_does_not),
                cmocka_unit_test(a_demotion_ends_a_margin_before_the_lease),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
