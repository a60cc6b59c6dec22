/* The process probe, on children of this program. */

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "probes/proc_read.h"
#include "probes/process_params.h"
#include "probes/process_table.h"
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
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
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
                "its manager has told no main process yet");
}

/* A manager that hears of the end says how it ended and whether somebody wanted it, so what is seen
 * here first is only counted, and nothing while the manager is at it. */
static void test_the_end_is_the_managers_to_tell(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        assert_result(run_target(f, "process: {}"), OUTCOME_PASS, CAUSE_NONE, "");
        struct service managed = *f->rig.run.service;
        managed.manager = MANAGER_COMMAND;
        f->rig.run.service = &managed;
        reap(f);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "has exited");
        assert_false(f->rig.result.certain);
        f->rig.run.target.busy = true;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "has exited, its manager is at it");

        f->rig.run.target = (struct probe_target){.known = true};
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "not running");
        assert_false(f->rig.result.certain);
        f->rig.run.target.busy = true;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "not running, its manager is at it");

        /* The status program of scripts is asked now and then, and tells nothing by itself. */
        managed.manager = MANAGER_SCRIPTS;
        f->rig.run.target.busy = false;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "not running");
        assert_true(f->rig.result.certain);
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
        assert_result(run_target(f, "process: {max_rss: 16MiB}"), OUTCOME_FAIL,
                CAUSE_RESOURCE_MEMORY, "iB, at most 16MiB allowed");
        assert_true(f->rig.result.value > 32 * 1024 * 1024);
        assert_false(f->rig.result.certain);
        assert_result(
                run_target(f, "process: {max_rss: 100%}"), OUTCOME_PASS, CAUSE_NONE, "resident");
        assert_result(run_target(f, "process: {max_rss: 0.001%}"), OUTCOME_FAIL,
                CAUSE_RESOURCE_MEMORY, "at most 0.001% allowed");
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
        assert_result(run_target(f, "process: {max_open_files: 59}"), OUTCOME_FAIL,
                CAUSE_RESOURCE_DESCRIPTORS, "60 open files, at most 59 allowed");
        assert_result(
                run_target(f, "process: {max_open_files: 60%}"), OUTCOME_PASS, CAUSE_NONE, "");
        assert_result(run_target(f, "process: {max_open_files: 59%}"), OUTCOME_FAIL,
                CAUSE_RESOURCE_DESCRIPTORS,
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
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_THREADS,
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
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_CPU,
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

/* A daemon that replaces itself: its successor is in the pidfile when the old one ends. */
static void test_pidfile_successor(void **state) {
        struct fixture *f = *state;
        char path[64], probe[128], text[32];
        snprintf(path, sizeof(path), "/dev/shm/probe-test-%d.pid", (int) getpid());
        snprintf(probe, sizeof(probe), "process: {pidfile: %s}", path);
        spawn(f, NULL);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        fprintf(file, "%d\n", (int) f->child);
        assert_int_equal(fclose(file), 0);
        rig_load(&f->rig, probe);
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_true(f->rig.over); /* no thread is needed in memory */
        assert_int_equal(f->rig.result.outcome, OUTCOME_PASS);

        file = fopen(path, "we");
        assert_non_null(file);
        fprintf(file, "%d\n", (int) getpid());
        assert_int_equal(fclose(file), 0);
        const struct process_state *probe_state = f->rig.run.state;
        assert_int_equal(probe_state->watch->watched, f->child);
        reap(f);
        while (probe_state->watch->watched) {
                assert_int_equal(loop_turn(f->rig.host.loop, USEC_PER_SEC), 1);
        }
        assert_int_equal(f->rig.notices, 0);
        snprintf(text, sizeof(text), "process %d,", (int) getpid());
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, text);
        assert_int_equal(unlink(path), 0);
}

/* It is the service's own process, whose end the manager tells. */
static void test_pidfile_of_the_service_itself(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        write_pidfile(f, f->child);
        load_pidfile(f);
        struct service managed = *f->rig.run.service;
        managed.manager = MANAGER_UNIT;
        f->rig.run.service = &managed;
        f->rig.run.target = (struct probe_target){.known = true, .pid = f->child};
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        reap(f);
        rig_wait(&f->rig, &f->rig.notices, 1);
        assert_false(f->rig.notice.certain);
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, ", which has exited");
        assert_false(f->rig.result.certain);
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

