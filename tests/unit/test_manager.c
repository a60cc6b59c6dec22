#include <string.h>

#include "base/cleanup.h"
#include "model/manager.h"
#include "unit_test.h"

/* What the executor can do, a letter each in the order of enum action: restart, start, stop, exec,
 * notify, reload, signal, rollback, undo, failover, promote, demote. */
static const struct {
        int manager;
        bool ocf, has_reload;
        const char *can;
} cases[] = {
        {MANAGER_NONE, false, false, "---en----f--h-"},
        {MANAGER_COMMAND, false, false, "rstenlsbufpdho"},
        {MANAGER_UNIT, false, false, "rstenlsbufpdho"},
        {MANAGER_SCRIPTS, false, false, "rsten--bufpdho"},
        {MANAGER_SCRIPTS, false, true, "rstenl-bufpdho"},
        {MANAGER_SCRIPTS, true, false, "rstenl-bufpdho"},
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
                [ACTION_RESTART] = "starts, interrupts",
                [ACTION_START] = "starts, interrupts",
                [ACTION_STOP] = "interrupts",
                [ACTION_RELOAD] = "needs",
                [ACTION_SIGNAL] = "needs, interrupts",
                [ACTION_ROLLBACK] = "starts, interrupts",
                [ACTION_UNDO] = "starts, interrupts",
                [ACTION_FAILOVER] = "interrupts",
                [ACTION_PROMOTE] = "starts, interrupts",
                [ACTION_DEMOTE] = "interrupts",
                [ACTION_FOLLOW] = "starts, interrupts",
        };
        for (int action = 0; action < ACTION_COUNT; action++) {
                const char *kind = kinds[action] ? kinds[action] : "";
                const struct action_traits *is = action_traits(action);
                assert_int_equal(is->starts, strstr(kind, "starts") != NULL);
                assert_int_equal(is->needs_running, strstr(kind, "needs") != NULL);
                assert_int_equal(is->interrupts, strstr(kind, "interrupts") != NULL);
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
