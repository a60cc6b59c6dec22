/* Budgets: at most N actions in any window. */

#include "recovery/budget.h"
#include "unit_test.h"

enum { CAPACITY = 4 };

struct fixture {
        usec_t times[CAPACITY];
        struct budget budget;
};

static struct budget *fresh(struct fixture *fixture) {
        *fixture = (struct fixture){0};
        fixture->budget.times = fixture->times;
        fixture->budget.capacity = CAPACITY;
        return &fixture->budget;
}

static void test_window_edges(void **state) {
        (void) state;
        struct fixture fixture;
        struct budget *budget = fresh(&fixture);
        budget_spend(budget, 100);

        assert_int_equal(budget_spent(budget, 100, 10), 1);
        assert_int_equal(budget_spent(budget, 109, 10), 1);
        assert_int_equal(budget_spent(budget, 110, 10), 0);
        assert_int_equal(budget_spent(budget, 100, 0), 0);
}

static void test_free_at(void **state) {
        (void) state;
        struct fixture fixture;
        struct budget *budget = fresh(&fixture);
        struct budget_spec spec = {.actions = 2, .per = 10};

        assert_int_equal(budget_free_at(budget, &spec, 100), 100);
        budget_spend(budget, 100);
        assert_int_equal(budget_free_at(budget, &spec, 103), 103);
        budget_spend(budget, 104);
        assert_int_equal(budget_free_at(budget, &spec, 105), 110);
        assert_int_equal(budget_free_at(budget, &spec, 110), 110);
        spec.actions = 0;
        assert_int_equal(budget_free_at(budget, &spec, 110), USEC_INFINITY);
        spec = (struct budget_spec){.actions = 1, .per = USEC_INFINITY};
        assert_int_equal(budget_free_at(budget, &spec, 110), USEC_INFINITY);
}

/* A budget that was made smaller by a reload: the newest count. */
static void test_more_spent_than_allowed(void **state) {
        (void) state;
        struct fixture fixture;
        struct budget *budget = fresh(&fixture);
        struct budget_spec spec = {.actions = 1, .per = 10};

        budget_spend(budget, 100);
        budget_spend(budget, 102);
        budget_spend(budget, 104);
        assert_int_equal(budget_free_at(budget, &spec, 105), 114);
}

static void test_ring_wraps(void **state) {
        (void) state;
        struct fixture fixture;
        struct budget *budget = fresh(&fixture);

        for (usec_t when = 1; when <= 3 * CAPACITY + 1; when++) {
                budget_spend(budget, when);
        }
        assert_int_equal(budget->count, CAPACITY);
        for (uint32_t i = 0; i < CAPACITY; i++) {
                assert_int_equal(budget_time(budget, i), 2 * CAPACITY + 2 + i);
        }
        assert_int_equal(budget_spent(budget, 13, 100), CAPACITY);
}

static void test_refund_takes_back_the_one_that_was_spent(void **state) {
        (void) state;
        struct fixture fixture;
        struct budget *budget = fresh(&fixture);

        for (usec_t when = 1; when <= 6; when++) { /* 3 4 5 6, wrapped */
                budget_spend(budget, when);
        }
        budget_refund(budget, 4);
        assert_int_equal(budget->count, 3);
        assert_int_equal(budget_time(budget, 0), 3);
        assert_int_equal(budget_time(budget, 1), 5);
        assert_int_equal(budget_time(budget, 2), 6);
        budget_refund(budget, 6);
        assert_int_equal(budget_time(budget, 1), 5);
        budget_spend(budget, 7);
        assert_int_equal(budget_time(budget, 2), 7);
}

static void test_refund_of_what_is_not_there(void **state) {
        (void) state;
        struct fixture fixture;
        struct budget *budget = fresh(&fixture);

        budget_refund(budget, 5);
        assert_int_equal(budget->count, 0);
        budget_spend(budget, 1);
        budget_refund(budget, 5);
        assert_int_equal(budget->count, 1);
}

static void test_refund_of_equal_times_takes_one(void **state) {
        (void) state;
        struct fixture fixture;
        struct budget *budget = fresh(&fixture);

        budget_spend(budget, 5);
        budget_spend(budget, 5);
        budget_refund(budget, 5);
        assert_int_equal(budget_spent(budget, 5, 10), 1);
}

static void test_without_memory(void **state) {
        (void) state;
        struct budget budget = {0};

        budget_spend(&budget, 1);
        assert_int_equal(budget_spent(&budget, 1, 10), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_window_edges),
                cmocka_unit_test(test_free_at),
                cmocka_unit_test(test_more_spent_than_allowed),
                cmocka_unit_test(test_ring_wraps),
                cmocka_unit_test(test_refund_takes_back_the_one_that_was_spent),
                cmocka_unit_test(test_refund_of_what_is_not_there),
                cmocka_unit_test(test_refund_of_equal_times_takes_one),
                cmocka_unit_test(test_without_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
