/* What the core learns of its steps, and what comes of it. */

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

enum { USELESS_AFTER = 9 }; /* attempts, see test_effectiveness.c */

static struct policy *restart_then(enum action second) {
        struct policy *policy = build_policy();
        struct service *service = build_service(policy, "web");
        build_probe(policy, service, "http");
        build_step(policy, service, ACTION_RESTART, 3);
        build_step(policy, service, second, 1);
        service->backoff.initial = 0;
        service->budget.actions = 200;
        policy->agent.budget.actions = 200;
        return build_done(policy);
}

/* One attempt is carried out, and the probes say what it came to. */
static void attempt(struct world *w, bool cures) {
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        if (cures) {
                world_passes(w, 0, 2);
        } else {
                world_fails(w, 0, 3);
                world_advance(w, SECONDS(30));
        }
}

static enum action planned(struct world *w) {
        struct service_status status = world_status(w, 0);
        return (enum action) status.attempt->action;
}

/* Three restarts that do not help, then the second step does. */
static void incident(struct world *w) {
        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(planned(w), ACTION_RESTART);
                attempt(w, false);
        }
        assert_int_equal(planned(w), ACTION_EXEC);
        attempt(w, true);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
}

static struct step_status step_of(struct world *w, uint32_t index) {
        struct step_status steps[POLICY_STEPS_MAX];
        (void) recovery_ladder(w->recovery, 0, w->now, steps);
        return steps[index];
}

static void learn(struct world *w) {
        for (int i = 0; i < USELESS_AFTER / 3; i++) {
                incident(w);
        }
}

static void test_a_useless_step_is_passed_over(void **state) {
        (void) state;
        struct world *w = world_new(restart_then(ACTION_EXEC), 1);
        learn(w);
        world_fails(w, 0, 3);
        assert_int_equal(planned(w), ACTION_EXEC);
        assert_string_equal(world_last_event(w, EVENT_PASSED_OVER, 0)->text,
                "restart is passed over: it cured wrong-answer 0 of 9 times");
        assert_int_equal(step_of(w, 0).fit, STEP_USELESS);
        assert_int_equal(step_of(w, 0).tried, 9);
        assert_int_equal(step_of(w, 0).cured, 0);
        assert_int_equal(step_of(w, 1).fit, STEP_SPENT); /* its only attempt is under way */
        assert_int_equal(step_of(w, 1).cured, 3);
        world_free(w);
}

static void test_another_cause_is_another_matter(void **state) {
        (void) state;
        struct world *w = world_new(restart_then(ACTION_EXEC), 1);
        learn(w);
        world_runs(w, 0, SECONDS(100));
        world_dies(w, 0, "killed by SIGKILL");
        assert_int_equal(planned(w), ACTION_RESTART);
        world_free(w);
}

/* Neither a notify nor a stop can take its place. */
static void test_the_last_step_that_acts_is_never_passed_over(void **state) {
        (void) state;
        static const enum action others[] = {ACTION_NOTIFY, ACTION_STOP};
        for (size_t i = 0; i < 2; i++) {
                struct world *w = world_new(restart_then(others[i]), 1);
                for (int k = 0; k < USELESS_AFTER; k++) {
                        world_fails(w, 0, 3);
                        assert_int_equal(planned(w), ACTION_RESTART);
                        attempt(w, false);
                        world_passes(w, 0, 2);
                        if (world_phase(w, 0) != PHASE_WATCHING) { /* another try is under way */
                                world_saved(w, 0, true);
                                world_answers(w, 0, ANSWER_REFUSED);
                                world_passes(w, 0, 2);
                        }
                }
                world_fails(w, 0, 3);
                assert_int_equal(planned(w), ACTION_RESTART);
                assert_int_equal(world_count_events(w, EVENT_PASSED_OVER, 0), 0);
                world_free(w);
        }
}

static void test_only_what_probes_judged_is_a_trial(void **state) {
        (void) state;
        static const enum world_answer answers[] = {ANSWER_REFUSED, ANSWER_FAILED, ANSWER_LOST};
        for (size_t i = 0; i < 3; i++) {
                struct world *w = world_new(restart_then(ACTION_EXEC), 1);
                world_fails(w, 0, 3);
                world_saved(w, 0, true);
                world_answers(w, 0, answers[i]);
                world_fails(w, 0, 3);
                world_advance(w, SECONDS(40));
                assert_int_equal(step_of(w, 0).tried, 0);
                world_free(w);
        }
}

static void test_memory_survives_restart_and_reload(void **state) {
        (void) state;
        struct world *w = world_new(restart_then(ACTION_EXEC), 1);
        learn(w);
        world_restart(w, &(struct world_restart){.gap = SECONDS(30), .reboot = true});
        world_executor(w, true);
        world_reload(w, restart_then(ACTION_EXEC));
        world_passes(w, 0, 2);
        world_fails(w, 0, 3);
        assert_int_equal(planned(w), ACTION_EXEC);
        world_free(w);
}

static void test_a_step_that_does_something_else_begins_anew(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *service = build_plain(policy, "web");
        service->steps[0].action = ACTION_RELOAD;
        build_step(policy, service, ACTION_EXEC, 1);
        struct world *w = world_new(restart_then(ACTION_EXEC), 1);
        learn(w);
        world_reload(w, build_done(policy));
        world_fails(w, 0, 3);
        assert_int_equal(step_of(w, 0).fit, STEP_FITS);
        assert_int_equal(step_of(w, 0).tried, 0);
        assert_int_equal(step_of(w, 1).cured, 3);
        world_free(w);
}

/* ---- A step's own backoff ---- */

static struct policy *own_backoff(void) {
        static struct backoff_spec own = {
                .initial = SECONDS(10),
                .max = SECONDS(80),
                .factor = 2,
                .jitter = JITTER_NONE,
                .reset_after = SECONDS(600),
        };
        struct policy *policy = build_policy();
        struct service *service = build_plain(policy, "web");
        service->steps[0].backoff = &own;
        return build_done(policy);
}

static usec_t wait_of(struct world *w) {
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        return world_status(w, 0).next_attempt - w->now.mono;
}

static void test_a_steps_own_backoff_goes_on_with_the_next_incident(void **state) {
        (void) state;
        struct world *w = world_new(own_backoff(), 1);
        static const usec_t waits[] = {SECONDS(10), SECONDS(20), SECONDS(40)};
        for (size_t i = 0; i < 3; i++) {
                world_fails(w, 0, 3);
                assert_int_equal(wait_of(w), waits[i]);
                world_advance(w, waits[i]);
                attempt(w, true);
                world_advance(w, SECONDS(599));
        }
        world_reload(w, own_backoff());
        world_advance(w, SECONDS(1)); /* healthy for reset_after */
        world_fails(w, 0, 3);
        assert_int_equal(wait_of(w), SECONDS(10));
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_useless_step_is_passed_over),
                cmocka_unit_test(test_another_cause_is_another_matter),
                cmocka_unit_test(test_the_last_step_that_acts_is_never_passed_over),
                cmocka_unit_test(test_only_what_probes_judged_is_a_trial),
                cmocka_unit_test(test_memory_survives_restart_and_reload),
                cmocka_unit_test(test_a_step_that_does_something_else_begins_anew),
                cmocka_unit_test(test_a_steps_own_backoff_goes_on_with_the_next_incident),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
