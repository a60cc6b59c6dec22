/* The exec probe, with real programs: the contract of plug-ins, and programs that break every rule.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/exec_output.h"
#include "support/probe_rig.h"
#include "support/tmpdir.h"

struct fixture {
        struct rig rig;
        struct tmpdir dir;
        struct measurement measurements[MEASUREMENTS_MAX];
};

static struct fixture *current;

static void finished(struct probe_run *run, const struct probe_result *result) {
        assert_in_range(result->n_measurements, 0, MEASUREMENTS_MAX);
        if (result->n_measurements > 0) {
                memcpy(current->measurements, result->measurements,
                        result->n_measurements * sizeof(struct measurement));
        }
        rig_finished(run, result);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
        assert_int_equal(chmod(f->dir.path, 0755), 0); /* the programs run as another user */
        rig_open(&f->rig);
        *state = current = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        rig_close(&f->rig);
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static void load(struct fixture *f, const char *script, const char *more) {
        char probe[1024];
        snprintf(probe, sizeof(probe), "exec: {command: [/bin/sh, -c, '%s']%s}", script, more);
        rig_load(&f->rig, probe);
        f->rig.run.finished = finished;
}

static const struct probe_result *run(struct fixture *f, const char *script, const char *more) {
        load(f, script, more);
        return rig_run(&f->rig, RIG_TIMEOUT);
}

static pid_t number_behind(const char *text, const char *beginning) {
        assert_memory_equal(text, beginning, strlen(beginning));
        long number = strtol(text + strlen(beginning), NULL, 10);
        assert_true(number > 0);
        return (pid_t) number;
}

static pid_t pid_in(const struct fixture *f, const char *name) {
        char text[32] = "";
        FILE *file = fopen(tmpdir_file(&f->dir, name), "re");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof(text), file));
        fclose(file);
        return number_behind(text, "");
}

static bool is_gone(pid_t pid) {
        char path[64], text[512] = "";
        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
                return true;
        }
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        return n <= 0 || strstr(text, ") Z ") != NULL;
}

static void wait_until_gone(struct fixture *f, pid_t pid) {
        usec_t deadline = clock_now().mono + 5 * USEC_PER_SEC;
        while (!is_gone(pid) && clock_now().mono < deadline) {
                assert_int_equal(loop_turn(f->rig.host.loop, USEC_PER_MSEC), 1);
        }
        assert_true(is_gone(pid));
}

/* ---- The contract ---- */

