/* The process probe, on children of this program. */

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/proc_read.h"
#include "support/probe_rig.h"
#include "support/tmpdir.h"

struct fixture {
        struct rig rig;
        struct tmpdir dir;
        pid_t child; /* 0: none */
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
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
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

/* A child that waits to be killed, after `prepare`; returns once it has prepared. */
static void spawn(struct fixture *f, void (*prepare)(void)) {
        int ready[2];
        char byte;
        assert_int_equal(pipe(ready), 0);
        f->child = fork();
        if (f->child == 0) {
                if (prepare) {
                        prepare();
                }
                (void) !write(ready[1], "x", 1);
                for (;;) {
                        pause();
                }
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        close(ready[1]);
}

static uint64_t start_time_of(pid_t pid) {
        struct proc_stat stat;
        assert_int_equal(proc_read_stat(pid, &stat), 0);
        return stat.start_time;
}

/* Runs with the child as the service's own process. */
static const struct probe_result *run_target(struct fixture *f, const char *probe) {
        rig_load(&f->rig, probe);
        f->rig.run.target = (struct probe_target){
                .known = true, .pid = f->child, .start_time = start_time_of(f->child)};
        return rig_run(&f->rig, RIG_TIMEOUT);
}

static void write_pidfile(struct fixture *f, pid_t pid) {
        char text[32];
        snprintf(text, sizeof(text), "%d\n", (int) pid);
        tmpdir_write(&f->dir, "pid", text);
}

static void load_pidfile(struct fixture *f) {
        char probe[128];
        snprintf(probe, sizeof(probe), "process: {pidfile: %s/pid}", f->dir.path);
        rig_load(&f->rig, probe);
}

/* ---- the service's own process ---- */

static void test_lives(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        const struct probe_result *result = run_target(f, "process: {}");
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "iB resident");
        assert_true(result->has_value && result->value > 0);
        assert_false(result->certain);
}

static void test_not_running(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "process: {}");
        f->rig.run.target = (struct probe_target){.known = true};
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "not running");
        assert_true(f->rig.result.certain);
}

static void test_nobody_knows_the_process(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "process: {}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "no pidfile, and the service has no manager that knows its process");
        struct service managed = *f->rig.run.service;
        managed.manager = MANAGER_COMMAND;
        f->rig.run.service = &managed;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "the manager has not reported yet");
}

/* Dead is also what nobody has collected yet. */
static void test_zombie(void **state) {
        struct fixture *f = *state;
        siginfo_t info;
        spawn(f, NULL);
        kill(f->child, SIGKILL);
        assert_int_equal(waitid(P_PID, (id_t) f->child, &info, WEXITED | WNOWAIT), 0);
        assert_result(run_target(f, "process: {}"), OUTCOME_FAIL, CAUSE_EXITED,
                "has exited, and its parent has not collected it");
        assert_true(f->rig.result.certain);
}

static void test_vanished(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        assert_result(
                run_target(f, "process: {max_open_files: 1000}"), OUTCOME_PASS, CAUSE_NONE, "");
        reap(f);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "has exited");
        assert_true(f->rig.result.certain);
}

static void test_reused_process_id(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        rig_load(&f->rig, "process: {}");
        f->rig.run.target = (struct probe_target){
                .known = true, .pid = f->child, .start_time = start_time_of(f->child) - 1};
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED,
                "its id belongs to another process");
        assert_true(f->rig.result.certain);
}

/* ---- limits ---- */

static void use_memory(void) {
        size_t size = 32 * 1024 * 1024;
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory, 1, size);
}

static void test_memory(void **state) {
        struct fixture *f = *state;
        spawn(f, use_memory);
        assert_result(run_target(f, "process: {max_rss: 16MiB}"), OUTCOME_FAIL, CAUSE_RESOURCE,
                "iB, at most 16MiB allowed");
        assert_true(f->rig.result.value > 32 * 1024 * 1024);
        assert_false(f->rig.result.certain);
        assert_result(
                run_target(f, "process: {max_rss: 100%}"), OUTCOME_PASS, CAUSE_NONE, "resident");
        assert_result(run_target(f, "process: {max_rss: 0.001%}"), OUTCOME_FAIL, CAUSE_RESOURCE,
                "at most 0.001% allowed");
}

static void open_files(void) {
        const struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
        close_range(60, ~0U, 0);
        setrlimit(RLIMIT_NOFILE, &limit);
        while (dup(STDERR_FILENO) < 59) {
        }
}

static void test_open_files(void **state) {
        struct fixture *f = *state;
        spawn(f, open_files);
        assert_result(run_target(f, "process: {max_open_files: 60}"), OUTCOME_PASS, CAUSE_NONE, "");
        assert_result(run_target(f, "process: {max_open_files: 59}"), OUTCOME_FAIL, CAUSE_RESOURCE,
                "60 open files, at most 59 allowed");
        assert_result(
                run_target(f, "process: {max_open_files: 60%}"), OUTCOME_PASS, CAUSE_NONE, "");
        assert_result(run_target(f, "process: {max_open_files: 59%}"), OUTCOME_FAIL, CAUSE_RESOURCE,
                "60 open files of its limit of 100, at most 59% allowed");
}

