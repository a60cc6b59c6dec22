/* Heap against a plain array that is searched for its minimum. */

#include "base/heap.h"
#include "base/rng.h"
#include "unit_test.h"

static void test_order_of_removal(void **state) {
        static const uint64_t keys[] = {5, 3, 9, 1, 7, 3, 0, UINT64_MAX};
        struct heap_node nodes[8] = {0};
        struct heap heap;
        uint64_t last = 0;

        (void) state;
        assert_int_equal(heap_init(&heap, 8), 0);
        assert_null(heap_top(&heap));
        for (int i = 0; i < 8; i++) {
                heap_set(&heap, &nodes[i], keys[i]);
        }
        for (int i = 0; i < 8; i++) {
                struct heap_node *top = heap_top(&heap);
                assert_true(top->key >= last);
                last = top->key;
                heap_remove(&heap, top);
                assert_int_equal(top->position, 0);
        }
        assert_null(heap_top(&heap));
        heap_done(&heap);
}

static void test_removing_a_stranger_does_nothing(void **state) {
        struct heap_node in = {0}, out = {0};
        struct heap heap;

        (void) state;
        assert_int_equal(heap_init(&heap, 1), 0);
        heap_set(&heap, &in, 1);
        heap_remove(&heap, &out);
        assert_ptr_equal(heap_top(&heap), &in);
        heap_done(&heap);
}

static void test_reserve_keeps_the_content(void **state) {
        struct heap_node a = {0}, b = {0};
        struct heap heap;

        (void) state;
        assert_int_equal(heap_init(&heap, 1), 0);
        heap_set(&heap, &a, 2);
        assert_int_equal(heap_reserve(&heap, 1000), 0);
        heap_set(&heap, &b, 1);
        assert_ptr_equal(heap_top(&heap), &b);
        assert_int_equal(heap_reserve(&heap, 1), 0);
        assert_int_equal(heap.capacity, 1000);
        heap_done(&heap);
}

enum { NODES = 50, STEPS = 20000 };

static uint64_t smallest_key(const struct heap_node *nodes) {
        uint64_t smallest = UINT64_MAX;

        for (int i = 0; i < NODES; i++) {
                if (nodes[i].position > 0 && nodes[i].key < smallest) {
                        smallest = nodes[i].key;
                }
        }
        return smallest;
}

static void test_random_moves_keep_the_minimum_on_top(void **state) {
        struct heap_node nodes[NODES] = {0};
        uint64_t seed = 7;
        struct heap heap;
        struct rng rng;

        (void) state;
        rng_seed(&rng, seed);
        assert_int_equal(heap_init(&heap, NODES), 0);
        for (int step = 0; step < STEPS; step++) {
                struct heap_node *node = &nodes[rng_below(&rng, NODES)];
                if (rng_below(&rng, 3) == 0) {
                        heap_remove(&heap, node);
                } else {
                        heap_set(&heap, node, rng_below(&rng, 100));
                }
                struct heap_node *top = heap_top(&heap);
                uint64_t expected = smallest_key(nodes);
                if (top ? top->key != expected : expected != UINT64_MAX) {
                        fail_msg("seed %llu step %d", (unsigned long long) seed, step);
                }
        }
        heap_done(&heap);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order_of_removal),
                cmocka_unit_test(test_removing_a_stranger_does_nothing),
                cmocka_unit_test(test_reserve_keeps_the_content),
                cmocka_unit_test(test_random_moves_keep_the_minimum_on_top),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
