#include "policy_cases.h"

static const struct policy_case cases[] = {
        {"version: 1\nservices:\n  a: {interval: 1s, timeout: 2s, probes: {p: {tcp: x}}}\n",
                "3:30 'timeout' (2s) is longer than 'interval' (1s) [impossible-timing]\n"},
        {"version: 1\nservices:\n  a: {timeout: 6s, probes: {p: {tcp: x}}}\n",
                "3:16 'timeout' (6s) is longer than 'interval' (5s) [impossible-timing]\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x, interval: 1s, fast_interval: 2s}}}\n",
                "3:57 'fast_interval' (2s) is longer than 'interval' (1s) [impossible-timing]\n"},
        {"version: 1\nservices:\n  a: {timeout: 5s, probes: {p: {tcp: x}}}\n", ""},
        {"version: 1\nservices:\n  a: {verify: 1s, probes: {p: {tcp: x}}, recover: [exec: {command: [/bin/a]}]}\n",
                "3:15 'verify' (1s) is too short for the probe 'p', which has to pass 2 times, every 1s "
                "[impossible-timing]\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x, interval: 1m, fast_interval: 20s}}, recover: [exec: {command: [/bin/a]}]}\n",
                "3:3 'verify' (30s) is too short for the probe 'p', which has to pass 2 times, every 20s "
                "[impossible-timing]\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x, interval: 1m, fast_interval: 20s}}}\n",
                ""},
        {"version: 1\nservices:\n  a: {command: [/bin/a], start_grace: 1m}\n",
                "3:3 'verify' (30s) leaves no room for 'start_grace' (1m) and the passes after it: at least 1m2s "
                "[impossible-timing]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/a], start_grace: 10s, recover: [restart: {verify: 5s}]}\n",
                "3:72 'verify' (5s) leaves no room for 'start_grace' (10s) and the passes after it: at least 12s "
                "[impossible-timing]\n"},
        {"version: 1\ndefaults: {timeout: 5s}\nservices:\n  a: {interval: 1s, probes: {p: {tcp: x}}}\n",
                "2:21 'timeout' (5s) is longer than 'interval' (1s) [impossible-timing]\n"},
};

static void refuses_what_cannot_work(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

static void standards_give_way(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "services:\n"
                                           "  a:\n"
                                           "    command: [/bin/a]\n"
                                           "    verify: 4s\n"
                                           "    probes:\n"
                                           "      quick: {tcp: x, interval: 500ms}\n"
                                           "      slow: {tcp: x, interval: 1m}\n");
        const struct service *a = service_of(policy, "a");
        const struct probe_spec *quick = probe_of(a, "quick"), *slow = probe_of(a, "slow");
        assert_int_equal(quick->timeout, 500 * USEC_PER_MSEC);
        assert_int_equal(quick->fast_interval, 500 * USEC_PER_MSEC);
        assert_int_equal(quick->down_interval, 500 * USEC_PER_MSEC);
        assert_int_equal(slow->timeout, 2 * USEC_PER_SEC);
        assert_int_equal(slow->fast_interval, USEC_PER_SEC);
        assert_int_equal(slow->down_interval, USEC_PER_MINUTE);
        assert_int_equal(a->start_grace, 2 * USEC_PER_SEC);
        policy_free(policy);
}

/* What the service says of all its probes gives way to what one probe says of itself. */
static void the_nearer_value_wins(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "services:\n"
                                           "  a:\n"
                                           "    timeout: 3s\n"
                                           "    fast_interval: 2s\n"
                                           "    probes:\n"
                                           "      quick: {tcp: x, interval: 1s}\n");
        const struct probe_spec *quick = probe_of(service_of(policy, "a"), "quick");
        assert_int_equal(quick->timeout, USEC_PER_SEC);
        assert_int_equal(quick->fast_interval, USEC_PER_SEC);
        policy_free(policy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_what_cannot_work),
                cmocka_unit_test(standards_give_way),
                cmocka_unit_test(the_nearer_value_wins),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
