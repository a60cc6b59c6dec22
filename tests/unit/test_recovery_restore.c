/* The agent ends and comes back, in the same boot or in another one, and with clocks that were
 * moved: nothing is done twice, nothing is forgotten, and no service is touched that became well
 * meanwhile. */

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

static const struct world_restart same_boot = {.gap = SECONDS(2)};
static const struct world_restart rebooted = {.gap = SECONDS(30), .reboot = true};

static struct world *one_service(void) {
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        return world_new(build_done(policy), 1);
}

/* What the agent and the executor say to each other when the agent is back. */
static void come_back(struct world *w, const struct world_restart *how) {
        world_restart(w, how);
        world_clear(w);
        world_executor(w, true);
}

/* ---- Phase by phase, in the same boot ---- */

static void test_a_healthy_service(void **state) {
        (void) state;
        struct world *w = one_service();

        world_passes(w, 0, 3);
        come_back(w, &same_boot);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_status(w, 0).health, HEALTH_UNKNOWN);
        world_passes(w, 0, 1);
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

/* It may have become well while nobody looked: it is looked at before it is acted on. */
static void test_waiting_for_its_backoff(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        come_back(w, &(struct world_restart){.gap = USEC_PER_HOUR});
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        world_advance(w, SECONDS(1));
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_HEALED);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.id, 1);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
        world_free(w);
}

static void test_what_cannot_be_measured_is_not_acted_on(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->settle = 0;
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        come_back(w, &same_boot);
        for (int i = 0; i < 100; i++) {
                world_observe(w, 0, 0, OUTCOME_UNKNOWN, 1);
                world_advance(w, SECONDS(5));
        }
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_the_backoff_goes_on_where_it_was(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->backoff =
                (struct backoff_spec){.initial = SECONDS(60), .max = SECONDS(600), .factor = 2};
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        usec_t due = world_status(w, 0).next_attempt;
        world_advance(w, SECONDS(20));
        come_back(w, &same_boot);
        world_fails(w, 0, 1);
        world_advance(w, due - w->now.mono - 1);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_advance(w, 1);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.delay, SECONDS(60));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_FAILED);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(120));
        world_free(w);
}

static void test_a_held_attempt(void **state) {
        (void) state;
        struct world *w = one_service();

        world_command(w, 0, COMMAND_PAUSE, SECONDS(60));
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(10));
        come_back(w, &same_boot);
        assert_true(world_status(w, 0).paused);
        assert_string_equal(world_status(w, 0).pause_by, "ann");
        assert_string_equal(world_status(w, 0).pause_reason, "upgrade");
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(47));
        assert_int_equal(world_phase(w, 0), PHASE_HELD);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void into_attempt(struct world *w, enum phase phase) {
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        if (phase != PHASE_SAVING) {
                world_saved(w, 0, true);
        }
        if (phase == PHASE_VERIFYING) {
                world_answers(w, 0, ANSWER_OK);
        }
        assert_int_equal(world_phase(w, 0), phase);
}

static const enum phase attempt_phases[] = {PHASE_SAVING, PHASE_ACTING, PHASE_VERIFYING};

static void test_an_attempt_under_way_is_verified_and_not_repeated(void **state) {
        (void) state;
        static const enum world_answer answers[] = {ANSWER_OK, ANSWER_LOST};
        for (size_t i = 0; i < 12; i++) {
                struct world *w = one_service();
                into_attempt(w, attempt_phases[i % 3]);
                uint64_t token = world_status(w, 0).attempt->intended;
                come_back(w, i / 6 ? &rebooted : &same_boot);
                assert_int_equal(world_phase(w, 0), PHASE_ACTING);
                assert_int_equal(world_status(w, 0).attempt->intended, token);
                world_answers(w, 0, answers[i / 3 % 2]);
                assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
                world_passes(w, 0, 2);
                assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
                assert_int_equal(
                        world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_RECOVERED);
                assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
                assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 9);
                world_free(w);
        }
}

static void test_an_attempt_under_way_that_did_not_help_goes_on(void **state) {
        (void) state;
        for (size_t i = 0; i < 3; i++) {
                struct world *w = one_service();
                into_attempt(w, attempt_phases[i]);
                come_back(w, &same_boot);
                world_answers(w, 0, ANSWER_OK);
                world_fails(w, 0, 1);
                world_advance(w, SECONDS(30));
                assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
                assert_int_equal(world_status(w, 0).step_attempts, 1);
                assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(2));
                world_free(w);
        }
}

