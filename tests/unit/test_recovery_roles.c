/* Liveness, readiness, warning: what each of them opens, closes and allows. The scenarios 220 to
 * 224 and 320 to 324 tell the whole stories. */

#include "model/manager.h"
#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

enum { LIVE, READY, WARNS };

/* A service "web" with a probe of each role, all passing, and no steps yet. */
static struct service *build_web(struct policy *policy) {
        struct service *web = build_service(policy, "web");
        build_probe(policy, web, "live");
        build_probe(policy, web, "ready")->role = ROLE_READINESS;
        build_probe(policy, web, "disk")->role = ROLE_WARNING;
        return web;
}

static struct world *begin(struct policy *policy) {
        struct world *w = world_new(build_done(policy), 1);
        for (uint32_t i = 0; i < world_policy(w)->n_services; i++) {
                world_runs(w, i, SECONDS(60));
                for (uint32_t p = 0; p < world_policy(w)->services[i].n_probes; p++) {
                        world_observe(w, i, p, OUTCOME_PASS, 2);
                }
        }
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        world_clear(w);
        return w;
}

static const char *state_word(const struct world *w) {
        struct service_status status = world_status(w, 0);
        return recovery_state_word(&status);
}

static void test_readiness_allows_only_what_does_not_interrupt(void **state) {
        (void) state;
        for (int action = 0; action < ACTION_COUNT; action++) {
                struct policy *policy = build_policy();
                build_step(policy, build_web(policy), (enum action) action, 1);
                struct world *w = begin(policy);
                struct step_status steps[POLICY_STEPS_MAX];

                world_observe(w, 0, READY, OUTCOME_FAIL, 3);
                world_advance(w, SECONDS(5));
                recovery_ladder(w->recovery, 0, w->now, steps);
                bool interrupts = action_traits(action)->interrupts;
                assert_int_equal(steps[0].fit == STEP_INTERRUPTS, interrupts);
                bool asked = world_count(w, EFFECT_SAVE, 0) > 0;
                assert_int_equal(asked, !interrupts && action != ACTION_NOTIFY);
                assert_int_equal(world_count_events(w, EVENT_NOTIFY, 0), action == ACTION_NOTIFY);
                world_free(w);
        }
}

