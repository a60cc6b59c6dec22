/* What an action consists of: the parts of rollbacks, promotions and demotions, in order, and what
 * follows when one of them fails. */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "executor/action_plan.h"
#include "unit_test.h"

static const struct group_step_spec fence[] = {{.action = ACTION_EXEC, .timeout = 1}};
static const struct group_step_spec promote[] = {
        {.action = ACTION_EXEC, .timeout = 2}, {.action = ACTION_START}};
static const struct group_step_spec demote[] = {{.action = ACTION_EXEC, .timeout = 3},
        {.action = ACTION_STOP}, {.action = ACTION_EXEC, .timeout = 4}};
static const struct group_step_spec follow[] = {
        {.action = ACTION_EXEC, .timeout = 5}, {.action = ACTION_START}};
static const struct group_spec group = {
        .name = "shop",
        .mode = GROUP_ACTIVE_STANDBY,
        .stop_timeout = 500,
        .fence = {fence, 1},
        .promote = {promote, 2},
        .demote = {demote, 3},
        .follow = {follow, 2},
        .address = {.family = AF_INET},
};
static const struct service member = {.name = "web", .group = &group};

static void describe(const struct action_plan *plan, char *text, size_t size) {
        static const char *const own[] = {"take", "drop", "unit"};
        size_t length = 0;
        text[0] = '\0';
        for (uint32_t i = plan->at; i < plan->count; i++) {
                const struct action_part *part = &plan->parts[i];
                const char *word = part->action < ACTION_COUNT
                                           ? action_text((enum action) part->action)
                                           : own[part->action - ACTION_COUNT];
                length +=
                        (size_t) snprintf(text + length, size - length, "%s%s", i ? " " : "", word);
                if (part->limit != USEC_INFINITY) {
                        length += (size_t) snprintf(
                                text + length, size - length, "(%d)", (int) part->limit);
                }
        }
}

static void assert_plan(int action, enum demotion demotion, const char *expected) {
        struct action_plan plan;
        char text[256];
        action_plan_make(&plan, action, &member, demotion, (struct action_traces){.address = true});
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, expected);
}

static void test_most_actions_are_one_part(void **state) {
        (void) state;
        assert_plan(ACTION_RESTART, DEMOTION_WHOLE, "restart");
        assert_plan(ACTION_EXEC, DEMOTION_WHOLE, "exec");
}

static void test_a_promotion_fences_first_and_starts_last(void **state) {
        (void) state;
        assert_plan(ACTION_PROMOTE, DEMOTION_WHOLE, "exec(1) take exec(2) start");
}

static void test_a_demotion_keeps_its_order_while_there_is_time(void **state) {
        (void) state;
        assert_plan(ACTION_DEMOTE, DEMOTION_WHOLE, "exec(3) demote(500) exec(4) drop");
        assert_plan(ACTION_DEMOTE, DEMOTION_LATE, "demote(0) drop exec(3) exec(4)");
        assert_plan(ACTION_DEMOTE, DEMOTION_BARE, "demote(500) drop");
        assert_plan(ACTION_DEMOTE, DEMOTION_AGAIN, "demote(0) drop");
}

static const struct group_step_spec switches[] = {
        {.action = ACTION_HAPROXY, .timeout = 7, .haproxy.wait = 20},
        {.action = ACTION_STOP},
        {.action = ACTION_HAPROXY, .timeout = 8, .on_error = TRAFFIC_IGNORE},
};

