/* The status probe, with real programs. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/probe_rig.h"

static int setup(void **state) {
        struct rig *rig = calloc(1, sizeof(*rig));
        assert_non_null(rig);
        rig_open(rig);
        *state = rig;
        return 0;
}

static int teardown(void **state) {
        rig_close(*state);
        free(*state);
        return 0;
}

/* A service whose status program is this line of shell. */
static void load(struct rig *rig, const char *script, const char *more) {
        char probe[1024];
        snprintf(probe, sizeof(probe),
                "status: {}\n"
                "    scripts: {start: [/bin/true], stop: [/bin/true], status: [/bin/sh, -c, '%s']%s}",
                script, more);
        rig_load(rig, probe);
}

static const struct {
        const char *script;
        enum outcome outcome;
        enum cause cause;
        bool certain;
        const char *detail;
} cases[] = {
        {"echo well", OUTCOME_PASS, CAUSE_NONE, false, "running: well"},
        {"exit 1", OUTCOME_FAIL, CAUSE_EXITED, true, "dead, and its pid file is left"},
        {"exit 2", OUTCOME_FAIL, CAUSE_EXITED, true, "dead, and its lock file is left"},
        {"echo gone >&2; exit 3", OUTCOME_FAIL, CAUSE_EXITED, true, "not running: gone"},
        {"exit 4", OUTCOME_UNKNOWN, CAUSE_NONE, false, "its status is unknown"},
        {"exit 151", OUTCOME_UNKNOWN, CAUSE_NONE, false,
                "status 151, to which the standard gives no meaning"},
        {"kill -9 $$", OUTCOME_UNKNOWN, CAUSE_NONE, false, "killed by SIGKILL"},
        {"echo $RECOVERD_SERVICE; pwd", OUTCOME_PASS, CAUSE_NONE, false, "running: /"},
};

static void goes_by_the_exit_status(void **state) {
        struct rig *rig = *state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                load(rig, cases[i].script, "");
                const struct probe_result *result = rig_run(rig, RIG_TIMEOUT);
                assert_string_equal(result->detail, cases[i].detail);
                assert_int_equal(result->outcome, cases[i].outcome);
                assert_int_equal(result->cause, cases[i].cause);
                assert_int_equal(result->certain, cases[i].certain);
        }
}

static void runs_again_and_again(void **state) {
        struct rig *rig = *state;
        load(rig, "exit 0", "");
        for (int i = 0; i < 3; i++) {
                assert_int_equal(rig_run(rig, RIG_TIMEOUT)->outcome, OUTCOME_PASS);
        }
}

static void what_cannot_be_run_is_unknown(void **state) {
        struct rig *rig = *state;
        rig_load(rig,
                "status: {}\n"
                "    scripts: {start: [/bin/true], stop: [/bin/true], status: [/nonexistent]}");
        assert_int_equal(rig_run(rig, RIG_TIMEOUT)->outcome, OUTCOME_UNKNOWN);
        assert_string_equal(
                rig->result.detail, "could not be started: executing: No such file or directory");
        load(rig, "exit 0", ", user: no-such-user-here");
        assert_int_equal(rig_run(rig, RIG_TIMEOUT)->outcome, OUTCOME_UNKNOWN);
        assert_string_equal(rig->result.detail, "status: not run: no user named no-such-user-here");
        rig_load(rig, "status: {}\n    scripts: {ocf: nobody:nothing}");
        assert_int_equal(rig_run(rig, RIG_TIMEOUT)->outcome, OUTCOME_UNKNOWN);
        assert_string_equal(rig->result.detail,
                "the resource agent nobody:nothing is not installed: there is no "
                "/usr/lib/ocf/resource.d/nobody/nothing");
}

/* On a busy machine the one that was killed takes a while to die, and no other is run beside it. */
static const struct probe_result *run_after_the_dead(struct rig *rig, usec_t timeout) {
        const struct probe_result *result = rig_run(rig, timeout);
        usec_t deadline = clock_now().mono + RIG_TIMEOUT;
        while (strstr(result->detail, "has not died yet") && clock_now().mono < deadline) {
                assert_int_equal(loop_turn(rig->host.loop, 10 * USEC_PER_MSEC), 1);
                result = rig_run(rig, timeout);
        }
        return result;
}

static void one_that_hangs_is_killed(void **state) {
        struct rig *rig = *state;
        load(rig, "sleep 1000", "");
        assert_int_equal(rig_run(rig, 100 * USEC_PER_MSEC)->outcome, OUTCOME_TIMEOUT);
        assert_string_equal(rig->result.detail, "status says nothing within 100ms");
        /* One that ignores SIGTERM gets SIGKILL, and the next run goes as ever. */
        load(rig, "trap \"\" TERM; while :; do sleep 1000; done", "");
        for (int i = 0; i < 2; i++) {
                const struct probe_result *result = run_after_the_dead(rig, 100 * USEC_PER_MSEC);
                assert_int_equal(result->outcome, OUTCOME_TIMEOUT);
                assert_string_equal(result->detail, "status says nothing within 100ms");
        }
}

static void a_flood_of_output_is_cut(void **state) {
        struct rig *rig = *state;
        load(rig, "yes | head -c 1000000; exit 3", "");
        assert_int_equal(rig_run(rig, RIG_TIMEOUT)->outcome, OUTCOME_FAIL);
        assert_string_equal(rig->result.detail, "not running: y");
}

static void it_needs_scripts(void **state) {
        (void) state;
        struct problems problems = {0};
        struct policy *policy = NULL;
        assert_int_equal(rig_parse("status: {}", &policy, &problems), -EINVAL);
        assert_string_equal(problems.items[0].message,
                "'status' asks the 'scripts' of the service, and the service 'shop' has none");
        problems_done(&problems);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(goes_by_the_exit_status, setup, teardown),
                cmocka_unit_test_setup_teardown(runs_again_and_again, setup, teardown),
                cmocka_unit_test_setup_teardown(what_cannot_be_run_is_unknown, setup, teardown),
                cmocka_unit_test_setup_teardown(one_that_hangs_is_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(a_flood_of_output_is_cut, setup, teardown),
                cmocka_unit_test(it_needs_scripts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
