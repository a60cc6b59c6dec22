/* What the states of a unit mean: stories as systemd tells them, one state after the other. */

#include <signal.h>
#include <string.h>

#include "base/str.h"
#include "io/unit_state.h"
#include "tests/unit/unit_test.h"

/* One thing that systemd says. */
enum said { END_OF_STORY = 0, STATE, JOB_DONE, JOB_FAILED, OUR_JOB_DONE, NOBODY_WATCHES };

struct line {
        enum said said;
        struct unit_snapshot state; /* STATE */
};

#define LOADED .load = UNIT_LOADED, .id = "shop.service", .invocation = "a"
#define UP                                                                                         \
        {                                                                                          \
                STATE, {                                                                           \
                        LOADED, .active = UNIT_ACTIVE, .sub = "running", .main_pid = 7             \
                }                                                                                  \
        }
#define UP_WITH_JOB                                                                                \
        {                                                                                          \
                STATE, {                                                                           \
                        LOADED, .active = UNIT_ACTIVE, .sub = "running", .main_pid = 7, .job = 5   \
                }                                                                                  \
        }
#define STOPPING                                                                                   \
        {                                                                                          \
                STATE, {                                                                           \
                        LOADED, .active = UNIT_DEACTIVATING, .sub = "stop-sigterm", .job = 5       \
                }                                                                                  \
        }
#define STARTING                                                                                   \
        {                                                                                          \
                STATE, {                                                                           \
                        LOADED, .active = UNIT_ACTIVATING, .sub = "start", .job = 5                \
                }                                                                                  \
        }
#define DEAD(...)                                                                                  \
        {                                                                                          \
                STATE, {                                                                           \
                        LOADED, .active = UNIT_INACTIVE, .sub = "dead", .result = UNIT_SUCCESS,    \
                                .result_word = "success", .exec_main_code = CLD_EXITED,            \
                                __VA_ARGS__                                                        \
                }                                                                                  \
        }
#define FAILED(kind, word, ...)                                                                    \
        {                                                                                          \
                STATE, {                                                                           \
                        LOADED, .active = UNIT_FAILED, .sub = "failed", .result = (kind),          \
                                .result_word = (word), __VA_ARGS__                                 \
                }                                                                                  \
        }

enum { UP_FLAG = 1, BUSY = 2, PURPOSE = 4, DOWN = 8, LINES_MAX = 6 };