static void test_threads(void **state) {
        struct fixture *f = *state;
        pid_t self = getpid();
        rig_load(&f->rig, "process: {max_threads: 1}");
        spawn(f, NULL);
        assert_result(run_target(f, "process: {max_threads: 1}"), OUTCOME_PASS, CAUSE_NONE, "");

        /* This program itself has a second thread as soon as a worker has run. */
        write_pidfile(f, self);
        char probe[128];
        snprintf(probe, sizeof(probe), "process: {pidfile: %s/pid, max_threads: 1}", f->dir.path);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE,
                "threads, at most 1 allowed");
}

static void use_cpu(void) {
        while (clock_cpu() < 50 * USEC_PER_MSEC) {
        }
}

/* Idle and then busy: 50ms in a window of one second are 5 percent. */
static void test_cpu(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        const char *probe = "process: {max_cpu: 2%, cpu_window: 1s}";
        assert_result(run_target(f, probe), OUTCOME_PASS, CAUSE_NONE, "");
        f->rig.skew = USEC_PER_SEC;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "");
        reap(f);

        /* Another process begins with a window of its own. */
        spawn(f, use_cpu);
        f->rig.run.target.pid = f->child;
        f->rig.run.target.start_time = start_time_of(f->child);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "");
}

/* The CPU time that a child used before it was first looked at does not count, what follows does.
 */
static void test_cpu_over(void **state) {
        struct fixture *f = *state;
        f->child = fork();
        if (f->child == 0) {
                for (;;) {
                }
        }
        assert_result(run_target(f, "process: {max_cpu: 2%, cpu_window: 1s}"), OUTCOME_PASS,
                CAUSE_NONE, "");
        struct proc_stat before, now;
        assert_int_equal(proc_read_stat(f->child, &before), 0);
        do {
                assert_int_equal(proc_read_stat(f->child, &now), 0);
        } while (now.cpu < before.cpu + 40 * USEC_PER_MSEC);
        f->rig.skew = USEC_PER_SEC;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE,
                "% over 1s, at most 2% allowed");
}

/* ---- pidfiles ---- */

static void test_pidfile_death_is_told_at_once(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        write_pidfile(f, f->child);
        load_pidfile(f);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        reap(f);
        rig_wait(&f->rig, &f->rig.notices, 1);
        assert_result(&f->rig.notice, OUTCOME_FAIL, CAUSE_EXITED, "has exited");
        assert_true(f->rig.notice.certain);

        /* The next run finds the same, and it is as certain. */
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, ", which has exited");
        assert_true(f->rig.result.certain);
        assert_int_equal(f->rig.notices, 1);

        /* A new process in the file is a new process. */
        spawn(f, NULL);
        write_pidfile(f, f->child);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        reap(f);
        rig_wait(&f->rig, &f->rig.notices, 2);
}

/* Nobody saw this process alive, so its death counts, but is not certain. */
static void test_pidfile_stale(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        write_pidfile(f, f->child);
        reap(f);
        load_pidfile(f);
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "which does not exist");
        assert_false(f->rig.result.certain);
}

static void test_pidfile_missing_and_garbage(void **state) {
        struct fixture *f = *state;
        load_pidfile(f);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED,
                "there is no pidfile /tmp/");
        static const char *const garbage[] = {"", "not a number\n", "-1\n"};
        for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
                tmpdir_write(&f->dir, "pid", garbage[i]);
                assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED,
                        "does not begin with a process id");
                assert_false(f->rig.result.certain);
        }
}

static void test_pidfile_stopped_while_reading(void **state) {
        struct fixture *f = *state;
        write_pidfile(f, getpid());
        load_pidfile(f);
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_false(f->rig.over);
        rig_stop(&f->rig);
        assert_non_null(strstr(f->rig.result.detail, "still reading pidfile /tmp/"));
        assert_int_equal(loop_turn(f->rig.host.loop, 0), 1);
        assert_int_equal(f->rig.results, 0);
}

static void test_privileged(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "process: {max_rss: 1GiB}");
        assert_false(f->rig.type->privileged(f->rig.run.spec->params));
        rig_load(&f->rig, "process: {max_open_files: 80%}");
        assert_true(f->rig.type->privileged(f->rig.run.spec->params));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_lives),
                TEST(test_not_running),
                TEST(test_nobody_knows_the_process),
                TEST(test_zombie),
                TEST(test_vanished),
                TEST(test_reused_process_id),
                TEST(test_memory),
                TEST(test_open_files),
                TEST(test_threads),
                TEST(test_cpu),
                TEST(test_cpu_over),
                TEST(test_pidfile_death_is_told_at_once),
                TEST(test_pidfile_stale),
                TEST(test_pidfile_missing_and_garbage),
                TEST(test_pidfile_stopped_while_reading),
                TEST(test_privileged),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
