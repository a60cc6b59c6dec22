/* The table of rules as a whole: complete, in order, without dead rows and dead ends. */

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "recovery/rules.h"
#include "unit_test.h"

#define BIT(n) (1U << (n))

static bool fits(const struct rule *rule, int phase, int happening) {
        return rule->phases & BIT(phase) && rule->happenings & BIT(happening);
}

/* The first row without a condition; NULL: there is none. */
static const struct rule *sure_row(int phase, int happening) {
        for (size_t i = 0; i < n_rules; i++) {
                if (fits(&rules[i], phase, happening) && !rules[i].when) {
                        return &rules[i];
                }
        }
        return NULL;
}

static bool has_row(int phase, int happening) {
        for (size_t i = 0; i < n_rules; i++) {
                if (fits(&rules[i], phase, happening)) {
                        return true;
                }
        }
        return false;
}

static const struct ignored *ignored_by(int phase, int happening) {
        for (size_t i = 0; i < n_rules_ignored; i++) {
                if (rules_ignored[i].phases & BIT(phase) &&
                        rules_ignored[i].happenings & BIT(happening)) {
                        return &rules_ignored[i];
                }
        }
        return NULL;
}

static void test_every_pair_is_decided(void **state) {
        (void) state;
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                for (int happening = 0; happening < HAPPENING_COUNT; happening++) {
                        if (!sure_row(phase, happening) && !ignored_by(phase, happening)) {
                                fail_msg("nobody says what '%s' means while %s",
                                        happening_text((enum happening) happening),
                                        phase_text((enum phase) phase));
                        }
                }
        }
}

/* What is ignored "on purpose" must not in truth be handled by a row. */
static void test_nothing_is_both_handled_and_ignored(void **state) {
        (void) state;
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                for (int happening = 0; happening < HAPPENING_COUNT; happening++) {
                        if (sure_row(phase, happening) && ignored_by(phase, happening)) {
                                fail_msg("'%s' while %s is handled by %u, and ignored: %s",
                                        happening_text((enum happening) happening),
                                        phase_text((enum phase) phase),
                                        sure_row(phase, happening)->number,
                                        ignored_by(phase, happening)->reason);
                        }
                }
        }
}

static void test_only_the_decision_is_passed_through(void **state) {
        (void) state;
        assert_non_null(sure_row(PHASE_DECIDING, HAPPENING_ALWAYS));
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                for (int happening = 0; happening < HAPPENING_COUNT; happening++) {
                        bool passing = phase == PHASE_DECIDING && happening == HAPPENING_ALWAYS;
                        bool other = phase != PHASE_DECIDING && happening != HAPPENING_ALWAYS;
                        assert_true(passing || other || !has_row(phase, happening));
                }
        }
}

/* A group keeps its hundred; within it the order is that of the decision. */
static void test_numbers_are_unique_and_their_groups_ascend(void **state) {
        (void) state;
        for (size_t i = 0; i < n_rules; i++) {
                assert_in_range(rules[i].number, 101, 999);
                if (i > 0) {
                        assert_true(rules[i].number / 100 >= rules[i - 1].number / 100);
                }
                assert_ptr_equal(rule_by_number(rules[i].number), &rules[i]);
        }
        assert_null(rule_by_number(0));
        assert_null(rule_by_number(100));
}

static void test_every_row_says_why(void **state) {
        (void) state;
        for (size_t i = 0; i < n_rules; i++) {
                const struct rule *rule = &rules[i];
                assert_false(str_empty(rule->sentence));
                assert_true(rule->sentence[strlen(rule->sentence) - 1] != '.');
                assert_int_equal(rule->when == NULL, rule->when_text == NULL);
                assert_true(rule->phases != 0 && rule->phases < BIT(PHASE_COUNT));
                assert_true(rule->happenings != 0 && rule->happenings < BIT(HAPPENING_COUNT));
                assert_in_range(rule->next + 1, 0, PHASE_COUNT);
        }
        for (size_t i = 0; i < n_rules_ignored; i++) {
                assert_false(str_empty(rules_ignored[i].reason));
        }
}

/* Each row must be the first that fits for some pair, at least with its condition. */
static void test_no_row_is_hidden(void **state) {
        (void) state;
        for (size_t i = 0; i < n_rules; i++) {
                bool reachable = false;
                for (int phase = 0; phase < PHASE_COUNT && !reachable; phase++) {
                        for (int happening = 0; happening < HAPPENING_COUNT; happening++) {
                                const struct rule *sure = sure_row(phase, happening);
                                reachable |= fits(&rules[i], phase, happening) &&
                                             (!sure || sure >= &rules[i]);
                        }
                }
                if (!reachable) {
                        fail_msg("row %u stands behind rows that always fit", rules[i].number);
                }
        }
}

/* Phases that can be reached from those in `from`, over the rows. */
static uint32_t closure(uint32_t from) {
        for (uint32_t before = 0; before != from;) {
                before = from;
                for (size_t i = 0; i < n_rules; i++) {
                        if (rules[i].phases & from && rules[i].next != PHASE_SAME) {
                                from |= BIT(rules[i].next);
                        }
                }
        }
        return from;
}

static void test_every_phase_is_reached(void **state) {
        (void) state;
        assert_int_equal(closure(BIT(PHASE_WATCHING)), BIT(PHASE_COUNT) - 1);
}

static void test_no_phase_is_a_dead_end(void **state) {
        (void) state;
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                uint32_t ends = BIT(PHASE_WATCHING) | BIT(PHASE_STOPPED);
                if (!(closure(BIT(phase)) & ends)) {
                        fail_msg("no way out of %s", phase_text((enum phase) phase));
                }
        }
}

/* A phase that waits must not wait for ever: health, time, the executor or a person ends it. */
static void test_every_phase_ends_when_the_service_is_well_or_in_time(void **state) {
        (void) state;
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                if (phase == PHASE_WATCHING || phase == PHASE_DECIDING ||
                        phase == PHASE_STANDBY) { /* that one its group ends */
                        continue;
                }
                assert_true(sure_row(phase, HAPPENING_WELL) || sure_row(phase, HAPPENING_TIMER));
        }
}

static void test_a_person_always_gets_an_answer(void **state) {
        (void) state;
        static const int words[] = {HAPPENING_ACK, HAPPENING_RESTART, HAPPENING_START,
                HAPPENING_STOP, HAPPENING_ROLLBACK};
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                for (size_t i = 0; i < ELEMENTSOF(words) && phase != PHASE_DECIDING; i++) {
                        assert_non_null(sure_row(phase, words[i]));
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_pair_is_decided),
                cmocka_unit_test(test_nothing_is_both_handled_and_ignored),
                cmocka_unit_test(test_only_the_decision_is_passed_through),
                cmocka_unit_test(test_numbers_are_unique_and_their_groups_ascend),
                cmocka_unit_test(test_every_row_says_why),
                cmocka_unit_test(test_no_row_is_hidden),
                cmocka_unit_test(test_every_phase_is_reached),
                cmocka_unit_test(test_no_phase_is_a_dead_end),
                cmocka_unit_test(test_every_phase_ends_when_the_service_is_well_or_in_time),
                cmocka_unit_test(test_a_person_always_gets_an_answer),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
