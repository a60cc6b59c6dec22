/* The way of one service through the core: first start, failure, attempts, proof, the end of the
 * ladder. */

#include <errno.h>
#include <stdio.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

/* One service "web", as build_plain makes it. */
static struct world *one_service(void) {
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        return world_new(build_done(policy), 1);
}

/* ---- First start ---- */

static void test_first_starts_follow_the_graph(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        struct service *db = build_plain(policy, "db");
        build_depend(policy, web, db);
        struct world *w = world_new(build_done(policy), 1);

        world_idle(w, 0);
        assert_int_equal(world_phase(w, 0), PHASE_QUEUED);
        assert_int_equal(world_status(w, 0).culprit, 1);
        world_idle(w, 1);
        assert_int_equal(world_phase(w, 1), PHASE_SAVING);
        assert_int_equal(world_last(w, EFFECT_SAVE, 1)->attempt.attempt.origin, ORIGIN_FIRST_START);
        assert_int_equal(world_last(w, EFFECT_SAVE, 1)->attempt.attempt.action, ACTION_START);
        world_saved(w, 1, true);
        world_answers(w, 1, ANSWER_OK);
        world_runs(w, 1, 0);
        world_passes(w, 1, 1);
        assert_int_equal(world_phase(w, 0), PHASE_QUEUED);
        world_passes(w, 1, 1);
        assert_int_equal(world_phase(w, 1), PHASE_WATCHING);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        assert_int_equal(world_count(w, EFFECT_INCIDENT, UINT32_MAX), 0);
        world_free(w);
}

static void test_first_start_spends_no_budget(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->budget.actions = 0;
        struct world *w = world_new(build_done(policy), 1);

        world_idle(w, 0);
        world_saved(w, 0, true);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 1);
        assert_int_equal(recovery_budget_left(w->recovery, UINT32_MAX, w->now), 100);
        world_free(w);
}

static void test_first_start_that_fails_opens_an_incident(void **state) {
        (void) state;
        struct world *w = one_service();

        world_idle(w, 0);
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(30));
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_int_equal(world_count_events(w, EVENT_INCIDENT_OPENED, 0), 1);
        assert_string_equal(world_status(w, 0).incident->text, "503 Service Unavailable");
        world_advance(w, SECONDS(1));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.action, ACTION_RESTART);
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.number, 1);
        world_free(w);
}

static void test_running_at_the_start_is_left_alone(void **state) {
        (void) state;
        struct world *w = one_service();

        world_runs(w, 0, SECONDS(100));
        world_passes(w, 0, 5);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

/* ---- One incident ---- */

static void test_failure_is_detected_delayed_written_acted_and_proven(void **state) {
        (void) state;
        struct world *w = one_service();

        world_passes(w, 0, 1);
        world_fails(w, 0, 2);
        assert_int_equal(world_status(w, 0).health, HEALTH_SUSPECT);
        assert_int_equal(world_last(w, EFFECT_PACE, 0)->service, 0);
        assert_int_equal(world_status(w, 0).pace, PACE_FAST);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_fails(w, 0, 1);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_int_equal(world_last(w, EFFECT_TIMER, 0)->at, w->now.mono + SECONDS(1));

        world_advance(w, SECONDS(1) - 1);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_advance(w, 1);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 1);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
        uint64_t token = world_last(w, EFFECT_SAVE, 0)->attempt.token;
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.delay, SECONDS(1));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.intended, token);

        world_saved(w, 0, true);
        assert_int_equal(world_last(w, EFFECT_ACT, 0)->attempt.token, token);
        world_answers(w, 0, ANSWER_OK);
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(world_status(w, 0).health, HEALTH_FAILED);
        assert_int_equal(world_count(w, EFFECT_PROBE, 0), 1);
        assert_int_equal(world_status(w, 0).pace, PACE_FAST);
        world_passes(w, 0, 1);
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        world_passes(w, 0, 1);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_null(world_status(w, 0).incident);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_RECOVERED);
        assert_int_equal(
                world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.result, ATTEMPT_RECOVERED);
        world_free(w);
}

