/* Children: every end they can take, output that is too much or never ends, and cancelling. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "io/worker.h"
#include "unit_test.h"

struct fixture {
        struct loop *loop;
        struct child *child;
        struct worker_pool *pool; /* NULL: the test's own thread starts it */
        unsigned n_done;
        struct child_result result;
        char output[4096], errors[CHILD_ERRORS_MAX + 1], error[256], text[256];
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_int_equal(loop_new(&f->loop, NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        worker_pool_free(f->pool);
        loop_free(f->loop);
        free(f);
        return 0;
}

static void on_done(void *cookie, const struct child_result *result) {
        struct fixture *f = cookie;

        f->n_done++;
        f->result = *result;
        memcpy(f->output, result->output,
                result->output_length + 1 < sizeof(f->output) ? result->output_length + 1
                                                              : sizeof(f->output));
        memcpy(f->errors, result->errors, result->errors_length + 1);
        if (result->error) {
                (void) snprintf(f->error, sizeof(f->error), "%s", result->error);
        }
        child_describe(result, f->text, sizeof(f->text));
}

static void start(struct fixture *f, const char *script, struct child_request request) {
        const char *const argv[] = {"/bin/sh", "-c", script, NULL};

        request.spawn.argv = argv;
        request.spawn.stdin_fd = -1;
        request.spawn.cgroup_fd = -1;
        if (request.timeout == 0) {
                request.timeout = USEC_INFINITY;
        }
        assert_int_equal(child_start(&f->child, f->loop, &request, on_done, f, NULL), 0);
}

static void run_until_done(struct fixture *f) {
        while (f->n_done == 0) {
                assert_int_equal(loop_turn(f->loop, 10 * USEC_PER_SEC), 1);
        }
        assert_int_equal(loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_done, 1);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* reaped */
}

static void test_output_and_status(void **state) {
        struct fixture *f = *state;

        start(f, "echo out; echo err >&2; exit 3", (struct child_request){0});
        assert_true(child_pid(f->child) > 0);
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_EXITED);
        assert_int_equal(f->result.code, 3);
        assert_string_equal(f->output, "out\nerr\n");
        assert_int_equal(f->result.dropped_bytes, 0);
        assert_string_equal(f->text, "exited with status 3");
}

static void test_death_by_signal(void **state) {
        struct fixture *f = *state;

        start(f, "kill -SEGV $$", (struct child_request){0});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_SIGNALED);
        assert_int_equal(f->result.code, SIGSEGV);
        assert_string_equal(f->text, "killed by SIGSEGV");
}

static void test_a_program_that_is_not_there(void **state) {
        struct fixture *f = *state;
        const char *const argv[] = {"/nonexistent", NULL};
        struct child_request request = {.spawn = SPAWN_REQUEST_INIT, .timeout = USEC_INFINITY};

        request.spawn.argv = argv;
        assert_int_equal(child_start(&f->child, f->loop, &request, on_done, f, NULL), 0);
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_NOT_STARTED);
        assert_int_equal(f->result.code, ENOENT);
        assert_string_equal(f->error, "executing: No such file or directory");
        assert_string_equal(f->text, "could not be started: executing: No such file or directory");
}

static void test_a_bad_request_is_refused(void **state) {
        struct fixture *f = *state;
        const char *const argv[] = {"sh", NULL};
        struct child_request request = {.spawn = SPAWN_REQUEST_INIT};
        struct error err = {0};

        request.spawn.argv = argv;
        assert_int_equal(child_start(&f->child, f->loop, &request, on_done, f, &err), -EINVAL);
        assert_string_equal(err.text, "a program needs an absolute path");
}

static void test_output_beyond_the_cap_is_dropped_and_counted(void **state) {
        struct fixture *f = *state;

        start(f, "head -c 1000000 /dev/zero", (struct child_request){.max_output = 1000});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_EXITED);
        assert_int_equal(f->result.code, 0);
        assert_int_equal(f->result.output_length, 1000);
        assert_int_equal(f->result.dropped_bytes, 999000);
}

static void test_stderr_is_in_the_output_unless_it_is_kept_apart(void **state) {
        struct fixture *f = *state;

        start(f, "echo out; echo err >&2", (struct child_request){0});
        run_until_done(f);
        assert_string_equal(f->output, "out\nerr\n");
        assert_string_equal(f->errors, "");
        f->n_done = 0;
        start(f, "echo out; echo err >&2", (struct child_request){.separate_errors = true});
        run_until_done(f);
        assert_string_equal(f->output, "out\n");
        assert_string_equal(f->errors, "err\n");
}

static void test_a_flood_of_stderr_is_capped_apart(void **state) {
        struct fixture *f = *state;

        start(f, "head -c 1000000 /dev/zero >&2; echo out",
                (struct child_request){.separate_errors = true});
        run_until_done(f);
        assert_string_equal(f->output, "out\n");
        assert_int_equal(f->result.dropped_bytes, 0);
        assert_int_equal(f->result.errors_length, CHILD_ERRORS_MAX);
}

