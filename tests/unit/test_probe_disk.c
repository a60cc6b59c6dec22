/* The disk probe, on a real directory; faults come from system calls that this program stands in
 * for. */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "probes/disk_params.h"
#include "support/probe_rig.h"
#include "support/tmpdir.h"

/* ---- faults ---- */

static struct {
        atomic_bool hang_statvfs, hang_fsync;
        int gate[2]; /* what hangs reads from it */
        atomic_uint hanging; /* calls that hang now */
        int statvfs_error, write_error, fsync_error;
        bool read_only, full, no_inodes, corrupt;
        long change; /* of the free space, in MiB */
        unsigned fsync_msec;
} fault;

static void hang(void) {
        char byte;
        fault.hanging++;
        assert_true(read(fault.gate[0], &byte, 1) >= 0);
        fault.hanging--;
}

static int fail_with(int code) {
        errno = code;
        return -1;
}

int statvfs(const char *path, struct statvfs *st) {
        if (fault.hang_statvfs) {
                hang();
        }
        if (fault.statvfs_error) {
                return fail_with(fault.statvfs_error);
        }
        int (*real)(const char *, struct statvfs *) =
                (int (*)(const char *, struct statvfs *)) dlsym(RTLD_NEXT, "statvfs");
        int r = real(path, st);
        st->f_blocks = 1000;
        st->f_frsize = 1024 * 1024;
        st->f_bfree = (fsblkcnt_t) (400 + fault.change); /* 300 of them for everybody */
        st->f_bavail = fault.full ? 0 : (fsblkcnt_t) (300 + fault.change);
        st->f_files = fault.no_inodes ? 0 : 1000;
        st->f_ffree = st->f_favail = fault.no_inodes ? 0 : 50;
        st->f_flag = fault.read_only ? ST_RDONLY : 0;
        return r;
}

int fsync(int fd) {
        (void) fd;
        if (fault.hang_fsync) {
                hang();
        }
        if (fault.fsync_msec) {
                nanosleep(&(struct timespec){.tv_nsec = fault.fsync_msec * 1000000L}, NULL);
        }
        return fault.fsync_error ? fail_with(fault.fsync_error) : 0;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
        ssize_t (*real)(int, const void *, size_t, off_t) =
                (ssize_t(*)(int, const void *, size_t, off_t)) dlsym(RTLD_NEXT, "pwrite");
        if (fault.write_error) {
                return fail_with(fault.write_error);
        }
        return real(fd, data, size > 1000 ? 1000 : size, at); /* short writes are legal */
}

ssize_t pread(int fd, void *data, size_t size, off_t at) {
        ssize_t (*real)(int, void *, size_t, off_t) =
                (ssize_t(*)(int, void *, size_t, off_t)) dlsym(RTLD_NEXT, "pread");
        ssize_t n = real(fd, data, size, at);
        if (fault.corrupt && n > 0) {
                ((char *) data)[n - 1] ^= 1;
        }
        return n;
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

static void load(struct fixture *f, const char *more) {
        char probe[256];
        snprintf(probe, sizeof(probe), "disk: {path: %s%s}", f->dir.path, more);
        rig_load(&f->rig, probe);
}

static const struct probe_result *run(struct fixture *f, const char *more) {
        load(f, more);
        return rig_run(&f->rig, RIG_TIMEOUT);
}

static unsigned stuck_calls(const struct fixture *f) {
        return worker_counts(mount_pools_get(f->rig.host.mounts, f->dir.path)).stuck;
}

static unsigned count_files(const struct fixture *f) {
        unsigned count = 0;
        DIR *dir = opendir(f->dir.path);
        assert_non_null(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
                count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
        }
        closedir(dir);
        return count;
}

/* ---- usage ---- */

/* 600MiB used and 300MiB free for ordinary users, of 1000MiB: two thirds, as df shows. */
static void test_used(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result = run(f, ", max_used: 67%");
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "66.7% used, 300MiB free");
        assert_true(result->has_value && result->value > 0.666 && result->value < 0.667);
        assert_result(run(f, ", max_used: 66%"), OUTCOME_FAIL, CAUSE_RESOURCE_DISK,
                ": 66.7% used, at most 66% allowed (300MiB free)");
        assert_true(f->rig.result.has_value);
}

