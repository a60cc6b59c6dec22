/* Hash map: put, get, remove, and random use against a plain array. */

#include <errno.h>
#include <stdio.h>

#include "base/map.h"
#include "base/rng.h"
#include "unit_test.h"

static void test_put_get_remove(void **state) {
        struct map *map = map_new();
        int one, two;

        (void) state;
        assert_non_null(map);
        assert_null(map_get(map, "a"));
        assert_null(map_remove(map, "a"));
        assert_int_equal(map_put(map, "a", &one), 0);
        assert_int_equal(map_put(map, "b", &two), 0);
        assert_int_equal(map_put(map, "a", &two), -EEXIST);
        assert_ptr_equal(map_get(map, "a"), &one);
        assert_int_equal(map_size(map), 2);
        assert_ptr_equal(map_remove(map, "a"), &one);
        assert_null(map_get(map, "a"));
        assert_ptr_equal(map_get(map, "b"), &two);
        assert_int_equal(map_size(map), 1);
        map_free(map);
        map_free(NULL);
}

static void test_keys_of_all_lengths(void **state) {
        static const char text[] = "abcdefghijklmnopqrstuvwxyz";
        struct map *map = map_new();

        (void) state;
        for (size_t i = 0; i < sizeof(text); i++) {
                assert_int_equal(map_put(map, text + i, (void *) (text + i)), 0);
        }
        for (size_t i = 0; i < sizeof(text); i++) {
                assert_ptr_equal(map_get(map, text + i), text + i);
        }
        map_free(map);
}

enum { KEYS = 1000, STEPS = 50000 };

static void check_all(
        const struct map *map, char keys[KEYS][8], const bool *present, uint64_t seed) {
        for (int i = 0; i < KEYS; i++) {
                void *expected = present[i] ? keys[i] : NULL;
                if (map_get(map, keys[i]) != expected) {
                        fail_msg("seed %llu: key %s", (unsigned long long) seed, keys[i]);
                }
        }
}

static void test_random_use(void **state) {
        static char keys[KEYS][8];
        bool present[KEYS] = {false};
        struct map *map = map_new();
        uint64_t seed = 11;
        size_t count = 0;
        struct rng rng;

        (void) state;
        rng_seed(&rng, seed);
        for (int i = 0; i < KEYS; i++) {
                (void) snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        }
        for (int step = 0; step < STEPS; step++) {
                size_t i = rng_below(&rng, KEYS);
                if (rng_below(&rng, 2) == 0) {
                        assert_int_equal(map_put(map, keys[i], keys[i]), present[i] ? -EEXIST : 0);
                        count += !present[i];
                        present[i] = true;
                } else {
                        assert_ptr_equal(map_remove(map, keys[i]), present[i] ? keys[i] : NULL);
                        count -= present[i];
                        present[i] = false;
                }
                assert_int_equal(map_size(map), count);
        }
        check_all(map, keys, present, seed);
        map_free(map);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_put_get_remove),
                cmocka_unit_test(test_keys_of_all_lengths),
                cmocka_unit_test(test_random_use),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