static void test_contract_of_plugins(void **state) {
        struct fixture *f = *state;
        assert_result(run(f, "echo LOAD OK", ""), OUTCOME_PASS, CAUSE_NONE, "LOAD OK");
        assert_result(run(f, "echo LOAD WARNING; exit 1", ""), OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER,
                "LOAD WARNING");
        assert_result(run(f, "echo LOAD CRITICAL; exit 2", ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "LOAD CRITICAL");
        assert_result(run(f, "echo LOAD UNKNOWN; exit 3", ""), OUTCOME_UNKNOWN, CAUSE_NONE,
                "LOAD UNKNOWN");
        assert_result(run(f, "echo what; exit 4", ""), OUTCOME_UNKNOWN, CAUSE_NONE,
                "exited with status 4: what");
        assert_result(run(f, "kill -SEGV $$", ""), OUTCOME_UNKNOWN, CAUSE_NONE,
                "killed by SIGSEGV, no output");
        assert_result(run(f, "exit 1", ", warning: fail"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "exited with status 1, no output");
}

static void test_contract_of_other_programs(void **state) {
        struct fixture *f = *state;
        static const char plain[] = ", contract: plain";
        assert_result(run(f, "true", plain), OUTCOME_PASS, CAUSE_NONE, "exited with status 0");
        assert_result(run(f, "echo no route; exit 1", plain), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "exited with status 1: no route");
        assert_result(run(f, "exit 3", plain), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "status 3");
        assert_result(run(f, "kill -ABRT $$", plain), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "killed by SIGABRT");
}

/* The text is the first line of standard output; without one, standard error says more than
 * nothing. */
static void test_text(void **state) {
        struct fixture *f = *state;
        assert_result(
                run(f, "echo noise >&2; echo OK; echo more", ""), OUTCOME_PASS, CAUSE_NONE, "OK");
        assert_string_equal(f->rig.result.detail, "OK");
        assert_result(run(f, "echo; echo second", ""), OUTCOME_PASS, CAUSE_NONE, "second");
        assert_result(run(f, "echo cannot find module >&2; exit 2", ""), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "exited with status 2, stderr: cannot find module");
        assert_result(
                run(f, "printf \"a\\001b\\033[31m\"", ""), OUTCOME_PASS, CAUSE_NONE, "a?b?[31m");
        assert_result(run(f, "head -c 500 /dev/zero | tr \"\\0\" x", ""), OUTCOME_PASS, CAUSE_NONE,
                "xxx");
        assert_int_equal(strlen(f->rig.result.detail), OBSERVATION_DETAIL_MAX - 1);
}

/* That it cannot be run says nothing about what it would have looked at. */
static void test_a_program_that_cannot_be_run(void **state) {
        struct fixture *f = *state;
        char probe[256];
        rig_load(&f->rig, "exec: [/nowhere/check_nothing]");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/nowhere/check_nothing: could not be started: executing: No such file or directory");
        tmpdir_write(&f->dir, "data", "no program");
        snprintf(probe, sizeof(probe), "exec: {command: [%s/data], contract: plain}", f->dir.path);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "executing: Permission denied");
}

/* ---- Performance data ---- */

static void test_performance_data(void **state) {
        struct fixture *f = *state;
        static const char script[] = "echo \"OK | load1=0.5;1;2 load5=0.75\"; echo more; "
                                     "echo \"text | time=12ms\"; echo size=3KB";
        const struct probe_result *result = run(f, script, "");
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "OK");
        assert_string_equal(result->detail, "OK");
        assert_int_equal(result->n_measurements, 4);
        assert_true(result->has_value && result->value > 0.49 && result->value < 0.51);
        assert_string_equal(f->measurements[2].label, "time");
        assert_string_equal(f->measurements[2].unit, "seconds");
        assert_string_equal(f->measurements[3].unit, "bytes");
}

static void test_the_value_may_be_chosen(void **state) {
        struct fixture *f = *state;
        static const char script[] = "echo \"OK|a=1 b=2 c=3\"";
        const struct probe_result *result = run(f, script, ", value: c");
        assert_true(result->has_value && result->value > 2.9);
        assert_string_equal(f->measurements[0].label, "c");
        assert_string_equal(f->measurements[1].label, "a");
        assert_string_equal(f->measurements[2].label, "b");
        result = run(f, script, ", value: d");
        assert_false(result->has_value);
        assert_int_equal(result->n_measurements, 3);
}

static void test_performance_data_that_lies(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result =
                run(f, "echo \"OK|a=nan b=1e999 c=U d=1,5 e= =1 g=7s h=8 i i=9\"", "");
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "OK");
        assert_int_equal(result->n_measurements, 3);
        assert_true(result->has_value && result->value > 6.9 && result->value < 7.1);
        result = run(f, "printf \"|\"; head -c 5000 /dev/urandom", "");
        assert_int_equal(result->outcome, OUTCOME_PASS);
        assert_int_equal(run(f, "echo \"|a=1\"", "")->n_measurements, 1);
        assert_string_equal(f->rig.result.detail, "exited with status 0, no output");
}

/* Half a number is not a number. */
static void test_what_was_cut_is_not_believed(void **state) {
        struct fixture *f = *state;
        static const char script[] =
                "printf \"OK|a=1 b=\"; head -c 1000 /dev/zero | tr \"\\0\" 1; echo \" c=3\"";
        const struct probe_result *result = run(f, script, ", max_output: 256B");
        assert_int_equal(result->n_measurements, 1);
        assert_string_equal(f->measurements[0].label, "a");
}

