/* Another policy under a running core: what did not leave keeps its history, its attempt and its
 * waits. */

#include <stdio.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

/* web, and before it as many others as it takes to move it to another index. */
static struct policy *plain_policy(unsigned others) {
        struct policy *policy = build_policy();
        for (unsigned i = 0; i < others; i++) {
                char name[16];
                snprintf(name, sizeof(name), "other%u", i);
                build_plain(policy, name);
        }
        build_plain(policy, "web");
        return build_done(policy);
}

static void test_a_service_moves_with_all_it_has(void **state) {
        (void) state;
        struct world *w = world_new(plain_policy(0), 1);

        world_fails(w, 0, 3);
        world_command(w, 0, COMMAND_PAUSE, SECONDS(600));
        struct service_status before = world_status(w, 0);
        usec_t due = before.next_attempt;
        world_reload(w, plain_policy(3));
        struct service_status after = world_status(w, 3);
        assert_int_equal(after.phase, PHASE_BACKOFF);
        assert_int_equal(after.next_attempt, due);
        assert_int_equal(after.timer, due);
        assert_int_equal(after.incident->id, 1);
        assert_int_equal(after.evidence->service, 3);
        assert_int_equal(after.evidence->probe, 0);
        assert_true(after.paused);
        assert_string_equal(after.pause_reason, "upgrade");
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_advance(w, SECONDS(600));
        assert_int_equal(world_phase(w, 3), PHASE_SAVING);
        world_free(w);
}

static void test_an_attempt_under_way_is_not_touched(void **state) {
        (void) state;
        for (int saved = 0; saved < 2; saved++) {
                struct world *w = world_new(plain_policy(0), 1);
                world_fails(w, 0, 3);
                world_advance(w, SECONDS(1));
                if (saved) {
                        world_saved(w, 0, true);
                }
                uint64_t token = world_status(w, 0).attempt->intended;
                world_reload(w, plain_policy(1));
                assert_int_equal(world_status(w, 1).attempt->intended, token);
                if (!saved) {
                        world_saved(w, 1, true);
                }
                world_answers(w, 1, ANSWER_OK);
                world_passes(w, 1, 2);
                assert_int_equal(world_phase(w, 1), PHASE_WATCHING);
                assert_int_equal(world_count(w, EFFECT_ACT, UINT32_MAX), 1);
                assert_int_equal(recovery_budget_left(w->recovery, 1, w->now), 9);
                world_free(w);
        }
}

static void test_budgets_go_along(void **state) {
        (void) state;
        struct world *w = world_new(plain_policy(0), 1);

        for (int i = 0; i < 5; i++) {
                world_command(w, 0, COMMAND_RESTART, 0);
                world_saved(w, 0, true);
                world_answers(w, 0, ANSWER_OK);
                world_passes(w, 0, 2);
        }
        struct policy *smaller = build_policy();
        build_plain(smaller, "web")->budget.actions = 2;
        world_reload(w, build_done(smaller));
        assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 0);
        assert_int_equal(recovery_budget_left(w->recovery, UINT32_MAX, w->now), 95);
        world_free(w);
}

static void test_a_new_probe_proves_nothing_by_one_pass(void **state) {
        (void) state;
        struct policy *more = build_policy();
        build_probe(more, build_plain(more, "web"), "tcp");
        build_done(more);
        struct world *w = world_new(plain_policy(0), 1);

        world_fail_and_restart(w, 0);
        world_reload(w, more);
        world_passes(w, 0, 2);
        world_observe(w, 0, 1, OUTCOME_PASS, 1);
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        world_observe(w, 0, 1, OUTCOME_PASS, 1);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

static void test_a_new_probe_of_a_healthy_service(void **state) {
        (void) state;
        struct policy *more = build_policy();
        build_probe(more, build_plain(more, "web"), "tcp");
        build_done(more);
        struct world *w = world_new(plain_policy(0), 1);

        world_passes(w, 0, 1);
        world_reload(w, more);
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        world_observe(w, 0, 1, OUTCOME_PASS, 1);
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        world_free(w);
}

static void test_the_probe_that_failed_is_gone(void **state) {
        (void) state;
        struct policy *two = build_policy();
        build_probe(two, build_plain(two, "web"), "tcp");
        struct world *w = world_new(build_done(two), 1);

        world_passes(w, 0, 1);
        world_observe(w, 0, 1, OUTCOME_FAIL, 3);
        assert_string_equal(world_status(w, 0).incident->probe, "tcp");
        world_reload(w, plain_policy(0));
        assert_true(world_status(w, 0).evidence->probe == UINT32_MAX);
        world_passes(w, 0, 1);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

static void test_the_ladder_is_gone(void **state) {
        (void) state;
        struct policy *none = build_policy();
        build_probe(none, build_service(none, "web"), "http");
        build_done(none);
        struct world *w = world_new(plain_policy(0), 1);

        world_fails(w, 0, 3);
        world_reload(w, none);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_UNATTENDED);
        world_free(w);
}

static void test_a_ladder_comes(void **state) {
        (void) state;
        struct policy *none = build_policy();
        build_probe(none, build_service(none, "web"), "http");
        struct world *w = world_new(build_done(none), 1);

        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_UNATTENDED);
        world_reload(w, plain_policy(0));
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_the_step_under_way_is_gone(void **state) {
        (void) state;
        struct policy *two = build_policy();
        struct service *web = build_plain(two, "web");
        web->steps[0].attempts = 1;
        build_step(two, web, ACTION_EXEC, 3);
        struct world *w = world_new(build_done(two), 1);

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_FAILED);
        world_advance(w, SECONDS(2));
        world_saved(w, 0, true);
        assert_int_equal(world_status(w, 0).attempt->step, 1);
        world_reload(w, plain_policy(0));
        world_answers(w, 0, ANSWER_FAILED);
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        world_free(w);
}

