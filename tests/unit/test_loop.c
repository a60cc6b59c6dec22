/* The loop: turns, timers, watches, deferred work, signals, punctuality. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/loop.h"
#include "unit_test.h"

static int setup(void **state) {
        return loop_new((struct loop **) state, NULL);
}

static int teardown(void **state) {
        loop_free(*state);
        return 0;
}

/* What callbacks record. */
struct trace {
        struct loop *loop;
        char text[32];
        size_t length;
        struct loop_timer timer;
        struct loop_watch watches[2];
        struct loop_defer defer;
        struct instant now[2];
};

struct mark {
        struct trace *trace;
        char letter;
};

static void add_letter(void *cookie) {
        struct mark *mark = cookie;
        mark->trace->text[mark->trace->length++] = mark->letter;
}

static void test_timers_fire_in_order_and_never_early(void **state) {
        struct trace trace = {0};
        struct mark marks[] = {{&trace, 'a'}, {&trace, 'b'}, {&trace, 'c'}};
        struct loop_timer timers[3];
        usec_t start = loop_now(*state).mono;

        for (int i = 0; i < 3; i++) {
                assert_int_equal(loop_timer_init(&timers[i], *state, add_letter, &marks[i]), 0);
        }
        loop_timer_set(&timers[2], start + 3000);
        loop_timer_set(&timers[0], start + 1000);
        loop_timer_set(&timers[1], start + 9000000);
        loop_timer_set_after(&timers[1], 2000); /* moved */
        while (trace.length < 3) {
                assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
                assert_true(loop_now(*state).mono >= start + 1000 * trace.length);
        }
        assert_string_equal(trace.text, "abc");
        assert_false(loop_timer_armed(&timers[0]));
        for (int i = 0; i < 3; i++) {
                loop_timer_done(&timers[i]);
                loop_timer_done(&timers[i]);
        }
}

static void test_cancelled_timers_stay_silent(void **state) {
        struct trace trace = {0};
        struct mark marks[] = {{&trace, 'a'}, {&trace, 'b'}};
        struct loop_timer first, second;

        assert_int_equal(loop_timer_init(&first, *state, add_letter, &marks[0]), 0);
        assert_int_equal(loop_timer_init(&second, *state, add_letter, &marks[1]), 0);
        loop_timer_set_after(&first, 0);
        assert_true(loop_timer_armed(&first));
        loop_timer_set(&first, USEC_INFINITY);
        assert_false(loop_timer_armed(&first));
        loop_timer_set_after(&second, 0);
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
        assert_string_equal(trace.text, "b");
        loop_timer_done(&first);
        loop_timer_done(&second);
}

static void test_many_timers(void **state) {
        enum { COUNT = 1000 };
        static struct loop_timer timers[COUNT];
        struct trace trace = {0};
        struct mark mark = {&trace, 'x'};

        for (int i = 0; i < COUNT; i++) {
                assert_int_equal(loop_timer_init(&timers[i], *state, add_letter, &mark), 0);
                loop_timer_set_after(&timers[i], USEC_PER_HOUR);
        }
        loop_timer_set_after(&timers[COUNT / 2], 0);
        assert_int_equal(loop_turn(*state, 0), 1);
        assert_string_equal(trace.text, "x");
        for (int i = 0; i < COUNT; i++) {
                loop_timer_done(&timers[i]);
        }
}

static void set_again_at_once(void *cookie) {
        struct trace *trace = cookie;

        trace->length++;
        loop_timer_set_after(&trace->timer, 0);
}

static void test_a_timer_fires_once_a_turn(void **state) {
        struct trace trace = {.loop = *state};

        assert_int_equal(loop_timer_init(&trace.timer, *state, set_again_at_once, &trace), 0);
        loop_timer_set_after(&trace.timer, 0);
        for (size_t turn = 1; turn <= 3; turn++) {
                assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
                assert_int_equal(trace.length, turn);
        }
        loop_timer_done(&trace.timer);
}

static void on_readable(void *cookie, uint32_t events) {
        struct trace *trace = cookie;

        assert_int_equal(events & EPOLLIN, EPOLLIN);
        trace->now[0] = loop_now(trace->loop);
        trace->text[trace->length++] = 'r';
}

static void test_watch_is_level_triggered(void **state) {
        struct trace trace = {.loop = *state};
        struct loop_watch *watch = &trace.watches[0];
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(loop_watch_add(watch, *state, fds[0], EPOLLIN, on_readable, &trace), 0);
        assert_int_equal(loop_turn(*state, 0), 1);
        assert_int_equal(trace.length, 0);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
        assert_string_equal(trace.text, "rr");
        assert_int_equal(
                loop_watch_modify(watch, EPOLLOUT), 0); /* a reading end is never writable */
        assert_int_equal(loop_turn(*state, 0), 1);
        assert_string_equal(trace.text, "rr");
        loop_watch_remove(watch);
        loop_watch_remove(watch);
        assert_int_equal(loop_turn(*state, 0), 1);
        assert_string_equal(trace.text, "rr");
        close(fds[0]);
        close(fds[1]);
}

