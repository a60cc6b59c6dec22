/* Random worlds: services that crash, hang, heal and cannot be measured, an executor and a store
 * that come and go, people who interfere, an agent that is killed; and what must hold in all of
 * them. RECOVERY_RANDOM_RUNS and RECOVERY_RANDOM_SEED in the environment run more of them, or a
 * certain one; RECOVERY_RANDOM_TRACE prints what happens. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "recovery/rules.h"
#include "support/core_chaos.h"
#include "unit_test.h"

enum { RUNS = 300 };
#define FIRST_SEED UINT64_C(20260301)

static uint64_t from_environment(const char *name, uint64_t standard) {
        const char *text = getenv(name);
        return text ? strtoull(text, NULL, 10) : standard;
}

static void test_what_must_hold_holds(void **state) {
        (void) state;
        uint64_t seed = from_environment("RECOVERY_RANDOM_SEED", FIRST_SEED);
        uint64_t runs = from_environment("RECOVERY_RANDOM_RUNS", RUNS);
        struct chaos_tally tally = {0};

        for (uint64_t i = 0; i < runs; i++) {
                chaos_run(seed + i, &tally);
        }
        fprintf(stderr,
                "seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " steps, %" PRIu64 " actions, %" PRIu64
                " restarts of the agent, %" PRIu64 " rollbacks, %" PRIu64 " steps and %" PRIu64
                " actions in doubt\n",
                seed, seed + runs - 1, tally.steps, tally.actions, tally.restarts, tally.rollbacks,
                tally.doubts, tally.trials);
        /* A run in which nothing happens proves nothing. */
        assert_true(tally.steps > runs * 200);
        assert_true(runs < RUNS || tally.actions > runs);
        assert_true(runs < RUNS || tally.restarts > runs / 2);
        assert_true(runs < RUNS || tally.rollbacks > runs / 100);
        assert_true(runs < RUNS || (tally.doubts > runs && tally.trials > 0));
        size_t rows = 0; /* each of them fires in a scenario; here nearly all do by chance */
        for (size_t i = 0; i < n_rules; i++) {
                rows += tally.rows[rules[i].number] > 0;
        }
        assert_true(runs < RUNS || rows >= n_rules - n_rules / 10);
}

static void test_equal_seeds_give_equal_effects(void **state) {
        (void) state;
        for (uint64_t seed = 1; seed <= 5; seed++) {
                struct chaos_tally one = {0}, two = {0}, other = {0};
                chaos_run(seed, &one);
                chaos_run(seed, &two);
                chaos_run(seed + 1000, &other);
                assert_true(one.hash == two.hash);
                assert_true(one.hash != other.hash);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_must_hold_holds),
                cmocka_unit_test(test_equal_seeds_give_equal_effects),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