static void test_haproxy_is_told_where_the_policy_says_so(void **state) {
        (void) state;
        struct action_plan plan;
        char text[128];
        struct group_spec other = group;
        const struct service service = {.name = "web", .group = &other};
        other.demote = other.promote = (struct group_steps){switches, 3};
        other.address.family = 0;
        action_plan_make(&plan, ACTION_DEMOTE, &service, DEMOTION_WHOLE, (struct action_traces){0});
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "haproxy(27) demote(500) haproxy(8)");
        assert_true(plan.parts[0].goes_on && plan.parts[2].goes_on);
        assert_ptr_equal(plan.parts[0].haproxy, &switches[0].haproxy);
        action_plan_make(&plan, ACTION_DEMOTE, &service, DEMOTION_LATE, (struct action_traces){0});
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "demote(0) haproxy(27) haproxy(8)");
        action_plan_make(
                &plan, ACTION_PROMOTE, &service, DEMOTION_WHOLE, (struct action_traces){0});
        assert_false(plan.parts[1].goes_on);
        assert_true(plan.parts[3].goes_on);
}

static void test_traffic_is_taken_away_before_what_interrupts(void **state) {
        (void) state;
        struct action_plan plan;
        char text[128];
        const struct rollback_spec rollback = {.stop = true};
        const struct traffic_spec traffic = {.away = {.wait = 5}, .on_error = TRAFFIC_IGNORE};
        struct service service = {.name = "web", .traffic = &traffic, .rollback = &rollback};
        action_plan_make(
                &plan, ACTION_ROLLBACK, &service, DEMOTION_WHOLE, (struct action_traces){0});
        action_plan_drain_first(&plan, ACTION_ROLLBACK, &service);
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "haproxy(2000005) stop rollback start");
        assert_true(plan.parts[0].goes_on);
        plan.at = 2;
        assert_true(action_plan_clear_up(&plan, ACTION_ROLLBACK, &service, false));
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "start");
        action_plan_make(&plan, ACTION_RELOAD, &service, DEMOTION_WHOLE, (struct action_traces){0});
        action_plan_drain_first(&plan, ACTION_RELOAD, &service);
        assert_int_equal(plan.count, 1);
        service.traffic = NULL;
        action_plan_drain_first(&plan, ACTION_RESTART, &service);
        assert_int_equal(plan.count, 1);
}

static void test_traffic_that_could_not_be_taken_may_end_the_action(void **state) {
        (void) state;
        struct action_plan plan;
        const struct rollback_spec rollback = {.stop = false};
        const struct traffic_spec traffic = {.on_error = TRAFFIC_FAIL};
        const struct service service = {.name = "web", .traffic = &traffic, .rollback = &rollback};
        action_plan_make(
                &plan, ACTION_ROLLBACK, &service, DEMOTION_WHOLE, (struct action_traces){0});
        action_plan_drain_first(&plan, ACTION_ROLLBACK, &service);
        assert_false(plan.parts[0].goes_on);
        assert_false(action_plan_clear_up(&plan, ACTION_ROLLBACK, &service, false));
        action_plan_make(
                &plan, ACTION_HAPROXY, &service, DEMOTION_WHOLE, (struct action_traces){0});
        action_plan_give_back(&plan, &service);
        assert_ptr_equal(action_plan_part(&plan)->haproxy, &traffic.back);
}

/* Nothing may run while its data are changed; whatever fails, nothing runs in the end. */
static void test_a_standby_is_made_of_what_is_proven_to_be_gone(void **state) {
        (void) state;
        struct action_plan plan;
        char text[64];
        assert_plan(ACTION_FOLLOW, DEMOTION_WHOLE, "demote(500) exec(5) start");
        action_plan_make(&plan, ACTION_FOLLOW, &member, DEMOTION_WHOLE,
                (struct action_traces){.unit = true});
        for (uint32_t i = 0; i < plan.count; i++) {
                assert_false(plan.parts[i].goes_on);
                assert_int_equal(plan.parts[i].proves, i < 2);
        }
        assert_true(action_plan_clear_up(&plan, ACTION_FOLLOW, &member, false));
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "demote(500) unit(500)");
        assert_true(plan.parts[0].proves);
}

