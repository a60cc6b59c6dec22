/* Worker pools: results, deadlines, stuck calls, limits, and teardown at any moment. Jobs block on
 * pipes, so that the test decides when a call returns. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/worker.h"
#include "unit_test.h"

enum { JOBS = 8 };

static atomic_int n_submitted, n_ran, n_released;

struct fixture {
        struct loop *loop;
        struct worker_pool *pool;
        int gate[2]; /* jobs read a byte from it */
        unsigned n_done;
        int results[JOBS];
        void *data[JOBS];
        struct worker_task *victim;
};

static const struct worker_limits limits = {
        .name = "tests", .max_threads = 2, .max_queue = 3, .max_stuck = 4};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        n_submitted = n_ran = n_released = 0;
        assert_int_equal(loop_new(&f->loop, NULL), 0);
        assert_int_equal(worker_pool_new(&f->pool, f->loop, &limits, NULL), 0);
        assert_int_equal(pipe2(f->gate, O_CLOEXEC), 0);
        *state = f;
        return 0;
}

static void wait_until(const atomic_int *counter, int value) {
        usec_t start = clock_now().mono;

        while (*counter < value && clock_now().mono < start + 10 * USEC_PER_SEC) {
                sched_yield();
        }
        assert_int_equal(*counter, value);
}

static int teardown(void **state) {
        struct fixture *f = *state;

        worker_pool_free(f->pool);
        close(f->gate[1]); /* lets every stuck job return */
        wait_until(&n_released, n_submitted);
        close(f->gate[0]);
        loop_free(f->loop);
        free(f);
        return 0;
}

static int add_one(void *data) {
        *(int *) data += 1;
        n_ran++;
        return *(int *) data;
}

struct gate_job {
        int fd;
};

static int wait_for_gate(void *data) {
        const struct gate_job *job = data;
        char byte;

        n_ran++;
        return (int) read(job->fd, &byte, 1);
}

static void release(void *data) {
        free(data);
        n_released++;
}

static void on_done(void *cookie, int result, void *data) {
        struct fixture *f = cookie;

        f->results[f->n_done] = result;
        f->data[f->n_done++] = data;
}

static int submit(struct fixture *f, int (*run)(void *data), void *data, usec_t deadline,
        struct worker_task **ret, struct error *err) {
        struct worker_job job = {.run = run,
                .release = release,
                .done = on_done,
                .data = data,
                .cookie = f,
                .deadline = deadline};
        int r = worker_submit(f->pool, &job, ret, err);
        n_submitted += r == 0;
        return r;
}

static void submit_gate(struct fixture *f, usec_t deadline, struct worker_task **ret) {
        struct gate_job *job = malloc(sizeof(*job));

        job->fd = f->gate[0];
        assert_int_equal(submit(f, wait_for_gate, job, deadline, ret, NULL), 0);
}

static void run_until_done(struct fixture *f, unsigned n_done) {
        while (f->n_done < n_done) {
                assert_int_equal(loop_turn(f->loop, 10 * USEC_PER_SEC), 1);
        }
        assert_int_equal(f->n_done, n_done);
}

/* Late enough for a thread to have started by then, on a busy machine too. */
static usec_t soon(const struct fixture *f) {
        return usec_add(loop_now(f->loop).mono, 100 * USEC_PER_MSEC);
}

static void test_a_result_comes_back(void **state) {
        struct fixture *f = *state;
        int *number = malloc(sizeof(*number));

        *number = 41;
        assert_int_equal(submit(f, add_one, number, USEC_INFINITY, NULL, NULL), 0);
        assert_int_equal(f->n_done, 0);
        run_until_done(f, 1);
        assert_int_equal(f->results[0], 42);
        assert_ptr_equal(f->data[0], number);
        assert_int_equal(n_released, 1);
        assert_int_equal(worker_counts(f->pool).running, 0);
}

