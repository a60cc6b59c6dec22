/* What `why` says in words. */

#include "control/why.h"
#include "support/fake_runtime.h"

static int teardown(void **state) {
        (void) state;
        map_free(fake.policy.by_name);
        fake.policy.by_name = NULL;
        return 0;
}

static void assert_summary(uint32_t service, const char *expected) {
        AUTO_STRBUF struct strbuf out = {0};
        struct why why = why_of((const struct runtime *) &fake, service);
        why_summary(&why, &out);
        assert_string_equal(strbuf_text(&out), expected);
}

static void assert_next(uint32_t service, enum wait what, usec_t moment) {
        AUTO_STRBUF struct strbuf out = {0};
        struct why why = why_of((const struct runtime *) &fake, service);
        struct next next = why_next(&why, &out);
        assert_int_equal(next.what, what);
        assert_true(next.at == moment);
}

static void healthy(void **state) {
        (void) state;
        assert_summary(FAKE_CHECKOUT,
                "checkout is healthy since 11:00:00 UTC (1h): both of its probes pass. Next: "
                "nothing to do, its probes go on. 1 of 10 actions within 1h is spent.");
        assert_next(FAKE_CHECKOUT, WAIT_NOTHING, USEC_INFINITY);
}

static void healthy_with_some_of_its_probes(void **state) {
        (void) state;
        fake_services[FAKE_CHECKOUT].require = 1;
        fake.probes[FAKE_CHECKOUT][0].health = HEALTH_FAILED;
        fake.guards[1].value = 0;
        assert_summary(FAKE_CHECKOUT,
                "checkout is healthy since 11:00:00 UTC (1h): 1 of its 2 probes are healthy, and 1 "
                "is enough. Next: nothing to do, its probes go on.");
        fake_services[FAKE_CHECKOUT].require = 2;
}

static void degraded(void **state) {
        (void) state;
        checkout_probes[0].role = ROLE_WARNING;
        fake.probes[FAKE_CHECKOUT][0] =
                (struct probe_status){.health = HEALTH_FAILED, .fails = 4, .failing_since = 1};
        fake.status[FAKE_CHECKOUT].warnings = 1;
        fake.guards[1].value = 0;
        fake_observe(FAKE_CHECKOUT, 0, OUTCOME_FAIL, 2, "85% used, at most 80% allowed");
        assert_summary(FAKE_CHECKOUT,
                "checkout is degraded since 11:00:00 UTC (1h): it is alive and ready, and 1 probe "
                "warns. Probe health failed 4 times in a row, last 2s ago: 85% used, at most 80% "
                "allowed. Next: nothing to do, its probes go on.");
        checkout_probes[0].role = ROLE_LIVENESS;
}

static void not_ready(void **state) {
        (void) state;
        checkout_probes[0].role = ROLE_READINESS;
        fake_checkout_fails(PHASE_UNATTENDED);
        fake.incident.role = ROLE_READINESS;
        fake.status[FAKE_CHECKOUT].alive = true;
        fake.guards[1].value = 0;
        assert_summary(FAKE_CHECKOUT,
                "checkout is not ready since 11:59:57 UTC (2.5s): it lives, and its ladder has no "
                "further step that would not interrupt it. Probe health failed 9 times in a row, "
                "last 387ms ago: 503 Service Unavailable. Next: it is watched until it is ready; "
                "should its liveness fail, too, every step may be used.");
        fake.status[FAKE_CHECKOUT].phase = PHASE_SETTLING;
        assert_summary(FAKE_CHECKOUT,
                "checkout is settling since 11:59:57 UTC (2.5s): its dependencies are well again, "
                "and it gets time to recover without help. Probe health failed 9 times in a row, "
                "last 387ms ago: 503 Service Unavailable. Only its readiness fails, so nothing "
                "that would interrupt it is done. Next: recovery begins if its probes do not pass "
                "by then.");
        checkout_probes[0].role = ROLE_LIVENESS;
}

static void unknown(void **state) {
        (void) state;
        fake.status[FAKE_CART].health = HEALTH_UNKNOWN;
        fake.status[FAKE_CART].health_since = 0;
        fake.guards[1].value = 0;
        fake_observe(FAKE_CART, 0, OUTCOME_UNKNOWN, 1, "out of file descriptors");
        assert_summary(FAKE_CART,
                "cart is unknown: probe ping could not measure it (out of file descriptors). Next: "
                "wait for its probes; what is unknown is never acted on.");
}

static void suspect(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_WATCHING);
        fake.status[FAKE_CHECKOUT].health = HEALTH_SUSPECT;
        fake.status[FAKE_CHECKOUT].incident = NULL;
        fake.probes[FAKE_CHECKOUT][0].fails = 2;
        fake.guards[1].value = 0;
        assert_summary(FAKE_CHECKOUT,
                "checkout is suspect since 11:59:57 UTC (2.5s): probe health failed 2 times in a "
                "row, and 3 make a failure. Probe health failed 2 times in a row, last 387ms ago: "
                "503 Service Unavailable. Next: probe it every 250ms until it passes or counts as "
                "failed.");
        assert_next(FAKE_CHECKOUT, WAIT_PROBE, USEC_INFINITY);
}