static const struct {
        const char *name;
        struct line lines[LINES_MAX];
        enum unit_condition condition;
        unsigned flags;
        const char *text;
} stories[] = {
        {"runs", {UP}, UNIT_IS_RUNNING, UP_FLAG, "active (running), pid 7"},
        {"a job waits for what runs", {UP_WITH_JOB}, UNIT_IS_RUNNING, UP_FLAG | BUSY,
                "job 5 of systemd waits"},
        {"told to stop", {UP, UP_WITH_JOB, STOPPING}, UNIT_IS_STOPPING, BUSY, "stop-sigterm"},
        {"stopped, the job not yet over", {UP, STOPPING, DEAD(.job = 5)}, UNIT_IS_QUEUED, BUSY,
                "job 5"},
        {"stopped by somebody", {UP, STOPPING, DEAD(.job = 5), {JOB_DONE}, DEAD()}, UNIT_IS_STOPPED,
                PURPOSE, "stopped by an administrator"},
        {"stopped by us", {UP, STOPPING, DEAD(.job = 5), {OUR_JOB_DONE}, DEAD()},
                UNIT_IS_STOPPED_HERE, 0, "stopped by recoverd"},
        {"stopped, and ends with an error",
                {UP, STOPPING, FAILED(UNIT_EXIT_CODE, "exit-code", .job = 5), {JOB_DONE},
                        FAILED(UNIT_EXIT_CODE, "exit-code")},
                UNIT_IS_STOPPED, PURPOSE, "stopped by an administrator"},
        {"stopped, then reset",
                {UP, FAILED(UNIT_EXIT_CODE, "exit-code", .job = 5), {JOB_DONE}, DEAD()},
                UNIT_IS_STOPPED, PURPOSE, "stopped"},
        {"stopped, then forgotten by systemd",
                {UP, DEAD(.job = 5), {JOB_DONE},
                        {STATE, {.load = UNIT_LOADED, .active = UNIT_INACTIVE}}},
                UNIT_IS_STOPPED, PURPOSE, "stopped"},
        {"ends well by itself", {UP, DEAD()}, UNIT_IS_ENDED, DOWN,
                "exited with status 0 by itself"},
        {"a start that fails",
                {STARTING, FAILED(UNIT_EXIT_CODE, "exit-code", .job = 5), {JOB_FAILED}},
                UNIT_IS_QUEUED, BUSY, "job 5"},
        {"a start that failed",
                {STARTING,
                        FAILED(UNIT_EXIT_CODE, "exit-code", .job = 5, .exec_main_code = CLD_EXITED,
                                .exec_main_status = 3),
                        {JOB_FAILED},
                        FAILED(UNIT_EXIT_CODE, "exit-code", .exec_main_code = CLD_EXITED,
                                .exec_main_status = 3)},
                UNIT_IS_FAILED, DOWN, "failed: exit-code (exited with status 3)"},
        {"killed",
                {UP, FAILED(UNIT_SIGNAL, "signal", .exec_main_code = CLD_KILLED,
                             .exec_main_status = SIGKILL)},
                UNIT_IS_FAILED, DOWN, "failed: signal (killed by SIGKILL)"},
        {"core dumped",
                {UP, FAILED(UNIT_CORE_DUMP, "core-dump", .exec_main_code = CLD_DUMPED,
                             .exec_main_status = SIGSEGV)},
                UNIT_IS_FAILED, DOWN, "failed: core-dump (killed by SIGSEGV, core dumped)"},
        {"out of memory", {UP, FAILED(UNIT_OOM_KILL, "oom-kill")}, UNIT_IS_FAILED, DOWN,
                "failed: oom-kill, out of memory"},
        {"watchdog", {UP, FAILED(UNIT_WATCHDOG, "watchdog")}, UNIT_IS_FAILED, DOWN,
                "no sign of life within WatchdogSec"},
        {"given up by systemd", {UP, FAILED(UNIT_EXIT_CODE, "exit-code", .n_restarts = 5)},
                UNIT_IS_FAILED, DOWN, "failed: exit-code, after 5 restarts by systemd"},
        {"start limit", {UP, FAILED(UNIT_START_LIMIT_HIT, "start-limit-hit")}, UNIT_IS_FAILED, DOWN,
                "started more often than StartLimitBurst allows"},
        {"restarted by systemd",
                {UP, {STATE, {LOADED, .active = UNIT_ACTIVATING, .sub = "auto-restart",
                                     .restart = "on-failure", .restart_pause = 5000000}}},
                UNIT_IS_RESTARTING, BUSY, "Restart=on-failure, RestartSec=5s"},
        {"about to be restarted, as systemd 254 has it",
                {UP, {STATE, {LOADED, .active = UNIT_FAILED, .sub = "failed-before-auto-restart"}}},
                UNIT_IS_RESTARTING, BUSY, "systemd restarts it by itself"},
        {"stopped while systemd was about to restart it",
                {UP, {STATE, {LOADED, .active = UNIT_ACTIVATING, .sub = "auto-restart"}},
                        DEAD(.job = 5), {JOB_DONE}, DEAD()},
                UNIT_IS_STOPPED, PURPOSE, "stopped"},
        {"starts again after a stop", {UP, DEAD(.job = 5), {JOB_DONE}, DEAD(), UP, DEAD()},
                UNIT_IS_ENDED, DOWN, "by itself"},
        {"a oneshot that is done",
                {DEAD(.type = "oneshot", .job = 5), {JOB_DONE}, DEAD(.type = "oneshot")},
                UNIT_IS_FINISHED, UP_FLAG, "finished well"},
        {"a oneshot that remains, and was stopped",
                {UP, DEAD(.type = "oneshot", .remain_after_exit = true, .job = 5), {JOB_DONE},
                        DEAD(.type = "oneshot", .remain_after_exit = true)},
                UNIT_IS_STOPPED, PURPOSE, "stopped"},
        {"never started",
                {{STATE, {.load = UNIT_LOADED, .active = UNIT_INACTIVE, .file_state = "enabled"}}},
                UNIT_IS_IDLE, PURPOSE, "inactive: not started (enabled)"},
        {"found stopped: it left its active state before its process",
                {DEAD(.main_exit = 2000000, .active_exit = 1999000)}, UNIT_IS_IDLE, PURPOSE,
                "stopped while nobody watched"},
        {"found ended: its process was first", {DEAD(.main_exit = 2000000, .active_exit = 2000300)},
                UNIT_IS_ENDED, DOWN, "by itself"},
        {"found without a process long before it was stopped",
                {DEAD(.main_exit = 2000000, .active_exit = 9000000)}, UNIT_IS_IDLE, PURPOSE, ""},
        {"stopped before nobody watched, and still so",
                {UP, DEAD(.job = 5), {JOB_DONE}, {NOBODY_WATCHES}, DEAD()}, UNIT_IS_STOPPED,
                PURPOSE, "stopped by an administrator"},
        {"came down while nobody watched", {UP, {NOBODY_WATCHES}, DEAD()}, UNIT_IS_IDLE, PURPOSE,
                "nobody watched"},
        {"failed while nobody watched", {UP, {NOBODY_WATCHES}, FAILED(UNIT_EXIT_CODE, "exit-code")},
                UNIT_IS_FAILED, DOWN, "failed"},
        {"a condition is not met",
                {{STATE, {LOADED, .active = UNIT_INACTIVE, .condition_time = 5}}}, UNIT_IS_SKIPPED,
                PURPOSE, "a condition of the unit is not met"},
        {"missing", {{STATE, {.id = "x.service", .load = UNIT_NOT_FOUND, .active = UNIT_INACTIVE}}},
                UNIT_IS_MISSING, DOWN, "systemd knows no unit x.service"},
        {"runs, though its file is gone",
                {{STATE, {.load = UNIT_NOT_FOUND, .active = UNIT_ACTIVE, .sub = "running"}}},
                UNIT_IS_RUNNING, UP_FLAG, "active"},
        {"masked", {{STATE, {.id = "x.service", .load = UNIT_MASKED, .active = UNIT_INACTIVE}}},
                UNIT_IS_MASKED, PURPOSE, "x.service is masked: systemctl unmask it"},
        {"broken",
                {{STATE, {.id = "x.service",
                                 .load = UNIT_BAD_SETTING,
                                 .active = UNIT_INACTIVE,
                                 .load_error = "no ExecStart"}}},
                UNIT_IS_BROKEN, DOWN, "x.service cannot be loaded: no ExecStart"},
        {"a state of the future", {{STATE, {LOADED, .sub = "dreaming"}}}, UNIT_IS_UNCLEAR, BUSY,
                "dreaming"},
};

