/* The unit probe without systemd: its keys, what a state is for it, and a bus that is away. With
 * systemd it is tested in the lab. */

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probes/types.h"
#include "probes/unit_judge.h"
#include "probes/unit_probe.h"
#include "support/probe_rig.h"
#include "support/tmpdir.h"

/* ---- keys ---- */

static const struct rig_refused refused[] = {
        {"unit: nginx", "expected the name of a unit with its suffix"},
        {"unit: worker@.service", "expected an instance of the template"},
        {"unit: {name: a.service, pattern: 'b*'}", "a name or a pattern, not both"},
        {"unit: {pattern: a.service}", "write `name` instead of `pattern`"},
        {"unit: {name: a.service, max_failed: 1}", "max_failed is for a pattern"},
        {"unit: {pattern: 'a*', states: active}", "states are of one unit"},
        {"unit: {name: a.service, states: running}", "states"},
        {"unit: {name: a.service, max_restarts: 5%}", "max_restarts"},
        {"unit: {name: a.service, window: 1s}", "window"},
};

static void test_refused(void **state) {
        (void) state;
        rig_refuses(refused, sizeof(refused) / sizeof(refused[0]));
}

static void test_examples(void **state) {
        struct rig *rig = *state;
        for (const struct schema_field *field = unit_probe.schema->fields; field->key; field++) {
                bool of_many = str_eq(field->key, "max_failed");
                char probe[256];
                snprintf(probe, sizeof(probe), "unit: {%s%s: %s}", of_many ? "pattern: 'a*', " : "",
                        field->key, field->example);
                rig_load(rig, probe);
        }
        rig_load(rig, "unit: getty@tty1.service");
}

/* ---- judging ---- */

static const struct {
        struct unit_snapshot snapshot;
        uint32_t states;
        enum outcome outcome;
        enum cause cause;
        bool certain;
        const char *text;
} judged[] = {
#define LOADED .load = UNIT_LOADED, .id = "a.service"
        {{LOADED, .active = UNIT_ACTIVE, .sub = "running"}, 0, OUTCOME_PASS, CAUSE_NONE, false,
                "active (running)"},
        {{LOADED, .active = UNIT_RELOADING, .sub = "reload"}, 0, OUTCOME_PASS, CAUSE_NONE, false,
                "reload"},
        {{LOADED, .active = UNIT_ACTIVATING, .sub = "start-pre"}, 0, OUTCOME_UNKNOWN, CAUSE_NONE,
                false, "systemd starts it (start-pre)"},
        {{LOADED, .active = UNIT_ACTIVATING, .sub = "auto-restart"}, 0, OUTCOME_FAIL, CAUSE_EXITED,
                false, "restarts it by itself"},
        {{LOADED, .active = UNIT_FAILED, .result = UNIT_SIGNAL, .result_word = "signal"}, 0,
                OUTCOME_FAIL, CAUSE_EXITED, true, "failed: signal"},
        {{LOADED, .active = UNIT_FAILED, .result = UNIT_SIGNAL, .result_word = "signal",
                 .exec_main_code = CLD_DUMPED, .exec_main_status = SIGSEGV},
                0, OUTCOME_FAIL, CAUSE_EXITED_SIGNAL, true, "killed by SIGSEGV"},
        {{LOADED, .active = UNIT_FAILED, .result = UNIT_EXIT_CODE, .result_word = "exit-code",
                 .exec_main_code = CLD_EXITED, .exec_main_status = 3},
                0, OUTCOME_FAIL, CAUSE_EXITED_CODE, true, "exited with status 3"},
        {{LOADED, .active = UNIT_FAILED, .result = UNIT_OOM_KILL, .result_word = "oom-kill",
                 .exec_main_code = CLD_KILLED, .exec_main_status = SIGKILL},
                0, OUTCOME_FAIL, CAUSE_EXITED_OOM, true, "out of memory"},
        {{LOADED, .active = UNIT_FAILED, .result = UNIT_START_LIMIT_HIT,
                 .result_word = "start-limit-hit"},
                0, OUTCOME_FAIL, CAUSE_UNIT_STATE, true, "StartLimitBurst"},
        {{LOADED, .active = UNIT_FAILED, .result = UNIT_WATCHDOG, .result_word = "watchdog"}, 0,
                OUTCOME_FAIL, CAUSE_UNRESPONSIVE, true, "failed: watchdog"},
        {{LOADED, .active = UNIT_FAILED, .result = UNIT_RESOURCES, .result_word = "resources"}, 0,
                OUTCOME_FAIL, CAUSE_RESOURCE, true, "failed: resources"},
        {{LOADED, .active = UNIT_INACTIVE}, 0, OUTCOME_FAIL, CAUSE_UNIT_STATE, false, "inactive"},
        {{.id = "x.service", .active = UNIT_INACTIVE, .load = UNIT_NOT_FOUND}, 0, OUTCOME_FAIL,
                CAUSE_UNIT_STATE, false, "systemd knows no unit x.service"},
        {{.id = "x.service", .active = UNIT_INACTIVE, .load = UNIT_BAD_SETTING}, 0, OUTCOME_FAIL,
                CAUSE_UNIT_STATE, false, "cannot be loaded"},
        {{LOADED, .active = UNIT_INACTIVE}, 1U << UNIT_INACTIVE, OUTCOME_PASS, CAUSE_NONE, false,
                "inactive"},
        {{LOADED, .active = UNIT_ACTIVE}, 1U << UNIT_INACTIVE, OUTCOME_FAIL, CAUSE_UNIT_STATE,
                false, "active, which is not among `states`"},
        {{.id = "x.service", .active = UNIT_INACTIVE, .load = UNIT_NOT_FOUND}, 1U << UNIT_INACTIVE,
                OUTCOME_FAIL, CAUSE_UNIT_STATE, false, "systemd knows no unit x.service"},
};