/* The executor is still at it, and says so by saying nothing: as long as any action may take. */
static void test_a_long_action_is_waited_for(void **state) {
        (void) state;
        struct world *w = one_service();

        into_attempt(w, PHASE_ACTING);
        come_back(w, &same_boot);
        world_advance(w, SECONDS(69));
        assert_int_equal(world_phase(w, 0), PHASE_ACTING);
        world_answers(w, 0, ANSWER_OK);
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        world_free(w);
}

static void test_the_executor_never_comes_back(void **state) {
        (void) state;
        struct world *w = one_service();

        into_attempt(w, PHASE_ACTING);
        world_restart(w, &same_boot);
        world_advance(w, SECONDS(70));
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        world_free(w);
}

/* It was refused after all, so its budget comes back. */
static void test_a_refusal_of_an_attempt_of_before(void **state) {
        (void) state;
        struct world *w = one_service();

        into_attempt(w, PHASE_ACTING);
        come_back(w, &same_boot);
        world_answers(w, 0, ANSWER_LATER);
        assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 10);
        assert_int_equal(recovery_budget_left(w->recovery, UINT32_MAX, w->now), 100);
        assert_int_equal(world_status(w, 0).step_attempts, 0);
        world_free(w);
}

static void test_a_given_up_service_stays_given_up(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                world_advance(w, SECONDS(1) << i);
                world_saved(w, 0, true);
                world_answers(w, 0, ANSWER_FAILED);
        }
        come_back(w, &rebooted);
        world_advance(w, USEC_PER_DAY);
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        assert_true(world_command(w, 0, COMMAND_ACK, 0)->reply.ok);
        world_free(w);
}

static void test_a_stopped_service_stays_stopped(void **state) {
        (void) state;
        struct world *w = one_service();

        world_command(w, 0, COMMAND_STOP, 0);
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_OK);
        come_back(w, &same_boot);
        world_idle(w, 0);
        world_fails(w, 0, 10);
        assert_int_equal(world_phase(w, 0), PHASE_STOPPED);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

static void test_a_stop_under_way(void **state) {
        (void) state;
        struct world *w = one_service();

        world_command(w, 0, COMMAND_STOP, 0);
        world_saved(w, 0, true);
        come_back(w, &same_boot);
        world_answers(w, 0, ANSWER_OK);
        assert_int_equal(world_phase(w, 0), PHASE_STOPPED);
        world_free(w);
}

static void test_a_first_start_under_way(void **state) {
        (void) state;
        struct world *w = one_service();

        world_idle(w, 0);
        world_saved(w, 0, true);
        come_back(w, &same_boot);
        world_idle(w, 0); /* the executor says that it is still not running */
        assert_int_equal(world_phase(w, 0), PHASE_ACTING);
        world_answers(w, 0, ANSWER_LATER);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.origin, ORIGIN_FIRST_START);
        world_free(w);
}

static void test_a_blocked_service(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        struct service *db = build_plain(policy, "db");
        build_depend(policy, web, db);
        struct world *w = world_new(build_done(policy), 1);

        world_passes(w, 1, 1);
        world_fails(w, 1, 3);
        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_BLOCKED);
        come_back(w, &same_boot);
        world_fails(w, 1, 1);
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(5));
        assert_int_equal(world_phase(w, 0), PHASE_BLOCKED);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

/* ---- What the store may have missed ---- */

/* The incident was written and the record was not: the incident is not left behind open. */
static void test_an_open_incident_with_an_older_record(void **state) {
        (void) state;
        struct world *w = one_service();
        struct service_record record;
        struct incident incident;

        recovery_save_record(w->recovery, 0, w->now, &record);
        world_fails(w, 0, 3);
        incident = *world_status(w, 0).incident;
        world_restart(w, &same_boot);
        struct recovery *fresh = NULL;
        assert_int_equal(recovery_new(&fresh, world_policy(w), &w->settings, w->now, NULL), 0);
        recovery_free(w->recovery);
        w->recovery = fresh;
        assert_true(recovery_restore(fresh, &record, &incident, w->now));
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        world_passes(w, 0, 2);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.id, incident.id);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_HEALED);
        world_free(w);
}