static void remove_both(void *cookie, uint32_t events) {
        struct trace *trace = cookie;

        (void) events;
        trace->length++;
        loop_watch_remove(&trace->watches[0]);
        loop_watch_remove(&trace->watches[1]);
}

static void test_a_removed_watch_is_silent_in_the_same_turn(void **state) {
        struct trace trace = {.loop = *state};
        int fds[2][2];

        for (int i = 0; i < 2; i++) {
                assert_int_equal(pipe2(fds[i], O_CLOEXEC), 0);
                assert_int_equal(write(fds[i][1], "x", 1), 1);
                assert_int_equal(loop_watch_add(&trace.watches[i], *state, fds[i][0], EPOLLIN,
                                         remove_both, &trace),
                        0);
        }
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
        assert_int_equal(loop_turn(*state, 0), 1);
        assert_int_equal(trace.length, 1);
        for (int i = 0; i < 2; i++) {
                close(fds[i][0]);
                close(fds[i][1]);
        }
}

static void test_a_file_cannot_be_watched(void **state) {
        struct loop_watch watch = {0};
        AUTO_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

        assert_int_equal(loop_watch_add(&watch, *state, fd, EPOLLIN, on_readable, NULL), -EPERM);
        loop_watch_remove(&watch);
}

static void test_what_arrived_is_served_before_timers(void **state) {
        struct trace trace = {.loop = *state};
        struct mark mark = {&trace, 't'};
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(loop_timer_init(&trace.timer, *state, add_letter, &mark), 0);
        loop_timer_set_after(&trace.timer, 0);
        assert_int_equal(
                loop_watch_add(&trace.watches[0], *state, fds[0], EPOLLIN, on_readable, &trace), 0);
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
        assert_string_equal(trace.text, "rt");
        loop_watch_remove(&trace.watches[0]);
        loop_timer_done(&trace.timer);
        close(fds[0]);
        close(fds[1]);
}

static void wait_for_clock(usec_t until) {
        while (clock_now().mono < until) {
        }
}

static void spend_time(void *cookie) {
        struct trace *trace = cookie;

        trace->now[0] = loop_now(trace->loop);
        wait_for_clock(clock_now().mono + 2000);
        trace->now[1] = loop_now(trace->loop);
}

static void test_now_stands_still_within_a_turn(void **state) {
        struct trace trace = {.loop = *state};

        assert_int_equal(loop_timer_init(&trace.timer, *state, spend_time, &trace), 0);
        loop_timer_set_after(&trace.timer, 0);
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
        assert_int_equal(trace.now[0].mono, trace.now[1].mono);
        assert_true(loop_stats(*state)->longest_turn >= 2000);
        assert_true(loop_stats(*state)->busy >= 2000);
        assert_int_equal(loop_turn(*state, 0), 1);
        assert_true(loop_now(*state).mono >= trace.now[1].mono + 2000);
        loop_stats_reset_worst(*state);
        assert_int_equal(loop_stats(*state)->longest_turn, 0);
        loop_timer_done(&trace.timer);
}

static void defer_again(void *cookie) {
        struct trace *trace = cookie;

        trace->length++;
        loop_defer_schedule(&trace->defer);
        loop_defer_schedule(&trace->defer);
}

static void test_deferred_work_runs_once_a_turn(void **state) {
        struct trace trace = {.loop = *state};

        loop_defer_init(&trace.defer, *state, defer_again, &trace);
        loop_defer_schedule(&trace.defer);
        for (size_t turn = 1; turn <= 3; turn++) {
                assert_int_equal(loop_turn(*state, USEC_INFINITY), 1); /* does not sleep */
                assert_int_equal(trace.length, turn);
        }
        loop_defer_cancel(&trace.defer);
        assert_int_equal(loop_turn(*state, 0), 1);
        assert_int_equal(trace.length, 3);
}

static void test_hooks_run_when_the_loop_is_freed(void **state) {
        struct trace trace = {0};
        struct mark marks[] = {{&trace, 'a'}, {&trace, 'b'}};
        struct loop_hook hooks[2];
        struct loop *loop;

        (void) state;
        assert_int_equal(loop_new(&loop, NULL), 0);
        loop_on_free(loop, &hooks[0], add_letter, &marks[0]);
        loop_on_free(loop, &hooks[1], add_letter, &marks[1]);
        loop_hook_remove(&hooks[0]);
        loop_free(loop);
        assert_string_equal(trace.text, "b");
        loop_free(NULL);
}

