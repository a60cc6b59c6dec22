/* From single results to the health of a probe, and from probes to the health of a service. */

#include <string.h>

#include "recovery/detector.h"
#include "unit_test.h"

static const struct probe_spec spec = {.name = "http", .fall = 3, .rise = 2};

/* One letter a result: P pass, D degraded, F fail, T timeout, U unknown, ! certain failure, e
 * excused failure, c excused but certain. */
static struct observation result_of(char letter, usec_t at) {
        struct observation observation = {.at = {.mono = at}};
        switch (letter) {
        case 'P':
                observation.outcome = OUTCOME_PASS;
                break;
        case 'D':
                observation.outcome = OUTCOME_DEGRADED;
                break;
        case 'T':
                observation.outcome = OUTCOME_TIMEOUT;
                break;
        case 'U':
                observation.outcome = OUTCOME_UNKNOWN;
                break;
        default:
                observation.outcome = OUTCOME_FAIL;
        }
        observation.certain = letter == '!' || letter == 'c';
        return observation;
}

static struct probe_status fed(struct probe_status probe, const char *results) {
        for (usec_t at = 1; results[at - 1]; at++) {
                char letter = results[at - 1];
                struct observation observation = result_of(letter, at);
                detector_feed(&probe, &spec, &observation, letter == 'e' || letter == 'c');
        }
        return probe;
}

static enum health health_after(const char *results) {
        return fed((struct probe_status){0}, results).health;
}

static void test_table_of_series(void **state) {
        (void) state;
        static const struct {
                const char *results;
                enum health health;
        } cases[] = {
                {"", HEALTH_UNKNOWN},
                {"P", HEALTH_HEALTHY}, /* a first pass is enough */
                {"D", HEALTH_HEALTHY},
                {"F", HEALTH_SUSPECT},
                {"FF", HEALTH_SUSPECT},
                {"FFF", HEALTH_FAILED},
                {"FTF", HEALTH_FAILED},
                {"PFFP", HEALTH_HEALTHY},
                {"FFPFF", HEALTH_SUSPECT}, /* in a row */
                {"FFFP", HEALTH_FAILED},
                {"FFFPP", HEALTH_HEALTHY},
                {"FFFPD", HEALTH_HEALTHY},
                {"FFFPFP", HEALTH_FAILED}, /* passes in a row, too */
                {"!", HEALTH_FAILED}, /* needs no counting */
                {"P!", HEALTH_FAILED},
                {"!PP", HEALTH_HEALTHY},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                if (health_after(cases[i].results) != cases[i].health) {
                        fail_msg("%s is %s", cases[i].results,
                                health_text(health_after(cases[i].results)));
                }
        }
}

static void test_unknown_is_not_failed(void **state) {
        (void) state;
        assert_int_equal(health_after("UUUUUUUUUU"), HEALTH_UNKNOWN);
        assert_int_equal(health_after("FUFU"), HEALTH_SUSPECT);
        assert_int_equal(health_after("FUFUF"), HEALTH_FAILED); /* it breaks no row either */
        assert_int_equal(health_after("FFUUUFF"), HEALTH_SUSPECT); /* so many of them do */
}

static void test_unknown_for_long_is_not_known_any_more(void **state) {
        (void) state;
        assert_int_equal(health_after("PUU"), HEALTH_HEALTHY);
        assert_int_equal(health_after("PUUU"), HEALTH_UNKNOWN);
        assert_int_equal(health_after("PUUUP"), HEALTH_HEALTHY);
        assert_int_equal(health_after("FFFUUUUUU"), HEALTH_FAILED);
        assert_int_equal(health_after("FFFPUUUUP"), HEALTH_HEALTHY); /* the passes are kept */
}

