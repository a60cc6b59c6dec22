/* Known numbers, and random ones that have to read back the same. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "metrics/metrics_number.h"
#include "unit_test.h"

static const char *format(double value) {
        static char text[METRICS_NUMBER_MAX + 1];
        size_t length = metrics_format_double(text, value);
        assert_true(length <= METRICS_NUMBER_MAX);
        text[length] = '\0';
        return text;
}

static void test_millionths(void **state) {
        (void) state;
        static const struct {
                uint64_t value;
                const char *text;
        } rows[] = {
                {0, "0"},
                {1, "0.000001"},
                {12700, "0.0127"},
                {1500000, "1.5"},
                {1000010, "1.00001"},
                {60000000, "60"},
                {UINT64_C(1772366399613000), "1772366399.613"},
                {UINT64_MAX, "18446744073709.551615"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[METRICS_NUMBER_MAX + 1];
                size_t length = metrics_format_millionths(text, rows[i].value);
                text[length] = '\0';
                assert_string_equal(text, rows[i].text);
        }
}

static void test_doubles(void **state) {
        (void) state;
        static const struct {
                double value;
                const char *text;
        } rows[] = {
                {0, "0"},
                {-0.0, "0"},
                {1, "1"},
                {-1, "-1"},
                {0.5, "0.5"},
                {0.001, "0.001"},
                {-0.000001, "-0.000001"},
                {0.000000001, "0.000000001"},
                {0.1, "0.1"},
                {1234567.890123, "1234567.890123"},
                {1767225600.123456, "1767225600.123456"},
                {9007199254740991.0, "9007199254740991"},
                {1e15, "1000000000000000"},
                {1e300, "1e+300"},
                {0.1 + 0.2, "0.30000000000000004"},
                {5e-324, "4.94065645841247e-324"},
                {1.7976931348623157e308, "1.7976931348623157e+308"},
                {(double) NAN, "NaN"},
                {(double) INFINITY, "+Inf"},
                {-(double) INFINITY, "-Inf"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_string_equal(format(rows[i].value), rows[i].text);
        }
}

static void test_integers(void **state) {
        (void) state;
        static const struct {
                uint64_t value;
                const char *text;
        } rows[] = {
                {0, "0"},
                {9, "9"},
                {10, "10"},
                {99, "99"},
                {100, "100"},
                {12345, "12345"},
                {UINT64_MAX, "18446744073709551615"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[METRICS_NUMBER_MAX];
                size_t length = metrics_format_u64(text, rows[i].value);
                assert_int_equal(length, strlen(rows[i].text));
                assert_memory_equal(text, rows[i].text, length);
        }
}

static void assert_reads_back(double value) {
        const char *text = format(value);
        if (strtod(text, NULL) != value) {
                fail_msg("%a became %s", value, text);
        }
}

static double random_double(struct rng *rng) {
        uint64_t bits = rng_next(rng);
        double value;
        memcpy(&value, &bits, sizeof(value));
        return isfinite(value) ? value : 0;
}

/* Any bits, and the kinds of number that are frequent: microseconds as seconds, ratios. */
static void test_random_numbers_read_back_the_same(void **state) {
        (void) state;
        struct rng rng;
        rng_seed_from_system(&rng);
        uint64_t seed = rng_next(&rng);
        print_message("seed %lu\n", seed);
        rng_seed(&rng, seed);
        for (int i = 0; i < 20000; i++) {
                assert_reads_back(random_double(&rng));
                assert_reads_back((double) rng_below(&rng, 4000000000000000) / 1e6);
                assert_reads_back(rng_unit(&rng));
                assert_reads_back(-rng_unit(&rng) * (double) rng_below(&rng, 1000000000));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_millionths),
                cmocka_unit_test(test_doubles),
                cmocka_unit_test(test_integers),
                cmocka_unit_test(test_random_numbers_read_back_the_same),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
