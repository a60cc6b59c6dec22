/* The heartbeat probe: calls that come, come late, report a failure or never come; in virtual time,
 * by moving the start of a run. */

#include "probes/heartbeat.h"
#include "support/probe_rig.h"

struct fixture {
        struct rig rig;
        usec_t began;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        rig_open(&f->rig);
        f->began = clock_now().mono;
        assert_int_equal(heartbeat_board_new(&f->rig.host.heartbeats, f->began), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        rig_close(&f->rig);
        heartbeat_board_free(f->rig.host.heartbeats);
        free(f);
        return 0;
}

static void beat(struct fixture *f, usec_t after, bool failed, const char *text) {
        struct heartbeat one = {.at = {.mono = f->began + after}, .failed = failed};
        snprintf(one.text, sizeof(one.text), "%s", text);
        assert_int_equal(heartbeat_board_put(f->rig.host.heartbeats, "shop", "probe", &one), 0);
}

/* Runs it so long after the beginning. */
static const struct probe_result *look(struct fixture *f, usec_t after) {
        f->rig.run.started.mono = f->began + after;
        f->rig.run.timeout = RIG_TIMEOUT;
        f->rig.over = false;
        f->rig.type->start(&f->rig.run);
        assert_true(f->rig.over);
        return &f->rig.result;
}

static void test_a_call_in_time(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "heartbeat: 10m");
        beat(f, USEC_PER_MINUTE, false, "");
        const struct probe_result *result = look(f, 4 * USEC_PER_MINUTE);
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "last heartbeat 3m ago");
        assert_string_equal(result->detail, "last heartbeat 3m ago");
        assert_true(result->has_value && result->value > 179 && result->value < 181);
        beat(f, 5 * USEC_PER_MINUTE, false, "42 orders");
        assert_result(look(f, 6 * USEC_PER_MINUTE), OUTCOME_PASS, CAUSE_NONE,
                "last heartbeat 1m ago, status: 42 orders");
        assert_int_equal(look(f, 15 * USEC_PER_MINUTE)->outcome, OUTCOME_PASS);
}

static void test_a_late_call(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "heartbeat: {period: 10m, grace: 2m}");
        beat(f, 0, false, "");
        assert_result(look(f, 11 * USEC_PER_MINUTE), OUTCOME_DEGRADED, CAUSE_SLOW,
                "last heartbeat 11m ago, 1m late");
        assert_int_equal(look(f, 12 * USEC_PER_MINUTE)->outcome, OUTCOME_DEGRADED);
        assert_result(look(f, 13 * USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no heartbeat for 13m, expected every 10m");
        assert_false(f->rig.result.certain);
        beat(f, 14 * USEC_PER_MINUTE, false, "");
        assert_int_equal(look(f, 14 * USEC_PER_MINUTE)->outcome, OUTCOME_PASS);
}

/* Nobody can know of calls from before the agent was there. */
static void test_no_call_ever(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "heartbeat: {period: 10m, grace: 1m}");
        assert_result(look(f, 5 * USEC_PER_MINUTE), OUTCOME_UNKNOWN, CAUSE_NONE,
                "no heartbeat yet; the agent began to listen 5m ago, expected every 10m");
        assert_false(f->rig.result.has_value);
        assert_int_equal(look(f, 11 * USEC_PER_MINUTE)->outcome, OUTCOME_UNKNOWN);
        assert_result(look(f, 12 * USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no heartbeat since the agent began to listen 12m ago, expected every 10m");
}

/* While the agent stood still nobody could be heard. */
static void test_a_break_in_listening(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "heartbeat: 10m");
        beat(f, 0, false, "");
        heartbeat_board_resume(f->rig.host.heartbeats, f->began + 60 * USEC_PER_MINUTE);
        assert_int_equal(look(f, 61 * USEC_PER_MINUTE)->outcome, OUTCOME_UNKNOWN);
        assert_result(look(f, 71 * USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no heartbeat for 1h11m, expected every 10m");
}

static void test_a_failure_that_was_reported(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "heartbeat: 10m");
        beat(f, 0, true, "backup disk full");
        assert_result(look(f, USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "reported as failed 1m ago: backup disk full");
        assert_int_equal(look(f, 60 * USEC_PER_MINUTE)->outcome, OUTCOME_FAIL);
        beat(f, 61 * USEC_PER_MINUTE, false, "");
        assert_int_equal(look(f, 61 * USEC_PER_MINUTE)->outcome, OUTCOME_PASS);
}

/* Who wonders why a call did not count finds the reason here. */
static void test_a_call_that_was_refused(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "heartbeat: 10m");
        assert_int_equal(heartbeat_board_refuse(f->rig.host.heartbeats, "shop", "probe",
                                 f->began + USEC_PER_MINUTE, "wrong token"),
                0);
        assert_result(look(f, 3 * USEC_PER_MINUTE), OUTCOME_UNKNOWN, CAUSE_NONE,
                "; a call was refused 2m ago: wrong token");
        beat(f, 3 * USEC_PER_MINUTE, false, "");
        assert_string_equal(look(f, 4 * USEC_PER_MINUTE)->detail, "last heartbeat 1m ago");
}

static void test_longest_texts_fit(void **state) {
        struct fixture *f = *state;
        char text[HEARTBEAT_TEXT_MAX];
        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        rig_load(&f->rig, "heartbeat: {period: 399d23h59m59s, grace: 1h}");
        beat(f, 0, false, text);
        assert_int_equal(look(f, 400 * USEC_PER_DAY)->outcome, OUTCOME_DEGRADED);
        assert_int_equal(look(f, 500 * USEC_PER_DAY)->outcome, OUTCOME_FAIL);
        beat(f, 0, true, text);
        assert_int_equal(look(f, 500 * USEC_PER_DAY)->outcome, OUTCOME_FAIL);
}

static void test_nonsense_in_policies(void **state) {
        (void) state;
        static const char *const probes[] = {
                "heartbeat: {grace: 1m}",
                "heartbeat: {period: 0s}",
                "heartbeat: {period: 10}",
                "heartbeat: {period: 10m, token_file: token}",
        };
        for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
                struct problems problems = {0};
                struct policy *policy = NULL;
                if (rig_parse(probes[i], &policy, &problems) >= 0) {
                        fail_msg("%s loads", probes[i]);
                }
                problems_done(&problems);
        }
}

/* ---- The board ---- */

static void test_the_board_forgets_what_left(void **state) {
        struct fixture *f = *state;
        struct heartbeat_board *board = f->rig.host.heartbeats;
        const struct heartbeat one = {.at = {.mono = 1}};
        rig_load(&f->rig, "heartbeat: 10m");
        assert_null(heartbeat_board_get(board, "shop", "probe"));
        assert_int_equal(heartbeat_board_put(board, "shop", "probe", &one), 0);
        assert_int_equal(heartbeat_board_put(board, "shop", "other", &one), 0);
        assert_int_equal(heartbeat_board_put(board, "gone", "probe", &one), 0);
        heartbeat_board_sweep(board, f->rig.policy);
        assert_non_null(heartbeat_board_get(board, "shop", "probe"));
        assert_null(heartbeat_board_get(board, "shop", "other"));
        assert_null(heartbeat_board_get(board, "gone", "probe"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_a_call_in_time),
                TEST(test_a_late_call),
                TEST(test_no_call_ever),
                TEST(test_a_break_in_listening),
                TEST(test_a_failure_that_was_reported),
                TEST(test_a_call_that_was_refused),
                TEST(test_longest_texts_fit),
                TEST(test_nonsense_in_policies),
                TEST(test_the_board_forgets_what_left),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