static void test_excused_failures_do_not_count(void **state) {
        (void) state;
        assert_int_equal(health_after("eeeeeeee"), HEALTH_UNKNOWN);
        assert_int_equal(health_after("Peeeee"), HEALTH_HEALTHY);
        assert_int_equal(
                health_after("FFFPePe"), HEALTH_FAILED); /* but they break a row of passes */
        assert_int_equal(health_after("c"), HEALTH_FAILED); /* certain evidence has no grace */
}

static void test_doubt_takes_rise_passes(void **state) {
        (void) state;
        struct probe_status probe = fed((struct probe_status){0}, "PPPPP");
        detector_doubt(&probe);
        assert_int_equal(fed(probe, "").health, HEALTH_FAILED);
        assert_int_equal(fed(probe, "P").health, HEALTH_FAILED);
        assert_int_equal(fed(probe, "PP").health, HEALTH_HEALTHY);
}

static void test_counters_and_window(void **state) {
        (void) state;
        struct probe_status probe = fed((struct probe_status){0}, "PPFUF");
        assert_int_equal(probe.fails, 2);
        assert_int_equal(probe.passes, 0);
        assert_int_equal(probe.window, 0xc);
        assert_int_equal(probe.n_window, 4);
        assert_int_equal(probe.failing_since, 3);
        assert_int_equal(fed(probe, "U").n_unknown, 1);
        assert_int_equal(fed(probe, "P").failing_since, 0);

        probe = (struct probe_status){.n_window = 64, .window = UINT64_MAX};
        assert_true(fed(probe, "F").window == (UINT64_MAX & ~UINT64_C(1)));
        assert_int_equal(fed(probe, "F").n_window, 64);
}

static void test_counters_do_not_wrap(void **state) {
        (void) state;
        struct probe_status probe = {.passes = UINT32_MAX, .health = HEALTH_HEALTHY};
        assert_int_equal(fed(probe, "P").passes, UINT32_MAX);
        probe = (struct probe_status){.fails = UINT32_MAX, .health = HEALTH_FAILED};
        assert_int_equal(fed(probe, "F").fails, UINT32_MAX);
        probe = (struct probe_status){.n_unknown = UINT32_MAX, .health = HEALTH_FAILED};
        assert_int_equal(fed(probe, "U").n_unknown, UINT32_MAX);
}

/* One letter a liveness probe: U unknown, H healthy, S suspect, F failed, D doubted; behind a `/`
 * the readiness probes, behind another one the warnings. */
struct example {
        struct probe_spec specs[64];
        struct probe_status probes[64];
        struct service service;
};

static void build_example(struct example *ret, const char *letters, uint32_t require) {
        memset(ret, 0, sizeof(*ret));
        ret->service.probes = ret->specs;
        ret->service.require = require;
        int role = ROLE_LIVENESS;
        for (; *letters; letters++) {
                uint32_t n = ret->service.n_probes;
                if (*letters == '/') {
                        role++;
                        continue;
                }
                ret->specs[n].role = role;
                ret->probes[n].doubted = *letters == 'D';
                ret->probes[n].health = *letters == 'H'                      ? HEALTH_HEALTHY
                                        : *letters == 'S'                    ? HEALTH_SUSPECT
                                        : *letters == 'F' || *letters == 'D' ? HEALTH_FAILED
                                                                             : HEALTH_UNKNOWN;
                ret->service.n_probes++;
        }
}

static enum health combined(const char *letters, uint32_t require) {
        struct example example;
        build_example(&example, letters, require);
        return detector_combine(&example.service, example.probes);
}

static bool liveness_failed(const char *letters, uint32_t require) {
        struct example example;
        build_example(&example, letters, require);
        return detector_liveness_failed(&example.service, example.probes);
}

static void test_all_are_required(void **state) {
        (void) state;
        assert_int_equal(combined("HHH", 3), HEALTH_HEALTHY);
        assert_int_equal(combined("HHF", 3), HEALTH_FAILED);
        assert_int_equal(combined("HSH", 3), HEALTH_SUSPECT);
        assert_int_equal(combined("HUH", 3), HEALTH_UNKNOWN);
        assert_int_equal(combined("SUH", 3), HEALTH_SUSPECT);
        assert_int_equal(combined("FUS", 3), HEALTH_FAILED);
}