static void test_death_needs_no_counting(void **state) {
        (void) state;
        struct world *w = one_service();

        world_runs(w, 0, SECONDS(100));
        world_passes(w, 0, 1);
        world_dies(w, 0, "killed by SIGKILL");
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_string_equal(world_status(w, 0).incident->text, "killed by SIGKILL");
        assert_int_equal(world_status(w, 0).incident->cause, CAUSE_EXITED);
        assert_string_equal(world_status(w, 0).incident->probe, "");
        world_free(w);
}

static void test_death_is_proven_wrong_by_new_passes_only(void **state) {
        (void) state;
        struct world *w = one_service();

        world_runs(w, 0, SECONDS(100));
        world_passes(w, 0, 5);
        world_dies(w, 0, "exited with status 1");
        world_runs(w, 0, 0); /* somebody started it */
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        world_passes(w, 0, 1);
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        world_passes(w, 0, 1);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_HEALED);
        world_free(w);
}

static void test_detection_and_recovery_are_measured(void **state) {
        (void) state;
        struct world *w = one_service();

        world_passes(w, 0, 1);
        for (int i = 0; i < 3; i++) {
                world_advance(w, SECONDS(2));
                world_fails(w, 0, 1);
        }
        const struct effect *detection = world_last(w, EFFECT_MEASURED, 0);
        assert_int_equal(detection->measured.what, MEASURED_DETECTION);
        assert_int_equal(detection->measured.duration, SECONDS(4));
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        world_advance(w, SECONDS(3));
        world_passes(w, 0, 2);
        const struct effect *recovery = world_last(w, EFFECT_MEASURED, 0);
        assert_int_equal(recovery->measured.what, MEASURED_RECOVERY);
        assert_int_equal(recovery->measured.duration, SECONDS(8));
        world_free(w);
}

static void test_heals_by_itself_before_the_attempt(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_rule(w, 0), 311);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_HEALED);
        world_advance(w, SECONDS(60));
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

static void test_heals_while_the_intent_is_written(void **state) {
        (void) state;
        for (int saved = 0; saved <= 1; saved++) {
                struct world *w = one_service();
                world_fails(w, 0, 3);
                world_advance(w, SECONDS(1));
                world_passes(w, 0, 2);
                assert_int_equal(world_phase(w, 0), PHASE_SAVING);
                world_saved(w, 0, saved);
                assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
                assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
                assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 10);
                assert_int_equal(world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.result,
                        ATTEMPT_SUPERSEDED);
                assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.attempts, 0);
                world_free(w);
        }
}

/* The store says nothing at all: the timer stands in for its answer. */
static void test_heals_while_the_store_hangs(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_passes(w, 0, 2);
        world_advance(w, SECONDS(10));
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
        world_free(w);
}

/* ---- Attempts that do not help ---- */

static void test_not_proven_in_time_goes_on(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fail_and_restart(w, 0);
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(30));
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        const struct attempt *attempt = &world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt;
        assert_int_equal(attempt->result, ATTEMPT_NOT_CURED);
        assert_string_equal(attempt->text, "503 Service Unavailable");
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(2));
        world_free(w);
}

static void test_unknown_results_do_not_lead_to_another_action(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fail_and_restart(w, 0);
        for (int i = 0; i < 100; i++) {
                world_observe(w, 0, 0, OUTCOME_UNKNOWN, 1);
                world_advance(w, SECONDS(5));
        }
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 1);
        world_fails(w, 0, 1); /* the first real result decides */
        world_advance(w, SECONDS(30));
        assert_int_equal(world_status(w, 0).attempts_by_result[ATTEMPT_NOT_CURED], 1);
        world_free(w);
}

static void test_death_while_proving_goes_on_at_once(void **state) {
        (void) state;
        struct world *w = one_service();

        world_runs(w, 0, 0);
        world_fail_and_restart(w, 0);
        world_runs(w, 0, 0);
        world_dies(w, 0, "exited with status 1");
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_string_equal(
                world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.text, "exited with status 1");
        world_free(w);
}