/* Each of its parts is tried, and two of them are the proof. */
static void test_a_demotion_goes_on_whatever_fails(void **state) {
        (void) state;
        struct action_plan plan;
        action_plan_make(&plan, ACTION_DEMOTE, &member, DEMOTION_WHOLE,
                (struct action_traces){.address = true});
        for (uint32_t i = 0; i < plan.count; i++) {
                assert_true(plan.parts[i].goes_on);
                assert_int_equal(plan.parts[i].proves, plan.parts[i].action != ACTION_EXEC);
        }
}

static void test_one_that_left_the_policy_is_stopped_as_it_was_started(void **state) {
        (void) state;
        struct action_plan plan;
        char text[64];
        action_plan_make(&plan, ACTION_DEMOTE, NULL, DEMOTION_WHOLE, (struct action_traces){0});
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "demote");
}

/* A start that was cut off: systemd has to be told as well. */
static void test_a_unit_that_may_still_be_started_is_stopped(void **state) {
        (void) state;
        struct action_plan plan;
        char text[64];
        action_plan_make(&plan, ACTION_DEMOTE, &member, DEMOTION_AGAIN,
                (struct action_traces){.unit = true});
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "demote(0) unit(0)");
        assert_true(plan.parts[1].proves);
}

static void fail_at(uint32_t at, const char *expected) {
        struct action_plan plan;
        char text[256];
        action_plan_make(&plan, ACTION_PROMOTE, &member, DEMOTION_WHOLE,
                (struct action_traces){.address = true});
        plan.at = at;
        bool more = action_plan_clear_up(&plan, ACTION_PROMOTE, &member, false);
        assert_int_equal(more, expected != NULL);
        if (more) {
                describe(&plan, text, sizeof(text));
                assert_string_equal(text, expected);
        }
}

static void test_a_promotion_that_fails_is_taken_back(void **state) {
        (void) state;
        fail_at(0, NULL); /* fenced, and nothing begun */
        fail_at(2, "exec(3) demote(500) exec(4) drop");
        fail_at(3, "exec(3) demote(500) exec(4) drop");
}

static void test_a_rollback_that_fails_is_taken_back(void **state) {
        (void) state;
        const struct rollback_spec stopped = {.stop = true};
        const struct service service = {.name = "web", .rollback = &stopped};
        struct action_plan plan;
        char text[64];
        action_plan_make(
                &plan, ACTION_ROLLBACK, &service, DEMOTION_WHOLE, (struct action_traces){0});
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "stop rollback start");
        plan.at = 2;
        assert_true(action_plan_clear_up(&plan, ACTION_ROLLBACK, &service, true));
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "undo restart");
        action_plan_make(
                &plan, ACTION_ROLLBACK, &service, DEMOTION_WHOLE, (struct action_traces){0});
        plan.at = 1;
        assert_true(action_plan_clear_up(&plan, ACTION_ROLLBACK, &service, false));
        describe(&plan, text, sizeof(text));
        assert_string_equal(text, "start");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_most_actions_are_one_part),
                cmocka_unit_test(test_a_promotion_fences_first_and_starts_last),
                cmocka_unit_test(test_a_demotion_keeps_its_order_while_there_is_time),
                cmocka_unit_test(test_haproxy_is_told_where_the_policy_says_so),
                cmocka_unit_test(test_traffic_is_taken_away_before_what_interrupts),
                cmocka_unit_test(test_traffic_that_could_not_be_taken_may_end_the_action),
                cmocka_unit_test(test_a_demotion_goes_on_whatever_fails),
                cmocka_unit_test(test_a_standby_is_made_of_what_is_proven_to_be_gone),
                cmocka_unit_test(test_one_that_left_the_policy_is_stopped_as_it_was_started),
                cmocka_unit_test(test_a_unit_that_may_still_be_started_is_stopped),
                cmocka_unit_test(test_a_promotion_that_fails_is_taken_back),
                cmocka_unit_test(test_a_rollback_that_fails_is_taken_back),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