static struct policy *web_on(bool depends) {
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        struct service *db = build_plain(policy, "db");
        if (depends) {
                build_depend(policy, web, db);
        }
        return build_done(policy);
}

static void test_the_dependency_that_blocked_is_gone(void **state) {
        (void) state;
        struct world *w = world_new(web_on(true), 1);

        world_fails(w, 1, 3);
        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_BLOCKED);
        world_reload(w, web_on(false));
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_the_dependency_that_blocked_is_still_there(void **state) {
        (void) state;
        struct world *w = world_new(web_on(true), 1);

        world_fails(w, 1, 3);
        world_fails(w, 0, 3);
        world_reload(w, web_on(true));
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_BLOCKED);
        assert_int_equal(world_status(w, 0).culprit, 1);
        world_free(w);
}

static void test_a_dependency_comes(void **state) {
        (void) state;
        struct world *w = world_new(web_on(false), 1);

        world_fails(w, 1, 3);
        world_fails(w, 0, 3);
        world_reload(w, web_on(true));
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_BLOCKED);
        world_free(w);
}

static void test_waiting_for_answers_of_dependencies(void **state) {
        (void) state;
        struct world *w = world_new(web_on(true), 1);

        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_CHECKING);
        world_reload(w, web_on(true));
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_waiting_for_the_first_start(void **state) {
        (void) state;
        struct world *w = world_new(web_on(true), 1);

        world_idle(w, 0);
        assert_int_equal(world_phase(w, 0), PHASE_QUEUED);
        world_reload(w, web_on(true));
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_QUEUED);
        world_reload(w, web_on(false));
        world_advance(w, SECONDS(1));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.origin, ORIGIN_FIRST_START);
        assert_int_equal(world_count(w, EFFECT_INCIDENT, 0), 0);
        world_free(w);
}

static void test_a_service_leaves_and_comes_back_as_new(void **state) {
        (void) state;
        struct policy *empty = build_policy();
        build_plain(empty, "db");
        build_done(empty);
        struct world *w = world_new(plain_policy(0), 1);

        world_fails(w, 0, 3);
        world_reload(w, empty);
        world_reload(w, plain_policy(0));
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_null(world_status(w, 0).incident);
        world_fails(w, 0, 3);
        assert_int_equal(world_status(w, 0).incident->id, 2);
        world_free(w);
}

static void test_the_chance_goes_on(void **state) {
        (void) state;
        struct policy *policies[2];
        usec_t due[2];
        for (int i = 0; i < 2; i++) {
                policies[i] = build_policy();
                build_plain(policies[i], "web")->backoff.jitter = JITTER_FULL;
                struct world *w = world_new(build_done(policies[i]), 7);
                if (i) {
                        struct policy *same = build_policy();
                        build_plain(same, "web")->backoff.jitter = JITTER_FULL;
                        world_reload(w, build_done(same));
                }
                world_fails(w, 0, 3);
                due[i] = world_status(w, 0).next_attempt;
                world_free(w);
        }
        assert_int_equal(due[0], due[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_service_moves_with_all_it_has),
                cmocka_unit_test(test_an_attempt_under_way_is_not_touched),
                cmocka_unit_test(test_budgets_go_along),
                cmocka_unit_test(test_a_new_probe_proves_nothing_by_one_pass),
                cmocka_unit_test(test_a_new_probe_of_a_healthy_service),
                cmocka_unit_test(test_the_probe_that_failed_is_gone),
                cmocka_unit_test(test_the_ladder_is_gone),
                cmocka_unit_test(test_a_ladder_comes),
                cmocka_unit_test(test_the_step_under_way_is_gone),
                cmocka_unit_test(test_the_dependency_that_blocked_is_gone),
                cmocka_unit_test(test_the_dependency_that_blocked_is_still_there),
                cmocka_unit_test(test_a_dependency_comes),
                cmocka_unit_test(test_waiting_for_answers_of_dependencies),
                cmocka_unit_test(test_waiting_for_the_first_start),
                cmocka_unit_test(test_a_service_leaves_and_comes_back_as_new),
                cmocka_unit_test(test_the_chance_goes_on),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
