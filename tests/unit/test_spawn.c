/* Starting programs: what they inherit, what they do not, and how a failed start is told. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/spawn.h"
#include "unit_test.h"

static char output[4096];

/* Runs to the end; returns the wait status. Output of a request whose stdout_fd is -1 is captured.
 */
static int run(struct spawn_request request, struct error *err, enum spawn_state *ret_state) {
        struct spawned spawned = {.pidfd = -1, .status_fd = -1};
        size_t length = 0;
        int fds[2], status;
        ssize_t n;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        request.stdout_fd = fds[1];
        assert_int_equal(spawn_start(&request, &spawned, err), 0);
        close(fds[1]);
        while ((n = read(fds[0], output + length, sizeof(output) - 1 - length)) > 0) {
                length += (size_t) n;
        }
        output[length] = '\0';
        close(fds[0]);
        assert_int_equal(waitpid(spawned.pid, &status, 0), spawned.pid);
        *ret_state = spawn_state(&spawned, err);
        spawned_done(&spawned);
        spawned_done(&spawned);
        return status;
}

static void run_well(const struct spawn_request *request) {
        enum spawn_state state;

        assert_int_equal(run(*request, NULL, &state), 0);
        assert_int_equal(state, SPAWN_RUNNING);
}

static struct spawn_request shell(const char *script, const char *argv[4]) {
        struct spawn_request request = SPAWN_REQUEST_INIT;

        argv[0] = "/bin/sh";
        argv[1] = "-c";
        argv[2] = script;
        argv[3] = NULL;
        request.argv = argv;
        return request;
}

static void test_environment_is_exactly_what_was_given(void **state) {
        static const char *const argv[] = {"/usr/bin/env", NULL};
        static const char *const environment[] = {"A=1", "B=two words", NULL};
        struct spawn_request request = SPAWN_REQUEST_INIT;

        (void) state;
        request.argv = argv;
        request.environment = environment;
        run_well(&request);
        assert_string_equal(output, "A=1\nB=two words\n");
        request.environment = NULL;
        run_well(&request);
        assert_string_equal(output, "");
}

static void test_directory_and_umask(void **state) {
        const char *argv[4];
        struct spawn_request request = shell("/bin/pwd; umask", argv);

        (void) state;
        run_well(&request);
        assert_string_equal(output, "/\n0022\n");
        request.directory = "/tmp";
        request.umask = 077;
        run_well(&request);
        assert_string_equal(output, "/tmp\n0077\n");
}

static void test_own_session_and_no_stray_descriptors(void **state) {
        const char *argv[4];
        struct spawn_request request =
                shell("read pid comm st ppid pgrp session rest < /proc/self/stat;"
                      "[ $pid = $session ] && [ $pid = $pgrp ] && echo session;"
                      "echo /proc/self/fd/*; cat",
                        argv);
        int leaked = fcntl(STDIN_FILENO, F_DUPFD, 20); /* without close-on-exec */

        (void) state;
        run_well(&request);
        close(leaked);
        /* a shell may open the directory itself as 3, and stdin is empty */
        assert_memory_equal(output, "session\n/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2", 55);
        assert_null(strstr(output, "/2 /proc/self/fd/20"));
        assert_null(strstr(output, "fd/4"));
}