static void test_a_hanging_call_times_out_and_is_freed_when_it_returns(void **state) {
        struct fixture *f = *state;

        submit_gate(f, soon(f), NULL);
        wait_until(&n_ran, 1);
        run_until_done(f, 1);
        assert_int_equal(f->results[0], -ETIMEDOUT);
        assert_null(f->data[0]);
        assert_int_equal(n_released, 0);
        assert_int_equal(worker_counts(f->pool).stuck, 1);
        assert_int_equal(worker_counts(f->pool).timed_out, 1);
        assert_int_equal(write(f->gate[1], "x", 1), 1);
        wait_until(&n_released, 1);
        assert_int_equal(worker_counts(f->pool).stuck, 0);
        assert_int_equal(loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_done, 1); /* once only */
}

static void test_stuck_calls_do_not_block_the_others(void **state) {
        struct fixture *f = *state;

        submit_gate(f, soon(f), NULL);
        submit_gate(f, soon(f), NULL);
        wait_until(&n_ran, 2);
        int *number = calloc(1, sizeof(*number));
        assert_int_equal(submit(f, add_one, number, USEC_INFINITY, NULL, NULL), 0);
        assert_int_equal(worker_counts(f->pool).queued, 1);
        run_until_done(f, 3);
        assert_int_equal(f->results[2], 1);
}

/* No more than four, although two threads could take two more when three hang. */
static void test_too_many_stuck_calls(void **state) {
        struct fixture *f = *state;
        struct error err = {0};
        int *number = calloc(1, sizeof(*number));

        submit_gate(f, soon(f), NULL);
        submit_gate(f, soon(f), NULL);
        wait_until(&n_ran, 2);
        run_until_done(f, 2);
        submit_gate(f, soon(f), NULL);
        submit_gate(f, soon(f), NULL);
        wait_until(&n_ran, 4);
        submit_gate(f, soon(f), NULL);
        run_until_done(f, 5);
        assert_int_equal(n_ran, 4);
        assert_int_equal(worker_counts(f->pool).stuck, 4);
        assert_int_equal(submit(f, add_one, number, USEC_INFINITY, NULL, &err), -EBUSY);
        assert_string_equal(err.text, "4 calls of tests hang");
        assert_int_equal(write(f->gate[1], "xxxx", 4), 4);
        wait_until(&n_released, 5);
        assert_int_equal(submit(f, add_one, number, USEC_INFINITY, NULL, &err), 0);
        run_until_done(f, 6);
}

static void test_full_queue(void **state) {
        struct fixture *f = *state;
        struct error err = {0};

        submit_gate(f, USEC_INFINITY, NULL);
        submit_gate(f, USEC_INFINITY, NULL);
        wait_until(&n_ran, 2);
        for (int i = 0; i < 3; i++) {
                submit_gate(f, USEC_INFINITY, NULL);
        }
        AUTO_FREE int *number = calloc(1, sizeof(*number));
        assert_int_equal(submit(f, add_one, number, USEC_INFINITY, NULL, &err), -EAGAIN);
        assert_string_equal(err.text, "3 calls of tests are waiting already");
        assert_int_equal(write(f->gate[1], "xxxxx", 5), 5);
        run_until_done(f, 5);
}

static void test_a_queued_call_times_out_and_never_runs(void **state) {
        struct fixture *f = *state;
        int *number = calloc(1, sizeof(*number));

        submit_gate(f, USEC_INFINITY, NULL);
        submit_gate(f, USEC_INFINITY, NULL);
        wait_until(&n_ran, 2);
        assert_int_equal(submit(f, add_one, number, soon(f), NULL, NULL), 0);
        run_until_done(f, 1);
        assert_int_equal(f->results[0], -ETIMEDOUT);
        assert_ptr_equal(f->data[0], number);
        assert_int_equal(n_released, 1);
        assert_int_equal(write(f->gate[1], "xx", 2), 2);
        run_until_done(f, 3);
        assert_int_equal(n_ran, 2);
}

