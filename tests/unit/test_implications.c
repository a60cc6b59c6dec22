#include "policy/implications.h"
#include "policy_cases.h"
#include "recovery/backoff.h"

#define MS USEC_PER_MSEC
#define S USEC_PER_SEC

static void compute_expecting(const char *text, const char *said, struct implications *ret) {
        struct policy *policy = load_expecting(text, said);
        implications_compute(policy, service_of(policy, "a"), backoff_bounds, ret);
        policy_free(policy);
}

static void compute(const char *text, struct implications *ret) {
        compute_expecting(text, "", ret);
}

static void detection_follows_the_formulas(void **state) {
        (void) state;
        struct implications implied;
        compute("version: 1\n"
                "agent: {slack: 20ms}\n"
                "services:\n"
                "  a:\n"
                "    command: [/bin/a]\n"
                "    probes:\n"
                "      p: {tcp: x, interval: 2s, fast_interval: 250ms, timeout: 1s, fall: 3}\n"
                "      q: {tcp: x, interval: 10s, fast_interval: 1s, timeout: 500ms, fall: 2}\n",
                &implied);
        assert_int_equal(implied.n_detections, 3);
        assert_int_equal(implied.detections[0].worst, 2 * S + 20 * MS + 2 * S + S);
        assert_int_equal(implied.detections[0].typical, S + 500 * MS);
        assert_int_equal(implied.detections[1].worst, 10 * S + 20 * MS + S + 500 * MS);
        assert_int_equal(implied.detections[1].typical, 5 * S + S);
        assert_false(implied.detections[1].at_once);
        assert_true(implied.detections[2].at_once);
        /* require: all, so the quicker of the two is enough */
        assert_int_equal(implied.worst_detection, implied.detections[0].worst);
        assert_int_equal(implied.typical_detection, implied.detections[0].typical);
}

static void any_waits_for_the_last_probe(void **state) {
        (void) state;
        struct implications implied;
        compute("version: 1\n"
                "services:\n"
                "  a:\n"
                "    command: [/bin/a]\n"
                "    require: any\n"
                "    probes:\n"
                "      p: {tcp: x, interval: 2s}\n"
                "      q: {tcp: x, interval: 10s}\n",
                &implied);
        assert_int_equal(implied.worst_detection, implied.detections[1].worst);
}

static void the_schedule_counts_as_the_core_does(void **state) {
        (void) state;
        struct implications implied;
        compute_expecting(
                "version: 1\n"
                "services:\n"
                "  a:\n"
                "    command: [/bin/a]\n"
                "    verify: 20s\n"
                "    stop_timeout: 5s\n"
                "    backoff: {initial: 1s, factor: 2, max: 3s, jitter: equal}\n"
                "    recover:\n"
                "      - restart: {attempts: 2}\n"
                "      - exec: {command: [/bin/b], attempts: 2, timeout: 3s, backoff: {delays: [5s, 7s], jitter: none}}\n"
                "      - restart: {attempts: 1, timeout: 2s, verify: 15s}\n"
                "      - notify\n"
                "    budget: {actions: 4, per: 30m}\n",
                "warning 11:41 the action ends after 2s, while a service that does not stop is killed after 5s only "
                "[action-cut-short] (make it longer than 'stop_timeout', or leave it out)\n"
                "warning 13:13 the ladder has 5 attempts, the budget allows 4 within 30m: the others will be held "
                "[ladder-outlasts-budget]\n",
                &implied);
        static const usec_t bounds[][2] = {{500 * MS, S}, {S, 2 * S}, {5 * S, 5 * S},
                {7 * S, 7 * S}, {1500 * MS, 3 * S}, {0, 0}};
        assert_int_equal(implied.n_attempts, ELEMENTSOF(bounds));
        for (uint32_t i = 0; i < ELEMENTSOF(bounds); i++) {
                assert_int_equal(implied.attempts[i].number, i + 1);
                assert_int_equal(implied.attempts[i].least, bounds[i][0]);
                assert_int_equal(implied.attempts[i].most, bounds[i][1]);
        }
        assert_int_equal(implied.attempts[3].action, ACTION_EXEC);
        assert_int_equal(implied.attempts[3].action_time, 3 * S);
        assert_int_equal(implied.attempts[4].verify, 15 * S);
        assert_int_equal(implied.attempts[5].verify, 0);
        assert_int_equal(implied.attempts[0].ends, S + 10 * S + 20 * S);
        assert_int_equal(implied.attempts[1].ends, 31 * S + 2 * S + 10 * S + 20 * S);
        assert_int_equal(implied.attempts[5].ends, implied.exhausted_most);
        assert_int_equal(implied.total_attempts, 6);
        assert_int_equal(implied.actions, 5);
        assert_int_equal(implied.exhausted_least, 15 * S);
        /* waits 18 s; actions 2 x (5 s + 5 s margin), 2 x 3 s, 2 s; verifying 4 x 20 s, 15 s */
        assert_int_equal(implied.exhausted_most, 18 * S + 28 * S + 95 * S);
        assert_true(implied.budget_holds);
        assert_int_equal(implied.actions_per_hour, 5);
}

static void actions_take_what_their_manager_takes(void **state) {
        (void) state;
        struct implications implied;
        compute("version: 1\nservices:\n  a: {command: [/bin/a], verify: 20s, backoff: {delays: [0s]}, "
                "recover: [reload, signal: {signal: HUP, for: [exited, slow]}]}\n",
                &implied);
        assert_true(implied.detections[0].at_once);
        assert_int_equal(implied.exhausted_most, 2 * 20 * S);
        compute("version: 1\nservices:\n  a: {scripts: {ocf: heartbeat:redis}, verify: 20s, backoff: "
                "{delays: [0s]}, recover: [reload, restart: {attempts: 1}]}\n",
                &implied);
        assert_false(implied.detections[0].at_once);
        assert_int_equal(implied.exhausted_most, 2 * (60 * S + 20 * S));
}

static void the_budget_caps_actions_per_hour(void **state) {
        (void) state;
        struct implications implied;
        compute("version: 1\nservices:\n  a: {command: [/bin/a], budget: {actions: 2, per: 2h}, recover: [restart: "
                "{attempts: 2}]}\n",
                &implied);
        assert_int_equal(implied.actions_per_hour, 2);
        assert_false(implied.budget_holds);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(detection_follows_the_formulas),
                cmocka_unit_test(any_waits_for_the_last_probe),
                cmocka_unit_test(the_schedule_counts_as_the_core_does),
                cmocka_unit_test(actions_take_what_their_manager_takes),
                cmocka_unit_test(the_budget_caps_actions_per_hour),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