static void test_shorthand(void **state) {
        struct fixture *f = *state;
        char probe[128];
        snprintf(probe, sizeof(probe), "disk: %s", f->dir.path);
        rig_load(&f->rig, probe);
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "66.7% used, 300MiB free");
        fault.full = true;
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "100.0% used, 0B free");
}

static void test_free_space(void **state) {
        struct fixture *f = *state;
        assert_result(run(f, ", min_free: 300MiB"), OUTCOME_PASS, CAUSE_NONE, "300MiB free");
        assert_result(run(f, ", min_free: 1GiB"), OUTCOME_FAIL, CAUSE_RESOURCE_DISK,
                ": 300MiB free, at least 1GiB wanted");
        assert_result(run(f, ", min_free: 33%"), OUTCOME_PASS, CAUSE_NONE, "300MiB free");
        assert_result(run(f, ", min_free: 34%"), OUTCOME_FAIL, CAUSE_RESOURCE_DISK,
                ": 300MiB free, at least 34% wanted");
}

static void test_inodes(void **state) {
        struct fixture *f = *state;
        assert_result(run(f, ", max_inodes: 95%"), OUTCOME_PASS, CAUSE_NONE, "used");
        assert_result(run(f, ", max_inodes: 90%"), OUTCOME_FAIL, CAUSE_RESOURCE_INODES,
                ": 95.0% of inodes used, at most 90% allowed (50 free)");
        fault.no_inodes = true; /* btrfs and others have no fixed number */
        assert_result(run(f, ", max_inodes: 1%"), OUTCOME_PASS, CAUSE_NONE, "used");
}

static void test_missing(void **state) {
        struct fixture *f = *state;
        char probe[128];
        snprintf(probe, sizeof(probe), "disk: %s/nowhere", f->dir.path);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/nowhere: it does not exist (statvfs)");
        assert_false(f->rig.result.has_value);
}

