/* Random numbers: the published sequence, ranges, evenness. */

#include "base/rng.h"
#include "unit_test.h"

/* From the authors' C code, state 1 2 3 4. */
static void test_reference_sequence(void **state) {
        static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240U};
        struct rng rng = {{1, 2, 3, 4}};

        (void) state;
        for (int i = 0; i < 4; i++) {
                assert_true(rng_next(&rng) == expected[i]);
        }
}

/* First outputs of splitmix64 for seed 1234567, as its authors publish them. */
static void test_seeding_is_splitmix64(void **state) {
        struct rng rng;

        (void) state;
        rng_seed(&rng, 1234567);
        assert_true(rng.state[0] == 6457827717110365317U);
        assert_true(rng.state[1] == 3203168211198807973U);
        assert_true(rng.state[2] == 9817491932198370423U);
        assert_true(rng.state[3] == 4593380528125082431U);
}

static void test_unit_is_in_range_and_even(void **state) {
        struct rng rng;
        double sum = 0;

        (void) state;
        rng_seed(&rng, 1);
        for (int i = 0; i < 10000; i++) {
                double x = rng_unit(&rng);
                assert_true(x >= 0 && x < 1);
                sum += x;
        }
        assert_true(sum > 4800 && sum < 5200);
}

static void test_below_is_in_range_and_even(void **state) {
        unsigned counts[6] = {0};
        struct rng rng;

        (void) state;
        rng_seed(&rng, 2);
        for (int i = 0; i < 60000; i++) {
                uint64_t x = rng_below(&rng, 6);
                assert_true(x < 6);
                counts[x]++;
        }
        for (int i = 0; i < 6; i++) {
                assert_in_range(counts[i], 9600, 10400);
        }
        assert_int_equal(rng_below(&rng, 1), 0);
}

static void test_system_seeds_differ(void **state) {
        struct rng a, b;

        (void) state;
        rng_seed_from_system(&a);
        rng_seed_from_system(&b);
        assert_true(rng_next(&a) != rng_next(&b));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reference_sequence),
                cmocka_unit_test(test_seeding_is_splitmix64),
                cmocka_unit_test(test_unit_is_in_range_and_even),
                cmocka_unit_test(test_below_is_in_range_and_even),
                cmocka_unit_test(test_system_seeds_differ),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