static void exit_with_signal(void *cookie, int signal) {
        loop_exit(cookie, signal);
}

static void test_signal_and_exit_code(void **state) {
        struct error err;

        assert_int_equal(loop_on_signal(*state, SIGHUP, exit_with_signal, *state, &err), 0);
        assert_int_equal(loop_on_signal(*state, SIGHUP, exit_with_signal, *state, &err), -EBUSY);
        assert_string_equal(err.text, "signal 1 is watched already");
        assert_int_equal(loop_on_signal(*state, 0, exit_with_signal, *state, &err), -EINVAL);
        assert_int_equal(kill(getpid(), SIGHUP), 0);
        assert_int_equal(loop_run(*state, &err), SIGHUP);
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 0);
}

static void test_turn_returns_at_its_timeout(void **state) {
        usec_t start = clock_now().mono;

        assert_int_equal(loop_turn(*state, 3000), 1);
        assert_true(loop_now(*state).mono >= start + 2900);
        assert_int_equal(loop_stats(*state)->turns, 1);
}

static void record_gap(void *cookie, usec_t gap) {
        usec_t *last = cookie;
        *last = gap;
}

static void test_a_long_turn_is_a_stall(void **state) {
        struct trace trace = {.loop = *state};
        usec_t gap = 0;

        loop_on_stall(*state, 1000, record_gap, &gap);
        assert_int_equal(loop_timer_init(&trace.timer, *state, spend_time, &trace), 0);
        loop_timer_set_after(&trace.timer, 0);
        assert_int_equal(loop_turn(*state, USEC_INFINITY), 1);
        assert_true(gap >= 2000);
        assert_true(loop_stats(*state)->stalls >= 1); /* on a busy machine it may begin late, too */
        loop_timer_done(&trace.timer);
}

/* A child runs the loop, is stopped while it sleeps, and continued after the timer was due. */
static int run_stopped_loop(int ready_fd) {
        struct trace trace = {0};
        struct loop *loop;
        usec_t gap = 0;

        if (loop_new(&loop, NULL) < 0) {
                return 1;
        }
        loop_on_stall(loop, 20 * USEC_PER_MSEC, record_gap, &gap);
        struct mark mark = {&trace, 'x'};
        if (loop_timer_init(&trace.timer, loop, add_letter, &mark) < 0) {
                return 2;
        }
        do { /* until the timer is not due yet when the loop has turned */
                trace.length = 0;
                loop_timer_set_after(&trace.timer, 5 * USEC_PER_MSEC);
                if (loop_turn(loop, 0) != 1) {
                        return 3;
                }
        } while (trace.length > 0);
        if (write(ready_fd, "x", 1) != 1 || raise(SIGSTOP) != 0) {
                return 3;
        }
        while (trace.length == 0) {
                if (loop_turn(loop, USEC_INFINITY) != 1) {
                        return 4;
                }
        }
        bool noticed = gap > 20 * USEC_PER_MSEC && loop_stats(loop)->stalls >= 1 &&
                       loop_stats(loop)->worst_lateness > 20 * USEC_PER_MSEC;
        loop_timer_done(&trace.timer);
        loop_free(loop);
        return noticed ? 0 : 5;
}

static void test_being_stopped_is_a_stall(void **state) {
        int fds[2], status;
        char byte;

        (void) state;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
                _exit(run_stopped_loop(fds[1]));
        }
        assert_int_equal(read(fds[0], &byte, 1), 1);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));
        wait_for_clock(clock_now().mono + 30 * USEC_PER_MSEC);
        assert_int_equal(kill(pid, SIGCONT), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        close(fds[0]);
        close(fds[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_timers_fire_in_order_and_never_early, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancelled_timers_stay_silent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many_timers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_timer_fires_once_a_turn, setup, teardown),
                cmocka_unit_test_setup_teardown(test_watch_is_level_triggered, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_removed_watch_is_silent_in_the_same_turn, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_file_cannot_be_watched, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_what_arrived_is_served_before_timers, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_now_stands_still_within_a_turn, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_deferred_work_runs_once_a_turn, setup, teardown),
                cmocka_unit_test(test_hooks_run_when_the_loop_is_freed),
                cmocka_unit_test_setup_teardown(test_signal_and_exit_code, setup, teardown),
                cmocka_unit_test_setup_teardown(test_turn_returns_at_its_timeout, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_long_turn_is_a_stall, setup, teardown),
                cmocka_unit_test(test_being_stopped_is_a_stall),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