/* ---- by what it runs ---- */

/* A child that runs /bin/sleep as "NAME sleep-for...". */
static void spawn_program(struct fixture *f, const char *argument) {
        f->child = fork();
        if (f->child == 0) {
                execl("/bin/sleep", "sleep", argument, "1000", NULL);
                _exit(127);
        }
        char program[PROC_PROGRAM_MAX] = "";
        while (!strstr(program, "sleep")) {
                assert_int_equal(proc_read_program(f->child, program), 0);
        }
}

static void load_program(struct fixture *f, const char *arguments) {
        char probe[256];
        snprintf(probe, sizeof(probe), "process: {executable: /bin/sleep, arguments: [%s]}",
                arguments);
        rig_load(&f->rig, probe);
}

static void test_program_is_found_and_watched(void **state) {
        struct fixture *f = *state;
        char text[64];
        spawn_program(f, "4242.5");
        load_program(f, "'4242.5', '1000'");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        snprintf(text, sizeof(text), "process %d,", (int) f->child);
        assert_non_null(strstr(f->rig.result.detail, text));
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_true(f->rig.over); /* it is known by now: nobody looks through /proc again */
        assert_int_equal(f->rig.result.outcome, OUTCOME_PASS);

        reap(f);
        rig_wait(&f->rig, &f->rig.notices, 1);
        assert_result(&f->rig.notice, OUTCOME_FAIL, CAUSE_EXITED, "has exited");
        assert_true(f->rig.notice.certain);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED,
                "no process runs /bin/sleep with these arguments");
        assert_false(f->rig.result.certain);
}

static void test_program_with_other_arguments(void **state) {
        struct fixture *f = *state;
        spawn_program(f, "4243.5");
        load_program(f, "'1000', '4243.5'"); /* not in this order */
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "no process runs");
        load_program(f, "'4243'");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED, "no process runs");
        rig_load(&f->rig, "process: {executable: /nonexistent/program}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_EXITED,
                "no process runs /nonexistent/program");
}

/* Executes another program in the same process as soon as it gets a signal. */
static void on_signal(int number) {
        (void) number;
        execl("/bin/sleep", "sleep", "999", NULL);
        _exit(127);
}

static void exec_when_told(void) {
        (void) sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
}

static void test_another_program_in_the_same_process(void **state) {
        struct fixture *f = *state;
        char self[PROC_PROGRAM_MAX], probe[PROC_PROGRAM_MAX + 64], now[PROC_PROGRAM_MAX] = "";
        struct proc_stat stat;
        spawn(f, exec_when_told);
        assert_int_equal(proc_read_program(getpid(), self), 0);
        snprintf(probe, sizeof(probe), "process: {executable: %s}", self);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");

        /* Of the two that run this, the parent is the one. */
        snprintf(probe, sizeof(probe), "process %d,", (int) getpid());
        assert_non_null(strstr(f->rig.result.detail, probe));

        assert_int_equal(proc_read_stat(f->child, &stat), 0);
        uint64_t image = stat.image;
        assert_int_equal(kill(f->child, SIGUSR1), 0);
        while (!strstr(now, "sleep")) {
                assert_int_equal(proc_read_program(f->child, now), 0);
        }
        do {
                assert_int_equal(proc_read_stat(f->child, &stat), 0);
        } while (stat.image == 0);
        assert_int_not_equal(stat.image, image);
}

/* ---- children ---- */

static void fork_children(void) {
        for (int i = 0; i < 3; i++) {
                pid_t pid = fork();
                if (pid == 0 && i == 0) {
                        _exit(0); /* a zombie: nobody collects it */
                }
                if (pid == 0) {
                        for (;;) {
                                pause();
                        }
                }
        }
        siginfo_t info;
        (void) waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
}

static void kill_children(pid_t parent) {
        struct process_table *table = NULL;
        assert_int_equal(process_table_read(&table, "/proc", false), 0);
        for (size_t i = 0; i < table->count; i++) {
                if (table->entries[i].stat.parent == parent) {
                        kill(table->entries[i].pid, SIGKILL);
                }
        }
        process_table_free(table);
}