static void test_any_is_enough(void **state) {
        (void) state;
        assert_int_equal(combined("FFH", 1), HEALTH_HEALTHY);
        assert_int_equal(combined("FFF", 1), HEALTH_FAILED);
        assert_int_equal(combined("FFS", 1), HEALTH_SUSPECT);
        assert_int_equal(combined("FFU", 1), HEALTH_UNKNOWN); /* it may be well */
        assert_int_equal(combined("SUH", 1), HEALTH_HEALTHY);
}

static void test_a_number_is_required(void **state) {
        (void) state;
        assert_int_equal(combined("HHFF", 2), HEALTH_HEALTHY);
        assert_int_equal(combined("HFFF", 2), HEALTH_FAILED);
        assert_int_equal(combined("HSFF", 2), HEALTH_SUSPECT);
        assert_int_equal(combined("HUFF", 2), HEALTH_UNKNOWN);
        assert_int_equal(combined("", 0), HEALTH_UNKNOWN);
}

static void test_roles_are_judged_apart(void **state) {
        (void) state;
        assert_int_equal(combined("HF/H", 1), HEALTH_HEALTHY); /* `require` counts liveness */
        assert_int_equal(combined("HH/HF", 1), HEALTH_FAILED); /* of the others all are needed */
        assert_int_equal(combined("H/S", 1), HEALTH_SUSPECT);
        assert_int_equal(combined("H/U", 1), HEALTH_UNKNOWN);
        assert_int_equal(combined("U/S", 1), HEALTH_SUSPECT);
        assert_int_equal(combined("S/F", 1), HEALTH_FAILED);
        assert_int_equal(combined("/H", 0), HEALTH_HEALTHY);
        assert_int_equal(combined("/F", 0), HEALTH_FAILED);
        assert_int_equal(combined("H//FFF", 1), HEALTH_HEALTHY); /* warnings say nothing */
        assert_int_equal(combined("U//H", 1), HEALTH_UNKNOWN);
        assert_int_equal(combined("//H", 0), HEALTH_UNKNOWN);
}

static void test_a_doubted_liveness_has_not_failed(void **state) {
        (void) state;
        assert_true(liveness_failed("HF", 2));
        assert_false(liveness_failed("HF", 1));
        assert_false(liveness_failed("HD", 2));
        assert_true(liveness_failed("DF", 2));
        assert_false(liveness_failed("H/F", 1));
        assert_false(liveness_failed("/F", 0));
}

static void test_doubt_ends_with_news(void **state) {
        (void) state;
        static const struct {
                const char *results;
                bool doubted;
        } cases[] = {{"", true}, {"P", true}, {"PP", false}, {"F", true}, {"FFPFF", true},
                {"FFF", false}, {"!", false}, {"UUUU", true}};
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct probe_status probe = {0};
                detector_doubt(&probe);
                assert_int_equal(fed(probe, cases[i].results).doubted, cases[i].doubted);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table_of_series),
                cmocka_unit_test(test_unknown_is_not_failed),
                cmocka_unit_test(test_unknown_for_long_is_not_known_any_more),
                cmocka_unit_test(test_excused_failures_do_not_count),
                cmocka_unit_test(test_doubt_takes_rise_passes),
                cmocka_unit_test(test_counters_and_window),
                cmocka_unit_test(test_counters_do_not_wrap),
                cmocka_unit_test(test_all_are_required),
                cmocka_unit_test(test_any_is_enough),
                cmocka_unit_test(test_a_number_is_required),
                cmocka_unit_test(test_roles_are_judged_apart),
                cmocka_unit_test(test_a_doubted_liveness_has_not_failed),
                cmocka_unit_test(test_doubt_ends_with_news),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
