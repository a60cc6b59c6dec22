/* The posterior of a step that cures, and when it counts as useless. */

#include "recovery/effectiveness.h"
#include "unit_test.h"

#define DAY (24 * USEC_PER_HOUR)

static void assert_about(double value, double expected, double tolerance) {
        if (value < expected - tolerance || value > expected + tolerance) {
                print_error("%.9f, expected %.9f\n", value, expected);
        }
        assert_true(value > expected - tolerance && value < expected + tolerance);
}

/* Credible intervals of 95 % as published for Jeffreys' prior: their ends are the quantiles 2.5 %
 * and 97.5 %. */
static void test_published_intervals(void **state) {
        (void) state;
        assert_about(effectiveness_below(48, 0, .94927), .025, 2e-5);
        assert_about(effectiveness_below(48, 0, .99999), .975, 1e-3);
        assert_about(effectiveness_below(299, 1, .98453), .025, 5e-5);
        assert_about(effectiveness_below(299, 1, .99964), .975, 5e-5);
}

/* Against the integral of the density, by Simpson's rule in sin^2, which takes the poles away. */
static void test_values_of_the_distribution(void **state) {
        (void) state;
        static const struct {
                uint32_t cured, failed;
                double limit, below;
        } rows[] = {
                {0, 0, .5, .5},
                {0, 0, 0, 0},
                {0, 0, 1, 1},
                {3, 3, .5, .5},
                {0, 8, .2, .945127},
                {0, 9, .2, .957881},
                {1, 16, .2, .941700},
                {1, 17, .2, .952300},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_about(effectiveness_below(rows[i].cured, rows[i].failed, rows[i].limit),
                        rows[i].below, 5e-5);
        }
        double earlier = 0;
        for (int percent = 0; percent <= 100; percent++) {
                double below = effectiveness_below(7, 25, percent / 100.);
                assert_true(below >= earlier - 1e-12 && below <= 1 + 1e-12);
                earlier = below;
        }
}

static void test_the_window_of_trials(void **state) {
        (void) state;
        struct trials trials = {0};
        trials_add(&trials, true, 1);
        for (uint32_t i = 1; i < TRIALS_MAX; i++) {
                trials_add(&trials, false, 1 + i);
        }
        assert_int_equal(trials.count, TRIALS_MAX);
        assert_int_equal(trials_cured(&trials), 1);
        trials_add(&trials, false, 50);
        assert_int_equal(trials.count, TRIALS_MAX);
        assert_int_equal(trials_cured(&trials), 0);
        assert_int_equal(trials.last, 50);
}

static void test_useless(void **state) {
        (void) state;
        struct effectiveness_spec spec = {.skip = true, .useful = 20, .remember = 7 * DAY};
        struct trials trials = {0};
        assert_false(effectiveness_useless(&trials, &spec, DAY));
        for (int i = 1; i <= 9; i++) {
                trials_add(&trials, false, DAY);
                assert_int_equal(effectiveness_useless(&trials, &spec, DAY), i == 9);
        }
        assert_true(effectiveness_useless(&trials, &spec, 8 * DAY - 1));
        assert_false(effectiveness_useless(&trials, &spec, 8 * DAY)); /* the world has changed */
        assert_true(effectiveness_useless(&trials, &spec, 0)); /* a clock that was set back */
        spec.useful = 10;
        assert_false(effectiveness_useless(&trials, &spec, DAY));
        spec = (struct effectiveness_spec){.skip = false, .useful = 90, .remember = DAY};
        assert_false(effectiveness_useless(&trials, &spec, DAY));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_published_intervals),
                cmocka_unit_test(test_values_of_the_distribution),
                cmocka_unit_test(test_the_window_of_trials),
                cmocka_unit_test(test_useless),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