static void test_a_record_without_its_incident(void **state) {
        (void) state;
        struct world *w = one_service();
        struct service_record record;

        world_fails(w, 0, 3);
        recovery_save_record(w->recovery, 0, w->now, &record);
        struct recovery *fresh = NULL;
        assert_int_equal(recovery_new(&fresh, world_policy(w), &w->settings, w->now, NULL), 0);
        recovery_free(w->recovery);
        w->recovery = fresh;
        assert_true(recovery_restore(fresh, &record, NULL, w->now));
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

static void test_a_record_of_nobody(void **state) {
        (void) state;
        struct world *w = one_service();
        struct service_record record = {.service = "gone"};

        assert_false(recovery_restore(w->recovery, &record, NULL, w->now));
        world_free(w);
}

/* ---- Clocks ---- */

static void fail_with_delay(struct world *w, usec_t delay) {
        world_fails(w, 0, 3);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + delay);
}

static struct world *slow_service(void) {
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        web->backoff.initial = web->backoff.max = SECONDS(600);
        return world_new(build_done(policy), 1);
}

static void test_another_boot_counts_by_the_wall_clock(void **state) {
        (void) state;
        struct world *w = slow_service();

        fail_with_delay(w, SECONDS(600));
        come_back(w, &(struct world_restart){.gap = SECONDS(100), .reboot = true});
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(500));
        world_free(w);
}

static void test_a_wall_clock_set_back_makes_no_wait_longer(void **state) {
        (void) state;
        struct world *w = slow_service();

        fail_with_delay(w, SECONDS(600));
        come_back(
                w, &(struct world_restart){
                           .gap = SECONDS(100), .shift = -(int64_t) USEC_PER_DAY, .reboot = true});
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(600));
        world_free(w);
}

static void test_a_wall_clock_set_forward_ends_the_wait(void **state) {
        (void) state;
        struct world *w = slow_service();

        fail_with_delay(w, SECONDS(600));
        come_back(w, &(struct world_restart){
                             .gap = SECONDS(100), .shift = (int64_t) USEC_PER_DAY, .reboot = true});
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0); /* but it is looked at first */
        world_free(w);
}

static void test_within_a_boot_the_wall_clock_does_not_matter(void **state) {
        (void) state;
        static const int64_t shifts[] = {-(int64_t) USEC_PER_DAY, (int64_t) USEC_PER_DAY};
        for (size_t i = 0; i < 2; i++) {
                struct world *w = slow_service();
                fail_with_delay(w, SECONDS(600));
                come_back(w, &(struct world_restart){.gap = SECONDS(100), .shift = shifts[i]});
                assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(500));
                world_free(w);
        }
}

static void spend(struct world *w, int times) {
        for (int i = 0; i < times; i++) {
                assert_true(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
                world_saved(w, 0, true);
                world_answers(w, 0, ANSWER_OK);
                world_passes(w, 0, 2);
                world_advance(w, SECONDS(1));
        }
}

static void test_budgets_outlive_the_agent_and_the_boot(void **state) {
        (void) state;
        for (int i = 0; i < 2; i++) {
                struct world *w = one_service();
                spend(w, 4);
                come_back(w, i ? &rebooted : &same_boot);
                assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 6);
                assert_int_equal(recovery_budget_left(w->recovery, UINT32_MAX, w->now), 96);
                world_free(w);
        }
}

static void test_what_was_spent_long_ago_is_over(void **state) {
        (void) state;
        struct world *w = one_service();

        spend(w, 4);
        come_back(w, &(struct world_restart){.gap = USEC_PER_HOUR, .reboot = true});
        assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 10);
        assert_int_equal(recovery_budget_left(w->recovery, UINT32_MAX, w->now), 100);
        world_free(w);
}

static void test_good_behaviour_is_counted_over_a_restart(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fail_and_restart(w, 0);
        world_passes(w, 0, 2);
        world_advance(w, SECONDS(595));
        come_back(w, &(struct world_restart){.gap = SECONDS(10)});
        world_advance(w, SECONDS(1));
        assert_int_equal(world_status(w, 0).backoff_level, 1); /* not before it was seen */
        world_passes(w, 0, 1);
        world_advance(w, 0);
        assert_int_equal(world_status(w, 0).backoff_level, 0);
        world_free(w);
}

