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
        assert_int_equal(heartbeat_board_new(&f->rig.host.heartbeats), 0);
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

/* Loads the probe, whose calls are expected from the beginning on. */
static void load(struct fixture *f, const char *probe) {
        const struct instant began = {.mono = f->began, .wall = 1000 * USEC_PER_DAY};
        rig_load(&f->rig, probe);
        assert_int_equal(heartbeat_board_expect(f->rig.host.heartbeats, f->rig.policy, began), 0);
}

static void beat(struct fixture *f, usec_t after, bool failed, const char *text) {
        struct heartbeat one = {
                .at = {.mono = f->began + after, .wall = 1000 * USEC_PER_DAY + after},
                .failed = failed,
        };
        snprintf(one.text, sizeof(one.text), "%s", text);
        assert_true(heartbeat_board_put(f->rig.host.heartbeats, "shop", "probe", &one) >= 0);
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
        load(f, "heartbeat: 10m");
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
        load(f, "heartbeat: {period: 10m, grace: 2m}");
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
        load(f, "heartbeat: {period: 10m, grace: 1m}");
        assert_result(look(f, 5 * USEC_PER_MINUTE), OUTCOME_UNKNOWN, CAUSE_NONE,
                "no heartbeat yet; the agent began to listen 5m ago, expected every 10m");
        assert_false(f->rig.result.has_value);
        assert_int_equal(look(f, 11 * USEC_PER_MINUTE)->outcome, OUTCOME_UNKNOWN);
        assert_result(look(f, 12 * USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no heartbeat since the agent began to listen 12m ago, expected every 10m");
}

/* While the agent stood still nobody could be heard; a call may be lost like that once. */
static void test_a_break_in_listening(void **state) {
        struct fixture *f = *state;
        load(f, "heartbeat: 10m");
        beat(f, 0, false, "");
        heartbeat_board_break(f->rig.host.heartbeats, f->began + 9 * USEC_PER_MINUTE,
                (struct instant){.mono = f->began + 60 * USEC_PER_MINUTE, .wall = 1});
        assert_result(look(f, 61 * USEC_PER_MINUTE), OUTCOME_UNKNOWN, CAUSE_NONE,
                "no heartbeat for 1h1m; the agent was away until 1m ago and may have missed one");
        heartbeat_board_break(f->rig.host.heartbeats, f->began + 65 * USEC_PER_MINUTE,
                (struct instant){.mono = f->began + 66 * USEC_PER_MINUTE, .wall = 1});
        assert_result(look(f, 71 * USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no heartbeat for 1h11m, expected every 10m");
}

/* ---- Another agent ---- */

struct saved {
        struct call_record record;
        unsigned count;
};

static void take_record(void *cookie, const struct call_record *record) {
        struct saved *saved = cookie;
        saved->record = *record;
        saved->count++;
}

static struct saved saved_at(struct fixture *f, usec_t after) {
        struct saved saved = {0};
        heartbeat_board_save(f->rig.host.heartbeats, f->began + after, false, take_record, &saved);
        return saved;
}

/* Its successor begins so long after the beginning, within the same boot. */
static void succeed(struct fixture *f, const struct call_record *record, usec_t after) {
        const struct instant now = {.mono = f->began + after, .wall = 1000 * USEC_PER_DAY + after};
        heartbeat_board_free(f->rig.host.heartbeats);
        assert_int_equal(heartbeat_board_new(&f->rig.host.heartbeats), 0);
        assert_int_equal(heartbeat_board_expect(f->rig.host.heartbeats, f->rig.policy, now), 0);
        assert_true(heartbeat_board_restore(f->rig.host.heartbeats, record, now));
}

static void test_only_what_changed_is_saved(void **state) {
        struct fixture *f = *state;
        load(f, "heartbeat: 10m");
        assert_int_equal(saved_at(f, 0).count, 1);
        assert_int_equal(saved_at(f, USEC_PER_MINUTE).count, 0);
        beat(f, 2 * USEC_PER_MINUTE, false, "fine");
        struct saved saved = saved_at(f, 3 * USEC_PER_MINUTE);
        assert_int_equal(saved.count, 1);
        assert_true(saved.record.called && !saved.record.failed && !saved.record.overdue);
        assert_string_equal(saved.record.text, "fine");
        assert_int_equal(saved_at(f, 4 * USEC_PER_MINUTE).count, 0);
        saved = saved_at(f, 13 * USEC_PER_MINUTE);
        assert_true(saved.count == 1 && saved.record.overdue);
        struct heartbeat one = {.at = {.mono = f->began + 14 * USEC_PER_MINUTE, .wall = 1}};
        assert_int_equal(heartbeat_board_put(f->rig.host.heartbeats, "shop", "probe", &one), 1);
}

static void test_the_last_call_outlives_the_agent(void **state) {
        struct fixture *f = *state;
        load(f, "heartbeat: 10m");
        beat(f, 0, false, "42 files");
        struct saved saved = saved_at(f, USEC_PER_MINUTE);
        succeed(f, &saved.record, 5 * USEC_PER_MINUTE);
        assert_result(look(f, 6 * USEC_PER_MINUTE), OUTCOME_PASS, CAUSE_NONE,
                "last heartbeat 6m ago, status: 42 files");
        beat(f, 7 * USEC_PER_MINUTE, true, "disk full");
        saved = saved_at(f, 7 * USEC_PER_MINUTE);
        succeed(f, &saved.record, 8 * USEC_PER_MINUTE);
        assert_result(look(f, 9 * USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "reported as failed 2m ago: disk full");
}

/* It may have called while nobody listened, but not twice. */
static void test_a_call_may_be_lost_with_the_agent_once(void **state) {
        struct fixture *f = *state;
        load(f, "heartbeat: 10m");
        beat(f, 0, false, "");
        struct saved saved = saved_at(f, 9 * USEC_PER_MINUTE);
        succeed(f, &saved.record, 60 * USEC_PER_MINUTE);
        assert_int_equal(look(f, 70 * USEC_PER_MINUTE)->outcome, OUTCOME_UNKNOWN);
        saved = saved_at(f, 62 * USEC_PER_MINUTE);
        assert_true(saved.record.overdue);
        succeed(f, &saved.record, 65 * USEC_PER_MINUTE); /* neither forgotten nor granted anew */
        assert_int_equal(look(f, 70 * USEC_PER_MINUTE)->outcome, OUTCOME_UNKNOWN);
        assert_result(look(f, 71 * USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no heartbeat for 1h11m, expected every 10m");
}

/* A job that never called has no fresh grace with each restart. */
static void test_a_missing_job_is_missed_by_the_next_agent(void **state) {
        struct fixture *f = *state;
        load(f, "heartbeat: 10m");
        struct saved saved = saved_at(f, 5 * USEC_PER_MINUTE);
        succeed(f, &saved.record, 6 * USEC_PER_MINUTE);
        assert_int_equal(look(f, 9 * USEC_PER_MINUTE)->outcome, OUTCOME_UNKNOWN);
        assert_int_equal(look(f, 15 * USEC_PER_MINUTE)->outcome, OUTCOME_UNKNOWN);
        assert_int_equal(look(f, 17 * USEC_PER_MINUTE)->outcome, OUTCOME_FAIL);
}

/* After a boot the monotonic clock says nothing, and what is before it has no place on it. */
static void test_the_last_call_outlives_a_boot(void **state) {
        struct fixture *f = *state;
        load(f, "heartbeat: 2d");
        beat(f, 0, false, "");
        struct saved saved = saved_at(f, 0);
        str_copy(saved.record.boot_id, sizeof(saved.record.boot_id), "another boot");
        saved.record.since.wall = 1000 * USEC_PER_DAY - USEC_PER_DAY;
        succeed(f, &saved.record, 0);
        assert_result(look(f, 0), OUTCOME_PASS, CAUSE_NONE, "last heartbeat 1d ago");
        saved.record.since.wall = 1001 * USEC_PER_DAY; /* the clock was set back */
        succeed(f, &saved.record, 0);
        assert_result(look(f, 0), OUTCOME_PASS, CAUSE_NONE, "last heartbeat 0s ago");
}

static void test_a_failure_that_was_reported(void **state) {
        struct fixture *f = *state;
        load(f, "heartbeat: 10m");
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
        load(f, "heartbeat: 10m");
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
        load(f, "heartbeat: {period: 399d23h59m59s, grace: 1h}");
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
        load(f, "heartbeat: 10m");
        assert_int_equal(heartbeat_board_put(board, "shop", "probe", &one), 0);
        assert_int_equal(heartbeat_board_put(board, "shop", "other", &one), 0);
        assert_int_equal(heartbeat_board_put(board, "gone", "probe", &one), 0);
        assert_int_equal(heartbeat_board_expect(board, f->rig.policy, one.at), 0);
        assert_true(heartbeat_board_get(board, "shop", "probe")->called);
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
                TEST(test_only_what_changed_is_saved),
                TEST(test_the_last_call_outlives_the_agent),
                TEST(test_a_call_may_be_lost_with_the_agent_once),
                TEST(test_a_missing_job_is_missed_by_the_next_agent),
                TEST(test_the_last_call_outlives_a_boot),
                TEST(test_a_failure_that_was_reported),
                TEST(test_a_call_that_was_refused),
                TEST(test_longest_texts_fit),
                TEST(test_nonsense_in_policies),
                TEST(test_the_board_forgets_what_left),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
