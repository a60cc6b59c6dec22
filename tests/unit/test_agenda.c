/* The agenda against a plain array that is searched for its first. */

#include "base/rng.h"
#include "sim/agenda.h"
#include "unit_test.h"

enum { N = 200 };

static const struct agenda_node *first_of(const struct agenda_node *nodes) {
        const struct agenda_node *first = NULL;
        for (size_t i = 0; i < N; i++) {
                const struct agenda_node *node = &nodes[i];
                if (agenda_is_planned(node) &&
                        (!first || node->at < first->at ||
                                (node->at == first->at && node->order < first->order))) {
                        first = node;
                }
        }
        return first;
}

static void test_the_first_is_on_top_whatever_was_done(void **state) {
        struct agenda_node nodes[N] = {0};
        struct agenda agenda;
        struct rng rng;
        (void) state;
        rng_seed(&rng, 20260701);
        assert_int_equal(agenda_init(&agenda, N), 0);
        for (size_t i = 0; i < N; i++) {
                nodes[i].order = i;
        }
        for (int round = 0; round < 5000; round++) {
                struct agenda_node *node = &nodes[rng_below(&rng, N)];
                if (rng_below(&rng, 3) == 0) {
                        agenda_remove(&agenda, node);
                } else {
                        agenda_set(&agenda, node, rng_below(&rng, 50));
                }
                assert_ptr_equal(agenda_top(&agenda), first_of(nodes));
        }
        agenda_done(&agenda);
}

static void test_one_moment_goes_by_order(void **state) {
        struct agenda_node late = {.order = 2}, early = {.order = 1};
        struct agenda agenda;
        (void) state;
        assert_int_equal(agenda_init(&agenda, 2), 0);
        agenda_set(&agenda, &late, 5);
        agenda_set(&agenda, &early, 5);
        assert_ptr_equal(agenda_top(&agenda), &early);
        agenda_remove(&agenda, &early);
        assert_ptr_equal(agenda_top(&agenda), &late);
        agenda_done(&agenda);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_first_is_on_top_whatever_was_done),
                cmocka_unit_test(test_one_moment_goes_by_order),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