static void test_death_during_the_action_goes_on_at_once(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_advance(w, 1000);
        world_runs(w, 0, 0);
        world_dies(w, 0, "exited with status 1");
        world_answers(w, 0, ANSWER_OK);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_int_equal(
                world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.result, ATTEMPT_NOT_CURED);
        world_free(w);
}

/* That it was gone was the only evidence, and it is not gone any more. */
static void test_the_process_comes_back_while_the_intent_is_written(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        build_probe(policy, web, "http");
        build_step(policy, web, ACTION_EXEC, 3);
        struct world *w = world_new(build_done(policy), 1);

        world_runs(w, 0, 0);
        world_dies(w, 0, "exited with status 1");
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        world_advance(w, SECONDS(32));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_runs(w, 0, 0);
        world_saved(w, 0, true);
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 1);
        world_free(w);
}

static void test_failed_action_goes_on(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_FAILED);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_string_equal(
                world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.text, "it did not stop");
        world_free(w);
}

/* It came back while the action was under way, and the action failed: new passes have to prove that
 * it is well. */
static void test_health_during_a_failed_action_is_not_lost(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_ACTING);
        world_answers(w, 0, ANSWER_FAILED);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

/* Nothing was done to it, so what the probes said meanwhile holds. */
static void test_health_during_a_refused_action_is_believed(void **state) {
        (void) state;
        static const enum world_answer answers[] = {ANSWER_REFUSED, ANSWER_LATER};
        for (size_t i = 0; i < 2; i++) {
                struct world *w = one_service();
                world_fails(w, 0, 3);
                world_advance(w, SECONDS(1));
                world_saved(w, 0, true);
                world_passes(w, 0, 2);
                world_answers(w, 0, answers[i]);
                world_advance(w, SECONDS(60));
                assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
                assert_int_equal(world_count(w, EFFECT_ACT, 0), 1);
                assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_HEALED);
                world_free(w);
        }
}

static void test_results_of_before_the_action_ended_tell_nothing(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fail_and_restart(w, 0);
        world_advance(w, SECONDS(1));
        struct observation late = {
                .outcome = OUTCOME_PASS, .at = w->now, .duration = SECONDS(1) + 1};
        for (int i = 0; i < 5; i++) {
                world_feed_observation(w, &late);
        }
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        late.duration = SECONDS(1); /* begun when it ended */
        world_feed_observation(w, &late);
        world_feed_observation(w, &late);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

static void test_the_executor_says_nothing(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_advance(w, SECONDS(69));
        assert_int_equal(world_phase(w, 0), PHASE_ACTING);
        world_advance(w, SECONDS(1)); /* a minute for the action, and a margin */
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(world_rule(w, 0), 411);
        world_answers(w, 0, ANSWER_FAILED); /* too late */
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 1);
        world_free(w);
}

/* ---- The ladder ---- */

/* Runs one attempt that does not help; returns when it began. */
static usec_t spend_attempt(struct world *w) {
        world_advance(w, usec_sub(world_status(w, 0).next_attempt, w->now.mono));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        usec_t began = w->now.mono;
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(30));
        return began;
}

static void test_ladder_is_climbed_and_given_up(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        build_step(policy, web, ACTION_NOTIFY, 1)->message = "call the shop team";
        build_step(policy, web, ACTION_EXEC, 1);
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(world_status(w, 0).step, 0);
                assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + (SECONDS(1) << i));
                assert_int_equal(world_count_events(w, EVENT_NOTIFY, 0), 0);
                spend_attempt(w);
        }
        assert_int_equal(world_count_events(w, EVENT_NOTIFY, 0), 1);
        assert_string_equal(world_last_event(w, EVENT_NOTIFY, 0)->text,
                "call the shop team: 503 Service Unavailable after 3 attempts");
        assert_int_equal(world_status(w, 0).step, 2);
        spend_attempt(w);
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.action, ACTION_EXEC);
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.number, 4);
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        assert_int_equal(world_count_events(w, EVENT_EXHAUSTED, 0), 1);
        assert_true(world_last(w, EFFECT_INCIDENT, 0)->incident.exhausted);
        world_advance(w, USEC_PER_DAY);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 4);
        world_free(w);
}

