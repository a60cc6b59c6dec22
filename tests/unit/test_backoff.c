/* Delays: the exponential and the listed ones, every jitter within its bounds. */

#include <stdio.h>

#include "recovery/backoff.h"
#include "unit_test.h"

enum { DRAWS = 10000 };
#define SEED UINT64_C(20260301)

static struct backoff_spec spec_of(enum jitter jitter) {
        return (struct backoff_spec){
                .initial = USEC_PER_SEC,
                .max = 60 * USEC_PER_SEC,
                .factor = 2,
                .jitter = jitter,
        };
}

static void test_exponential(void **state) {
        (void) state;
        static const usec_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
        struct backoff_spec spec = spec_of(JITTER_NONE);

        for (uint32_t n = 1; n <= 9; n++) {
                assert_int_equal(backoff_delay(&spec, n, 0, NULL), seconds[n - 1] * USEC_PER_SEC);
        }
}

/* The defaults of the AWS article and SDKs (base 100 ms, cap 20 s), and a RestartSec=1 that grows
 * to RestartMaxDelaySec=1min in RestartSteps=5 in systemd: factor 60^(1/5). */
static void test_published_series(void **state) {
        (void) state;
        static const usec_t aws_msec[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000};
        static const double systemd_seconds[] = {1, 2.268, 5.143, 11.665, 26.456, 60};
        struct backoff_spec aws = {
                .initial = 100 * USEC_PER_MSEC, .max = 20 * USEC_PER_SEC, .factor = 2};
        struct backoff_spec systemd = {
                .initial = USEC_PER_SEC, .max = USEC_PER_MINUTE, .factor = 2.2679331552660544};

        for (uint32_t n = 1; n <= 9; n++) {
                assert_int_equal(backoff_delay(&aws, n, 0, NULL), aws_msec[n - 1] * USEC_PER_MSEC);
        }
        for (uint32_t n = 1; n <= 6; n++) {
                double delay = (double) backoff_delay(&systemd, n, 0, NULL) / 1e6;
                assert_true(delay > systemd_seconds[n - 1] - 0.001);
                assert_true(delay < systemd_seconds[n - 1] + 0.001);
        }
}

static void test_factor_one_is_constant(void **state) {
        (void) state;
        struct backoff_spec spec = spec_of(JITTER_NONE);
        spec.factor = 1;

        assert_int_equal(backoff_delay(&spec, 1, 0, NULL), USEC_PER_SEC);
        assert_int_equal(backoff_delay(&spec, UINT32_MAX, 0, NULL), USEC_PER_SEC);
}

static void test_initial_zero_never_waits(void **state) {
        (void) state;
        struct rng rng;
        rng_seed(&rng, SEED);
        for (int jitter = JITTER_NONE; jitter <= JITTER_EQUAL; jitter++) {
                struct backoff_spec spec = spec_of((enum jitter) jitter);
                spec.initial = 0;
                assert_int_equal(backoff_delay(&spec, 1, 0, &rng), 0);
                assert_int_equal(backoff_delay(&spec, UINT32_MAX, 0, &rng), 0);
        }
}

static void test_huge_numbers_stay_at_the_cap(void **state) {
        (void) state;
        struct backoff_spec spec = spec_of(JITTER_NONE);
        assert_int_equal(backoff_delay(&spec, UINT32_MAX, 0, NULL), spec.max);

        spec.initial = 365 * USEC_PER_DAY;
        spec.max = USEC_INFINITY;
        spec.factor = 1e9;
        assert_true(backoff_delay(&spec, UINT32_MAX, 0, NULL) <= spec.max);
        assert_true(backoff_delay(&spec, UINT32_MAX, 0, NULL) >= spec.initial);

        spec = spec_of(JITTER_NONE);
        spec.initial = 2 * spec.max; /* the cap counts from the first delay on */
        assert_int_equal(backoff_delay(&spec, 1, 0, NULL), spec.max);
}

static void test_listed_delays(void **state) {
        (void) state;
        usec_t items[] = {0, 5 * USEC_PER_SEC, USEC_PER_MINUTE};
        struct backoff_spec spec = spec_of(JITTER_NONE);
        spec.delays = (struct durations){.items = items, .count = 3};

        assert_int_equal(backoff_delay(&spec, 0, 0, NULL), 0);
        assert_int_equal(backoff_delay(&spec, 1, 0, NULL), 0);
        assert_int_equal(backoff_delay(&spec, 2, 0, NULL), items[1]);
        assert_int_equal(backoff_delay(&spec, 3, 0, NULL), items[2]);
        assert_int_equal(backoff_delay(&spec, UINT32_MAX, 0, NULL), items[2]);

        spec.jitter = JITTER_DECORRELATED; /* a list has nothing to walk towards */
        assert_int_equal(backoff_delay(&spec, 2, USEC_PER_HOUR, NULL), items[1]);
}

