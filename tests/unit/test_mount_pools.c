/* A pool for each file system, and the limits of each. */

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/loop.h"
#include "io/worker.h"
#include "probes/mount_pools.h"
#include "tests/unit/unit_test.h"

struct fixture {
        struct loop *loop;
        struct mount_pools *pools;
        int gate[2]; /* what hangs reads from it */
        unsigned late;
};

static atomic_uint hanging;

static int setup(void **state) {
        static struct fixture f;
        f = (struct fixture){0};
        assert_int_equal(pipe(f.gate), 0);
        assert_int_equal(loop_new(&f.loop, NULL), 0);
        assert_int_equal(mount_pools_new(&f.pools, f.loop, NULL), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        mount_pools_free(f->pools);
        loop_free(f->loop);
        close(f->gate[1]);
        while (hanging > 0) {
                sched_yield();
        }
        close(f->gate[0]);
        return 0;
}

static void test_a_pool_for_each(void **state) {
        struct fixture *f = *state;
        struct worker_pool *proc = mount_pools_get(f->pools, "/proc/self/stat");
        struct worker_pool *sys = mount_pools_get(f->pools, "/sys/kernel");
        struct worker_pool *root = mount_pools_get(f->pools, "/etc/passwd");
        assert_ptr_not_equal(proc, sys);
        assert_ptr_not_equal(proc, root);
        assert_ptr_equal(proc, mount_pools_get(f->pools, "/proc"));
        assert_ptr_equal(root, mount_pools_get(f->pools, "/"));
        assert_ptr_equal(root, mount_pools_get(f->pools, "/process"));
        assert_true(mount_pools_in_memory(f->pools, "/dev/shm/x"));
        assert_false(mount_pools_in_memory(f->pools, "/proc/x"));
}

static int hang(void *data) {
        char byte;
        hanging++;
        (void) !read(*(const int *) data, &byte, 1);
        hanging--;
        return 0;
}

static void on_late(void *cookie, int result, void *data) {
        struct fixture *f = cookie;
        (void) data;
        assert_int_equal(result, -ETIMEDOUT);
        f->late++;
}

static int submit(struct fixture *f, const char *path, struct error *err) {
        const struct worker_job job = {
                .run = hang,
                .done = on_late,
                .data = &f->gate[0],
                .cookie = f,
                .deadline = clock_now().mono + 10 * USEC_PER_MSEC,
        };
        return worker_submit(mount_pools_get(f->pools, path), &job, NULL, err);
}

static void turn_until_late(struct fixture *f, unsigned calls) {
        while (f->late < calls) {
                assert_int_equal(loop_turn(f->loop, USEC_PER_SEC), 1);
        }
}

/* One that hangs is called no more after a few calls; the others work on. */
static void test_stuck_calls_are_capped(void **state) {
        struct fixture *f = *state;
        struct error err = {0};
        unsigned calls = 0; /* more than hang, when one is late before its thread has begun */
        while (worker_counts(mount_pools_get(f->pools, "/proc")).stuck < MOUNT_STUCK) {
                assert_int_equal(submit(f, "/proc/x", &err), 0);
                calls++;
                turn_until_late(f, calls);
        }
        assert_int_equal(submit(f, "/proc/y", &err), -EBUSY);
        assert_string_equal(err.text, "4 calls of this mount hang");
        assert_int_equal(worker_counts(mount_pools_get(f->pools, "/proc")).stuck, MOUNT_STUCK);
        assert_int_equal(worker_counts(mount_pools_get(f->pools, "/sys")).stuck, 0);
        assert_int_equal(submit(f, "/sys/z", &err), 0);
        turn_until_late(f, calls + 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_pool_for_each, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stuck_calls_are_capped, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