static void test_children(void **state) {
        struct fixture *f = *state;
        spawn(f, fork_children);
        assert_result(run_target(f, "process: {max_children: 3, max_zombies: 1}"), OUTCOME_PASS,
                CAUSE_NONE, "resident");
        assert_result(run_target(f, "process: {max_children: 2}"), OUTCOME_FAIL,
                CAUSE_RESOURCE_THREADS, "3 descendants, at most 2 allowed");
        assert_result(run_target(f, "process: {max_zombies: 0}"), OUTCOME_FAIL,
                CAUSE_RESOURCE_THREADS, "1 zombies, at most 0 allowed");
        assert_result(run_target(f, "process: {max_total_rss: 1KiB}"), OUTCOME_FAIL,
                CAUSE_RESOURCE_MEMORY, "resident memory with children ");
        assert_result(
                run_target(f, "process: {max_total_rss: 100%}"), OUTCOME_PASS, CAUSE_NONE, "");
        kill_children(f->child);
}

static void burn_in_child(void) {
        if (fork() == 0) {
                for (;;) {
                }
        }
}

static void test_total_cpu(void **state) {
        struct fixture *f = *state;
        spawn(f, burn_in_child);
        const char *probe = "process: {max_cpu: 2%, max_total_cpu: 3%, cpu_window: 1s}";
        assert_result(run_target(f, probe), OUTCOME_PASS, CAUSE_NONE, "");
        struct process_family before, now;
        struct process_table *table = NULL;
        assert_int_equal(process_table_read(&table, "/proc", false), 0);
        process_table_family(table, f->child, &before);
        do {
                process_table_free(table);
                assert_int_equal(process_table_read(&table, "/proc", false), 0);
                process_table_family(table, f->child, &now);
        } while (now.cpu < before.cpu + 80 * USEC_PER_MSEC);
        process_table_free(table);
        process_scanner_free(f->rig.host.processes); /* its table may be a second old */
        assert_int_equal(
                process_scanner_new(&f->rig.host.processes, f->rig.host.loop, "/proc", NULL), 0);
        f->rig.skew = USEC_PER_SEC;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_CPU,
                "CPU with children ");
        kill_children(f->child);
}

/* ---- uptime ---- */

static void test_uptime(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        assert_result(run_target(f, "process: {min_uptime: 5m}"), OUTCOME_DEGRADED, CAUSE_EXITED,
                "at least 5m wanted: something restarts it");
        f->rig.skew = 6 * USEC_PER_MINUTE;
        assert_result(run_target(f, "process: {min_uptime: 5m, max_uptime: 7m}"), OUTCOME_PASS,
                CAUSE_NONE, "resident");
        f->rig.skew = 8 * USEC_PER_MINUTE;
        assert_result(run_target(f, "process: {max_uptime: 7m}"), OUTCOME_FAIL, CAUSE_RESOURCE,
                "up for 8m");
}

/* ---- the cgroup ---- */

/* Runs once, so that the probe has found a cgroup, and has it look into a directory of the test. */
static void use_cgroup(struct fixture *f, const char *limits) {
        char probe[256];
        snprintf(probe, sizeof(probe), "process: {cgroup: {%s}}", limits);
        f->rig.skew = 0;
        (void) run_target(f, probe);
        struct process_state *state = f->rig.run.state;
        assert_non_null(state->history->cgroup);
        *state->history->cgroup = (struct process_cgroup_history){0};
        str_copy(state->history->cgroup->directory, CGROUP_PATH_MAX, f->dir.path);
}

static void test_cgroup_memory(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        tmpdir_write(&f->dir, "memory.current", "94371840\n");
        tmpdir_write(&f->dir, "memory.max", "104857600\n");
        use_cgroup(f, "max_memory: 90%");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        use_cgroup(f, "max_memory: 89%");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_MEMORY,
                "its cgroup uses 90MiB of its limit of 100MiB, at most 89% allowed");
        use_cgroup(f, "max_memory: 64MiB");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_MEMORY,
                "its cgroup uses 90MiB, at most 64MiB allowed");
        tmpdir_write(&f->dir, "memory.max", "max\n");
        use_cgroup(f, "max_memory: 90%");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "its cgroup uses 90MiB and has no limit of memory (MemoryMax=)");
        assert_int_equal(unlink(tmpdir_file(&f->dir, "memory.current")), 0);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "the memory controller is not enabled for cgroup /tmp/");
}

