/* Means and shapes of what is drawn, from fixed seeds. */

#include <math.h>

#include "sim/chance.h"
#include "unit_test.h"

enum { DRAWS = 20000 };

struct moments {
        double mean, deviation;
};

static struct moments draw(enum distribution distribution, usec_t mean, double shape) {
        struct rng rng;
        double sum = 0, squares = 0;
        rng_seed(&rng, 7);
        for (int i = 0; i < DRAWS; i++) {
                double time = (double) chance_time(&rng, distribution, mean, shape);
                sum += time / DRAWS;
                squares += time * time / DRAWS;
        }
        return (struct moments){sum, sqrt(squares - sum * sum)};
}

static void assert_near(double value, double expected, double share) {
        assert_true(fabs(value - expected) <= share * expected);
}

static void test_every_distribution_keeps_its_mean(void **state) {
        static const struct {
                enum distribution distribution;
                double shape, deviation; /* of the mean */
        } cases[] = {
                {DISTRIBUTION_EXPONENTIAL, 1, 1},
                {DISTRIBUTION_WEIBULL, 1, 1}, /* the exponential is one of them */
                {DISTRIBUTION_WEIBULL, 0.7, 1.4624},
                {DISTRIBUTION_WEIBULL, 3, 0.3634},
                {DISTRIBUTION_LOGNORMAL, 0.5, 0.5329},
        };
        const usec_t mean = USEC_PER_DAY;
        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct moments moments = draw(cases[i].distribution, mean, cases[i].shape);
                assert_near(moments.mean, (double) mean, 0.03);
                assert_near(moments.deviation, cases[i].deviation * (double) mean, 0.05);
        }
        assert_true(draw(DISTRIBUTION_FIXED, mean, 1).mean > 0);
        assert_near(draw(DISTRIBUTION_FIXED, mean, 1).mean, (double) mean, 1e-9);
}

static void test_percents_are_kept(void **state) {
        struct rng rng;
        int happened = 0;
        (void) state;
        rng_seed(&rng, 9);
        for (int i = 0; i < DRAWS; i++) {
                assert_false(chance_percent(&rng, 0));
                assert_true(chance_percent(&rng, 100));
                happened += chance_percent(&rng, 30);
        }
        assert_near(happened, 0.3 * DRAWS, 0.05);
}

static void test_streams_differ_by_each_of_their_names(void **state) {
        struct rng a, b, c, d, again;
        (void) state;
        chance_stream(&a, 1, "crash", "web");
        chance_stream(&b, 2, "crash", "web");
        chance_stream(&c, 1, "crashw", "eb");
        chance_stream(&d, 1, "crash", "db");
        chance_stream(&again, 1, "crash", "web");
        uint64_t first = rng_next(&a);
        assert_int_not_equal(first, rng_next(&b));
        assert_int_not_equal(first, rng_next(&c));
        assert_int_not_equal(first, rng_next(&d));
        assert_int_equal(first, rng_next(&again));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_distribution_keeps_its_mean),
                cmocka_unit_test(test_percents_are_kept),
                cmocka_unit_test(test_streams_differ_by_each_of_their_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