static void test_reading_output(void **state) {
        (void) state;
        static const struct {
                const char *output, *text;
                bool cut;
                unsigned count;
        } cases[] = {
                {"", "", false, 0},
                {"\n\n", "", false, 0},
                {"|", "", false, 0},
                {"  OK  |a=1\r\n", "OK", false, 1},
                {"OK\n", "OK", false, 0},
                {"OK\nlong a=1\nlong", "OK", false, 0},
                {"OK\nlong|a=1\nb=2\nc=3", "OK", false, 3},
                {"OK|a=1\nlong|b=2\nc=3\n", "OK", false, 3},
                {"OK|a=1 b=2", "OK", true, 1},
                {"OK|a=1 b=2\n", "OK", true, 2},
                {"OK|a=1\nlong|b=2", "OK", true, 1},
                {"OK and much mor", "OK and much mor", true, 0},
                {"OK|a=1", "OK", true, 0},
                {"|a=1\nsecond", "", false, 1},
                {"\n second | a=1\nb=2", "second", false, 2},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct exec_output output;
                exec_output_read(cases[i].output, strlen(cases[i].output), cases[i].cut, &output);
                assert_string_equal(output.text, cases[i].text);
                assert_int_equal(output.perfdata.count, cases[i].count);
        }
}

/* ---- Who it runs as, and with what ---- */