static void blocked(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_BLOCKED);
        fake.status[FAKE_CHECKOUT].culprit = FAKE_ORDERS;
        fake.status[FAKE_ORDERS].health = HEALTH_FAILED;
        fake.status[FAKE_ORDERS].phase = PHASE_BACKOFF;
        fake.status[FAKE_ORDERS].phase_since = AGO(10);
        fake.probes[FAKE_ORDERS][0].failing_since = AGO(11);
        fake_observe(FAKE_ORDERS, 0, OUTCOME_FAIL, 1, "connection refused by 127.0.0.1:5432");
        assert_summary(FAKE_CHECKOUT,
                "checkout is blocked since 11:59:57 UTC (2.5s): its dependency orders-db is backoff "
                "since 11:59:50 UTC (connection refused by 127.0.0.1:5432). Probe health failed 9 "
                "times in a row, last 387ms ago: 503 Service Unavailable. Next: wait until "
                "orders-db is healthy, then 5s for checkout to settle; nothing is done to it "
                "before. 1 of 10 actions within 1h is spent.");
        assert_next(FAKE_CHECKOUT, WAIT_CHANGE, USEC_INFINITY);
}

static void in_backoff(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_BACKOFF);
        fake.status[FAKE_CHECKOUT].next_attempt = IN(3.9);
        fake.attempt = (struct attempt){.incident = 17,
                .number = 1,
                .action = ACTION_RESTART,
                .result = ATTEMPT_NOT_CURED,
                .text = "503 Service Unavailable"};
        fake.status[FAKE_CHECKOUT].attempt = &fake.attempt;
        assert_summary(FAKE_CHECKOUT,
                "checkout is in backoff since 11:59:57 UTC (2.5s): a restart (attempt 2 of 3 of "
                "step 1 of 2) waits for its time. Probe health failed 9 times in a row, last 387ms "
                "ago: 503 Service Unavailable. The last attempt, number 1 (restart), was carried "
                "out and did not cure it: 503 Service Unavailable. Next: a restart (attempt 2 of 3 "
                "of step 1 of 2), unless it heals before (at 12:00:03 UTC, in 3.9s). 1 of 10 "
                "actions within 1h is spent.");
        assert_next(FAKE_CHECKOUT, WAIT_ATTEMPT, IN(3.9));
}

/* What was tried in an incident that is over says nothing about this one. */
static void leaves_older_attempts_out(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        fake_checkout_fails(PHASE_BACKOFF);
        fake.attempt = (struct attempt){.incident = 16, .number = 1, .result = ATTEMPT_RECOVERED};
        fake.status[FAKE_CHECKOUT].attempt = &fake.attempt;
        struct why why = why_of((const struct runtime *) &fake, FAKE_CHECKOUT);
        why_summary(&why, &out);
        assert_null(strstr(strbuf_text(&out), "The last attempt"));
}

static void a_death_says_more_than_a_closed_port(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        fake_checkout_fails(PHASE_BACKOFF);
        fake.incident.cause = fake.incident.symptom = CAUSE_EXITED;
        *fake.incident.probe = 0;
        str_copy(fake.incident.text, sizeof(fake.incident.text), "killed by SIGKILL");
        fake.status[FAKE_CHECKOUT].running = false;
        struct why why = why_of((const struct runtime *) &fake, FAKE_CHECKOUT);
        why_summary(&why, &out);
        assert_non_null(strstr(strbuf_text(&out), " The evidence was: killed by SIGKILL."));
        assert_null(strstr(strbuf_text(&out), "503"));
}

static void held_by_the_budget(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_HELD);
        fake.guards[1] = (struct guard_status){GUARD_SERVICE_BUDGET, true, IN(600), 10, 10,
                "10 of 10 actions of the service spent within 1h"};
        assert_summary(FAKE_CHECKOUT,
                "checkout is held since 11:59:57 UTC (2.5s): a restart (attempt 2 of 3 of step 1 of "
                "2) is due, and service-budget holds it: 10 of 10 actions of the service spent "
                "within 1h. Probe health failed 9 times in a row, last 387ms ago: 503 Service "
                "Unavailable. Next: a restart (attempt 2 of 3 of step 1 of 2) as soon as nothing "
                "holds it any more (at 12:10:00 UTC, in 10m).");
        assert_next(FAKE_CHECKOUT, WAIT_CHANGE, IN(600));
}

