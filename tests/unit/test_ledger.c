#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/ledger.h"
#include "unit_test.h"

#define MINUTE USEC_PER_MINUTE
#define GOOD (10 * MINUTE)
#define T0 (1000 * MINUTE)

static struct ledger ledger;

static void begin(void) {
        memset(&ledger, 0, sizeof(ledger));
}

/* It becomes present at `at`, and the service is healthy on it for long enough. */
static void see_and_trust(const char *name, wall_usec_t at) {
        assert_true(ledger_see(&ledger, name, at));
        assert_true(ledger_earns(&ledger, GOOD, GOOD, at + GOOD));
        ledger_trust(&ledger, at + GOOD, NULL);
}

static void trust_needs_health_on_exactly_that_version(void **state) {
        (void) state;
        begin();
        assert_false(ledger_earns(&ledger, GOOD, GOOD, T0));
        assert_true(ledger_see(&ledger, "v1", T0));
        assert_false(ledger_see(&ledger, "v1", T0 + MINUTE));
        assert_false(ledger_earns(&ledger, GOOD - 1, GOOD, T0 + GOOD));
        assert_false(ledger_earns(&ledger, GOOD, GOOD, T0 + GOOD - 1));
        assert_true(ledger_earns(&ledger, GOOD, GOOD, T0 + GOOD));
        assert_null(ledger_good(&ledger));
        ledger_trust(&ledger, T0 + GOOD, NULL);
        assert_string_equal(ledger_good(&ledger)->name, "v1");
        assert_false(ledger_earns(&ledger, GOOD, GOOD, T0 + 2 * GOOD));
        assert_null(ledger_target(&ledger));
        assert_false(ledger_changed(&ledger));
}

static void the_target_is_the_last_that_earned_trust(void **state) {
        (void) state;
        begin();
        see_and_trust("v1", T0);
        see_and_trust("v2", T0 + 2 * GOOD);
        assert_string_equal(ledger_target(&ledger)->name, "v1");
        ledger_see(&ledger, "v3", T0 + 4 * GOOD); /* fails at once */
        assert_true(ledger_fail(&ledger, GOOD, T0 + 4 * GOOD + MINUTE));
        assert_false(ledger_fail(&ledger, GOOD, T0 + 4 * GOOD + 2 * MINUTE));
        ledger_see(&ledger, "v4", T0 + 5 * GOOD);
        assert_true(ledger_changed(&ledger));
        assert_string_equal(ledger_target(&ledger)->name, "v2");
        assert_string_equal(ledger_good(&ledger)->name, "v2");
}

static void what_fails_before_good_after_is_trusted_no_more(void **state) {
        (void) state;
        begin();
        see_and_trust("v1", T0);
        see_and_trust("v2", T0 + 2 * GOOD);
        assert_false(ledger_fail(&ledger, GOOD, T0 + 4 * GOOD)); /* long proven */
        ledger_see(&ledger, "v1", T0 + 6 * GOOD); /* deployed again */
        assert_false(ledger_changed(&ledger));
        assert_true(ledger_fail(&ledger, GOOD, T0 + 6 * GOOD + MINUTE));
        assert_true(ledger_changed(&ledger));
        assert_string_equal(ledger_target(&ledger)->name, "v2");
        ledger_trust(&ledger, T0 + 9 * GOOD, NULL); /* proves itself after all */
        assert_string_equal(ledger_good(&ledger)->name, "v1");
}

static void trust_by_health_alone_ends_with_a_first_start_that_fails(void **state) {
        (void) state;
        begin();
        see_and_trust("v1", T0);
        assert_true(ledger_start(&ledger, T0));
        assert_false(ledger_start(&ledger, T0 + MINUTE));
        see_and_trust("v2", T0 + 2 * GOOD); /* edited, and not loaded */
        assert_false(ledger_start(&ledger, T0 + MINUTE));
        assert_false(ledger_fail_start(&ledger, T0 + MINUTE, T0 + 9 * GOOD));
        assert_false(ledger_changed(&ledger));
        assert_true(ledger_fail_start(&ledger, T0 + 9 * GOOD, T0 + 9 * GOOD + MINUTE));
        assert_false(ledger_fail_start(&ledger, T0 + 9 * GOOD, T0 + 9 * GOOD + MINUTE));
        assert_true(ledger_changed(&ledger));
        assert_string_equal(ledger_good(&ledger)->name, "v1");
}

static void what_was_started_once_keeps_its_trust(void **state) {
        (void) state;
        begin();
        see_and_trust("v1", T0);
        see_and_trust("v2", T0 + 2 * GOOD);
        assert_true(ledger_start(&ledger, T0 + 5 * GOOD));
        assert_false(ledger_fail_start(&ledger, T0 + 9 * GOOD, T0 + 9 * GOOD + MINUTE));
        ledger_see(&ledger, "v1", T0 + 10 * GOOD); /* it comes back, and was never started */
        ledger_see(&ledger, "v2", T0 + 11 * GOOD); /* this one was */
        assert_false(ledger_fail_start(&ledger, T0 + 12 * GOOD, T0 + 12 * GOOD + MINUTE));
        assert_string_equal(ledger_good(&ledger)->name, "v2");
}

