/* The process probe with a pidfile in memory: how long a pass stands without another look. */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/process_params.h"
#include "support/probe_rig.h"

struct fixture {
        struct rig rig;
        char path[64]; /* of the pidfile */
        pid_t child; /* 0: none */
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        assert_non_null(f);
        snprintf(f->path, sizeof(f->path), "/dev/shm/standing-test-%d.pid", (int) getpid());
        rig_open(&f->rig);
        *state = f;
        return 0;
}

static void reap(struct fixture *f) {
        if (f->child) {
                kill(f->child, SIGKILL);
                assert_int_equal(waitpid(f->child, NULL, 0), f->child);
                f->child = 0;
        }
}

static int teardown(void **state) {
        struct fixture *f = *state;
        reap(f);
        rig_close(&f->rig);
        (void) unlink(f->path);
        free(f);
        return 0;
}

static void spawn(struct fixture *f) {
        f->child = fork();
        if (f->child == 0) {
                for (;;) {
                        pause();
                }
        }
        assert_true(f->child > 0);
}

static void write_pidfile(const char *path, pid_t pid) {
        FILE *stream = fopen(path, "we");
        assert_non_null(stream);
        fprintf(stream, "%d\n", (int) pid);
        assert_int_equal(fclose(stream), 0);
}

static void load(struct fixture *f, const char *path, const char *limits) {
        char probe[160];
        snprintf(probe, sizeof(probe), "process: {pidfile: %s%s}", path, limits);
        rig_load(&f->rig, probe);
}

static const struct probe_result *run(struct fixture *f) {
        return rig_run(&f->rig, RIG_TIMEOUT);
}

static bool stands_next_turn(struct fixture *f) {
        usec_t before = loop_now(f->rig.host.loop).mono;
        while (loop_now(f->rig.host.loop).mono == before) {
                assert_int_equal(loop_turn(f->rig.host.loop, 0), 1);
        }
        return f->rig.type->stands(f->rig.run.state);
}

/* Has passed once, on a pidfile of the child. */
static void pass(struct fixture *f) {
        spawn(f);
        write_pidfile(f->path, f->child);
        load(f, f->path, "");
        assert_false(stands_next_turn(f)); /* it was never run */
        assert_result(run(f), OUTCOME_PASS, CAUSE_NONE, "resident");
}

static void test_until_the_process_ends(void **state) {
        struct fixture *f = *state;
        pass(f);
        assert_true(stands_next_turn(f));
        assert_result(run(f), OUTCOME_PASS, CAUSE_NONE, "resident");
        assert_true(stands_next_turn(f));
        reap(f);
        rig_wait(&f->rig, &f->rig.notices, 1);
        assert_false(stands_next_turn(f));
}

/* While the old process lives. */
static void test_until_the_pidfile_changes(void **state) {
        struct fixture *f = *state;
        char text[32];
        pass(f);
        assert_true(stands_next_turn(f));
        write_pidfile(f->path, getpid());
        assert_false(stands_next_turn(f));
        snprintf(text, sizeof(text), "process %d,", (int) getpid());
        assert_result(run(f), OUTCOME_PASS, CAUSE_NONE, text);
        assert_true(stands_next_turn(f));
}

static void test_until_the_pidfile_is_replaced(void **state) {
        struct fixture *f = *state;
        char other[80], text[32];
        pass(f);
        snprintf(other, sizeof(other), "%s.new", f->path);
        write_pidfile(other, getpid());
        assert_true(stands_next_turn(f));
        assert_int_equal(rename(other, f->path), 0);
        assert_false(stands_next_turn(f));
        snprintf(text, sizeof(text), "process %d,", (int) getpid());
        assert_result(run(f), OUTCOME_PASS, CAUSE_NONE, text);
        assert_true(stands_next_turn(f));
}

static void test_until_the_pidfile_is_gone(void **state) {
        struct fixture *f = *state;
        pass(f);
        assert_int_equal(unlink(f->path), 0);
        assert_false(stands_next_turn(f));
        assert_result(run(f), OUTCOME_FAIL, CAUSE_EXITED, "no pidfile");
        assert_false(stands_next_turn(f));
}

/* What it uses has to be measured. */
static void test_never_with_limits(void **state) {
        static const char *const limits[] = {", max_rss: 1GiB", ", max_total_rss: 1GiB",
                ", max_cpu: 90%", ", max_total_cpu: 90%", ", max_open_files: 1000",
                ", max_threads: 9", ", max_children: 9", ", max_zombies: 9", ", min_uptime: 1s",
                ", max_uptime: 1d", ", cgroup: {max_memory: 99GiB}"};
        struct fixture *f = *state;
        write_pidfile(f->path, getpid());
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
                load(f, f->path, limits[i]);
                (void) run(f);
                assert_false(stands_next_turn(f));
        }
}

/* A symbolic link may lead anywhere. */
static void test_never_by_a_link(void **state) {
        struct fixture *f = *state;
        char link[80];
        write_pidfile(f->path, getpid());
        snprintf(link, sizeof(link), "%s.link", f->path);
        assert_int_equal(symlink(f->path, link), 0);
        load(f, link, "");
        assert_result(run(f), OUTCOME_PASS, CAUSE_NONE, "resident");
        assert_false(stands_next_turn(f));
        assert_int_equal(unlink(link), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_until_the_process_ends),
                TEST(test_until_the_pidfile_changes),
                TEST(test_until_the_pidfile_is_replaced),
                TEST(test_until_the_pidfile_is_gone),
                TEST(test_never_with_limits),
                TEST(test_never_by_a_link),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