static void test_a_child_that_is_killed_reports_still(void **state) {
        struct fixture *f = *state;

        start(f, "trap '' TERM; echo begun; sleep 100",
                (struct child_request){.kill_wait = USEC_INFINITY});
        child_kill(f->child);
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_TIMED_OUT);
        assert_int_equal(f->result.code, SIGKILL);
}

/* ---- Started from a thread, sharing memory until execve ---- */

static struct worker_pool *starters(struct fixture *f) {
        static const struct worker_limits limits = {"starts", 2, 8, 4};
        assert_int_equal(worker_pool_new(&f->pool, f->loop, &limits, NULL), 0);
        return f->pool;
}

static void test_a_child_that_a_thread_starts(void **state) {
        struct fixture *f = *state;

        start(f, "echo out; kill -s USR1 $$; exit 3",
                (struct child_request){.pool = starters(f), .separate_errors = true});
        assert_int_equal(child_pid(f->child), 0);
        run_until_done(f);
        assert_string_equal(f->text, "killed by SIGUSR1"); /* no signal is blocked or ignored */
        assert_string_equal(f->output, "out\n");
        f->n_done = 0;
        start(f, "sleep 100", (struct child_request){.pool = f->pool, .timeout = 30000});
        run_until_done(f);
        assert_string_equal(f->text, "timed out (killed by SIGTERM)");
}

static void test_a_program_that_a_thread_cannot_start(void **state) {
        struct fixture *f = *state;
        const char *const argv[] = {"/nowhere/program", NULL};
        struct child_request request = {.spawn = SPAWN_REQUEST_INIT, .pool = starters(f)};

        request.timeout = USEC_INFINITY;
        request.spawn.argv = argv;
        assert_int_equal(child_start(&f->child, f->loop, &request, on_done, f, NULL), 0);
        run_until_done(f);
        assert_string_equal(f->text, "could not be started: executing: No such file or directory");
}

static void test_a_child_that_is_killed_while_a_thread_starts_it(void **state) {
        struct fixture *f = *state;

        start(f, "sleep 100", (struct child_request){.pool = starters(f)});
        child_kill(f->child);
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_TIMED_OUT);
        assert_int_equal(f->result.code, SIGKILL);
}

static void test_a_child_that_is_cancelled_while_a_thread_starts_it(void **state) {
        struct fixture *f = *state;

        start(f, "sleep 100", (struct child_request){.pool = starters(f)});
        child_cancel(f->child);
        siginfo_t info;
        while (worker_counts(f->pool).running + worker_counts(f->pool).stuck > 0 ||
                waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
                assert_int_equal(loop_turn(f->loop, USEC_PER_MSEC), 1); /* until it is reaped */
        }
        assert_int_equal(f->n_done, 0);
}

static void test_deadline_terminates_the_group(void **state) {
        struct fixture *f = *state;

        start(f, "sleep 100 & echo started; wait", (struct child_request){.timeout = 30000});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_TIMED_OUT);
        assert_int_equal(f->result.code, SIGTERM);
        assert_string_equal(f->text, "timed out (killed by SIGTERM)");
        assert_true(f->result.duration >= 30000);
        assert_true(f->result.duration < 5 * USEC_PER_SEC);
}

/* A deadline that leaves a busy machine the time to set the trap. */
#define TIME_TO_TRAP (500 * USEC_PER_MSEC)

static void test_a_child_that_ignores_sigterm_is_killed(void **state) {
        struct fixture *f = *state;

        start(f, "trap '' TERM; while :; do sleep 100; done",
                (struct child_request){.timeout = TIME_TO_TRAP, .kill_grace = 10000});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_TIMED_OUT);
        assert_int_equal(f->result.code, SIGKILL);
}

static void test_a_clean_exit_on_sigterm_is_still_a_timeout(void **state) {
        struct fixture *f = *state;

        start(f, "trap 'echo bye; exit 0' TERM; while :; do sleep 0.01; done",
                (struct child_request){.timeout = TIME_TO_TRAP});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_TIMED_OUT);
        assert_int_equal(f->result.code, 0);
        assert_non_null(strstr(f->output, "bye\n")); /* the shell may report its sleep as well */
        assert_string_equal(f->text, "timed out");
}

static void test_a_stopped_child_times_out_too(void **state) {
        struct fixture *f = *state;

        start(f, "kill -STOP $$", (struct child_request){.timeout = 30000});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_TIMED_OUT);
        assert_int_equal(f->result.code, SIGTERM);
}

static void test_closed_pipes_do_not_end_a_child(void **state) {
        struct fixture *f = *state;

        start(f, "exec >&- 2>&-; sleep 0.02; exit 4", (struct child_request){0});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_EXITED);
        assert_int_equal(f->result.code, 4);
}