static void a_rollback_is_no_change_and_leaves_no_trust(void **state) {
        (void) state;
        begin();
        see_and_trust("v1", T0);
        ledger_see(&ledger, "v2", T0 + 2 * GOOD);
        uint64_t change = ledger_change(&ledger);
        ledger_begin(&ledger, 7, "v1");
        assert_int_equal(ledger.rollback.state, ROLLBACK_BEGUN);
        ledger_exchanged(&ledger, T0 + 3 * GOOD);
        assert_string_equal(ledger_present(&ledger)->name, "v1");
        assert_false(ledger_changed(&ledger));
        assert_true(ledger_fail(&ledger, GOOD, T0 + 3 * GOOD + MINUTE));
        assert_false(ledger_changed(&ledger)); /* nobody but this program has changed anything */
        ledger_undone(&ledger);
        assert_string_equal(ledger_present(&ledger)->name, "v2");
        assert_int_equal(ledger_change(&ledger), change);
        assert_int_equal(ledger.rollback.state, ROLLBACK_UNDONE);
}

static void the_same_version_later_is_another_change(void **state) {
        (void) state;
        begin();
        see_and_trust("v1", T0);
        ledger_see(&ledger, "v2", T0 + 2 * GOOD);
        uint64_t first = ledger_change(&ledger);
        ledger_see(&ledger, "v1", T0 + 3 * GOOD);
        ledger_see(&ledger, "v2", T0 + 4 * GOOD);
        assert_int_not_equal(ledger_change(&ledger), first);
}

static void trust_can_be_withdrawn(void **state) {
        (void) state;
        begin();
        see_and_trust("v1", T0);
        ledger_see(&ledger, "v2", T0 + 2 * GOOD);
        assert_true(ledger_withdraw(&ledger, "v1"));
        assert_false(ledger_withdraw(&ledger, "v1"));
        assert_false(ledger_withdraw(&ledger, "v9"));
        assert_null(ledger_target(&ledger));
        assert_false(ledger_changed(&ledger));
}

static void the_oldest_without_trust_is_forgotten_first(void **state) {
        (void) state;
        char name[16];
        begin();
        see_and_trust("good", T0);
        for (unsigned i = 0; i < 3 * LEDGER_VERSIONS_MAX; i++) {
                snprintf(name, sizeof(name), "v%u", i);
                assert_true(ledger_see(&ledger, name, T0 + (3 + i) * GOOD));
        }
        assert_int_equal(ledger.n_versions, LEDGER_VERSIONS_MAX);
        assert_string_equal(ledger_target(&ledger)->name, "good");
        assert_string_equal(ledger_present(&ledger)->name, name);
}

static void it_is_read_as_it_was_written(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        struct ledger copy;
        struct error err = {0};
        begin();
        see_and_trust("2024-11-29", T0);
        ledger_trust(&ledger, T0 + GOOD, "schema 41");
        assert_true(ledger_start(&ledger, T0 + GOOD));
        ledger_see(&ledger, "with spaces = and signs", T0 + 2 * GOOD);
        ledger_begin(&ledger, UINT64_MAX, "2024-11-29");
        ledger_exchanged(&ledger, T0 + 3 * GOOD);
        assert_true(ledger_format(&ledger, &text));
        AUTO_FREE char *own = strdup(strbuf_text(&text));
        assert_int_equal(ledger_parse(&copy, own, &err), 0);
        assert_memory_equal(&copy, &ledger, sizeof(ledger));
}

static void what_is_damaged_is_refused_whole(void **state) {
        (void) state;
        static const char *const texts[] = {
                "version=1\nname=v1\n",
                "version=2\nname=v1\n\n",
                "version=1\nsince=1\n\n",
                "name=v1\n\n",
                "version=1\nname=v1\nstate=9\n\n",
                "version=1\nsince=-1\nname=v1\n\n",
                "nonsense\n\n",
        };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                struct error err = {0};
                AUTO_FREE char *text = strdup(texts[i]);
                assert_int_equal(ledger_parse(&ledger, text, &err), -EBADMSG);
                assert_int_equal(ledger.n_versions, 0);
                assert_true(*err.text != 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(trust_needs_health_on_exactly_that_version),
                cmocka_unit_test(the_target_is_the_last_that_earned_trust),
                cmocka_unit_test(what_fails_before_good_after_is_trusted_no_more),
                cmocka_unit_test(trust_by_health_alone_ends_with_a_first_start_that_fails),
                cmocka_unit_test(what_was_started_once_keeps_its_trust),
                cmocka_unit_test(a_rollback_is_no_change_and_leaves_no_trust),
                cmocka_unit_test(the_same_version_later_is_another_change),
                cmocka_unit_test(trust_can_be_withdrawn),
                cmocka_unit_test(the_oldest_without_trust_is_forgotten_first),
                cmocka_unit_test(it_is_read_as_it_was_written),
                cmocka_unit_test(what_is_damaged_is_refused_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
