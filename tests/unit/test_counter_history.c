/* Counters over a window: CPU time, and kills. */

#include "probes/counter_history.h"
#include "tests/unit/unit_test.h"

/* ---- CPU time ---- */

#define WINDOW (60 * USEC_PER_SEC)

static void feed(struct counter_history *history, unsigned second, unsigned cpu_msec) {
        const struct counter_sample sample = {
                .at = second * USEC_PER_SEC, .value = cpu_msec * USEC_PER_MSEC};
        counter_history_add(history, &sample, WINDOW);
}

static bool average(
        const struct counter_history *history, unsigned second, unsigned cpu_msec, double *ret) {
        const struct counter_sample now = {
                .at = second * USEC_PER_SEC, .value = cpu_msec * USEC_PER_MSEC};
        return counter_history_share(history, &now, WINDOW, ret);
}

static void test_cpu_needs_a_window(void **state) {
        (void) state;
        struct counter_history history = {0};
        double percent;
        feed(&history, 100, 0);
        assert_false(average(&history, 100, 0, &percent));
        assert_false(average(&history, 159, 59000, &percent));
        assert_true(average(&history, 160, 30000, &percent));
        assert_int_equal((int) percent, 50);
}

/* A burst counts only while it is within the window. */
static void test_cpu_forgets(void **state) {
        (void) state;
        struct counter_history history = {0};
        double percent;
        for (unsigned second = 0; second <= 60; second++) {
                feed(&history, second, second * 2000);
        }
        assert_true(average(&history, 60, 120000, &percent));
        assert_int_equal((int) percent, 200);
        for (unsigned second = 61; second <= 130; second++) {
                feed(&history, second, 120000);
        }
        assert_true(average(&history, 130, 120000, &percent));
        assert_int_equal((int) percent, 0);
}

/* Far more runs than the ring holds still cover the whole window, and no less. */
static void test_cpu_is_bounded(void **state) {
        (void) state;
        struct counter_history history = {0};
        double percent;
        for (unsigned i = 0; i < 10000; i++) {
                const struct counter_sample sample = {
                        .at = i * 100 * USEC_PER_MSEC, .value = i * 25 * USEC_PER_MSEC};
                counter_history_add(&history, &sample, WINDOW);
                assert_true(history.count <= COUNTER_SAMPLES_MAX);
                bool covered = counter_history_share(&history, &sample, WINDOW, &percent);
                assert_int_equal(covered, i >= 600);
                if (covered) {
                        assert_int_equal((int) (percent + 0.5), 25);
                }
        }
}

static void test_cpu_with_rare_runs(void **state) {
        (void) state;
        struct counter_history history = {0};
        double percent;
        feed(&history, 0, 0);
        feed(&history, 600, 60000);
        assert_true(average(&history, 600, 60000, &percent));
        assert_int_equal((int) (percent + 0.5), 10);
}

/* ---- events ---- */

static uint64_t rise(struct counter_history *history, unsigned second, uint64_t value) {
        const struct counter_sample now = {.at = second * USEC_PER_SEC, .value = value};
        usec_t span;
        counter_history_add(history, &now, WINDOW);
        return counter_history_rise(history, &now, WINDOW, &span);
}

/* What the counter had at first does not count; what it rose by does, for a window. */
static void test_events(void **state) {
        (void) state;
        struct counter_history history = {0};
        assert_int_equal(rise(&history, 0, 7), 0);
        assert_int_equal(rise(&history, 5, 8), 1);
        assert_int_equal(rise(&history, 59, 10), 3);
        assert_int_equal(rise(&history, 64, 10), 3);
        assert_int_equal(rise(&history, 65, 10), 2);
        assert_int_equal(rise(&history, 119, 10), 0);
}

static void test_counter_that_begins_anew(void **state) {
        (void) state;
        struct counter_history history = {0};
        assert_int_equal(rise(&history, 0, 100), 0);
        assert_int_equal(rise(&history, 10, 3), 0);
        assert_int_equal(rise(&history, 20, 5), 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cpu_needs_a_window),
                cmocka_unit_test(test_cpu_forgets),
                cmocka_unit_test(test_cpu_is_bounded),
                cmocka_unit_test(test_cpu_with_rare_runs),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_counter_that_begins_anew),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