/* The waits of a step that has a backoff of its own are 1s, 2s, 4s. */
static void test_the_backoff_of_a_step_goes_on(void **state) {
        static const struct backoff_spec own = {.initial = SECONDS(1),
                .max = USEC_PER_HOUR,
                .factor = 2,
                .reset_after = USEC_PER_HOUR};
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        struct backoff_spec backoff = own;
        web->steps[0].backoff = &backoff;
        struct world *w = world_new(build_done(policy), 1);
        for (unsigned i = 0; i < 2; i++) {
                world_fail_and_restart(w, 0);
                world_passes(w, 0, 2);
                world_advance(w, SECONDS(60));
        }
        come_back(w, &rebooted);
        world_passes(w, 0, 1);
        world_fails(w, 0, 3);
        assert_int_equal(usec_sub(world_status(w, 0).next_attempt, w->now.mono), 4 * USEC_PER_SEC);
        world_free(w);
}

/* A lock that was forgotten is not one that was seen for the first time. */
static void test_a_deploy_lock_holds_no_longer_over_a_restart(void **state) {
        static const struct world_restart *const ways[] = {&same_boot, &rebooted};
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                struct policy *policy = build_policy();
                struct service *web = build_plain(policy, "web");
                web->deploy_lock = "/run/web.lock";
                web->deploy_lock_max = SECONDS(60);
                struct world *w = world_new(build_done(policy), 1);
                world_deploy(w, 0, true);
                world_advance(w, SECONDS(20));
                come_back(w, ways[i]);
                world_deploy(w, 0, true);
                world_advance(w, SECONDS(39) - ways[i]->gap);
                assert_int_equal(world_count_events(w, EVENT_DEPLOY, 0), 0);
                world_advance(w, SECONDS(1));
                assert_int_equal(world_count_events(w, EVENT_DEPLOY, 0), 1);
                world_free(w);
        }
}

static void test_a_package_manager_holds_no_longer_over_a_restart(void **state) {
        (void) state;
        struct world *w = one_service();
        world_hold(w, HOLD_PACKAGES, SECONDS(60));
        world_advance(w, SECONDS(20));
        come_back(w, &rebooted);
        const struct hold *hold = recovery_hold(w->recovery, HOLD_PACKAGES);
        assert_true(hold_holds(hold, w->now.mono));
        assert_string_equal(hold->by, "ann");
        assert_int_equal(usec_sub(hold->until, w->now.mono), SECONDS(10));
        world_free(w);
}

static void test_tokens_grow_although_the_clock_was_set_back(void **state) {
        (void) state;
        struct world *w = one_service();

        spend(w, 3);
        uint64_t before = world_last(w, EFFECT_SAVE, 0)->attempt.token;
        come_back(w, &(struct world_restart){.shift = -(int64_t) USEC_PER_DAY});
        spend(w, 1);
        assert_true(world_last(w, EFFECT_SAVE, 0)->attempt.token > before);
        world_free(w);
}

static void test_incident_numbers_go_on(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_passes(w, 0, 2);
        come_back(w, &same_boot);
        world_fails(w, 0, 3);
        assert_int_equal(world_status(w, 0).incident->id, 2);
        world_free(w);
}

/* ---- Other policies after the restart ---- */

/* Restores what `w` holds under another policy. */
static void restart_with(struct world *w, struct policy *policy) {
        struct service_record record;
        struct incident incident;
        struct service_status status = world_status(w, 0);
        recovery_save_record(w->recovery, 0, w->now, &record);
        if (status.incident) {
                incident = *status.incident;
        }
        struct recovery *fresh = NULL;
        assert_int_equal(recovery_new(&fresh, policy, &w->settings, w->now, NULL), 0);
        assert_true(recovery_restore(fresh, &record, status.incident ? &incident : NULL, w->now));
        recovery_free(w->recovery);
        w->recovery = fresh;
        w->policies[w->n_policies++] = policy;
        w->timers[0] = world_status(w, 0).timer;
        world_executor(w, true);
}