/* Whose fault an error is decides whether it counts. */
static void test_errors(void **state) {
        struct fixture *f = *state;
        static const struct {
                int code;
                enum outcome outcome;
                enum cause cause;
                const char *detail;
        } cases[] = {
                {EIO, OUTCOME_FAIL, CAUSE_RESOURCE_IO,
                        "input/output error of the device (statvfs)"},
                {ESTALE, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "stale file handle"},
                {ENOTCONN, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the server of the mount is gone"},
                {EACCES, OUTCOME_UNKNOWN, CAUSE_NONE, "could not be tested: Permission denied"},
                {ENOMEM, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "could not be tested: Cannot allocate memory"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                fault.statvfs_error = cases[i].code;
                assert_result(run(f, ""), cases[i].outcome, cases[i].cause, cases[i].detail);
        }
}

/* ---- writing ---- */

static void test_writes_and_cleans_up(void **state) {
        struct fixture *f = *state;
        assert_result(run(f, ", writable: true, max_write_latency: 10s"), OUTCOME_PASS, CAUSE_NONE,
                "300MiB free, writable");
        assert_int_equal(count_files(f), 0);
}

static void test_write_faults(void **state) {
        struct fixture *f = *state;
        static const struct {
                int write_error, fsync_error;
                const char *detail;
                enum cause cause;
        } cases[] = {
                {ENOSPC, 0, "no space left (writing)", CAUSE_RESOURCE_DISK},
                {EDQUOT, 0, "disk quota exceeded (writing)", CAUSE_RESOURCE_DISK},
                {EROFS, 0, "the file system is read-only (writing)", CAUSE_RESOURCE_IO},
                {0, EIO, "input/output error of the device (fsync)", CAUSE_RESOURCE_IO},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                fault.write_error = cases[i].write_error;
                fault.fsync_error = cases[i].fsync_error;
                assert_result(
                        run(f, ", writable: true"), OUTCOME_FAIL, cases[i].cause, cases[i].detail);
                assert_int_equal(count_files(f), 0);
        }
}

static void test_read_only(void **state) {
        struct fixture *f = *state;
        fault.read_only = true;
        assert_result(run(f, ""), OUTCOME_PASS, CAUSE_NONE, "used");
        assert_result(run(f, ", writable: true"), OUTCOME_FAIL, CAUSE_RESOURCE_IO,
                ": the file system is read-only (statvfs)");
}

static void test_reads_back(void **state) {
        struct fixture *f = *state;
        fault.corrupt = true;
        assert_result(run(f, ", writable: true"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                ": what was read back is not what was written");
        assert_int_equal(count_files(f), 0);
}

static void test_slow_write(void **state) {
        struct fixture *f = *state;
        fault.fsync_msec = 5;
        assert_result(run(f, ", writable: true, max_write_latency: 1ms"), OUTCOME_FAIL, CAUSE_SLOW,
                "ms, at most 1ms allowed");
}

static void test_not_a_directory(void **state) {
        struct fixture *f = *state;
        char probe[128];
        tmpdir_write(&f->dir, "file", "text");
        snprintf(probe, sizeof(probe), "disk: {path: %s/file, writable: true}", f->dir.path);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/file: it is not a directory (opening the directory)");
}

/* Only files of the right name that nobody holds go, and only in the first run. */
static void test_sweeps_once(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, ".recoverd-probe-0123456789abcdef", "left behind");
        tmpdir_write(&f->dir, ".recoverd-probe-fedcba9876543210", "in use");
        tmpdir_write(&f->dir, ".recoverd-probe-mine", "somebody's");
        assert_int_equal(
                symlink("/etc/passwd", tmpdir_file(&f->dir, ".recoverd-probe-aaaaaaaaaaaaaaaa")),
                0);
        int held =
                open(tmpdir_file(&f->dir, ".recoverd-probe-fedcba9876543210"), O_RDWR | O_CLOEXEC);
        assert_int_equal(flock(held, LOCK_EX), 0);
        assert_result(run(f, ", writable: true"), OUTCOME_PASS, CAUSE_NONE, "writable");
        assert_int_equal(count_files(f), 3);
        assert_int_not_equal(
                access(tmpdir_file(&f->dir, ".recoverd-probe-0123456789abcdef"), F_OK), 0);
        close(held);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "writable");
        assert_int_equal(count_files(f), 3);
}

/* ---- what hangs ---- */

static void test_hung_mount(void **state) {
        struct fixture *f = *state;
        fault.hang_statvfs = true;
        load(f, "");
        assert_result(rig_run(&f->rig, 30 * USEC_PER_MSEC), OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                "still waiting for statvfs in /tmp/probe-test-");
        assert_false(f->rig.stopped); /* it said so itself, before the deadline */
        assert_int_equal(stuck_calls(f), 1);

        /* It makes no second thread, and says at once that the first is still away. */
        f->rig.skew = 42 * USEC_PER_SEC;
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_true(f->rig.over);
        assert_result(&f->rig.result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, " since 42s");
        assert_int_equal(stuck_calls(f), 1);
        assert_int_equal(fault.hanging, 1);
        f->rig.skew = 0;

        /* When the mount is back so is the probe. */
        fault.hang_statvfs = false;
        assert_int_equal(write(fault.gate[1], "x", 1), 1);
        while (stuck_calls(f) > 0) {
                sched_yield();
        }
        while (rig_run(&f->rig, RIG_TIMEOUT)->outcome == OUTCOME_TIMEOUT) {
        }
        assert_result(&f->rig.result, OUTCOME_PASS, CAUSE_NONE, "300MiB free");
}

/* The policy may be gone by the time a call returns; the address sanitizer watches. */
static void test_hung_beyond_its_policy(void **state) {
        struct fixture *f = *state;
        fault.hang_fsync = true;
        load(f, ", writable: true");
        rig_start(&f->rig, RIG_TIMEOUT);
        while (fault.hanging == 0) {
                sched_yield();
        }
        rig_stop(&f->rig);
        assert_non_null(strstr(f->rig.result.detail, "still waiting for fsync in /tmp/"));
        rig_unload(&f->rig);
        assert_int_equal(write(fault.gate[1], "x", 1), 1);
        while (stuck_calls(f) > 0) {
                sched_yield();
        }
        assert_int_equal(count_files(f), 0);
}

/* Many probes of one dead mount: a few calls hang, and the others say so at once. */
static void test_many_probes_of_a_hung_mount(void **state) {
        struct fixture *f = *state;
        struct rig others[MOUNT_STUCK];
        fault.hang_statvfs = true;
        for (size_t i = 0; i < MOUNT_STUCK; i++) {
                char probe[128];
                snprintf(probe, sizeof(probe), "disk: %s", f->dir.path);
                others[i] = (struct rig){.host = f->rig.host};
                rig_load(&others[i], probe);
                rig_start(&others[i], 80 * USEC_PER_MSEC);
        }
        load(f, "");
        assert_result(rig_run(&f->rig, 30 * USEC_PER_MSEC), OUTCOME_UNKNOWN, CAUSE_NONE,
                "no thread was free to look at the disk: other calls on this mount hang");
        for (size_t i = 0; i < MOUNT_STUCK; i++) {
                rig_finish(&others[i]);
                assert_result(&others[i].result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                        "still waiting for statvfs in /tmp/probe-test-");
        }
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_true(f->rig.over);
        assert_result(&f->rig.result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                ": 4 calls of this mount hang");
        for (size_t i = 0; i < MOUNT_STUCK; i++) {
                rig_unload(&others[i]);
        }
}

/* ---- full within ---- */

/* 300MiB are free at first, and `change` more or less each minute. */
static void run_for_an_hour(struct fixture *f, long change) {
        load(f, ", full_within: 4h, window: 1h");
        for (unsigned minute = 0; minute <= 60; minute += 3) {
                fault.change = change * (long) minute;
                f->rig.skew = minute * USEC_PER_MINUTE;
                (void) rig_run(&f->rig, RIG_TIMEOUT);
                if (minute < 24) { /* too early to tell */
                        assert_result(&f->rig.result, OUTCOME_PASS, CAUSE_NONE, "free");
                }
        }
}

static void test_full_within(void **state) {
        struct fixture *f = *state;
        run_for_an_hour(f, -2);
        assert_result(&f->rig.result, OUTCOME_DEGRADED, CAUSE_RESOURCE_DISK,
                ": full in 1h30m at the pace of the last 1h, at least 4h wanted");
        run_for_an_hour(f, 2);
        assert_result(&f->rig.result, OUTCOME_PASS, CAUSE_NONE, "420MiB free");
        fault.change = 0;
        run_for_an_hour(f, 0);
        assert_result(&f->rig.result, OUTCOME_PASS, CAUSE_NONE, "300MiB free");
}

/* ---- the device ---- */

static void test_turned_read_only(void **state) {
        struct fixture *f = *state;
        assert_result(run(f, ""), OUTCOME_PASS, CAUSE_NONE, "free");
        fault.read_only = true;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_RESOURCE_IO,
                ": the file system was writable and is read-only now");
        fault.read_only = false;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "free");
}