static void test_cancel_in_every_state(void **state) {
        struct fixture *f = *state;
        struct worker_task *running, *queued, *completed;

        submit_gate(f, USEC_INFINITY, &running);
        submit_gate(f, USEC_INFINITY, &completed);
        wait_until(&n_ran, 2);
        submit_gate(f, USEC_INFINITY, &queued);
        worker_cancel(queued);
        assert_int_equal(n_released, 1);
        worker_cancel(running);
        assert_int_equal(worker_counts(f->pool).stuck, 1);
        assert_int_equal(write(f->gate[1], "xx", 2), 2);
        wait_until(&n_released, 2);
        while (worker_counts(f->pool).running > 0) {
                sched_yield();
        }
        worker_cancel(completed);
        assert_int_equal(n_released, 3);
        assert_int_equal(loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_done, 0);
}

static void free_pool(void *cookie, int result, void *data) {
        struct fixture *f = cookie;

        (void) data;
        (void) result;
        f->n_done++;
        worker_pool_free(f->pool);
        f->pool = NULL;
}

static void test_the_pool_may_be_freed_by_a_callback(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 3; i++) {
                struct worker_job job = {.run = add_one,
                        .release = release,
                        .done = free_pool,
                        .data = calloc(1, sizeof(int)),
                        .cookie = f,
                        .deadline = USEC_INFINITY};
                assert_int_equal(worker_submit(f->pool, &job, NULL, NULL), 0);
                n_submitted++;
        }
        wait_until(&n_ran, 3);
        run_until_done(f, 1);
        assert_int_equal(loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_done, 1);
        wait_until(&n_released, 3);
}

static void test_teardown_with_calls_in_every_state(void **state) {
        struct fixture *f = *state;

        submit_gate(f, USEC_INFINITY, NULL);
        submit_gate(f, soon(f), NULL);
        wait_until(&n_ran, 2);
        run_until_done(f, 1);
        submit_gate(f, USEC_INFINITY, NULL);
        submit_gate(f, USEC_INFINITY, NULL);
        wait_until(&n_ran, 3); /* one is stuck, two run, one waits; teardown frees them all */
}

static int check_signals(void *data) {
        sigset_t set;

        (void) data;
        if (pthread_sigmask(SIG_SETMASK, NULL, &set) != 0) {
                return -1;
        }
        return sigismember(&set, SIGTERM) && sigismember(&set, SIGHUP) &&
               sigismember(&set, SIGUSR1);
}

static void test_threads_block_signals(void **state) {
        struct fixture *f = *state;

        assert_int_equal(submit(f, check_signals, NULL, USEC_INFINITY, NULL, NULL), 0);
        run_until_done(f, 1);
        assert_int_equal(f->results[0], 1);
}

static void test_threads_are_bounded(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 5; i++) {
                submit_gate(f, USEC_INFINITY, NULL);
                wait_until(&n_ran, i < 2 ? i + 1 : 2);
        }
        assert_int_equal(worker_counts(f->pool).threads, 2);
        assert_int_equal(worker_counts(f->pool).queued, 3);
        assert_int_equal(write(f->gate[1], "xxxxx", 5), 5);
        run_until_done(f, 5);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_result_comes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_hanging_call_times_out_and_is_freed_when_it_returns, setup,
                        teardown),
                cmocka_unit_test_setup_teardown(
                        test_stuck_calls_do_not_block_the_others, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_many_stuck_calls, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full_queue, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_queued_call_times_out_and_never_runs, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel_in_every_state, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_the_pool_may_be_freed_by_a_callback, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_teardown_with_calls_in_every_state, setup, teardown),
                cmocka_unit_test_setup_teardown(test_threads_block_signals, setup, teardown),
                cmocka_unit_test_setup_teardown(test_threads_are_bounded, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
