/* Processes found in /proc, by session, environment and descent. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/process_scan.h"
#include "unit_test.h"

#define MARK "00112233445566778899aabbccddeeff"

enum { FOUND_MAX = 32 };

/* A shell that runs `script` in a session of its own; it has written a line when this returns. */
static pid_t start(const char *script, const char *variable) {
        int fds[2];
        char line;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
                char *environment[] = {(char *) variable, NULL};
                setsid();
                dup2(fds[1], STDOUT_FILENO);
                close(fds[0]);
                close(fds[1]);
                execle("/bin/sh", "sh", "-c", script, NULL, environment);
                _exit(1);
        }
        assert_true(pid > 0);
        close(fds[1]);
        assert_int_equal(read(fds[0], &line, 1), 1);
        close(fds[0]);
        return pid;
}

/* Until nothing is found: what is forked while the others are killed is found by the next look. */
static void end(pid_t pid) {
        struct process_match match = {.session = pid};
        struct process_stat found[FOUND_MAX];
        ssize_t count;
        while ((count = process_scan(&match, found, FOUND_MAX)) > 0) {
                for (ssize_t i = 0; i < count; i++) {
                        (void) process_signal(&found[i], SIGKILL);
                }
        }
        while (waitpid(-1, NULL, 0) > 0) {
        }
}

static ssize_t scan(pid_t session, const char *invocation, struct process_stat *found) {
        struct process_match match = {.session = session};
        str_copy(match.invocation, sizeof(match.invocation), invocation);
        return process_scan(&match, found, FOUND_MAX);
}

static void test_stat_of_this_process(void **state) {
        struct process_stat stat;
        (void) state;
        assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (b"), 0); /* a name can look like anything */
        assert_int_equal(process_stat_read(getpid(), &stat), 0);
        assert_int_equal(stat.pid, getpid());
        assert_int_equal(stat.parent, getppid());
        assert_int_equal(stat.session, getsid(0));
        assert_int_equal(stat.state, 'R');
        assert_true(stat.start_time > 0);
        assert_false(process_has_ended(&stat));
}

static void test_no_such_process(void **state) {
        struct process_stat stat = {.pid = 999999999};
        (void) state;
        assert_int_equal(process_stat_read(999999999, &stat), -ESRCH);
        assert_int_equal(process_signal(&stat, 0), -ESRCH);
}

static void test_a_session(void **state) {
        struct process_stat found[FOUND_MAX];
        (void) state;
        pid_t pid = start("sleep 1000 & echo; wait", "A=B"); /* forked before it says so */
        assert_int_equal(scan(pid, "", found), 2);
        end(pid);
        assert_int_equal(scan(pid, "", found), 0);
}

static void test_an_environment_and_its_children(void **state) {
        struct process_stat found[FOUND_MAX];
        (void) state;
        pid_t pid = start("env -i sleep 1000 & echo; wait", "INVOCATION_ID=" MARK);
        assert_int_equal(scan(0, MARK, found), 2);
        assert_int_equal(scan(0, "ffffffffffffffffffffffffffffffff", found), 0);
        end(pid);
        assert_int_equal(scan(0, MARK, found), 0);
}

static void test_no_mark_matches_nothing(void **state) {
        struct process_stat found[FOUND_MAX];
        (void) state;
        assert_int_equal(scan(0, "", found), 0);
}

static void test_a_part_of_a_variable_is_not_enough(void **state) {
        struct process_stat found[FOUND_MAX];
        (void) state;
        pid_t pid = start("echo; sleep 1000", "MY_INVOCATION_ID=" MARK);
        assert_int_equal(scan(0, MARK, found), 0);
        end(pid);
}

static void test_what_began_earlier_is_out(void **state) {
        struct process_stat found[FOUND_MAX], own;
        (void) state;
        pid_t pid = start("echo; sleep 1000", "A=B");
        assert_int_equal(process_stat_read(pid, &own), 0);
        struct process_match match = {.session = pid, .not_before = own.start_time + 1000};
        assert_int_equal(process_scan(&match, found, FOUND_MAX), 0);
        end(pid);
}

static void test_zombies_are_found_as_such_only(void **state) {
        struct process_stat found[FOUND_MAX];
        pid_t zombies[FOUND_MAX];
        siginfo_t info;
        (void) state;
        pid_t pid = start("echo", "INVOCATION_ID=" MARK);
        assert_int_equal(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(scan(pid, MARK, found), 0);
        assert_int_equal(process_scan_zombies(zombies, FOUND_MAX), 1);
        assert_int_equal(zombies[0], pid);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(process_scan_zombies(zombies, FOUND_MAX), 0);
}

static void test_a_signal_hits_only_the_same_process(void **state) {
        struct process_stat stat;
        (void) state;
        pid_t pid = start("echo; sleep 1000", "A=B");
        assert_int_equal(process_stat_read(pid, &stat), 0);
        stat.start_time++;
        assert_int_equal(process_signal(&stat, SIGKILL), -ESRCH);
        stat.start_time--;
        assert_int_equal(process_signal(&stat, 0), 0);
        end(pid);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stat_of_this_process),
                cmocka_unit_test(test_no_such_process),
                cmocka_unit_test(test_a_session),
                cmocka_unit_test(test_an_environment_and_its_children),
                cmocka_unit_test(test_no_mark_matches_nothing),
                cmocka_unit_test(test_a_part_of_a_variable_is_not_enough),
                cmocka_unit_test(test_what_began_earlier_is_out),
                cmocka_unit_test(test_zombies_are_found_as_such_only),
                cmocka_unit_test(test_a_signal_hits_only_the_same_process),
        };
        /* What the shells leave behind comes back here, so that nothing outlives this program. */
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
                return 1;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