static void test_notify_speaks_once_whatever_its_attempts(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        build_probe(policy, web, "http");
        build_step(policy, web, ACTION_NOTIFY, 1000);
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        assert_int_equal(world_count_events(w, EVENT_NOTIFY, 0), 1);
        world_free(w);
}

static void test_steps_are_passed_over_for_other_causes(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        build_probe(policy, web, "http");
        build_step(policy, web, ACTION_RESTART, 1)->causes = 1U << CAUSE_EXITED;
        build_step(policy, web, ACTION_EXEC, 1)->causes = 1U << CAUSE_WRONG_ANSWER;
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.action, ACTION_EXEC);
        world_free(w);
}

static void test_a_stop_step_is_followed_by_the_next(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        build_probe(policy, web, "http");
        build_step(policy, web, ACTION_STOP, 1);
        build_step(policy, web, ACTION_START, 1);
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_passes(w, 0, 2); /* it came back, and is stopped then */
        world_answers(w, 0, ANSWER_OK);
        assert_int_equal(world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.result, ATTEMPT_DONE);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_advance(w, SECONDS(2));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.action, ACTION_START);
        world_free(w);
}

static void test_a_step_has_its_own_backoff_verify_and_timeout(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        struct backoff_spec own = {.initial = SECONDS(7), .max = SECONDS(60), .factor = 3};
        build_probe(policy, web, "http");
        struct step_spec *step = build_step(policy, web, ACTION_RESTART, 2);
        step->backoff = &own;
        step->verify = SECONDS(3);
        step->timeout = SECONDS(20);
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(7));
        world_advance(w, SECONDS(7));
        world_saved(w, 0, true);
        assert_int_equal(world_status(w, 0).timer, w->now.mono + SECONDS(30));
        world_answers(w, 0, ANSWER_OK);
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(3));
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(21));
        world_free(w);
}

static void test_an_exhausted_service_heals_by_itself(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                spend_attempt(w);
        }
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_HEALED);
        assert_true(world_last(w, EFFECT_INCIDENT, 0)->incident.exhausted);
        world_free(w);
}

static void test_acknowledged_the_ladder_begins_again(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                spend_attempt(w);
        }
        assert_true(world_command(w, 0, COMMAND_ACK, 0)->reply.ok);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(1));
        spend_attempt(w);
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.number, 4);
        world_free(w);
}

/* ---- Backoff over incidents ---- */

static void recover(struct world *w) {
        world_fail_and_restart(w, 0);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
}

static void test_backoff_outlives_an_incident(void **state) {
        (void) state;
        struct world *w = one_service();

        recover(w);
        world_advance(w, 10 * USEC_PER_MINUTE - 1);
        world_fails(w, 0, 3);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(2));
        world_free(w);
}

static void test_backoff_is_forgotten_after_good_behaviour(void **state) {
        (void) state;
        struct world *w = one_service();

        recover(w);
        world_advance(w, 10 * USEC_PER_MINUTE);
        assert_int_equal(world_rule(w, 0), 105);
        assert_int_equal(world_status(w, 0).backoff_level, 0);
        assert_int_equal(world_next_timer(w), USEC_INFINITY);
        world_fails(w, 0, 3);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(1));
        world_free(w);
}

/* What cannot be measured did not stay healthy. */
static void test_unknown_is_not_good_behaviour(void **state) {
        (void) state;
        struct world *w = one_service();

        recover(w);
        world_observe(w, 0, 0, OUTCOME_UNKNOWN, 3);
        assert_int_equal(world_status(w, 0).health, HEALTH_UNKNOWN);
        world_advance(w, USEC_PER_HOUR);
        assert_int_equal(world_status(w, 0).backoff_level, 1);
        world_free(w);
}

/* ---- Limits and determinism ---- */

