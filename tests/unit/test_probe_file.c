/* The file probe, on real files; faults come from system calls that this program stands in for. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/probe_rig.h"
#include "support/tmpdir.h"

/* ---- faults ---- */

static struct {
        atomic_bool hang;
        int gate[2]; /* what hangs reads from it */
        atomic_uint hanging;
        int stat_error;
} fault;

int fstatat(int directory, const char *path, struct stat *st, int flags) {
        int (*real)(int, const char *, struct stat *, int) =
                (int (*)(int, const char *, struct stat *, int)) dlsym(RTLD_NEXT, "fstatat");
        char byte;
        if (fault.hang) {
                fault.hanging++;
                assert_true(read(fault.gate[0], &byte, 1) >= 0);
                fault.hanging--;
        }
        if (fault.stat_error) {
                errno = fault.stat_error;
                return -1;
        }
        return real(directory, path, st, flags);
}

/* ---- fixture ---- */

struct fixture {
        struct rig rig;
        struct tmpdir dir;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        memset(&fault, 0, sizeof(fault));
        assert_int_equal(pipe2(fault.gate, O_CLOEXEC), 0);
        tmpdir_make(&f->dir);
        rig_open(&f->rig);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        rig_close(&f->rig);
        close(fault.gate[1]); /* lets what hangs go on */
        while (fault.hanging > 0) {
                sched_yield();
        }
        close(fault.gate[0]);
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static void load(struct fixture *f, const char *name, const char *more) {
        char probe[512];
        snprintf(probe, sizeof(probe), "file: {path: '%s/%s'%s}", f->dir.path, name, more);
        rig_load(&f->rig, probe);
}

static const struct probe_result *again(struct fixture *f) {
        return rig_run(&f->rig, RIG_TIMEOUT);
}

static const struct probe_result *run(struct fixture *f, const char *name, const char *more) {
        load(f, name, more);
        return again(f);
}

static void expect_pass(struct fixture *f, const char *name, const char *more) {
        assert_result(run(f, name, more), OUTCOME_PASS, CAUSE_NONE, "");
}

static void expect_fail(struct fixture *f, const char *name, const char *more, const char *detail) {
        assert_result(run(f, name, more), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, detail);
}

static void set_age(const struct fixture *f, const char *name, time_t seconds) {
        const struct timespec times[] = {
                {.tv_sec = (time_t) (clock_now().wall / USEC_PER_SEC) - seconds},
                {.tv_sec = (time_t) (clock_now().wall / USEC_PER_SEC) - seconds}};
        assert_int_equal(utimensat(AT_FDCWD, tmpdir_file(&f->dir, name), times, 0), 0);
}

static void append(const struct fixture *f, const char *name, const char *text) {
        FILE *file = fopen(tmpdir_file(&f->dir, name), "ae");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

/* ---- the entry ---- */

static void test_exists(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "here", "text");
        assert_result(run(f, "here", ""), OUTCOME_PASS, CAUSE_NONE, "4B, modified ");
        assert_true(f->rig.result.has_value && f->rig.result.value < 60);
        expect_fail(f, "gone", "", "/gone: it does not exist");
        assert_result(run(f, "gone", ", exists: false"), OUTCOME_PASS, CAUSE_NONE,
                "/gone does not exist");
        expect_fail(f, "here", ", exists: false", "/here: it exists, and should not");
        assert_result(run(f, "gone", ", optional: true, max_age: 1h"), OUTCOME_PASS, CAUSE_NONE,
                "/gone does not exist");
}

static void test_types(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "file", "");
        assert_int_equal(mkfifo(tmpdir_file(&f->dir, "pipe"), 0600), 0);
        assert_int_equal(symlink("file", tmpdir_file(&f->dir, "link")), 0);
        expect_pass(f, "file", ", type: file");
        expect_pass(f, "", ", type: directory");
        expect_pass(f, "pipe", ", type: fifo");
        expect_pass(f, "link", ", type: symlink");
        expect_pass(f, "link", ", type: file");
        expect_fail(f, "pipe", ", type: file", "/pipe: it is a fifo, expected a file");
        expect_fail(f, "file", ", type: socket", "it is a file, expected a socket");
        /* What is to be read, has to be a file: nothing else is opened. */
        expect_fail(f, "pipe", ", contains: x", "it is a fifo, expected a file");
        expect_fail(f, "", ", contains: x", "it is a directory, expected a file");
}

static void test_age(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "file", "");
        set_age(f, "file", 7200);
        expect_pass(f, "file", ", max_age: 3h");
        expect_fail(f, "file", ", max_age: 1h", "modified 2h ago, at most 1h allowed");
        assert_true(f->rig.result.value >= 7200 && f->rig.result.value < 7260);
        set_age(f, "file", -7200); /* a clock was wrong: not old at least */
        expect_pass(f, "file", ", max_age: 1h");
}