/* Ten thousand draws: none outside, and both ends are nearly reached. */
static void check_draws(enum jitter jitter, uint32_t number, usec_t least, usec_t most) {
        struct backoff_spec spec = spec_of(jitter);
        usec_t low = USEC_INFINITY, high = 0, bound_low, bound_high;
        struct rng rng;
        rng_seed(&rng, SEED);
        backoff_bounds(&spec, number, &bound_low, &bound_high);
        assert_int_equal(bound_low, least);
        assert_int_equal(bound_high, most);
        for (int i = 0; i < DRAWS; i++) {
                usec_t delay = backoff_delay(&spec, number, 0, &rng);
                low = delay < low ? delay : low;
                high = delay > high ? delay : high;
        }
        usec_t near = (most - least) / 100;
        assert_true(low >= least && low <= least + near);
        assert_true(high <= most && high >= most - near);
}

static void test_full_jitter(void **state) {
        (void) state;
        check_draws(JITTER_FULL, 1, 0, USEC_PER_SEC);
        check_draws(JITTER_FULL, 4, 0, 8 * USEC_PER_SEC);
        check_draws(JITTER_FULL, 50, 0, 60 * USEC_PER_SEC);
}

static void test_equal_jitter(void **state) {
        (void) state;
        check_draws(JITTER_EQUAL, 1, USEC_PER_SEC / 2, USEC_PER_SEC);
        check_draws(JITTER_EQUAL, 4, 4 * USEC_PER_SEC, 8 * USEC_PER_SEC);
        check_draws(JITTER_EQUAL, 50, 30 * USEC_PER_SEC, 60 * USEC_PER_SEC);
}

static void test_decorrelated_jitter(void **state) {
        (void) state;
        struct backoff_spec spec = spec_of(JITTER_DECORRELATED);
        struct rng rng;
        rng_seed(&rng, SEED);
        assert_int_equal(backoff_delay(&spec, 1, 0, &rng), spec.initial);
        usec_t previous = 0, highest = 0;
        for (uint32_t number = 1; number <= DRAWS; number++) {
                usec_t least, most, delay = backoff_delay(&spec, number, previous, &rng);
                backoff_bounds(&spec, number, &least, &most);
                assert_true(delay >= least && delay <= most);
                assert_true(delay <= spec.max && delay >= spec.initial);
                assert_true(previous == 0 || delay <= 3 * previous || delay == spec.max);
                highest = delay > highest ? delay : highest;
                previous = delay;
        }
        assert_true(highest > spec.max / 10 * 9);
}

static void test_decorrelated_with_huge_delays(void **state) {
        (void) state;
        struct backoff_spec spec = spec_of(JITTER_DECORRELATED);
        struct rng rng;
        rng_seed(&rng, SEED);
        spec.max = USEC_INFINITY / 2;
        for (int i = 0; i < DRAWS; i++) {
                usec_t delay = backoff_delay(&spec, 40, spec.max, &rng);
                assert_true(delay >= spec.initial && delay <= spec.max);
        }
}

static void test_equal_seeds_give_equal_delays(void **state) {
        (void) state;
        struct backoff_spec spec = spec_of(JITTER_EQUAL);
        struct rng a, b;
        rng_seed(&a, SEED);
        rng_seed(&b, SEED);
        for (uint32_t n = 1; n < 100; n++) {
                assert_int_equal(backoff_delay(&spec, n, 0, &a), backoff_delay(&spec, n, 0, &b));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exponential),
                cmocka_unit_test(test_published_series),
                cmocka_unit_test(test_factor_one_is_constant),
                cmocka_unit_test(test_initial_zero_never_waits),
                cmocka_unit_test(test_huge_numbers_stay_at_the_cap),
                cmocka_unit_test(test_listed_delays),
                cmocka_unit_test(test_full_jitter),
                cmocka_unit_test(test_equal_jitter),
                cmocka_unit_test(test_decorrelated_jitter),
                cmocka_unit_test(test_decorrelated_with_huge_delays),
                cmocka_unit_test(test_equal_seeds_give_equal_delays),
        };
        fprintf(stderr, "seed %llu\n", (unsigned long long) SEED);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