/* Judges one measurement of a device, as if the last one had been that of the run before. */
static const struct probe_result *judge_device(
        struct fixture *f, const struct disk_device *device, usec_t later) {
        struct disk_job job = {.wants_device = true, .usage = {.free_bytes = 1}, .device = *device};
        f->rig.skew += later;
        f->rig.run.started.mono = clock_now().mono + f->rig.skew;
        f->rig.result = (struct probe_result){0};
        disk_judge(&f->rig.run, &job, &f->rig.result);
        return &f->rig.result;
}

static void test_errors_of_the_device(void **state) {
        struct fixture *f = *state;
        struct disk_device device = {.name = "sda1", .counts_errors = true, .errors = 7};
        load(f, ", max_io_errors: 1, error_window: 10m");
        assert_result(judge_device(f, &device, 0), OUTCOME_PASS, CAUSE_NONE, "free");
        device.errors = 8;
        assert_result(judge_device(f, &device, USEC_PER_MINUTE), OUTCOME_PASS, CAUSE_NONE, "free");
        device.errors = 9;
        assert_result(judge_device(f, &device, USEC_PER_MINUTE), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                ": 2 errors of device sda1 within 10m, at most 1 allowed");
        assert_result(judge_device(f, &device, USEC_PER_HOUR), OUTCOME_PASS, CAUSE_NONE, "free");
        device.damages = 2;
        device.errors = 7; /* counted anew, as after a change of disks */
        assert_result(judge_device(f, &device, USEC_PER_HOUR), OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER,
                "the file system on sda1 has found 2 errors in itself: it needs fsck");
        device.damages = 0;
        device.missing = 1;
        assert_result(judge_device(f, &device, USEC_PER_HOUR), OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER,
                "RAID sda1 lacks 1 of its disks");
        device = (struct disk_device){.name = "vda"};
        assert_result(judge_device(f, &device, 0), OUTCOME_UNKNOWN, CAUSE_NONE,
                "nothing counts the errors of device vda");
}

