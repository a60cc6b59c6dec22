/* Files of faults: what they become, and what is said of each mistake. */

#include "policy_cases.h"
#include "sim/faults.h"

static const char shop[] = "version: 1\n"
                           "services:\n"
                           "  web: {command: [/bin/web], probes: {p: {tcp: x}}}\n"
                           "  db: {command: [/bin/db], probes: {p: {tcp: x}}}\n";

static struct fault_plan *load(const char *text, const char *expected) {
        AUTO_STRBUF struct strbuf said = {0};
        struct problems problems = {0};
        struct fault_plan *plan = NULL;
        struct policy *policy = load_clean(shop);
        int r = fault_plan_load_text("faults.yaml", text, strlen(text), policy, &plan, &problems);
        render_problems(&problems, &said);
        assert_string_equal(strbuf_text(&said), expected);
        assert_int_equal(r, plan ? 0 : -EINVAL);
        problems_done(&problems);
        policy_free(policy);
        return plan;
}

static void test_a_file_becomes_a_plan(void **state) {
        struct fault_plan *plan = load(
                "version: 1\n"
                "startup: 3s\n"
                "actions: {restart: {takes: 4s, fails: 5%}}\n"
                "faults:\n"
                "  oom: {services: web, crash: killed, at: [1m, 2m]}\n"
                "  slow: {slow: , mtbf: 3d, lasts: 1h, cured_by: {exec: {chance: 40%, after: 9s}}}\n",
                "");
        const struct fault_spec *faults = fault_plan_faults(plan);
        (void) state;
        assert_int_equal(plan->startup, 3 * USEC_PER_SEC);
        assert_int_equal(plan->mended_after, USEC_PER_HOUR);
        assert_int_equal(plan->actions[ACTION_RESTART].takes, 4 * USEC_PER_SEC);
        assert_int_equal(plan->actions[ACTION_EXEC].takes, USEC_PER_SEC);
        assert_int_equal(plan->faults.count, 2);
        assert_int_equal(faults[0].kind, FAULT_CRASH);
        assert_string_equal(faults[0].symptom->text, "killed");
        assert_int_equal(faults[0].at.count, 2);
        assert_true(faults[0].cures[ACTION_RESTART].chance > 99);
        assert_true(faults[0].cures[ACTION_EXEC].chance < 1);
        assert_int_equal(faults[1].mtbf->distribution, DISTRIBUTION_EXPONENTIAL);
        assert_true(faults[1].cures[ACTION_RESTART].chance < 1);
        assert_int_equal(faults[1].cures[ACTION_EXEC].after, 9 * USEC_PER_SEC);
        fault_plan_free(plan);
}

static void test_each_mistake_is_located(void **state) {
        static const struct policy_case cases[] = {
                {"faults: {a: {hang: x, at: 1s}}\n",
                        "1:1 faults file: the key 'version' is missing [missing-key]\n"},
                {"version: 1\n", "1:1 faults file: the key 'faults' is missing [missing-key]\n"},
                {"version: 1\nfaults: {a: {hang: x, at: 1s, services: wbe}}\n",
                        "2:41 the policies have no service 'wbe' [unknown-service] "
                        "(did you mean 'web'?)\n"},
                {"version: 1\nfaults: {a: {hnag: x, at: 1s}}\n",
                        "2:14 fault: unknown key 'hnag' [unknown-key] (did you mean 'hang'?)\n"},
                {"version: 1\nfaults: {a: {hang: x, at: 1s, cured_by: {restrat: 5%}}}\n",
                        "2:42 there is no action 'restrat' [unknown-action] "
                        "(did you mean 'restart'?)\n"},
                {"version: 1\nfaults: {a: {hang: x}}\n",
                        "2:10 the fault 'a' never occurs: it needs 'at' or 'mtbf' "
                        "[inconsistent]\n"},
                {"version: 1\nfaults: {a: {disk_full: x, at: 1s}}\n",
                        "2:10 nothing ends the fault 'a': disk_full needs 'lasts' or 'cured_by' "
                        "[inconsistent]\n"},
                {"version: 1\nfaults: {a: {host_stall: x, at: 1s, lasts: 1s, services: web}}\n",
                        "2:58 host_stall hits the host, not services [inconsistent]\n"},
                {"version: 1\nfaults: {a: {hang: x, crash: y, at: 1s}}\n",
                        "2:14 fault: 'crash' and 'hang' exclude each other [inconsistent]\n"},
                {"version: 1\nfaults: {a: {hang: x, mtbf: {mean: 1d, shape: 0}}}\n",
                        "2:47 'shape': expected a number from 0.1 to 10, found '0' [bad-value]\n"},
                {"version: 1\nfaults: [a]\n",
                        "2:9 'faults': expected a mapping of names, found a list [bad-value]\n"},
                {"version: 2\nfaults: {}\n", "1:10 'version' must be at most 1 [out-of-range]\n"},
        };
        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                fault_plan_free(load(cases[i].text, cases[i].expected));
        }
}

static void read_file(const char *path, char *text, size_t size) {
        AUTO_FCLOSE FILE *file = fopen(path, "re");
        assert_non_null(file);
        text[fread(text, 1, size - 1, file)] = '\0';
}

static void test_the_usual_faults_are_those_that_are_shipped(void **state) {
        char text[8192];
        struct fault_plan *plan = load(fault_plan_usual, "");
        (void) state;
        assert_int_equal(plan->faults.count, 8);
        fault_plan_free(plan);
        read_file(SOURCE_DIR "/policies/faults/usual.yaml", text, sizeof(text));
        assert_string_equal(strstr(text, "version: 1"), fault_plan_usual);
}

static void test_the_shipped_files_load(void **state) {
        static const char *const names[] = {"partition", "bad-release"};
        char path[256], text[8192];
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                snprintf(path, sizeof(path), SOURCE_DIR "/policies/faults/%s.yaml", names[i]);
                read_file(path, text, sizeof(text));
                fault_plan_free(load(text, ""));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_file_becomes_a_plan),
                cmocka_unit_test(test_each_mistake_is_located),
                cmocka_unit_test(test_the_usual_faults_are_those_that_are_shipped),
                cmocka_unit_test(test_the_shipped_files_load),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