static void test_size(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "file", "text");
        expect_pass(f, "file", ", min_size: 4B, max_size: 4B");
        expect_fail(f, "file", ", min_size: 1KiB", "/file: 4B, at least 1KiB wanted");
        assert_result(run(f, "file", ", max_size: 0B"), OUTCOME_FAIL, CAUSE_RESOURCE,
                "/file: 4B, at most 0B allowed");
}

static void test_owner_and_mode(void **state) {
        struct fixture *f = *state;
        char ids[96];
        tmpdir_write(&f->dir, "file", "");
        assert_int_equal(chmod(tmpdir_file(&f->dir, "file"), 0640), 0);
        snprintf(ids, sizeof(ids), ", owner: '%u', group: '%u', mode: '640'", geteuid(), getegid());
        expect_pass(f, "file", ids);
        expect_fail(f, "file", ", mode: '4755'", "its mode is 0640, expected 4755");
        expect_fail(f, "file", ", owner: nobody", ", expected nobody");
        expect_fail(f, "file", ", group: nogroup", ", expected nogroup");
        assert_result(run(f, "file", ", owner: no-such-user"), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/file: there is no user no-such-user");
}

static void test_checksum(void **state) {
        struct fixture *f = *state;
        static const char of_text[] =
                ", sha256: 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1";
        tmpdir_write(&f->dir, "file", "text");
        expect_pass(f, "file", of_text);
        tmpdir_write(&f->dir, "file", "test"); /* of the same length, in the same moment */
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "its sha256 is 9f86d081884c7d65..., expected 982d9e3eb996f559...");
        set_age(f, "file", 3600);
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "its sha256 is 9f86d081884c7d65");
}

static void test_newest(void **state) {
        struct fixture *f = *state;
        assert_result(run(f, "*.gz", ", newest: true"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "no file matches /tmp/probe-test-");
        tmpdir_write(&f->dir, "1.gz", "text");
        tmpdir_write(&f->dir, "2.gz", "longer");
        tmpdir_write(&f->dir, "3.txt", "");
        assert_int_equal(mkdir(tmpdir_file(&f->dir, "dir.gz"), 0700), 0);
        set_age(f, "2.gz", 3600);
        set_age(f, "1.gz", 7200);
        assert_result(run(f, "*.gz", ", newest: true"), OUTCOME_PASS, CAUSE_NONE,
                "2.gz: 6B, modified 1h ago");
        expect_fail(
                f, "?.gz", ", newest: true, max_age: 30m", "2.gz: modified 1h ago, at most 30m");
        assert_result(run(f, "*.xz", ", newest: true, optional: true"), OUTCOME_PASS, CAUSE_NONE,
                "*.xz does not exist");
}

/* ---- lines ---- */

static void test_lines(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "log", "ERROR of yesterday\n");
        load(f, "log", ", matches: '^ERROR', ignore: harmless, window: 1m");
        assert_result(again(f), OUTCOME_PASS, CAUSE_NONE, "19B, modified");
        append(f, "log", "ERROR harmless\nINFO no ERROR\n");
        assert_result(again(f), OUTCOME_PASS, CAUSE_NONE, "");
        append(f, "log", "ERROR one\nERROR t\x01o\nfine\n");
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "2 lines matching \"^ERROR\" within 1m, at most 0 allowed; last: ERROR t?o");
        f->rig.skew = 55 * USEC_PER_SEC;
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "2 lines");
        f->rig.skew = 65 * USEC_PER_SEC;
        assert_result(again(f), OUTCOME_PASS, CAUSE_NONE, "");
        append(f, "log", "ERROR three\n");
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "1 line matching");
}

static void test_max_matches(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "log", "");
        load(f, "log", ", contains: timeout, max_matches: 2");
        again(f);
        append(f, "log", "timeout\ntimeout\n");
        assert_result(again(f), OUTCOME_PASS, CAUSE_NONE, "");
        append(f, "log", "a timeout\n");
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "3 lines with \"timeout\" within 5m, at most 2 allowed; last: a timeout");
}

/* The rotation is a moment without a log: other expectations fail, no line is lost. */
static void test_rotation(void **state) {
        struct fixture *f = *state;
        char to[160];
        tmpdir_write(&f->dir, "log", "");
        load(f, "log", ", contains: x, max_matches: 1");
        again(f);
        append(f, "log", "x\n");
        snprintf(to, sizeof(to), "%s/log.1", f->dir.path);
        assert_int_equal(rename(tmpdir_file(&f->dir, "log"), to), 0);
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "/log: it does not exist");
        append(f, "log", "x\n");
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "2 lines");
}

static void test_says_what_it_missed(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "log", "some text\n");
        load(f, "log", ", contains: x");
        again(f);
        assert_int_equal(unlink(tmpdir_file(&f->dir, "log")), 0);
        tmpdir_write(&f->dir, "log", "short\n");
        assert_result(again(f), OUTCOME_PASS, CAUSE_NONE, ", end of the rotated file not found");
        assert_int_equal(truncate(tmpdir_file(&f->dir, "log"), 8 * 1024 * 1024), 0);
        assert_result(again(f), OUTCOME_PASS, CAUSE_NONE, "4MiB of new lines not read: too many");
}

