/* How the programs of a `scripts` service are run, and what their exit statuses mean. */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/service_script.h"
#include "unit_test.h"

static const struct scripts_spec lsb_scripts;
static const struct scripts_spec ocf_scripts = {.ocf = "heartbeat:redis"};
static const struct service lsb = {.name = "web", .scripts = &lsb_scripts};
static const struct service ocf = {.name = "web", .scripts = &ocf_scripts};

static struct script_verdict judge(
        const struct service *service, enum script_verb verb, int code, const char *output) {
        struct script_verdict verdict;
        const struct child_result result = {
                .end = CHILD_EXITED,
                .code = code,
                .output = output,
                .output_length = strlen(output),
        };
        service_script_judge(service, verb, &result, &verdict);
        return verdict;
}

static const struct {
        const struct service *service;
        int code;
        const char *output;
        enum script_state state;
        const char *text;
} looks[] = {
        {&lsb, 0, "", SCRIPT_RUNS, "running"},
        {&lsb, 0, "web is running (pid 12)\n", SCRIPT_RUNS, "running: web is running (pid 12)"},
        {&lsb, 1, "", SCRIPT_DEAD, "dead, and its pid file is left"},
        {&lsb, 2, "", SCRIPT_DEAD, "dead, and its lock file is left"},
        {&lsb, 3, "a\nb \n\n", SCRIPT_GONE, "not running: b"},
        {&lsb, 4, "", SCRIPT_UNCLEAR, "its status is unknown"},
        {&lsb, 5, "", SCRIPT_UNCLEAR, "status 5, to which the standard gives no meaning"},
        {&lsb, 150, "my own", SCRIPT_UNCLEAR,
                "status 150, to which the standard gives no meaning: my own"},
        {&ocf, 0, "", SCRIPT_RUNS, "running"},
        {&ocf, 1, "", SCRIPT_BROKEN, "failed (OCF_ERR_GENERIC)"},
        {&ocf, 2, "", SCRIPT_UNCLEAR, "wrong parameters (OCF_ERR_ARGS)"},
        {&ocf, 3, "", SCRIPT_UNCLEAR, "not implemented (OCF_ERR_UNIMPLEMENTED)"},
        {&ocf, 4, "", SCRIPT_UNCLEAR, "not enough rights (OCF_ERR_PERM)"},
        {&ocf, 5, "", SCRIPT_UNCLEAR, "not installed (OCF_ERR_INSTALLED)"},
        {&ocf, 6, "", SCRIPT_UNCLEAR, "not configured (OCF_ERR_CONFIGURED)"},
        {&ocf, 7, "", SCRIPT_GONE, "not running (OCF_NOT_RUNNING)"},
        {&ocf, 8, "", SCRIPT_RUNS, "running, promoted (OCF_RUNNING_PROMOTED)"},
        {&ocf, 9, "", SCRIPT_BROKEN, "failed while promoted (OCF_FAILED_PROMOTED)"},
        {&ocf, 190, "", SCRIPT_DEGRADED, "running, degraded (OCF_DEGRADED)"},
        {&ocf, 191, "", SCRIPT_DEGRADED, "running, promoted, degraded (OCF_DEGRADED_PROMOTED)"},
        {&ocf, 10, "", SCRIPT_UNCLEAR, "status 10, to which the standard gives no meaning"},
        {&ocf, 7, "INFO: looking\nocf-exit-reason:first\nocf-exit-reason:no pid file\nINFO: done\n",
                SCRIPT_GONE, "not running (OCF_NOT_RUNNING): no pid file"},
        {&ocf, 1, "ocf-exit-reason:\033[31mred", SCRIPT_BROKEN,
                "failed (OCF_ERR_GENERIC): ?[31mred"},
};

static void a_status_says_how_it_is(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(looks); i++) {
                struct script_verdict verdict =
                        judge(looks[i].service, SCRIPT_STATUS, looks[i].code, looks[i].output);
                assert_string_equal(verdict.text, looks[i].text);
                assert_int_equal(verdict.state, looks[i].state);
        }
}