static void test_runs_as_nobody_special(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result = run(f, "id -u; ", "");
        assert_int_equal(result->outcome, OUTCOME_PASS);
        if (geteuid() == 0) {
                assert_string_not_equal(result->detail, "0");
                assert_result(run(f, "id -u", ", user: root"), OUTCOME_PASS, CAUSE_NONE, "0");
                assert_result(
                        run(f, "id -un", ", user: daemon"), OUTCOME_PASS, CAUSE_NONE, "daemon");
                assert_result(run(f, "id -u", ", user: 12345"), OUTCOME_PASS, CAUSE_NONE, "12345");
        }
        assert_result(run(f, "true", ", user: no-such-user"), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/bin/sh: not run: no user named no-such-user");
        /* It is remembered for a while. */
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_true(f->rig.over);
        assert_result(&f->rig.result, OUTCOME_UNKNOWN, CAUSE_NONE, "no user named no-such-user");
}

static void test_environment(void **state) {
        struct fixture *f = *state;
        assert_int_equal(setenv("SECRET_OF_THE_AGENT", "1", 1), 0);
        assert_result(
                run(f, "echo $RECOVERD_SERVICE/$RECOVERD_PROBE $LANG [$SECRET_OF_THE_AGENT]", ""),
                OUTCOME_PASS, CAUSE_NONE, "shop/probe C []");
        assert_result(
                run(f, "echo $PGHOST $LANG", ", environment: {PGHOST: /run/pg, LANG: C.UTF-8}"),
                OUTCOME_PASS, CAUSE_NONE, "/run/pg C.UTF-8");
        assert_result(run(f, "ulimit -Sn", ""), OUTCOME_PASS, CAUSE_NONE, "1024");
        assert_result(run(f, "cat; pwd", ""), OUTCOME_PASS, CAUSE_NONE, "/");
}

static void test_privileged(void **state) {
        struct fixture *f = *state;
        load(f, "true", "");
        assert_false(f->rig.type->privileged(f->rig.run.spec->params));
        load(f, "true", ", user: postgres");
        assert_true(f->rig.type->privileged(f->rig.run.spec->params));
}

static void test_nonsense_in_policies(void **state) {
        (void) state;
        static const struct {
                const char *probe, *problem;
        } cases[] = {
                {"exec: [check_load]", "absolute"},
                {"exec: {command: []}", "command"},
                {"exec: {command: [/bin/true], contract: plain, warning: fail}",
                        "warning needs contract: nagios"},
                {"exec: {command: [/bin/true], environment: {\"A=B\": c}}",
                        "letters, digits and '_' only"},
                {"exec: {command: [/bin/true], max_output: 1GiB}", "1MiB"},
                {"exec: {user: nobody}", "command"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct problems problems = {0};
                struct strbuf text = {0};
                struct policy *policy = NULL;
                if (rig_parse(cases[i].probe, &policy, &problems) >= 0) {
                        fail_msg("%s loads", cases[i].probe);
                }
                problems_format(&problems, &text);
                if (!strstr(strbuf_text(&text), cases[i].problem)) {
                        fail_msg("%s: %s", cases[i].probe, strbuf_text(&text));
                }
                strbuf_done(&text);
                problems_done(&problems);
        }
}

/* ---- Programs that break the rules ---- */

/* Nobody stops it from outside: the run keeps to its time by itself, however busy the machine. */
static const struct probe_result *run_to_its_end(struct fixture *f, usec_t timeout) {
        rig_start(&f->rig, timeout);
        usec_t patience = clock_now().mono + 10 * USEC_PER_SEC;
        while (!f->rig.over && clock_now().mono < patience) {
                assert_int_equal(loop_turn(f->rig.host.loop, 100 * USEC_PER_MSEC), 1);
        }
        assert_true(f->rig.over);
        return &f->rig.result;
}

static const struct probe_result *run_late(struct fixture *f, const char *script) {
        load(f, script, "");
        const struct probe_result *result = run_to_its_end(f, 400 * USEC_PER_MSEC);
        assert_result(result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, "no result within 400ms");
        return result;
}

static void test_a_plugin_may_say_why_it_is_late(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result = run_late(
                f, "trap \"echo waited for the disk; exit 2\" TERM; while :; do sleep 0.01; done");
        assert_string_equal(result->detail, "no result within 400ms: waited for the disk");
}

static void test_a_plugin_that_ignores_term(void **state) {
        struct fixture *f = *state;
        char script[256];
        snprintf(script, sizeof(script), "trap \"\" TERM; echo $$; while :; do sleep 100; done");
        const struct probe_result *result = run_late(f, script);
        pid_t pid = number_behind(result->detail, "no result within 400ms: ");
        wait_until_gone(f, pid);
}

static void test_its_children_go_with_it(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result =
                run_late(f, "trap \"\" TERM; sleep 100 & echo $!; while :; do sleep 100; done");
        pid_t pid = number_behind(result->detail, "no result within 400ms: ");
        wait_until_gone(f, pid);
}

static void test_a_plugin_that_floods(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result =
                run(f, "echo first; head -c 3000000 /dev/zero; exit 2", "");
        assert_result(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "first");
        run_late(f, "cat /dev/zero");
        run_late(f, "cat /dev/zero >&2");
}

static void test_a_plugin_that_closes_its_pipes_and_stays(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result =
                run_late(f, "echo said; exec >&- 2>&-; while :; do sleep 100; done");
        assert_string_equal(result->detail, "no result within 400ms: said");
}

/* The result does not wait for a daemon that holds the pipe, and one in the group of the plug-in is
 * ended with it. */
static void test_a_plugin_that_leaves_a_child(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result = run(f, "sleep 100 & echo $!", "");
        assert_int_equal(result->outcome, OUTCOME_PASS);
        pid_t pid = number_behind(result->detail, "");
        wait_until_gone(f, pid);
}

/* One in a session of its own is not the probe's to find; it delays nothing, either. */
static void test_a_plugin_that_leaves_a_daemon(void **state) {
        struct fixture *f = *state;
        const struct probe_result *result = run(f, "setsid sleep 100 & sleep 0.05; echo $!", "");
        assert_int_equal(result->outcome, OUTCOME_PASS);
        pid_t pid = number_behind(result->detail, "");
        assert_false(is_gone(pid));
        assert_int_equal(kill(pid, SIGKILL), 0);
}

static void test_stop_ends_it_at_once(void **state) {
        struct fixture *f = *state;
        char script[256];
        assert_int_equal(chmod(f->dir.path, 0777), 0);
        snprintf(script, sizeof(script), "echo $$ >%s/new; mv %s/new %s/pid; sleep 100",
                f->dir.path, f->dir.path, f->dir.path);
        load(f, script, "");
        rig_start(&f->rig, RIG_TIMEOUT);
        while (access(tmpdir_file(&f->dir, "pid"), F_OK) < 0) {
                assert_int_equal(loop_turn(f->rig.host.loop, USEC_PER_MSEC), 1);
        }
        pid_t pid = pid_in(f, "pid");
        rig_stop(&f->rig);
        rig_unload(
                &f->rig); /* nor may it touch the policy any more; the address sanitizer watches */
        wait_until_gone(f, pid);
}

/* A process that SIGKILL has not ended yet keeps the next one from starting. */
static void test_no_second_one_beside_a_dying_one(void **state) {
        struct fixture *f = *state;
        load(f, "sleep 100", "");
        rig_start(&f->rig, RIG_TIMEOUT);
        for (int i = 0; i < 5; i++) {
                assert_int_equal(loop_turn(f->rig.host.loop, 20 * USEC_PER_MSEC), 1);
        }
        rig_stop(&f->rig);
        rig_start(&f->rig, RIG_TIMEOUT); /* in the same turn: it cannot have been reaped */
        assert_true(f->rig.over);
        assert_result(&f->rig.result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, " of the run ");
        for (int i = 0; i < 100 && f->rig.over; i++) {
                assert_int_equal(loop_turn(f->rig.host.loop, 20 * USEC_PER_MSEC), 1);
                rig_start(&f->rig, RIG_TIMEOUT);
        }
        assert_false(f->rig.over);
        rig_stop(&f->rig);
}

/* ---- Turns ---- */

enum { MANY = EXEC_PROGRAMS_MAX + 3 };

static void test_not_too_many_at_once(void **state) {
        struct fixture *f = *state;
        struct rig *rigs = calloc(MANY, sizeof(*rigs));
        char probe[256];
        assert_int_equal(mkfifo(tmpdir_file(&f->dir, "gate"), 0666), 0);
        assert_int_equal(chmod(tmpdir_file(&f->dir, "gate"), 0666), 0);
        snprintf(probe, sizeof(probe), "exec: {command: [/bin/sh, -c, 'cat %s/gate; true']}",
                f->dir.path);
        for (size_t i = 0; i < MANY; i++) {
                rigs[i] = (struct rig){.host = f->rig.host};
                rig_load(&rigs[i], probe);
                rig_start(&rigs[i], 20 * USEC_PER_SEC);
        }
        load(f, "true", "");
        assert_result(run_to_its_end(f, 100 * USEC_PER_MSEC), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/bin/sh: not run: 64 others were running all the time");
        rig_stop(&rigs[MANY - 1]); /* one that waits may leave */
        /* Lets those go that wait for a writer, and finds none to wait for those that come. */
        int gate = open(tmpdir_file(&f->dir, "gate"), O_RDWR | O_CLOEXEC);
        assert_int_equal(unlink(tmpdir_file(&f->dir, "gate")), 0);
        close(gate);
        for (size_t i = 0; i < MANY - 1; i++) {
                rig_finish(&rigs[i]);
                assert_result(&rigs[i].result, OUTCOME_PASS, CAUSE_NONE, "status 0");
        }
        for (size_t i = 0; i < MANY; i++) {
                rig_unload(&rigs[i]);
        }
        free(rigs);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "status 0");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_contract_of_plugins),
                TEST(test_contract_of_other_programs),
                TEST(test_text),
                TEST(test_a_program_that_cannot_be_run),
                TEST(test_performance_data),
                TEST(test_the_value_may_be_chosen),
                TEST(test_performance_data_that_lies),
                TEST(test_what_was_cut_is_not_believed),
                cmocka_unit_test(test_reading_output),
                TEST(test_runs_as_nobody_special),
                TEST(test_environment),
                TEST(test_privileged),
                TEST(test_nonsense_in_policies),
                TEST(test_a_plugin_may_say_why_it_is_late),
                TEST(test_a_plugin_that_ignores_term),
                TEST(test_its_children_go_with_it),
                TEST(test_a_plugin_that_floods),
                TEST(test_a_plugin_that_closes_its_pipes_and_stays),
                TEST(test_a_plugin_that_leaves_a_child),
                TEST(test_a_plugin_that_leaves_a_daemon),
                TEST(test_stop_ends_it_at_once),
                TEST(test_no_second_one_beside_a_dying_one),
                TEST(test_not_too_many_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