static void test_judged(void **state) {
        (void) state;
        for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
                struct unit_history history = {0};
                struct unit_verdict verdict;
                struct probe_result result = {0};
                unit_history_feed(&history, &judged[i].snapshot);
                unit_judge(&judged[i].snapshot, &history, false, &verdict);
                unit_probe_judge(&judged[i].snapshot, &verdict, judged[i].states, &result);
                assert_result(&result, judged[i].outcome, judged[i].cause, judged[i].text);
                assert_int_equal(result.certain, judged[i].certain);
        }
}

/* ---- restarts ---- */

static void test_restarts_within_a_window(void **state) {
        struct rig *rig = *state;
        const struct unit_params params = {
                .max_restarts = {.value = 2, .unit = AMOUNT_COUNT}, .window = 10 * USEC_PER_MINUTE};
        struct unit_probe_state probe = {.host = &rig->host, .params = &params};
        struct unit_follow follow = {.probe = &probe};
        struct probe_result result = {0};
        static const uint32_t counts[] = {7, 8, 9, 0}; /* those before do not count, nor a reset */
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
                unit_follow_count(&follow, &(struct unit_snapshot){.n_restarts = counts[i]});
                assert_false(unit_restarts_over(&probe, "a.service", &result));
        }
        unit_follow_count(&follow, &(struct unit_snapshot){.n_restarts = 1});
        assert_true(unit_restarts_over(&probe, "a.service", &result));
        assert_result(&result, OUTCOME_FAIL, CAUSE_EXITED,
                "a.service: 3 restarts by systemd within 10m, at most 2 allowed");
}

/* ---- no systemd ---- */

static void test_no_name(void **state) {
        struct rig *rig = *state;
        rig_load(rig, "unit: {}");
        assert_result(rig_run(rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "no name, and the service is not a unit of systemd");
}

static void use_address(const struct tmpdir *dir) {
        char address[128];
        snprintf(address, sizeof(address), "unix:path=%s/bus", dir->path);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
}

static void check_unknown(struct rig *rig, const char *text) {
        static const char *const probes[] = {"unit: a.service", "unit: {pattern: 'a*'}"};
        for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
                rig_load(rig, probes[i]);
                assert_result(rig_run(rig, 100 * USEC_PER_MSEC), OUTCOME_UNKNOWN, CAUSE_NONE, text);
                assert_false(rig->stopped); /* it knows by itself that it is no timeout */
        }
}

static void test_no_bus(void **state) {
        struct rig *rig = *state;
        struct tmpdir dir;
        tmpdir_make(&dir);
        use_address(&dir);
        check_unknown(rig, "D-Bus is away");
        tmpdir_remove(&dir);
}

/* Whoever listens there takes the connection, and says nothing. */
static void test_silent_bus(void **state) {
        struct rig *rig = *state;
        struct tmpdir dir;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        tmpdir_make(&dir);
        use_address(&dir);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", dir.path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        check_unknown(rig, "systemd has not answered within 100ms");
        close(fd);
        tmpdir_remove(&dir);
}

static int setup(void **state) {
        struct rig *rig = calloc(1, sizeof(*rig));
        rig_open(rig);
        *state = rig;
        return 0;
}

static int teardown(void **state) {
        rig_close(*state);
        free(*state);
        return 0;
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_refused),
                TEST(test_examples),
                TEST(test_judged),
                TEST(test_restarts_within_a_window),
                TEST(test_no_name),
                TEST(test_no_bus),
                TEST(test_silent_bus),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
