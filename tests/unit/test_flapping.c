/* The weighted share of state changes, against values worked out by hand from Nagios' formula:
 * change x of 20, 1 being the oldest, weighs (x - 1) * 0.5 / 19 + 0.75. */

#include <math.h>

#include "recovery/flapping.h"
#include "unit_test.h"

enum { ALL = 32 };

/* Verdicts whose `newest` last changes are changes, and no older one. */
static uint32_t changing(unsigned newest) {
        uint32_t verdicts = 0;
        for (unsigned i = 0; i < newest; i++) {
                verdicts = verdicts << 1 | (~verdicts & 1);
        }
        return verdicts;
}

static void assert_score(uint32_t verdicts, uint32_t count, double expected) {
        double score = flapping_score(verdicts, count);
        if (fabs(score - expected) > 0.001) {
                fail_msg("%f instead of %f", score, expected);
        }
}

static void test_golden_values(void **state) {
        (void) state;
        assert_score(0, ALL, 0);
        assert_score(UINT32_MAX, ALL, 0);
        assert_score(UINT32_C(0xAAAAAAAA), ALL, 100);
        assert_score(changing(1), ALL, 6.25);
        assert_score(UINT32_MAX << 20, ALL, 3.75); /* only the oldest of the twenty */
        assert_score(changing(4), ALL, 24.211);
        assert_score(changing(5), ALL, 29.934);
        assert_score(changing(7), ALL, 40.987);
}

static void test_older_changes_are_forgotten(void **state) {
        (void) state;
        assert_score(UINT32_MAX << 21, ALL, 0);
        assert_score(UINT32_C(0x55500000), ALL, 3.75);
}

static void test_what_was_never_checked_did_not_change(void **state) {
        (void) state;
        assert_score(0, 0, 0);
        assert_score(1, 1, 0);
        assert_score(1, 2, 6.25);
        assert_score(UINT32_C(0xAAAAAAAA), 5, 24.211);
        assert_score(UINT32_C(0xAAAAAAAA), 21, 100);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden_values),
                cmocka_unit_test(test_older_changes_are_forgotten),
                cmocka_unit_test(test_what_was_never_checked_did_not_change),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