static void test_a_ladder_that_was_written_meanwhile(void **state) {
        (void) state;
        struct policy *before = build_policy(), *after = build_policy();
        build_probe(before, build_service(before, "web"), "http");
        build_plain(after, "web");
        struct world *w = world_new(build_done(before), 1);

        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_UNATTENDED);
        restart_with(w, build_done(after));
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(5));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_a_ladder_that_became_shorter(void **state) {
        (void) state;
        struct policy *before = build_policy(), *after = build_policy();
        struct service *web = build_plain(before, "web");
        build_step(before, web, ACTION_EXEC, 2);
        build_step(before, web, ACTION_START, 2);
        web->steps[0].attempts = 1;
        build_plain(after, "web")->steps[0].attempts = 1;
        struct world *w = world_new(build_done(before), 1);

        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                world_advance(w, SECONDS(1) << i);
                world_saved(w, 0, true);
                world_answers(w, 0, ANSWER_FAILED);
        }
        assert_int_equal(world_status(w, 0).step, 2);
        restart_with(w, build_done(after));
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(30));
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        world_free(w);
}

static void test_a_record_that_makes_no_sense(void **state) {
        (void) state;
        struct world *w = one_service();
        struct service_record record;

        memset(&record, 0xff, sizeof(record));
        str_copy(record.service, sizeof(record.service), "web");
        record.boot_id[sizeof(record.boot_id) - 1] = '\0';
        record.pause_by[sizeof(record.pause_by) - 1] = '\0';
        record.pause_reason[sizeof(record.pause_reason) - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(record.spent); i++) {
                record.spent[i].step[0] = '\0';
        }
        record.stopped = record.paused = false;
        record.flapping = true;
        assert_true(recovery_restore(w->recovery, &record, NULL, w->now));
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_fails(w, 0, 3);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_healthy_service),
                cmocka_unit_test(test_waiting_for_its_backoff),
                cmocka_unit_test(test_what_cannot_be_measured_is_not_acted_on),
                cmocka_unit_test(test_the_backoff_goes_on_where_it_was),
                cmocka_unit_test(test_a_held_attempt),
                cmocka_unit_test(test_an_attempt_under_way_is_verified_and_not_repeated),
                cmocka_unit_test(test_an_attempt_under_way_that_did_not_help_goes_on),
                cmocka_unit_test(test_a_long_action_is_waited_for),
                cmocka_unit_test(test_the_executor_never_comes_back),
                cmocka_unit_test(test_a_refusal_of_an_attempt_of_before),
                cmocka_unit_test(test_a_given_up_service_stays_given_up),
                cmocka_unit_test(test_a_stopped_service_stays_stopped),
                cmocka_unit_test(test_a_stop_under_way),
                cmocka_unit_test(test_a_first_start_under_way),
                cmocka_unit_test(test_a_blocked_service),
                cmocka_unit_test(test_an_open_incident_with_an_older_record),
                cmocka_unit_test(test_a_record_without_its_incident),
                cmocka_unit_test(test_a_record_of_nobody),
                cmocka_unit_test(test_another_boot_counts_by_the_wall_clock),
                cmocka_unit_test(test_a_wall_clock_set_back_makes_no_wait_longer),
                cmocka_unit_test(test_a_wall_clock_set_forward_ends_the_wait),
                cmocka_unit_test(test_within_a_boot_the_wall_clock_does_not_matter),
                cmocka_unit_test(test_budgets_outlive_the_agent_and_the_boot),
                cmocka_unit_test(test_what_was_spent_long_ago_is_over),
                cmocka_unit_test(test_good_behaviour_is_counted_over_a_restart),
                cmocka_unit_test(test_the_backoff_of_a_step_goes_on),
                cmocka_unit_test(test_a_deploy_lock_holds_no_longer_over_a_restart),
                cmocka_unit_test(test_a_package_manager_holds_no_longer_over_a_restart),
                cmocka_unit_test(test_tokens_grow_although_the_clock_was_set_back),
                cmocka_unit_test(test_incident_numbers_go_on),
                cmocka_unit_test(test_a_ladder_that_was_written_meanwhile),
                cmocka_unit_test(test_a_ladder_that_became_shorter),
                cmocka_unit_test(test_a_record_that_makes_no_sense),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
