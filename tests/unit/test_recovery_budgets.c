/* Budgets of steps and groups: counted, held, carried over a reload and a restart. */

#include "base/str.h"
#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

/* Fails without end, and is acted on without delay: one restart at a time, then a program. */
static struct service *build_eager(struct policy *policy, const char *name) {
        struct service *service = build_service(policy, name);
        build_probe(policy, service, "http");
        build_step(policy, service, ACTION_RESTART, 1000);
        build_step(policy, service, ACTION_EXEC, 1000);
        service->backoff.initial = 0;
        service->budget.actions = 100;
        return service;
}

static struct policy *step_budget(void) {
        struct policy *policy = build_policy();
        struct service *service = build_eager(policy, "web");
        build_step_budget(policy, &service->steps[0], 2, USEC_PER_HOUR);
        return build_done(policy);
}

static struct policy *group_budget(const char *name) {
        struct policy *policy = build_policy();
        const struct group_spec *group = build_group(policy, name, 3, USEC_PER_HOUR);
        build_eager(policy, "a")->group = group;
        build_eager(policy, "b")->group = group;
        return build_done(policy);
}

/* One attempt that does not help, as soon as it may begin. */
static void spend_attempt(struct world *w, uint32_t service) {
        assert_int_equal(world_phase(w, service), PHASE_SAVING);
        world_saved(w, service, true);
        world_answers(w, service, ANSWER_FAILED);
}

static void assert_held(struct world *w, uint32_t service, enum guard guard) {
        assert_int_equal(world_phase(w, service), PHASE_HELD);
        assert_int_equal(world_status(w, service).held_by, guard);
}

static void spend_two_restarts(struct world *w) {
        world_fails(w, 0, 3);
        spend_attempt(w, 0);
        spend_attempt(w, 0);
        assert_held(w, 0, GUARD_STEP_BUDGET);
}

static struct guard_status guard_of(struct world *w, uint32_t service, enum guard guard) {
        struct guard_status guards[GUARD_COUNT];
        size_t n = recovery_guards(w->recovery, service, w->now, guards);
        for (size_t i = 0; i < n; i++) {
                if (guards[i].guard == guard) {
                        return guards[i];
                }
        }
        fail_msg("no such guard");
        return (struct guard_status){0};
}

static void test_a_step_holds_until_its_window_moves_on(void **state) {
        (void) state;
        struct world *w = world_new(step_budget(), 1);
        world_fails(w, 0, 3);
        usec_t first = w->now.mono;
        spend_attempt(w, 0);
        spend_attempt(w, 0);
        assert_held(w, 0, GUARD_STEP_BUDGET);
        assert_string_equal(guard_of(w, 0, GUARD_STEP_BUDGET).text,
                "2 of 2 actions of the step spent within 1h");
        assert_int_equal(world_status(w, 0).timer, first + USEC_PER_HOUR);
        world_advance(w, USEC_PER_HOUR);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_what_a_person_asks_for_is_of_no_step(void **state) {
        (void) state;
        struct world *w = world_new(step_budget(), 1);
        spend_two_restarts(w);
        assert_true(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
        assert_int_equal(guard_of(w, 0, GUARD_STEP_BUDGET).value, 2);
        assert_int_equal(guard_of(w, 0, GUARD_SERVICE_BUDGET).value, 3);
        world_free(w);
}

static void test_what_was_not_carried_out_is_given_back(void **state) {
        (void) state;
        struct world *w = world_new(step_budget(), 1);
        world_fails(w, 0, 3);
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_LATER);
        assert_int_equal(guard_of(w, 0, GUARD_STEP_BUDGET).value, 0);
        world_free(w);
}

/* The step moved down the ladder, behind one without a budget. */
static void test_a_reload_finds_the_step_wherever_it_stands(void **state) {
        (void) state;
        struct world *w = world_new(step_budget(), 1);
        spend_two_restarts(w);

        struct policy *policy = build_policy();
        struct service *service = build_service(policy, "web");
        build_probe(policy, service, "http");
        build_step(policy, service, ACTION_RELOAD, 1);
        build_step_budget(
                policy, build_step(policy, service, ACTION_RESTART, 10), 5, USEC_PER_HOUR);
        world_reload(w, build_done(policy));
        struct service_record record;
        recovery_save_record(w->recovery, 0, w->now, &record);
        uint32_t of_step = 0;
        for (uint32_t i = 0; i < record.n_spent; i++) {
                of_step += str_eq(record.spent[i].step, "restart");
        }
        assert_int_equal(of_step, 2);
        world_free(w);
}

static void test_a_restart_of_the_agent_forgets_nothing(void **state) {
        (void) state;
        static const struct world_restart how[] = {
                {.gap = SECONDS(60)},
                {.gap = SECONDS(60), .reboot = true},
        };
        for (size_t i = 0; i < 2; i++) {
                struct world *w = world_new(step_budget(), 1);
                spend_two_restarts(w);
                world_restart(w, &how[i]);
                assert_int_equal(guard_of(w, 0, GUARD_STEP_BUDGET).value, 2);
                assert_int_equal(guard_of(w, 0, GUARD_SERVICE_BUDGET).value, 2);
                world_free(w);
        }
}

static void spend_the_group(struct world *w) {
        world_fails(w, 0, 3);
        spend_attempt(w, 0);
        world_advance(w, SECONDS(1));
        world_fails(w, 1, 3);
        spend_attempt(w, 1);
        spend_attempt(w, 0);
        assert_int_equal(guard_of(w, 1, GUARD_GROUP_BUDGET).value, 3);
}

static void test_a_group_counts_all_its_members(void **state) {
        (void) state;
        struct world *w = world_new(group_budget("shop"), 1);
        world_fails(w, 0, 3);
        usec_t first = w->now.mono;
        spend_attempt(w, 0);
        world_advance(w, SECONDS(1));
        world_fails(w, 1, 3);
        spend_attempt(w, 1);
        assert_held(w, 1, GUARD_GROUP_BUDGET); /* the third is being written down */
        assert_string_equal(guard_of(w, 1, GUARD_GROUP_BUDGET).text,
                "3 of 3 actions of the group spent within 1h");
        assert_int_equal(world_status(w, 1).timer, first + USEC_PER_HOUR);
        world_free(w);
}

static void test_a_group_is_kept_over_reload_and_restart(void **state) {
        (void) state;
        struct world *w = world_new(group_budget("shop"), 1);
        spend_the_group(w);
        world_reload(w, group_budget("shop"));
        assert_int_equal(guard_of(w, 0, GUARD_GROUP_BUDGET).value, 3);
        world_reload(w, group_budget("store")); /* renamed: its members bring what they spent */
        assert_int_equal(guard_of(w, 0, GUARD_GROUP_BUDGET).value, 3);
        world_restart(w, &(struct world_restart){.gap = SECONDS(10)});
        assert_int_equal(guard_of(w, 0, GUARD_GROUP_BUDGET).value, 3);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_step_holds_until_its_window_moves_on),
                cmocka_unit_test(test_what_a_person_asks_for_is_of_no_step),
                cmocka_unit_test(test_what_was_not_carried_out_is_given_back),
                cmocka_unit_test(test_a_reload_finds_the_step_wherever_it_stands),
                cmocka_unit_test(test_a_restart_of_the_agent_forgets_nothing),
                cmocka_unit_test(test_a_group_counts_all_its_members),
                cmocka_unit_test(test_a_group_is_kept_over_reload_and_restart),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