static const struct {
        const struct service *service;
        enum script_verb verb;
        int code;
        bool ok, hopeless;
        const char *text;
} actions[] = {
        {&lsb, SCRIPT_START, 0, true, false, "exited with status 0, done"},
        {&lsb, SCRIPT_START, 1, false, false, "exited with status 1, unspecified error"},
        {&lsb, SCRIPT_START, 5, false, true,
                "exited with status 5, not installed, trying again does not help"},
        {&lsb, SCRIPT_START, 42, false, false, "exited with status 42"},
        {&lsb, SCRIPT_STOP, 7, true, false, "exited with status 7, not running"},
        {&lsb, SCRIPT_STOP, 1, false, false, "exited with status 1, unspecified error"},
        {&lsb, SCRIPT_RELOAD, 3, false, true,
                "exited with status 3, not implemented, trying again does not help"},
        {&lsb, SCRIPT_RELOAD, 7, false, false, "exited with status 7, not running"},
        {&ocf, SCRIPT_START, 6, false, true,
                "exited with status 6, not configured (OCF_ERR_CONFIGURED), trying again does not "
                "help"},
        {&ocf, SCRIPT_STOP, 7, true, false, "exited with status 7, not running (OCF_NOT_RUNNING)"},
        {&ocf, SCRIPT_VALIDATE, 0, true, false, "exited with status 0, running"},
        {&ocf, SCRIPT_VALIDATE, 2, false, true,
                "exited with status 2, wrong parameters (OCF_ERR_ARGS), trying again does not help"},
        {&ocf, SCRIPT_VALIDATE, 3, true, true,
                "exited with status 3, not implemented (OCF_ERR_UNIMPLEMENTED), trying again does "
                "not help"},
};

static void an_action_says_whether_it_worked(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                struct script_verdict verdict =
                        judge(actions[i].service, actions[i].verb, actions[i].code, "");
                assert_string_equal(verdict.text, actions[i].text);
                assert_int_equal(verdict.ok, actions[i].ok);
                assert_int_equal(verdict.hopeless, actions[i].hopeless);
        }
}

static void what_did_not_exit_says_nothing(void **state) {
        (void) state;
        struct script_verdict verdict;
        const struct child_result missing = {.end = CHILD_NOT_STARTED,
                .code = ENOENT,
                .error = "executing: No such file or directory",
                .output = ""};
        service_script_judge(&ocf, SCRIPT_STATUS, &missing, &verdict);
        assert_int_equal(verdict.state, SCRIPT_UNCLEAR);
        assert_true(verdict.hopeless);
        assert_string_equal(verdict.text,
                "the resource agent heartbeat:redis is not installed: there is no "
                "/usr/lib/ocf/resource.d/heartbeat/redis");
        service_script_judge(&lsb, SCRIPT_START, &missing, &verdict);
        assert_false(verdict.ok);
        assert_string_equal(
                verdict.text, "could not be started: executing: No such file or directory");
        const struct child_result killed = {.end = CHILD_TIMED_OUT,
                .code = SIGKILL,
                .output = "waiting for the lock\n",
                .output_length = strlen("waiting for the lock\n")};
        service_script_judge(&lsb, SCRIPT_STATUS, &killed, &verdict);
        assert_int_equal(verdict.state, SCRIPT_UNCLEAR);
        assert_string_equal(verdict.text, "timed out (killed by SIGKILL): waiting for the lock");
}

static const struct {
        const char *text;
        bool found;
        enum script_verb verb;
} meta_data[] = {
        {"<actions><action name=\"start\" timeout=\"20s\"/><action timeout=\"1s\"\n"
         "name=\"reload\" /></actions>",
                true, SCRIPT_RELOAD},
        {"<action name=\"reload-agent\"/>", true, SCRIPT_RELOAD_AGENT},
        {"<action name=\"reload-agent\"/><action name=\"reload\"/>", true, SCRIPT_RELOAD},
        {"<action name=\"start\"/><parameter name=\"reload\"/>", false, SCRIPT_START},
        {"<longdesc>the action name=\"reload\" is missing</longdesc>", false, SCRIPT_START},
        {"<action name=\"reload\"", false, SCRIPT_START},
        {"<action ", false, SCRIPT_START},
        {"", false, SCRIPT_START},
};