static void test_signals_are_reset(void **state) {
        const char *argv[4];
        struct spawn_request request =
                shell("grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\n\\t'", argv);
        sigset_t set, before;

        (void) state;
        assert_true(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
        run_well(&request);
        assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
        assert_true(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
        assert_string_equal(output, "SigBlk:0000000000000000SigIgn:0000000000000000");
}

static void test_limits(void **state) {
        static const struct spawn_limit limits[] = {{RLIMIT_NOFILE, {77, 77}}};
        const char *argv[4];
        struct spawn_request request = shell("ulimit -n", argv);

        (void) state;
        request.limits = limits;
        request.n_limits = 1;
        run_well(&request);
        assert_string_equal(output, "77\n");
}

static void test_user_and_groups(void **state) {
        static const gid_t groups[] = {65533};
        const char *argv[4];
        struct spawn_request request =
                shell("grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr '\\t\\n' '  '", argv);

        (void) state;
        if (geteuid() != 0) {
                skip();
        }
        request.change_user = true;
        request.uid = 65534;
        request.gid = 65532;
        request.groups = groups;
        request.n_groups = 1;
        run_well(&request);
        assert_non_null(strstr(output, "Uid: 65534 65534 65534 65534 "));
        assert_non_null(strstr(output, "Gid: 65532 65532 65532 65532 "));
        assert_non_null(strstr(output, "Groups: 65533 "));
}

static void *return_at_once(void *cookie) {
        return cookie;
}

static void *make_threads(void *cookie) {
        atomic_bool *enough = cookie;
        pthread_t thread;
        while (!atomic_load(enough) && pthread_create(&thread, NULL, return_at_once, NULL) == 0) {
                pthread_join(thread, NULL);
        }
        return NULL;
}

/* Many times, because what goes wrong here does so by chance: a child that waits for ever, for a
 * thread that its parent was making. */
static void test_a_change_of_user_while_threads_come_and_go(void **state) {
        enum { STARTS = 200, PATIENCE_SECONDS = 80 };
        const char *argv[] = {"/bin/true", NULL};
        struct spawn_request request = SPAWN_REQUEST_INIT;
        atomic_bool enough = false;
        pthread_t maker;

        (void) state;
        if (geteuid() != 0) {
                skip();
        }
        request.argv = argv;
        request.change_user = true;
        request.uid = request.gid = 65534;
        assert_int_equal(pthread_create(&maker, NULL, make_threads, &enough), 0);
        alarm(PATIENCE_SECONDS); /* ends this program, should a child hang */
        for (int i = 0; i < STARTS; i++) {
                run_well(&request);
        }
        alarm(0);
        atomic_store(&enough, true);
        pthread_join(maker, NULL);
}

/* A directory that is no cgroup is what clone3() cannot be born in: the way of older kernels. */
static void test_control_group_is_joined_before_the_program_runs(void **state) {
        const char *argv[4];
        struct spawn_request request = shell("true", argv);
        char directory[] = "/tmp/test_spawn.XXXXXX";
        char written[8] = "";

        (void) state;
        assert_non_null(mkdtemp(directory));
        request.cgroup_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(request.cgroup_fd >= 0);
        int fd = openat(request.cgroup_fd, "cgroup.procs", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        run_well(&request);
        assert_int_equal(read(fd, written, sizeof(written)), 1);
        assert_string_equal(written, "0");
        assert_int_equal(unlinkat(request.cgroup_fd, "cgroup.procs", 0), 0);
        assert_int_equal(rmdir(directory), 0);
        close(fd);
        close(request.cgroup_fd);
}

static void test_standard_input_is_handed_over(void **state) {
        const char *argv[4];
        struct spawn_request request = shell("cat", argv);
        int fds[2];

        (void) state;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(write(fds[1], "hello", 5), 5);
        close(fds[1]);
        request.stdin_fd = fds[0];
        run_well(&request);
        assert_string_equal(output, "hello");
        close(fds[0]);
}

static void check_failure(const struct spawn_request *request, int code, const char *text) {
        struct error err = {0};
        enum spawn_state state;

        run(*request, &err, &state);
        assert_int_equal(state, SPAWN_FAILED);
        assert_int_equal(err.code, code);
        assert_string_equal(err.text, text);
}

static void test_failures_name_the_step(void **state) {
        static const char *const missing[] = {"/nonexistent/program", NULL};
        const char *argv[4];
        struct spawn_request request = shell("true", argv);

        (void) state;
        request.directory = "/nonexistent";
        check_failure(&request, ENOENT, "changing the directory: No such file or directory");
        request.directory = NULL;
        request.argv = missing;
        check_failure(&request, ENOENT, "executing: No such file or directory");
        request.argv = (const char *const[]){"/etc/passwd", NULL};
        check_failure(&request, EACCES, "executing: Permission denied");
}

static void test_bad_requests_are_refused(void **state) {
        struct spawn_request request = SPAWN_REQUEST_INIT;
        struct spawned spawned;
        struct error err = {0};

        (void) state;
        request.argv = (const char *const[]){"sh", NULL};
        assert_int_equal(spawn_start(&request, &spawned, &err), -EINVAL);
        assert_string_equal(err.text, "a program needs an absolute path");
        request.argv = (const char *const[]){NULL};
        assert_int_equal(spawn_start(&request, &spawned, &err), -EINVAL);
        request.argv = (const char *const[]){"/bin/true", NULL};
        request.n_limits = SPAWN_MAX_LIMITS + 1;
        assert_int_equal(spawn_start(&request, &spawned, &err), -EINVAL);
        assert_string_equal(err.text, "/bin/true: more than 16 limits");
}

static void test_a_start_without_descriptors_leaves_nothing_behind(void **state) {
        struct spawn_request request = SPAWN_REQUEST_INIT;
        struct rlimit before, none;
        struct spawned spawned;
        struct error err = {0};

        (void) state;
        request.argv = (const char *const[]){"/bin/true", NULL};
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        int next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        close(next);
        for (rlim_t more = 0; more < 4; more++) {
                none = (struct rlimit){(rlim_t) next + more, before.rlim_max};
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
                int r = spawn_start(&request, &spawned, &err);
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
                if (r == 0) {
                        assert_int_equal(waitpid(spawned.pid, NULL, 0), spawned.pid);
                        spawned_done(&spawned);
                        break;
                }
                assert_int_equal(r, -EMFILE);
        }
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        int now = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        close(now);
        assert_int_equal(now, next);
}

/* The protection of this process is not handed on; what it lacks is. */
static void test_protection_from_want_of_memory(void **state) {
        static const struct {
                const char *own, *childs;
        } rows[] = {{"-100\n", "0\n"}, {"0\n", "0\n"}, {"100\n", "100\n"}};
        const char *argv[4];
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
                char before[8] = "";
                assert_true(pread(fd, before, sizeof(before) - 1, 0) > 0);
                if (pwrite(fd, rows[i].own, strlen(rows[i].own), 0) < 0) {
                        assert_int_equal(errno, EACCES);
                        puts("skip: this process may not protect itself from want of memory");
                        skip();
                }
                struct spawn_request request = shell("cat /proc/self/oom_score_adj", argv);
                run_well(&request);
                assert_string_equal(output, rows[i].childs);
                request.share_memory = true;
                run_well(&request);
                assert_string_equal(output, rows[i].childs);
                assert_true(pwrite(fd, before, strlen(before), 0) > 0);
                assert_true(pread(fd, before, sizeof(before) - 1, 0) > 0); /* not the child's */
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_environment_is_exactly_what_was_given),
                cmocka_unit_test(test_directory_and_umask),
                cmocka_unit_test(test_own_session_and_no_stray_descriptors),
                cmocka_unit_test(test_signals_are_reset),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_protection_from_want_of_memory),
                cmocka_unit_test(test_user_and_groups),
                cmocka_unit_test(test_a_change_of_user_while_threads_come_and_go),
                cmocka_unit_test(test_control_group_is_joined_before_the_program_runs),
                cmocka_unit_test(test_standard_input_is_handed_over),
                cmocka_unit_test(test_failures_name_the_step),
                cmocka_unit_test(test_bad_requests_are_refused),
                cmocka_unit_test(test_a_start_without_descriptors_leaves_nothing_behind),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