static void a_step_that_is_left_out(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        struct rejected rejected[WHY_REJECTED_MAX];
        fake_checkout_fails(PHASE_BACKOFF);
        fake.useless = true;
        fake.status[FAKE_CHECKOUT].step = 1;
        fake.status[FAKE_CHECKOUT].last_rule = 206;
        struct why why = why_of((const struct runtime *) &fake, FAKE_CHECKOUT);
        why_summary(&why, &out);
        assert_non_null(strstr(strbuf_text(&out),
                " Left out: step 1, restart (it cured wrong-answer 0 of 9 times). Next: "));
        size_t n = why_rejected(&why, rejected);
        assert_int_equal(
                n, 3); /* neither the row that fired, nor those below it or for another case */
        assert_string_equal(rejected[0].what, "step 1, restart");
        assert_string_equal(rejected[0].why, "it cured wrong-answer 0 of 9 times");
        assert_string_equal(rejected[1].what, "rule 200");
        assert_string_equal(rejected[1].why, "not so: somebody stopped it");
        assert_string_equal(rejected[2].what, "rule 205");
}

/* What is kept with an attempt is cut to what matters where it would be too long. */
static void a_record_has_a_limit(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf kept = {0};
        fake_checkout_fails(PHASE_SAVING);
        why_record((const struct runtime *) &fake, FAKE_CHECKOUT, &kept);
        assert_true(kept.length < STORE_WHY_MAX);
        assert_non_null(strstr(strbuf_text(&kept), "\"summary\":"));
        assert_non_null(strstr(strbuf_text(&kept), "\"guards\":"));
        assert_non_null(strstr(strbuf_text(&kept), "\"rejected\":"));
}

static void exhausted_and_paused(void **state) {
        (void) state;
        struct service_status *status = &fake.status[FAKE_CHECKOUT];
        fake_checkout_fails(PHASE_EXHAUSTED);
        fake.incident.attempts = 4;
        fake.guards[1].value = 0;
        status->paused = true;
        status->pause_until = IN(90);
        status->pause_by = "alice (uid 1000)";
        status->pause_reason = "release";
        assert_summary(FAKE_CHECKOUT,
                "checkout was given up (exhausted) since 11:59:57 UTC (2.5s): 4 attempts did not "
                "cure it, and its ladder has no further step. Probe health failed 9 times in a "
                "row, last 387ms ago: 503 Service Unavailable. Next: a person has to look at it "
                "and say 'recoverctl ack checkout', which lets recovery begin again; it is also "
                "over when checkout heals. Recovery is paused until 12:01:30 UTC, for 1m30s more, "
                "by alice (uid 1000) (release).");
        assert_next(FAKE_CHECKOUT, WAIT_PERSON, USEC_INFINITY);
}

static void first_start(void **state) {
        (void) state;
        struct service_status *status = &fake.status[FAKE_CHECKOUT];
        status->health = HEALTH_UNKNOWN;
        status->phase = PHASE_VERIFYING;
        status->phase_since = AGO(1);
        status->timer = IN(29);
        fake.attempt =
                (struct attempt){.number = 1, .action = ACTION_START, .origin = ORIGIN_FIRST_START};
        status->attempt = &fake.attempt;
        fake.guards[1].value = 0;
        assert_summary(FAKE_CHECKOUT,
                "checkout is being verified since 11:59:59 UTC (1s): its first start was carried "
                "out, and its probes have to prove it. Next: its probes have to pass often enough "
                "in a row by then, otherwise the attempt did not cure it (at 12:00:29 UTC, in "
                "29s).");
        assert_next(FAKE_CHECKOUT, WAIT_VERIFY, IN(29));
}

/* Whatever the state, there is something to say, in whole sentences and without a hole. */
static void every_state_has_a_story(void **state) {
        (void) state;
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                for (int health = HEALTH_UNKNOWN; health <= HEALTH_FAILED; health++) {
                        for (uint32_t i = 0; i < FAKE_SERVICES; i++) {
                                AUTO_STRBUF struct strbuf out = {0}, next = {0};
                                fake.status[i].phase = (enum phase) phase;
                                fake.status[i].health = (enum health) health;
                                struct why why = why_of((const struct runtime *) &fake, i);
                                why_summary(&why, &out);
                                why_next(&why, &next);
                                assert_true(str_starts(strbuf_text(&out), fake_services[i].name));
                                assert_int_equal(out.data[out.length - 1], '.');
                                assert_null(strstr(strbuf_text(&out), "(null)"));
                                assert_null(strstr(strbuf_text(&out), "  "));
                                assert_true(next.length > 5);
                        }
                }
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(healthy),
                TEST(healthy_with_some_of_its_probes),
                TEST(degraded),
                TEST(not_ready),
                TEST(unknown),
                TEST(suspect),
                TEST(blocked),
                TEST(in_backoff),
                TEST(leaves_older_attempts_out),
                TEST(a_death_says_more_than_a_closed_port),
                TEST(held_by_the_budget),
                TEST(a_step_that_is_left_out),
                TEST(a_record_has_a_limit),
                TEST(exhausted_and_paused),
                TEST(first_start),
                TEST(every_state_has_a_story),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
