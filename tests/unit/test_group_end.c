/* The end of a group without a cgroup, proven by looking for it. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "executor/group_end.h"
#include "unit_test.h"

#define MARK "ffeeddccbbaa99887766554433221100"

struct fixture {
        struct loop *loop;
        struct worker_pool *pool;
        struct group_end end;
        int ended, result;
        char text[256];
};

static struct fixture fixture;

static void on_ended(void *cookie, int result, const char *text) {
        struct fixture *f = cookie;
        f->ended++;
        f->result = result;
        str_copy(f->text, sizeof(f->text), text);
}

static int setup(void **state) {
        static const struct worker_limits limits = {"scans", 1, 8, 1};
        (void) state;
        fixture = (struct fixture){0};
        return loop_new(&fixture.loop, NULL) < 0 ||
                               worker_pool_new(&fixture.pool, fixture.loop, &limits, NULL) < 0 ||
                               group_end_init(&fixture.end, fixture.loop, fixture.pool, on_ended,
                                       &fixture) < 0
                       ? -1
                       : 0;
}

static int teardown(void **state) {
        (void) state;
        group_end_done(&fixture.end);
        worker_pool_free(fixture.pool);
        loop_free(fixture.loop);
        return 0;
}

/* Three processes of two sessions; the main one has said that all are there. */
static pid_t start_group(void) {
        static const char script[] = "setsid sh -c 'echo; sleep 1000; :' & exec sleep 1000";
        char mark[] = "INVOCATION_ID=" MARK, *environment[] = {mark, NULL};
        int fds[2];
        char line;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
                setsid();
                dup2(fds[1], STDOUT_FILENO);
                close(fds[0]);
                close(fds[1]);
                execle("/bin/sh", "sh", "-c", script, NULL, environment);
                _exit(1);
        }
        close(fds[1]);
        assert_int_equal(read(fds[0], &line, 1), 1);
        close(fds[0]);
        return pid;
}

static void run_until_ended(void) {
        for (int i = 0; i < 10000 && fixture.ended == 0; i++) {
                assert_int_equal(loop_turn(fixture.loop, USEC_PER_SEC), 1);
        }
        assert_int_equal(fixture.ended, 1);
}

static void reap_all(void) {
        while (waitpid(-1, NULL, 0) > 0) {
        }
}

static void test_a_group_of_several_sessions(void **state) {
        struct process_group group = {0};
        struct process_stat left[4];
        (void) state;
        group.match.session = start_group();
        str_copy(group.match.invocation, sizeof(group.match.invocation), MARK);
        assert_true(process_scan(&group.match, left, 4) >= 2);
        assert_int_equal(group_end_start(&fixture.end, &group), 0);
        assert_true(group_end_active(&fixture.end));
        assert_int_equal(group_end_start(&fixture.end, &group), 0); /* once is enough */
        run_until_ended();
        assert_int_equal(fixture.result, 0);
        assert_false(group_end_active(&fixture.end));
        assert_int_equal(process_scan(&group.match, left, 4), 0);
        reap_all();
}

static void test_an_empty_group(void **state) {
        const struct process_group group = {.match = {.invocation = MARK}};
        (void) state;
        assert_int_equal(group_end_start(&fixture.end, &group), 0);
        run_until_ended();
        assert_int_equal(fixture.result, 0);
        assert_string_equal(fixture.text, "");
}

static void test_a_cgroup_that_is_gone(void **state) {
        const struct process_group group = {.cgroup = "/nonexistent/group"};
        (void) state;
        assert_int_equal(group_end_start(&fixture.end, &group), 1);
        assert_false(group_end_active(&fixture.end));
        assert_int_equal(fixture.ended, 0);
}

static void test_dropped_while_it_is_active(void **state) {
        const struct process_group group = {.match = {.invocation = MARK}};
        (void) state;
        assert_int_equal(group_end_start(&fixture.end, &group), 0);
        group_end_done(&fixture.end);
        assert_int_equal(loop_turn(fixture.loop, 0), 1);
        assert_int_equal(fixture.ended, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_a_group_of_several_sessions),
                T(test_an_empty_group),
                T(test_a_cgroup_that_is_gone),
                T(test_dropped_while_it_is_active),
        };
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
                return 1;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
