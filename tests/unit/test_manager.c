#include <string.h>

#include "base/cleanup.h"
#include "model/manager.h"
#include "unit_test.h"

/* What the executor can do, a letter each in the order of enum action: restart, start, stop, exec,
 * notify, reload, signal. */
static const struct {
        int manager;
        bool ocf, has_reload;
        const char *can;
} cases[] = {
        {MANAGER_NONE, false, false, "---en--"},
        {MANAGER_COMMAND, false, false, "rstenls"},
        {MANAGER_UNIT, false, false, "rstenls"},
        {MANAGER_SCRIPTS, false, false, "rsten--"},
        {MANAGER_SCRIPTS, false, true, "rstenl-"},
        {MANAGER_SCRIPTS, true, false, "rstenl-"},
};

static void each_manager_can_what_its_row_says(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct scripts_spec scripts = {
                        .ocf = cases[i].ocf ? "heartbeat:redis" : NULL,
                        .reload = {.count = cases[i].has_reload},
                };
                const struct service service = {
                        .manager = cases[i].manager,
                        .scripts = cases[i].manager == MANAGER_SCRIPTS ? &scripts : NULL,
                };
                for (int action = 0; action < ACTION_COUNT; action++) {
                        bool can = cases[i].can[action] != '-';
                        assert_int_equal(manager_why_not(&service, action) == NULL, can);
                }
        }
}

static void each_manager_has_its_key_and_probe(void **state) {
        (void) state;
        assert_null(manager_traits(MANAGER_NONE)->key);
        assert_null(manager_traits(MANAGER_NONE)->probe);
        for (int manager = MANAGER_COMMAND; manager < MANAGER_COUNT; manager++) {
                assert_string_equal(
                        manager_traits(manager)->key, manager_text((enum manager) manager));
                assert_non_null(manager_traits(manager)->probe);
        }
}

static void actions_start_a_process_or_need_one(void **state) {
        (void) state;
        static const char *const kinds[ACTION_COUNT] = {
                [ACTION_RESTART] = "starts",
                [ACTION_START] = "starts",
                [ACTION_RELOAD] = "needs",
                [ACTION_SIGNAL] = "needs",
        };
        for (int action = 0; action < ACTION_COUNT; action++) {
                const char *kind = kinds[action] ? kinds[action] : "neither";
                assert_int_equal(action_starts(action), strcmp(kind, "starts") == 0);
                assert_int_equal(action_needs_running(action), strcmp(kind, "needs") == 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_manager_can_what_its_row_says),
                cmocka_unit_test(each_manager_has_its_key_and_probe),
                cmocka_unit_test(actions_start_a_process_or_need_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