static void test_a_grandchild_with_the_pipe_delays_by_the_drain_time_only(void **state) {
        struct fixture *f = *state;

        start(f, "sleep 100 & echo done", (struct child_request){0});
        run_until_done(f);
        assert_int_equal(f->result.end, CHILD_EXITED);
        assert_string_equal(f->output, "done\n");
        assert_true(f->result.duration >= CHILD_DRAIN_TIME);
        assert_true(f->result.duration < 5 * USEC_PER_SEC);
}

/* Whether the process of this number has ended, or is about to as an orphan that init has to reap.
 */
static bool is_gone(pid_t pid) {
        char path[64], text[512] = "";

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
                return true;
        }
        const char *state = strrchr(text, ')');
        return state && (state[2] == 'Z' || state[2] == 'X');
}

static bool goes_away(pid_t pid) {
        usec_t start_time = clock_now().mono;

        while (!is_gone(pid) && clock_now().mono < start_time + 5 * USEC_PER_SEC) {
        }
        return is_gone(pid);
}

static void test_what_is_left_of_the_group_is_killed(void **state) {
        struct fixture *f = *state;

        start(f, "sleep 100 >/dev/null 2>&1 & echo $!", (struct child_request){0});
        run_until_done(f);
        assert_true(goes_away((pid_t) strtol(f->output, NULL, 10)));
}

static void test_the_group_may_be_left(void **state) {
        struct fixture *f = *state;

        start(f, "sleep 100 >/dev/null 2>&1 & echo $!",
                (struct child_request){.leave_group = true});
        run_until_done(f);
        pid_t left = (pid_t) strtol(f->output, NULL, 10);
        assert_false(is_gone(left));
        assert_int_equal(kill(left, SIGKILL), 0);
        assert_true(goes_away(left));
}

static void test_cancel_kills_and_reaps_in_the_background(void **state) {
        struct fixture *f = *state;

        start(f, "trap '' TERM; sleep 100", (struct child_request){0});
        pid_t pid = child_pid(f->child);
        child_cancel(f->child);
        while (kill(pid, 0) == 0) {
                assert_int_equal(loop_turn(f->loop, 10 * USEC_PER_SEC), 1);
        }
        assert_int_equal(f->n_done, 0);
        child_cancel(NULL);
}

static void test_cancel_while_draining(void **state) {
        struct fixture *f = *state;
        siginfo_t info;

        start(f, "sleep 100 & exit 0", (struct child_request){0});
        pid_t pid = child_pid(f->child);
        assert_int_equal(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(loop_turn(f->loop, USEC_PER_SEC), 1);
        assert_int_equal(f->n_done, 0);
        child_cancel(f->child);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_teardown_right_after_cancel(void **state) {
        struct fixture *f = *state;

        start(f, "sleep 100", (struct child_request){0});
        pid_t pid = child_pid(f->child);
        child_cancel(f->child);
        loop_free(f->loop); /* frees what is detached */
        f->loop = NULL;
        (void) waitpid(pid, NULL, 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_last_line_of_the_output(void **state) {
        (void) state;
        static const struct {
                const char *output, *line;
        } cases[] = {
                {"", ""},
                {"\n \r\n", ""},
                {"one", "one"},
                {"one\ntwo\n\n", "two"},
                {"one\n\033[1mtwo\t\n", "?[1mtwo"},
                {"one\n0123456789abcdef", "0123456"},
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char line[8];
                const struct child_result result = {
                        .output = cases[i].output, .output_length = strlen(cases[i].output)};
                child_last_line(&result, line, sizeof(line));
                assert_string_equal(line, cases[i].line);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_last_line_of_the_output),
                cmocka_unit_test_setup_teardown(test_output_and_status, setup, teardown),
                cmocka_unit_test_setup_teardown(test_death_by_signal, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_program_that_is_not_there, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_bad_request_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_output_beyond_the_cap_is_dropped_and_counted, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_stderr_is_in_the_output_unless_it_is_kept_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_flood_of_stderr_is_capped_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_child_that_is_killed_reports_still, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_child_that_a_thread_starts, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_program_that_a_thread_cannot_start, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_child_that_is_killed_while_a_thread_starts_it, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_child_that_is_cancelled_while_a_thread_starts_it, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_deadline_terminates_the_group, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_child_that_ignores_sigterm_is_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_clean_exit_on_sigterm_is_still_a_timeout, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_stopped_child_times_out_too, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_closed_pipes_do_not_end_a_child, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_grandchild_with_the_pipe_delays_by_the_drain_time_only, setup,
                        teardown),
                cmocka_unit_test_setup_teardown(
                        test_what_is_left_of_the_group_is_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_group_may_be_left, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_cancel_kills_and_reaps_in_the_background, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel_while_draining, setup, teardown),
                cmocka_unit_test_setup_teardown(test_teardown_right_after_cancel, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
