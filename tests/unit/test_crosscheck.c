#include "policy_cases.h"

#define C "command: [/bin/x]"

static const struct policy_case cases[] = {
        {"version: 1\nservices:\n  a: {" C ", environment: {A-B: x, 1A: y, \"\": z, _ok: w}}\n",
                "3:40 'A-B' cannot be the name of an environment variable [bad-name]\n"
                "3:48 '1A' cannot be the name of an environment variable [bad-name]\n"
                "3:55 '' cannot be the name of an environment variable [bad-name]\n"},
        {"version: 1\nservices:\n  a: {" C ", backoff: {delays: [1s], initial: 1s}}\n",
                "3:50 'initial' and 'delays' exclude each other [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C
         ", recover: [restart: {backoff: {delays: [1s], max: 1m}}]}\n",
                "3:70 'max' and 'delays' exclude each other [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C ", backoff: {delays: []}}\n",
                "3:44 'delays' is empty [bad-value]\n"},
        {"version: 1\nservices:\n  a: {" C ", backoff: {initial: 0, factor: 2}}\n",
                "warning 3:48 'factor' has no effect: a wait that begins with 0 stays 0 [backoff-never-grows] "
                "(write 'initial: 100ms', or 'delays: [0s, 1s, 10s]')\n"},
        {"version: 1\nservices:\n  a: {" C ", backoff: {initial: 0}}\n", ""},
        {"version: 1\nservices:\n  a: {user: root, probes: {p: {tcp: x}}}\n",
                "warning 3:7 'user' has no effect without a 'command' [no-effect]\n"},
        {"version: 1\ndefaults: {user: root}\nservices:\n  a: {probes: {p: {tcp: x}}}\n", ""},
        {"version: 1\nservices:\n  a: {" C
         ", recover: [restart: {attempts: 11}, notify: {attempts: 99}]}\n",
                "warning 3:3 the ladder has 11 attempts, the budget allows 10 within 1h: the others will be held "
                "[ladder-outlasts-budget]\n"},
        {"version: 1\nservices:\n  a: {" C ", recover: [reload, signal: HUP, notify]}\n",
                "warning 3:26 reload and signal need a running service: no step helps when it has ended [no-cure] "
                "(add a restart as the last step)\n"},
        {"version: 1\nservices:\n  a: {" C ", probes: {p: {status: {}}}}\n",
                "3:39 'status' asks the 'scripts' of the service, and the service 'a' has none [no-manager] (give "
                "it 'scripts', or use another probe)\n"},
        {"version: 1\nservices:\n  a: {scripts: {ocf: heartbeat:redis, environment: {A-B: x}, user: "
         "no-such-user}}\n",
                "3:53 'A-B' cannot be the name of an environment variable [bad-name]\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x, interval: 1h}}}\n",
                "warning 3:16 the probe 'p' may take 1h to notice a failure [slow-detection]\n"},
};

static void finds_what_no_single_value_shows(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_what_no_single_value_shows),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