static void test_latency_of_the_device(void **state) {
        struct fixture *f = *state;
        struct disk_device device = {.name = "sda1", .requests = 1000, .busy_msec = 900000};
        load(f, ", max_latency: 20ms");
        assert_result(judge_device(f, &device, 0), OUTCOME_PASS, CAUSE_NONE, "free");
        assert_result(judge_device(f, &device, USEC_PER_SEC), OUTCOME_PASS, CAUSE_NONE, "free");
        device.requests += 10;
        device.busy_msec += 200;
        assert_result(judge_device(f, &device, USEC_PER_SEC), OUTCOME_PASS, CAUSE_NONE, "free");
        device.requests += 10;
        device.busy_msec += 250;
        assert_result(judge_device(f, &device, USEC_PER_SEC), OUTCOME_FAIL, CAUSE_SLOW,
                ": device sda1 took 25ms for each of 10 requests, at most 20ms allowed");
        device.name[3] = '2'; /* another device begins anew */
        device.requests += 10;
        device.busy_msec += 9000;
        assert_result(judge_device(f, &device, USEC_PER_SEC), OUTCOME_PASS, CAUSE_NONE, "free");
}

/* /proc is on no disk. */
static void test_no_device(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "disk: {path: /proc, max_io_errors: 0}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/proc: no disk of this host is below it: No such device");
}

static void test_privileged(void **state) {
        struct fixture *f = *state;
        load(f, "");
        assert_false(f->rig.type->privileged(f->rig.run.spec->params));
        load(f, ", writable: true");
        assert_true(f->rig.type->privileged(f->rig.run.spec->params));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_used),
                TEST(test_shorthand),
                TEST(test_free_space),
                TEST(test_inodes),
                TEST(test_missing),
                TEST(test_errors),
                TEST(test_writes_and_cleans_up),
                TEST(test_write_faults),
                TEST(test_read_only),
                TEST(test_reads_back),
                TEST(test_slow_write),
                TEST(test_not_a_directory),
                TEST(test_sweeps_once),
                TEST(test_hung_mount),
                TEST(test_hung_beyond_its_policy),
                TEST(test_many_probes_of_a_hung_mount),
                TEST(test_full_within),
                TEST(test_turned_read_only),
                TEST(test_errors_of_the_device),
                TEST(test_latency_of_the_device),
                TEST(test_no_device),
                TEST(test_privileged),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