static struct unit_verdict tell(const struct line *lines) {
        struct unit_history history = {0};
        struct unit_verdict verdict = {0};
        const struct unit_snapshot *last = NULL;
        for (size_t i = 0; i < LINES_MAX && lines[i].said != END_OF_STORY; i++) {
                switch (lines[i].said) {
                case END_OF_STORY:
                        break;
                case STATE:
                        last = &lines[i].state;
                        unit_history_feed(&history, last);
                        break;
                case JOB_DONE:
                        unit_history_job_ended(&history, true, false);
                        break;
                case OUR_JOB_DONE:
                        unit_history_job_ended(&history, true, true);
                        break;
                case JOB_FAILED:
                        unit_history_job_ended(&history, false, false);
                        break;
                case NOBODY_WATCHES:
                        unit_history_gap(&history);
                        break;
                }
        }
        unit_judge(last, &history, false, &verdict);
        return verdict;
}

static unsigned flags_of(const struct unit_verdict *verdict) {
        return (verdict->up ? UP_FLAG : 0U) | (verdict->busy ? BUSY : 0U) |
               (verdict->on_purpose ? PURPOSE : 0U) | (verdict->down ? DOWN : 0U);
}

static void test_stories(void **state) {
        (void) state;
        for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
                struct unit_verdict verdict = tell(stories[i].lines);
                if (verdict.condition != stories[i].condition ||
                        flags_of(&verdict) != stories[i].flags ||
                        !strstr(verdict.text, stories[i].text)) {
                        fail_msg("%s: condition %d, flags %x, \"%s\" instead of %d, %x, \"%s\"",
                                stories[i].name, (int) verdict.condition, flags_of(&verdict),
                                verdict.text, (int) stories[i].condition, stories[i].flags,
                                stories[i].text);
                }
        }
}

/* What recoverd does itself is nobody else's work. */
static void test_own_job_is_not_busy(void **state) {
        const struct unit_snapshot up = {LOADED, .active = UNIT_ACTIVE, .sub = "running", .job = 5};
        struct unit_history history = {0};
        struct unit_verdict verdict;
        (void) state;
        unit_history_feed(&history, &up);
        unit_judge(&up, &history, true, &verdict);
        assert_false(verdict.busy);
        unit_judge(&up, &history, false, &verdict);
        assert_true(verdict.busy);
}

static void test_recall(void **state) {
        const struct unit_snapshot before = {
                LOADED, .exec_main_code = CLD_EXITED, .main_exit = 9, .exec_main_pid = 7};
        struct unit_snapshot fresh = {.load = UNIT_LOADED, .active = UNIT_INACTIVE};
        struct unit_snapshot again = {LOADED, .active = UNIT_INACTIVE};
        (void) state;
        unit_snapshot_recall(&fresh, &before);
        assert_string_equal(fresh.invocation, "a");
        assert_int_equal(fresh.exec_main_code, CLD_EXITED);
        unit_snapshot_recall(&again, &before); /* it says itself how it ended */
        assert_int_equal(again.exec_main_code, 0);
}

static void test_words(void **state) {
        (void) state;
        assert_int_equal(unit_active_parse("refreshing"), UNIT_RELOADING);
        assert_int_equal(unit_active_parse("dreaming"), UNIT_ACTIVE_OTHER);
        assert_int_equal(unit_result_parse("oom-kill"), UNIT_OOM_KILL);
        assert_int_equal(unit_load_parse("not-found"), UNIT_NOT_FOUND);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stories),
                cmocka_unit_test(test_own_job_is_not_busy),
                cmocka_unit_test(test_recall),
                cmocka_unit_test(test_words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
