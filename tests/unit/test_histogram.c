/* Which bucket a value falls into. */

#include <math.h>

#include "base/cleanup.h"
#include "metrics/histogram.h"
#include "unit_test.h"

static const double bounds[] = {0.1, 1, 10};

struct fixture {
        uint64_t counts[ELEMENTSOF(bounds) + 1];
        struct histogram histogram;
};

static void prepare(struct fixture *fixture) {
        *fixture = (struct fixture){0};
        fixture->histogram = (struct histogram){
                .bounds = bounds, .n_bounds = ELEMENTSOF(bounds), .counts = fixture->counts};
}

static void test_bounds_are_inclusive(void **state) {
        (void) state;
        struct fixture fixture;
        prepare(&fixture);
        const double values[] = {0, 0.1, 0.11, 1, 9.99, 10, 10.01, 1e300};
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                histogram_feed(&fixture.histogram, values[i]);
        }
        const uint64_t expected[] = {2, 2, 2, 2};
        assert_memory_equal(fixture.counts, expected, sizeof(expected));
        assert_int_equal(fixture.histogram.count, 8);
}

static void test_sum(void **state) {
        (void) state;
        struct fixture fixture;
        prepare(&fixture);
        histogram_feed(&fixture.histogram, 0.5);
        histogram_feed(&fixture.histogram, 2.25);
        assert_true(fixture.histogram.sum == 2.75);
}

static void test_extremes_fall_into_the_outer_buckets(void **state) {
        (void) state;
        struct fixture fixture;
        prepare(&fixture);
        histogram_feed(&fixture.histogram, -1);
        histogram_feed(&fixture.histogram, (double) INFINITY);
        assert_int_equal(fixture.counts[0], 1);
        assert_int_equal(fixture.counts[3], 1);
        assert_true(isinf(fixture.histogram.sum));
}

static void test_nan_is_ignored(void **state) {
        (void) state;
        struct fixture fixture;
        prepare(&fixture);
        histogram_feed(&fixture.histogram, (double) NAN);
        histogram_feed(&fixture.histogram, 3);
        assert_int_equal(fixture.histogram.count, 1);
        assert_true(fixture.histogram.sum == 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bounds_are_inclusive),
                cmocka_unit_test(test_sum),
                cmocka_unit_test(test_extremes_fall_into_the_outer_buckets),
                cmocka_unit_test(test_nan_is_ignored),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