static void reload_is_found_in_the_meta_data(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(meta_data); i++) {
                enum script_verb verb = SCRIPT_START;
                const char *text = meta_data[i].text;
                assert_int_equal(
                        service_script_find_reload(text, strlen(text), &verb), meta_data[i].found);
                assert_int_equal(verb, meta_data[i].verb);
        }
}

static const char *variable(const struct service_script *script, const char *name) {
        size_t length = strlen(name);
        for (char **item = script->environment.items; *item; item++) {
                if (strncmp(*item, name, length) == 0 && (*item)[length] == '=') {
                        return *item + length + 1;
                }
        }
        return NULL;
}

static void a_resource_agent_gets_its_environment(void **state) {
        (void) state;
        struct pair parameters[] = {{"bin", "/usr/bin/redis-server"}, {"port", "6380"}};
        struct pair own[] = {{"LANG", "de_DE.UTF-8"}};
        const struct scripts_spec scripts = {
                .ocf = "heartbeat:redis",
                .parameters = {parameters, 2},
                .environment = {own, 1},
                .directory = "/srv",
        };
        const struct service service = {.name = "cache", .scripts = &scripts};
        const struct identity identity = {.name = "redis", .home = "/var/lib/redis", .uid = 7};
        struct service_script script;
        const struct service_script_request request = {
                &service, SCRIPT_STATUS, &identity, 3 * USEC_PER_SEC, 10};
        assert_int_equal(service_script_prepare(&script, &request, NULL), 0);
        assert_string_equal(script.child.spawn.argv[0], "/usr/lib/ocf/resource.d/heartbeat/redis");
        assert_string_equal(script.child.spawn.argv[1], "monitor");
        assert_null(script.child.spawn.argv[2]);
        assert_string_equal(script.child.spawn.directory, "/srv");
        assert_int_equal(script.child.spawn.uid, 7);
        assert_false(script.child.leave_group);
        static const char *const expected[][2] = {
                {"OCF_ROOT", "/usr/lib/ocf"},
                {"OCF_RA_VERSION_MAJOR", "1"},
                {"OCF_RA_VERSION_MINOR", "1"},
                {"OCF_RESOURCE_INSTANCE", "cache"},
                {"OCF_RESOURCE_PROVIDER", "heartbeat"},
                {"OCF_RESOURCE_TYPE", "redis"},
                {"OCF_RESKEY_bin", "/usr/bin/redis-server"},
                {"OCF_RESKEY_port", "6380"},
                {"OCF_RESKEY_CRM_meta_timeout", "3000"},
                {"OCF_CHECK_LEVEL", "10"},
                {"LANG", "de_DE.UTF-8"},
                {"USER", "redis"},
        };
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_non_null(variable(&script, expected[i][0]));
                assert_string_equal(variable(&script, expected[i][0]), expected[i][1]);
        }
        service_script_done(&script);
}

static void a_start_leaves_its_daemon(void **state) {
        (void) state;
        const char *argv[] = {"/etc/init.d/web", "start", NULL};
        const struct scripts_spec scripts = {.start = {argv, 2}, .status = {argv, 2}};
        const struct service service = {.name = "web", .scripts = &scripts};
        const struct identity identity = {0};
        struct service_script script;
        struct service_script_request request = {
                &service, SCRIPT_START, &identity, USEC_PER_SEC, 0};
        assert_int_equal(service_script_prepare(&script, &request, NULL), 0);
        assert_true(script.child.leave_group);
        assert_ptr_equal(script.child.spawn.argv, argv);
        assert_null(variable(&script, "OCF_ROOT"));
        assert_string_equal(variable(&script, "RECOVERD_SERVICE"), "web");
        service_script_done(&script);
        request.verb = SCRIPT_STATUS;
        assert_int_equal(service_script_prepare(&script, &request, NULL), 0);
        assert_false(script.child.leave_group);
        service_script_done(&script);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_status_says_how_it_is),
                cmocka_unit_test(an_action_says_whether_it_worked),
                cmocka_unit_test(what_did_not_exit_says_nothing),
                cmocka_unit_test(reload_is_found_in_the_meta_data),
                cmocka_unit_test(a_resource_agent_gets_its_environment),
                cmocka_unit_test(a_start_leaves_its_daemon),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