static void test_what_lives_and_is_not_ready(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_step(policy, build_web(policy), ACTION_RESTART, 3);
        struct world *w = begin(policy);

        world_observe(w, 0, READY, OUTCOME_FAIL, 3);
        assert_string_equal(state_word(w), "not-ready");
        assert_true(world_status(w, 0).alive);
        assert_false(world_status(w, 0).ready);
        assert_int_equal(world_status(w, 0).incident->role, ROLE_READINESS);
        assert_string_equal(world_status(w, 0).incident->probe, "ready");

        world_observe(w, 0, READY, OUTCOME_PASS, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_true(world_status(w, 0).ready);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
        world_free(w);
}

static void test_liveness_opens_the_whole_ladder(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_step(policy, build_web(policy), ACTION_RESTART, 3);
        struct world *w = begin(policy);

        world_observe(w, 0, READY, OUTCOME_FAIL, 3);
        world_observe(w, 0, LIVE, OUTCOME_FAIL, 2);
        assert_int_equal(world_status(w, 0).incident->role, ROLE_READINESS);
        world_observe(w, 0, LIVE, OUTCOME_FAIL, 1);
        assert_int_equal(world_status(w, 0).incident->role, ROLE_LIVENESS);
        assert_string_equal(world_status(w, 0).incident->probe, "live");
        assert_int_equal(world_count_events(w, EVENT_INCIDENT_CHANGED, 0), 1);
        assert_int_equal(world_count_events(w, EVENT_INCIDENT_OPENED, 0), 1);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_free(w);
}

static void test_an_unknown_liveness_escalates_nothing(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_web(policy);
        build_step(policy, web, ACTION_EXEC, 1);
        build_step(policy, web, ACTION_RESTART, 3);
        struct world *w = begin(policy);

        world_observe(w, 0, READY, OUTCOME_FAIL, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK); /* puts everything in doubt */
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_true(world_status(w, 0).alive);
        world_observe(w, 0, LIVE, OUTCOME_UNKNOWN, 20);
        world_observe(w, 0, READY, OUTCOME_FAIL, 20);
        world_advance(w, SECONDS(60));
        assert_string_equal(state_word(w), "not-ready");
        world_free(w);
}

static void test_readiness_justifies_nothing_while_liveness_is_unknown(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_step(policy, build_web(policy), ACTION_RESTART, 3);
        struct world *w = begin(policy);

        world_observe(w, 0, LIVE, OUTCOME_FAIL, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        world_clear(w);
        world_observe(w, 0, LIVE, OUTCOME_UNKNOWN, 5);
        world_observe(w, 0, READY, OUTCOME_FAIL, 5);
        world_advance(w, SECONDS(600));
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

static void test_a_warning_is_shown_and_nothing_else(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_step(policy, build_web(policy), ACTION_RESTART, 3);
        struct world *w = begin(policy);

        world_observe(w, 0, WARNS, OUTCOME_FAIL, 10);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_status(w, 0).pace, PACE_NORMAL);
        assert_int_equal(world_status(w, 0).warnings, 1);
        assert_true(world_status(w, 0).ready);
        assert_null(world_status(w, 0).incident);
        assert_string_equal(state_word(w), "degraded");
        assert_int_equal(world_count_events(w, EVENT_WARNING, 0), 1);
        world_observe(w, 0, WARNS, OUTCOME_PASS, 2);
        assert_string_equal(state_word(w), "healthy");
        assert_int_equal(world_count_events(w, EVENT_WARNING, 0), 2);
        world_free(w);
}

static void test_a_warning_does_not_delay_the_proof(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_step(policy, build_web(policy), ACTION_RESTART, 3);
        struct world *w = begin(policy);

        world_observe(w, 0, WARNS, OUTCOME_FAIL, 10);
        world_fail_and_restart(w, 0);
        world_observe(w, 0, LIVE, OUTCOME_PASS, 2);
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        world_observe(w, 0, READY, OUTCOME_PASS, 2);
        assert_string_equal(state_word(w), "degraded");
        world_free(w);
}

static void test_the_role_outlives_the_agent_and_a_reload(void **state) {
        (void) state;
        struct policy *policy = build_policy(), *again = build_policy();
        build_step(policy, build_web(policy), ACTION_RESTART, 3);
        build_step(again, build_web(again), ACTION_RESTART, 3);
        struct world *w = begin(policy);

        world_observe(w, 0, READY, OUTCOME_FAIL, 3);
        world_restart(w, &(struct world_restart){.gap = SECONDS(1)});
        world_executor(w, true);
        world_runs(w, 0, SECONDS(60));
        assert_int_equal(world_status(w, 0).incident->role, ROLE_READINESS);
        world_observe(w, 0, READY, OUTCOME_FAIL, 3);
        world_advance(w, SECONDS(10));
        assert_string_equal(state_word(w), "not-ready");
        world_reload(w, build_done(again));
        world_advance(w, SECONDS(10));
        assert_string_equal(state_word(w), "not-ready");
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

static void test_dependents_of_what_is_not_ready(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_web(policy);
        struct service *shop = build_plain(policy, "shop");
        build_depend(policy, shop, web);
        struct world *w = begin(policy);

        world_observe(w, 0, WARNS, OUTCOME_FAIL, 3); /* is to blame for nothing */
        world_fails(w, 1, 3);
        world_observe(w, 0, LIVE, OUTCOME_PASS, 1); /* a warning is not waited for */
        world_observe(w, 0, READY, OUTCOME_PASS, 1);
        assert_int_equal(world_phase(w, 1), PHASE_BACKOFF);
        world_observe(w, 0, READY, OUTCOME_FAIL, 3);
        assert_int_equal(world_phase(w, 1), PHASE_BLOCKED);
        assert_int_equal(world_status(w, 1).culprit, 0);
        world_observe(w, 0, READY, OUTCOME_PASS, 2);
        assert_int_equal(world_phase(w, 1), PHASE_SETTLING);
        world_free(w);
}

static void test_detection_is_measured_by_the_role(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_web(policy);
        build_probe(policy, web, "other"); /* liveness, and not needed */
        web->require = 1;
        struct world *w = begin(policy);

        world_observe(w, 0, 3, OUTCOME_FAIL, 5);
        world_advance(w, SECONDS(60));
        world_observe(w, 0, READY, OUTCOME_FAIL, 3);
        assert_int_equal(world_status(w, 0).incident->failing_since, w->now.wall);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_readiness_allows_only_what_does_not_interrupt),
                cmocka_unit_test(test_what_lives_and_is_not_ready),
                cmocka_unit_test(test_liveness_opens_the_whole_ladder),
                cmocka_unit_test(test_an_unknown_liveness_escalates_nothing),
                cmocka_unit_test(test_readiness_justifies_nothing_while_liveness_is_unknown),
                cmocka_unit_test(test_a_warning_is_shown_and_nothing_else),
                cmocka_unit_test(test_a_warning_does_not_delay_the_proof),
                cmocka_unit_test(test_the_role_outlives_the_agent_and_a_reload),
                cmocka_unit_test(test_dependents_of_what_is_not_ready),
                cmocka_unit_test(test_detection_is_measured_by_the_role),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