static void test_policies_beyond_the_limits_are_refused(void **state) {
        (void) state;
        struct recovery *recovery = NULL;
        struct error err = {0};
        struct policy *policy = build_policy();
        build_plain(policy, "web")->budget.actions = POLICY_BUDGET_MAX + 1;
        build_done(policy);

        assert_int_equal(recovery_new(&recovery, policy, &(struct recovery_settings){0},
                                 (struct instant){0}, &err),
                -EINVAL);
        assert_string_equal(err.text, "service web is beyond the limits");
        policy_free(policy);
}

static void test_answers_of_other_attempts_are_ignored(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        uint64_t token = world_last(w, EFFECT_SAVE, 0)->attempt.token;
        struct input input = {.kind = INPUT_SAVED, .saved = {.token = token + 1, .ok = true}};
        world_feed(w, &input);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_saved(w, 0, true);
        input = (struct input){.kind = INPUT_OUTCOME, .outcome = {.token = token - 1, .ok = true}};
        world_feed(w, &input);
        assert_int_equal(world_phase(w, 0), PHASE_ACTING);
        world_free(w);
}

static void test_words_for_a_table(void **state) {
        (void) state;
        struct world *w = one_service();
        struct service_status status = world_status(w, 0);
        assert_string_equal(recovery_state_word(&status), "unknown");
        world_idle(w, 0);
        status = world_status(w, 0);
        assert_string_equal(recovery_state_word(&status), "starting");
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        world_passes(w, 0, 2);
        status = world_status(w, 0);
        assert_string_equal(recovery_state_word(&status), "healthy");
        world_fails(w, 0, 3);
        status = world_status(w, 0);
        assert_string_equal(recovery_state_word(&status), "backoff");
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_starts_follow_the_graph),
                cmocka_unit_test(test_first_start_spends_no_budget),
                cmocka_unit_test(test_first_start_that_fails_opens_an_incident),
                cmocka_unit_test(test_running_at_the_start_is_left_alone),
                cmocka_unit_test(test_failure_is_detected_delayed_written_acted_and_proven),
                cmocka_unit_test(test_death_needs_no_counting),
                cmocka_unit_test(test_death_is_proven_wrong_by_new_passes_only),
                cmocka_unit_test(test_detection_and_recovery_are_measured),
                cmocka_unit_test(test_heals_by_itself_before_the_attempt),
                cmocka_unit_test(test_heals_while_the_intent_is_written),
                cmocka_unit_test(test_heals_while_the_store_hangs),
                cmocka_unit_test(test_not_proven_in_time_goes_on),
                cmocka_unit_test(test_unknown_results_do_not_lead_to_another_action),
                cmocka_unit_test(test_death_while_proving_goes_on_at_once),
                cmocka_unit_test(test_death_during_the_action_goes_on_at_once),
                cmocka_unit_test(test_the_process_comes_back_while_the_intent_is_written),
                cmocka_unit_test(test_failed_action_goes_on),
                cmocka_unit_test(test_health_during_a_failed_action_is_not_lost),
                cmocka_unit_test(test_health_during_a_refused_action_is_believed),
                cmocka_unit_test(test_results_of_before_the_action_ended_tell_nothing),
                cmocka_unit_test(test_the_executor_says_nothing),
                cmocka_unit_test(test_ladder_is_climbed_and_given_up),
                cmocka_unit_test(test_notify_speaks_once_whatever_its_attempts),
                cmocka_unit_test(test_steps_are_passed_over_for_other_causes),
                cmocka_unit_test(test_a_stop_step_is_followed_by_the_next),
                cmocka_unit_test(test_a_step_has_its_own_backoff_verify_and_timeout),
                cmocka_unit_test(test_an_exhausted_service_heals_by_itself),
                cmocka_unit_test(test_acknowledged_the_ladder_begins_again),
                cmocka_unit_test(test_backoff_outlives_an_incident),
                cmocka_unit_test(test_backoff_is_forgotten_after_good_behaviour),
                cmocka_unit_test(test_unknown_is_not_good_behaviour),
                cmocka_unit_test(test_policies_beyond_the_limits_are_refused),
                cmocka_unit_test(test_answers_of_other_attempts_are_ignored),
                cmocka_unit_test(test_words_for_a_table),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