static void test_cgroup_oom_kills(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        tmpdir_write(&f->dir, "memory.events", "oom 5\noom_kill 2\n");
        use_cgroup(f, "max_oom_kills: 0, window: 1m");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        tmpdir_write(&f->dir, "memory.events", "oom 6\noom_kill 3\n");
        f->rig.skew = 10 * USEC_PER_SEC;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_MEMORY,
                "1 process killed for want of memory in its cgroup within 1m, at most 0 allowed");
        f->rig.skew = 80 * USEC_PER_SEC;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");

        /* Another process begins anew. */
        tmpdir_write(&f->dir, "memory.events", "oom_kill 9\n");
        f->rig.run.target.start_time = 0;
        reap(f);
        spawn(f, NULL);
        f->rig.run.target.pid = f->child;
        assert_int_not_equal(rig_run(&f->rig, RIG_TIMEOUT)->outcome, OUTCOME_FAIL);
}

static void test_cgroup_throttling(void **state) {
        struct fixture *f = *state;
        spawn(f, NULL);
        tmpdir_write(&f->dir, "cpu.stat", "usage_usec 1\nnr_periods 1000\nnr_throttled 900\n");
        use_cgroup(f, "max_throttled: 25%, window: 1m");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        tmpdir_write(&f->dir, "cpu.stat", "usage_usec 1\nnr_periods 1200\nnr_throttled 1000\n");
        f->rig.skew = 30 * USEC_PER_SEC;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "resident");
        f->rig.skew = 60 * USEC_PER_SEC;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_CPU,
                "held back by its CPU limit in 50% of the periods over 1m, at most 25% allowed");
        tmpdir_write(&f->dir, "cpu.stat", "usage_usec 1\n");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "the cpu controller is not enabled for cgroup");
}

static void test_refused(void **state) {
        static const struct rig_refused refused[] = {
                {"process: {pidfile: /a, executable: /b}", "exclude each other"},
                {"process: {arguments: [-D]}", "arguments needs executable"},
                {"process: {executable: nginx}", "absolute"},
                {"process: {min_uptime: 1h, max_uptime: 1h}", "must be more than min_uptime"},
                {"process: {max_children: 50%}", "max_children"},
                {"process: {cgroup: {max_throttled: 101%}}", "must be at most 100%"},
        };
        (void) state;
        rig_refuses(refused, sizeof(refused) / sizeof(refused[0]));
}

static void test_examples_load(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "process: {}");
        for (const struct schema_field *field = f->rig.type->schema->fields; field->key; field++) {
                char probe[256];
                snprintf(probe, sizeof(probe), "process: {%s%s: %s}",
                        strcmp(field->key, "arguments") == 0 ? "executable: /bin/sh, " : "",
                        field->key, field->example);
                rig_load(&f->rig, probe);
        }
}

static void test_privileged(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "process: {max_rss: 1GiB}");
        assert_false(f->rig.type->privileged(f->rig.run.spec->params));
        rig_load(&f->rig, "process: {max_open_files: 80%}");
        assert_true(f->rig.type->privileged(f->rig.run.spec->params));
        rig_load(&f->rig, "process: {executable: /bin/sh}");
        assert_true(f->rig.type->privileged(f->rig.run.spec->params));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_lives),
                TEST(test_not_running),
                TEST(test_nobody_knows_the_process),
                TEST(test_the_end_is_the_managers_to_tell),
                TEST(test_zombie),
                TEST(test_vanished),
                TEST(test_reused_process_id),
                TEST(test_memory),
                TEST(test_open_files),
                TEST(test_threads),
                TEST(test_cpu),
                TEST(test_cpu_over),
                TEST(test_pidfile_death_is_told_at_once),
                TEST(test_pidfile_successor),
                TEST(test_pidfile_of_the_service_itself),
                TEST(test_pidfile_stale),
                TEST(test_pidfile_missing_and_garbage),
                TEST(test_pidfile_stopped_while_reading),
                TEST(test_program_is_found_and_watched),
                TEST(test_program_with_other_arguments),
                TEST(test_another_program_in_the_same_process),
                TEST(test_children),
                TEST(test_total_cpu),
                TEST(test_uptime),
                TEST(test_cgroup_memory),
                TEST(test_cgroup_oom_kills),
                TEST(test_cgroup_throttling),
                TEST(test_refused),
                TEST(test_examples_load),
                TEST(test_privileged),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
