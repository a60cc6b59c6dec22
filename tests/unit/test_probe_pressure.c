/* The pressure probe: on files as the kernel writes them, and once on this host. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probes/pressure_params.h"
#include "support/probe_rig.h"
#include "support/tmpdir.h"

struct fixture {
        struct rig rig;
        struct tmpdir dir;
        struct counter_history kills;
        usec_t now;
};

static void make_directory(const struct fixture *f, const char *name) {
        assert_int_equal(mkdir(tmpdir_file(&f->dir, name), 0755), 0);
}

/* A host that is well, and a cgroup that is well: 1GiB in all, half of it to be had. */
static void write_host(const struct fixture *f) {
        make_directory(f, "pressure");
        tmpdir_write(&f->dir, "pressure/cpu", "some avg10=61.20 avg60=12.50 avg300=3.00 total=9\n");
        tmpdir_write(&f->dir, "pressure/memory",
                "some avg10=0.00 avg60=4.00 avg300=1.00 total=1\n"
                "full avg10=0.00 avg60=2.25 avg300=0.50 total=1\n");
        tmpdir_write(&f->dir, "pressure/io",
                "some avg10=9.00 avg60=8.00 avg300=7.00 total=1\n"
                "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
        tmpdir_write(&f->dir, "loadavg", "3.00 1000000.00 0.10 1/100 4711\n");
        tmpdir_write(&f->dir, "meminfo",
                "MemTotal:        1048576 kB\nMemFree:          100000 kB\n"
                "MemAvailable:     524288 kB\nSwapTotal:       2097152 kB\n"
                "SwapFree:        1572864 kB\n");
        tmpdir_write(&f->dir, "vmstat", "nr_free_pages 1\noom_kill 3\noom_kill_other 9\n");
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        f->now = USEC_PER_HOUR;
        tmpdir_make(&f->dir);
        rig_open(&f->rig);
        write_host(f);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        rig_close(&f->rig);
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static struct probe_result check(struct fixture *f, const char *probe, bool of_cgroup) {
        struct probe_result result = {0};
        char cgroup[128];
        snprintf(cgroup, sizeof(cgroup), "%s/cgroup", f->dir.path);
        const struct pressure_places places = {
                .proc = f->dir.path, .cgroup = of_cgroup ? cgroup : NULL};
        rig_load(&f->rig, probe);
        pressure_check(f->rig.run.spec->params, &places, &f->kills, f->now, &result);
        return result;
}

static void expect(struct fixture *f, const char *probe, enum outcome outcome, const char *detail) {
        struct probe_result result = check(f, probe, false);
        bool cpu = strstr(detail, "cpu") || strstr(detail, "load") || strstr(detail, "processors");
        enum cause cause = cpu ? CAUSE_RESOURCE_CPU : CAUSE_RESOURCE_MEMORY;
        assert_result(&result, outcome, outcome == OUTCOME_FAIL ? cause : CAUSE_NONE, detail);
}

static void test_stalls(void **state) {
        struct fixture *f = *state;
        expect(f, "pressure: {cpu: {some: 20%}}", OUTCOME_PASS, "cpu some 12.5%");
        expect(f, "pressure: {cpu: {some: 60%, window: 10s}}", OUTCOME_FAIL,
                "cpu pressure: some 61.2% over 10s, at most 60% allowed");
        expect(f, "pressure: {memory: {some: 5%, full: 2%}}", OUTCOME_FAIL,
                "memory pressure: full 2.2% over 1m, at most 2% allowed");
        expect(f, "pressure: {memory: {full: 2%, window: 5m}, io: {some: 7%, window: 5m}}",
                OUTCOME_PASS, "memory full 0.5%, io some 7.0%");
        expect(f, "pressure: {io: {full: 0%}}", OUTCOME_PASS, "io full 0.0%");
}

/* The value is how much of the tightest limit is used. */
static void test_value(void **state) {
        struct fixture *f = *state;
        struct probe_result result =
                check(f, "pressure: {cpu: {some: 25%}, memory: {some: 40%}}", false);
        assert_true(result.has_value && result.value > 0.49 && result.value < 0.51);
        result = check(f, "pressure: {cpu: {some: 5%}}", false);
        assert_true(result.has_value && result.value > 2.4 && result.value < 2.6);
}

static void test_kernel_without_psi(void **state) {
        struct fixture *f = *state;
        assert_int_equal(unlink(tmpdir_file(&f->dir, "pressure/io")), 0);
        expect(f, "pressure: {io: {some: 5%}, min_available: 10%}", OUTCOME_UNKNOWN,
                "the kernel does not account io pressure: it takes CONFIG_PSI, and psi=1 on its "
                "command line");
        /* What can be measured and is bad is told all the same. */
        expect(f, "pressure: {io: {some: 5%}, min_available: 60%}", OUTCOME_FAIL, "available");
        tmpdir_write(&f->dir, "pressure/io", "garbage\n");
        expect(f, "pressure: {io: {some: 5%}}", OUTCOME_UNKNOWN,
                "io pressure could not be read: Bad message");
}

static void test_load(void **state) {
        struct fixture *f = *state;
        expect(f, "pressure: {max_load: 100000%, load_window: 1m}", OUTCOME_PASS, "load 3.00");
        expect(f, "pressure: {max_load: 100%}", OUTCOME_FAIL, "load 1000000.00 is ");
        expect(f, "pressure: {max_load: 100%}", OUTCOME_FAIL, " processors, at most 100% allowed");
        expect(f, "pressure: {max_load: 1000%, load_window: 15m}", OUTCOME_PASS, "load 0.10");
}

static void test_memory(void **state) {
        struct fixture *f = *state;
        expect(f, "pressure: {min_available: 50%, max_swap: 25%}", OUTCOME_PASS,
                "512MiB available, 512MiB of swap used");
        expect(f, "pressure: {min_available: 51%}", OUTCOME_FAIL,
                "512MiB of memory available (50.0%), at least 51% wanted");
        expect(f, "pressure: {min_available: 1GiB}", OUTCOME_FAIL, "at least 1GiB wanted");
        expect(f, "pressure: {max_swap: 24%}", OUTCOME_FAIL,
                "512MiB of 2GiB swap used (25.0%), at most 24% allowed");
        tmpdir_write(&f->dir, "meminfo", "MemTotal: 1000 kB\n");
        expect(f, "pressure: {max_swap: 24%}", OUTCOME_UNKNOWN, "memory could not be read");
}

static void test_no_swap(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "meminfo",
                "MemTotal: 1000 kB\nMemAvailable: 500 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
        expect(f, "pressure: {max_swap: 0%}", OUTCOME_PASS, "0B of swap used");
}

/* Only what happens while the probe watches counts, and only within the window. */
static void test_oom_kills(void **state) {
        struct fixture *f = *state;
        const char *probe = "pressure: {max_oom_kills: 1, oom_window: 10m}";
        expect(f, probe, OUTCOME_PASS, "no process was killed");
        f->now += USEC_PER_MINUTE;
        tmpdir_write(&f->dir, "vmstat", "oom_kill 4\n");
        expect(f, probe, OUTCOME_PASS, "");
        f->now += USEC_PER_MINUTE;
        tmpdir_write(&f->dir, "vmstat", "oom_kill 5\n");
        expect(f, probe, OUTCOME_FAIL,
                "2 processes killed for want of memory within 10m, at most 1 allowed");
        f->now += 10 * USEC_PER_MINUTE;
        expect(f, probe, OUTCOME_PASS, "");
        tmpdir_write(&f->dir, "vmstat", "nr_free_pages 1\n");
        expect(f, probe, OUTCOME_UNKNOWN, "kills for want of memory are not counted");
}

/* ---- of a service ---- */

static void write_cgroup(const struct fixture *f) {
        make_directory(f, "cgroup");
        tmpdir_write(&f->dir, "cgroup/memory.current", "94371840\n");
        tmpdir_write(&f->dir, "cgroup/memory.max", "104857600\n");
        tmpdir_write(&f->dir, "cgroup/memory.swap.current", "1048576\n");
        tmpdir_write(&f->dir, "cgroup/memory.swap.max", "max\n");
        tmpdir_write(&f->dir, "cgroup/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\n");
        tmpdir_write(&f->dir, "cgroup/memory.pressure",
                "some avg10=0.00 avg60=33.00 avg300=0.00 total=0\n"
                "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
}

static void test_cgroup(void **state) {
        struct fixture *f = *state;
        write_cgroup(f);
        struct probe_result result = check(f, "pressure: {of: service, memory: {some: 30%}}", true);
        assert_result(&result, OUTCOME_FAIL, CAUSE_RESOURCE_MEMORY,
                "memory pressure: some 33.0% over 1m");
        result = check(f, "pressure: {of: service, min_available: 11%}", true);
        assert_result(
                &result, OUTCOME_FAIL, CAUSE_RESOURCE_MEMORY, "10MiB of memory available (10.0%)");
        result = check(f, "pressure: {of: service, max_swap: 1MiB}", true);
        assert_result(&result, OUTCOME_PASS, CAUSE_NONE, "1MiB of swap used");

        const char *probe = "pressure: {of: service, max_oom_kills: 0}";
        result = check(f, probe, true);
        assert_result(&result, OUTCOME_PASS, CAUSE_NONE, "no process was killed");
        tmpdir_write(&f->dir, "cgroup/memory.events", "oom 3\noom_kill 2\n");
        f->now += USEC_PER_MINUTE;
        result = check(f, probe, true);
        assert_result(&result, OUTCOME_FAIL, CAUSE_RESOURCE_MEMORY,
                "1 process killed for want of memory in its cgroup within 10m, at most 0 allowed");
}

static void test_cgroup_without_limit(void **state) {
        struct fixture *f = *state;
        write_cgroup(f);
        tmpdir_write(&f->dir, "cgroup/memory.max", "max\n");
        struct probe_result result = check(f, "pressure: {of: service, min_available: 50%}", true);
        assert_result(&result, OUTCOME_PASS, CAUSE_NONE, "512MiB available");
        assert_int_equal(unlink(tmpdir_file(&f->dir, "cgroup/memory.current")), 0);
        result = check(f, "pressure: {of: service, min_available: 50%}", true);
        assert_result(
                &result, OUTCOME_UNKNOWN, CAUSE_NONE, "the memory controller is not enabled for");
}

/* ---- whole runs, on this host ---- */

static void test_this_host(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "pressure: {min_available: 1B, max_load: 100000%}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "available");
}

static void test_service_without_process(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "pressure: {of: service, max_oom_kills: 0}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "the service has no manager that knows its processes");
        struct service managed = *f->rig.run.service;
        managed.manager = MANAGER_COMMAND;
        f->rig.run.service = &managed;
        f->rig.run.target.known = true;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "the service does not run");
}

static void test_refused(void **state) {
        static const struct rig_refused refused[] = {
                {"pressure: {}", "needs at least one limit"},
                {"pressure: {cpu: {}}", "a limit for `some` or `full` is missing"},
                {"pressure: {cpu: {full: 5%}}", "cpu has no `full` for a whole host"},
                {"pressure: {of: service, max_load: 100%}", "max_load is of the whole host"},
                {"pressure: {io: {some: 101%}}", "must be at most 100%"},
                {"pressure: {io: {some: 5%, window: 30s}}", "expected 10s, 1m or 5m"},
                {"pressure: {max_load: 4}", "max_load"},
        };
        (void) state;
        rig_refuses(refused, sizeof(refused) / sizeof(refused[0]));
}

static void test_examples_load(void **state) {
        struct fixture *f = *state;
        rig_load(&f->rig, "pressure: {max_oom_kills: 0}");
        for (const struct schema_field *field = f->rig.type->schema->fields; field->key; field++) {
                char probe[256];
                snprintf(probe, sizeof(probe), "pressure: {%s%s: %s}",
                        strcmp(field->key, "max_oom_kills") == 0 ? "" : "max_oom_kills: 0, ",
                        field->key, field->example);
                rig_load(&f->rig, probe);
        }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_stalls),
                TEST(test_value),
                TEST(test_kernel_without_psi),
                TEST(test_load),
                TEST(test_memory),
                TEST(test_no_swap),
                TEST(test_oom_kills),
                TEST(test_cgroup),
                TEST(test_cgroup_without_limit),
                TEST(test_this_host),
                TEST(test_service_without_process),
                TEST(test_refused),
                TEST(test_examples_load),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