/* A restart could not be proven if the lines that led to it counted on. */
static void test_new_process_is_forgiven(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "log", "");
        load(f, "log", ", contains: x");
        f->rig.run.target = (struct probe_target){true, 100, 1};
        again(f);
        append(f, "log", "x\n");
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "1 line");
        f->rig.run.target.pid = 0;
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "1 line");
        append(f, "log", "x, the last words\n");
        f->rig.run.target = (struct probe_target){true, 100, 2};
        assert_result(again(f), OUTCOME_PASS, CAUSE_NONE, "");
        append(f, "log", "x\n");
        assert_result(again(f), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "1 line");
}

/* ---- what hangs and fails ---- */

static void test_errors(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "file", "");
        fault.stat_error = EIO;
        expect_fail(f, "file", "", "/file: input/output error of the device (stat)");
        fault.stat_error = EACCES;
        assert_result(run(f, "file", ""), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/file: could not be tested: Permission denied (stat)");
}

static void test_hung_mount(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "log", "");
        load(f, "log", ", contains: x");
        again(f);
        append(f, "log", "x\n");
        fault.hang = true;
        assert_result(rig_run(&f->rig, 30 * USEC_PER_MSEC), OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                "still waiting for stat in /tmp/probe-test-");
        f->rig.skew = 42 * USEC_PER_SEC;
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_true(f->rig.over);
        assert_result(&f->rig.result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, " since 42s");
        assert_int_equal(worker_counts(mount_pools_get(f->rig.host.mounts, f->dir.path)).stuck, 1);
        f->rig.skew = 0;

        /* When the mount is back so is the probe, and the line that a lost look had read. */
        fault.hang = false;
        assert_int_equal(write(fault.gate[1], "x", 1), 1);
        while (worker_counts(mount_pools_get(f->rig.host.mounts, f->dir.path)).stuck > 0) {
                sched_yield();
        }
        while (again(f)->outcome == OUTCOME_TIMEOUT) {
        }
        assert_result(&f->rig.result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "1 line");
}

/* The policy may be gone by the time a call returns; the address sanitizer watches. */
static void test_hung_beyond_its_policy(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "log", "");
        fault.hang = true;
        load(f, "log", ", contains: x, owner: root");
        rig_start(&f->rig, RIG_TIMEOUT);
        while (fault.hanging == 0) {
                sched_yield();
        }
        rig_stop(&f->rig);
        assert_non_null(strstr(f->rig.result.detail, "still waiting for stat in /tmp/"));
        rig_unload(&f->rig);
        assert_int_equal(write(fault.gate[1], "x", 1), 1);
        while (worker_counts(mount_pools_get(f->rig.host.mounts, f->dir.path)).stuck > 0) {
                sched_yield();
        }
}

/* ---- options ---- */

static void test_refused(void **state) {
        static const struct rig_refused refused[] = {
                {"file: {}", "path"},
                {"file: relative", "absolute"},
                {"file: '/var/log/*.log'", "a pattern needs newest: true"},
                {"file: {path: '/var/*/x', newest: true}", "behind the last slash only"},
                {"file: {path: '/x/*', newest: true, contains: a}", "in one file only"},
                {"file: {path: /x, exists: false, max_age: 1h}", "nothing else can be expected"},
                {"file: {path: /x, type: pipe}", "type"},
                {"file: {path: /x, type: directory, contains: a}", "only a regular file is read"},
                {"file: {path: /x, mode: rw-r--r--}", "three or four octal digits such as 0640"},
                {"file: {path: /x, mode: '0888'}", "octal digits"},
                {"file: {path: /x, sha256: abc}", "expected 64 hexadecimal digits"},
                {"file: {path: /x, min_size: 2KiB, max_size: 1KiB}", "min_size is above max_size"},
                {"file: {path: /x, matches: '('}", "bad regular expression"},
                {"file: {path: /x, contains: ''}", "an empty text is always contained"},
                {"file: {path: /x, ignore: a}", "ignore needs contains or matches"},
                {"file: {path: /x, max_matches: 3}", "max_matches needs contains or matches"},
                {"file: {path: /x, max_age: 0s}", "max_age"},
        };
        (void) state;
        rig_refuses(refused, sizeof(refused) / sizeof(refused[0]));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_exists),
                TEST(test_types),
                TEST(test_age),
                TEST(test_size),
                TEST(test_owner_and_mode),
                TEST(test_checksum),
                TEST(test_newest),
                TEST(test_lines),
                TEST(test_max_matches),
                TEST(test_rotation),
                TEST(test_says_what_it_missed),
                TEST(test_new_process_is_forgiven),
                TEST(test_errors),
                TEST(test_hung_mount),
                TEST(test_hung_beyond_its_policy),
                cmocka_unit_test(test_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
