/* The scheduler over a real loop, with probe types made of paper: what starts when, and what comes
 * out. */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"
#include "probes/probe.h"
#include "runtime/scheduler.h"
#include "unit_test.h"

#define MS USEC_PER_MSEC

enum { PAPER_LOCAL, PAPER_PRIVILEGED, PAPER_COUNTING, PAPER_STANDING };
enum { PAPER_PASSES_AT_ONCE, PAPER_SILENT, PAPER_FAILS_AT_ONCE };

/* ---- Types made of paper ---- */

static struct {
        int mode;
        bool stands;
        int starts, stops, releases, detached;
        struct probe_run *last;
} paper;

struct paper_state {
        int runs;
};

static void paper_start(struct probe_run *run) {
        struct paper_state *state = run->state;
        state->runs++;
        paper.starts++;
        paper.last = run;
        struct probe_result result = {0};
        if (paper.mode == PAPER_PASSES_AT_ONCE) {
                probe_conclude(&result, OUTCOME_PASS, CAUSE_NONE, "run %d", state->runs);
                probe_run_finish(run, &result);
        } else if (paper.mode == PAPER_FAILS_AT_ONCE) {
                probe_conclude(&result, OUTCOME_FAIL, CAUSE_EXITED, "run %d", state->runs);
                probe_run_finish(run, &result);
        }
}

static bool paper_stands(const void *state) {
        const struct paper_state *own = state;
        return own->runs > 0 && paper.stands;
}

static void paper_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        (void) run;
        paper.stops++;
        str_copy(detail, OBSERVATION_DETAIL_MAX, "half way");
}

static void paper_release(void *state) {
        (void) state;
        paper.releases++;
}

static void paper_detach(void *state) {
        (void) state;
        paper.detached++;
}

static bool paper_privileged(const void *params) {
        (void) params;
        return true;
}

static const struct probe_type local = {
        .name = "local",
        .state_size = sizeof(struct paper_state),
        .run_size = 8,
        .start = paper_start,
        .stop = paper_stop,
        .release = paper_release,
};
static const struct probe_type privileged = {
        .name = "privileged",
        .state_size = sizeof(struct paper_state),
        .start = paper_start,
        .stop = paper_stop,
        .privileged = paper_privileged,
};
static const struct probe_type counting = {
        .name = "counting",
        .state_size = sizeof(struct paper_state),
        .start = paper_start,
        .stop = paper_stop,
        .detach = paper_detach,
        .release = paper_release,
};
static const struct probe_type standing = {
        .name = "standing",
        .state_size = sizeof(struct paper_state),
        .start = paper_start,
        .stop = paper_stop,
        .stands = paper_stands,
};
const struct probe_type *const probe_types[] = {&local, &privileged, &counting, &standing, NULL};
const struct schema_variant probe_variants[] = {{NULL, 0, NULL, NULL}};

/* ---- A policy of one service with some probes ---- */

enum { PROBES = 4 };

struct world {
        struct loop *loop;
        struct scheduler *scheduler;
        struct policy policy;
        struct service service;
        struct probe_spec probes[PROBES];
        uint32_t by_depth[1];
        struct observation seen[64];
        size_t n_seen;
        uint64_t asked;
        int ask_result;
        bool late; /* the end of a wait */
};

static void on_observed(void *cookie, const struct observation *observation) {
        struct world *world = cookie;
        if (world->n_seen < ELEMENTSOF(world->seen)) {
                world->seen[world->n_seen++] = *observation;
        }
}

static int on_ask(
        void *cookie, uint64_t request, uint32_t service, uint32_t probe, usec_t timeout) {
        struct world *world = cookie;
        assert_int_equal(service, 0);
        assert_true(probe < PROBES);
        assert_true(timeout > 0);
        world->asked = request;
        return world->ask_result;
}

static void world_policy(
        struct world *world, uint32_t n_probes, int type, usec_t interval, usec_t timeout) {
        static const char *const names[PROBES] = {"a", "b", "c", "d"};
        for (uint32_t i = 0; i < PROBES; i++) {
                world->probes[i] = (struct probe_spec){
                        .name = names[i],
                        .type = type,
                        .interval = interval,
                        .fast_interval = interval / 4,
                        .down_interval = 4 * interval,
                        .timeout = timeout,
                        .fall = 3,
                        .rise = 2,
                };
        }
        world->service = (struct service){
                .name = "web", .probes = world->probes, .n_probes = n_probes, .require = n_probes};
        str_copy(world->service.digest, sizeof(world->service.digest), "one");
        world->policy.services = &world->service;
        world->policy.n_services = 1;
        world->policy.n_probes = n_probes;
        world->policy.by_name = map_new();
        assert_non_null(world->policy.by_name);
        assert_int_equal(map_put(world->policy.by_name, "web", &world->service), 0);
        world->policy.agent.slack = 2 * MS;
        world->policy.agent.max_in_flight = PROBES;
}

static struct world *world_of(uint32_t n_probes, int type, usec_t interval, usec_t timeout) {
        struct world *world = calloc(1, sizeof(*world));
        assert_non_null(world);
        memset(&paper, 0, sizeof(paper));
        world_policy(world, n_probes, type, interval, timeout);
        assert_int_equal(loop_new(&world->loop, NULL), 0);
        struct scheduler_callbacks callbacks = {on_observed, on_ask, world};
        assert_int_equal(
                scheduler_new(&world->scheduler, world->loop, &world->policy, &callbacks, NULL), 0);
        return world;
}

static struct world *world_new(int type, usec_t interval, usec_t timeout) {
        return world_of(PROBES, type, interval, timeout);
}

static void world_free(struct world *world) {
        scheduler_free(world->scheduler);
        map_free(world->policy.by_name);
        loop_free(world->loop);
        free(world);
}

static void on_late(void *cookie) {
        struct world *world = cookie;
        world->late = true;
}

/* Turns the loop until `n` observations were seen, or the time is over. */
static void world_wait(struct world *world, size_t n, usec_t within) {
        struct loop_timer timer = {0};
        assert_int_equal(loop_timer_init(&timer, world->loop, on_late, world), 0);
        loop_timer_set_after(&timer, within);
        world->late = false;
        while (world->n_seen < n && !world->late) {
                assert_int_equal(loop_turn(world->loop, within), 1);
        }
        loop_timer_done(&timer);
}

/* ---- Tests ---- */

static void test_each_probe_is_seen_within_its_first_interval(void **state) {
        (void) state;
        struct world *world = world_new(PAPER_LOCAL, 20 * MS, 10 * MS);
        world_wait(world, PROBES, 500 * MS);
        uint32_t seen = 0;
        for (size_t i = 0; i < world->n_seen; i++) {
                seen |= 1U << world->seen[i].probe;
                assert_int_equal(world->seen[i].outcome, OUTCOME_PASS);
        }
        assert_int_equal(seen, (1U << PROBES) - 1);
        assert_int_equal(scheduler_counts(world->scheduler).runs, world->n_seen);
        assert_int_equal(scheduler_counts(world->scheduler).in_flight, 0);
        world_free(world);
}

static void test_state_is_kept_between_runs(void **state) {
        (void) state;
        struct world *world = world_new(PAPER_LOCAL, 4 * MS, 2 * MS);
        world_wait(world, 3 * PROBES, 500 * MS);
        const struct observation *last = scheduler_observation(world->scheduler, 0, 0);
        assert_true(str_starts(last->detail, "run "));
        assert_true(strtol(last->detail + 4, NULL, 10) >= 2);
        world_free(world);
        assert_int_equal(paper.releases, PROBES);
}

static void test_a_silent_probe_times_out_at_its_deadline(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_LOCAL, 20 * MS, 5 * MS);
        paper.mode = PAPER_SILENT;
        world_wait(world, 1, 500 * MS);
        assert_int_equal(world->seen[0].outcome, OUTCOME_TIMEOUT);
        assert_int_equal(world->seen[0].cause, CAUSE_UNRESPONSIVE);
        assert_string_equal(world->seen[0].detail, "half way");
        assert_true(world->seen[0].duration >= 5 * MS);
        assert_int_equal(paper.stops, 1);
        world_free(world);
}

static void test_no_more_than_max_in_flight_at_once(void **state) {
        (void) state;
        struct world *world = world_new(PAPER_LOCAL, 10 * MS, 10 * MS);
        world->policy.agent.max_in_flight = 1;
        paper.mode = PAPER_SILENT;
        scheduler_hurry(world->scheduler, 0);
        assert_int_equal(loop_turn(world->loop, 50 * MS), 1);
        assert_int_equal(paper.starts, 1);
        world_wait(world, PROBES, 500 * MS);
        assert_true(world->n_seen >= PROBES); /* the others had their turn as room was made */
        world_free(world);
}

static void test_hurry_runs_at_once_and_again_after_a_run_under_way(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_LOCAL, 10 * USEC_PER_SEC, 20 * MS);
        paper.mode = PAPER_SILENT;
        scheduler_hurry_probe(world->scheduler, 0, 0);
        while (paper.starts == 0) {
                assert_int_equal(loop_turn(world->loop, 50 * MS), 1);
        }
        assert_int_equal(paper.last->probe, 0);
        scheduler_hurry_probe(world->scheduler, 0, 0);
        paper.mode = PAPER_PASSES_AT_ONCE;
        world_wait(world, 2, 500 * MS);
        assert_int_equal(world->seen[0].outcome, OUTCOME_TIMEOUT);
        assert_int_equal(world->seen[1].probe, 0);
        assert_int_equal(world->seen[1].outcome, OUTCOME_PASS);
        world_free(world);
}

static void test_pace_changes_the_interval(void **state) {
        (void) state;
        struct world *world = world_new(PAPER_LOCAL, 10 * USEC_PER_SEC, 5 * MS);
        for (uint32_t i = 0; i < PROBES; i++) {
                world->probes[i].fast_interval = 2 * MS;
        }
        scheduler_hurry(world->scheduler, 0);
        world_wait(world, PROBES, 500 * MS);
        scheduler_pace(world->scheduler, 0, PACE_FAST);
        world_wait(world, 3 * PROBES, 500 * MS);
        assert_true(world->n_seen >= 3 * PROBES);
        scheduler_pace(world->scheduler, 0, PACE_NORMAL);
        world->n_seen = 0;
        world_wait(world, PROBES + 1, 20 * MS);
        assert_true(world->n_seen <= PROBES); /* what was due at once, and then no more */
        world_free(world);
}

static void test_what_ran_during_a_stall_is_unknown(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_LOCAL, 10 * USEC_PER_SEC, 5 * USEC_PER_SEC);
        paper.mode = PAPER_SILENT;
        scheduler_hurry_probe(world->scheduler, 0, 0);
        while (paper.starts == 0) {
                assert_int_equal(loop_turn(world->loop, 50 * MS), 1);
        }
        scheduler_stalled(world->scheduler, 61 * USEC_PER_SEC);
        assert_int_equal(world->n_seen, 1);
        assert_int_equal(world->seen[0].outcome, OUTCOME_UNKNOWN);
        assert_string_equal(world->seen[0].detail, "the agent itself stood still for 1m1s");
        assert_int_equal(paper.stops, 1);
        world_free(world);
}

static struct wire_message answer(const struct world *world, enum outcome outcome) {
        struct wire_message message = {
                .type = WIRE_OBSERVATION,
                .request = world->asked,
                .outcome = outcome,
        };
        str_copy(message.service, sizeof(message.service), "web");
        str_copy(message.probe, sizeof(message.probe), "a");
        str_copy(message.text, sizeof(message.text), "measured as root");
        return message;
}

static void test_privileged_probes_go_to_a_stronger_executor(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_PRIVILEGED, 10 * USEC_PER_SEC, USEC_PER_SEC);
        scheduler_delegate(world->scheduler, true);
        scheduler_hurry_probe(world->scheduler, 0, 0);
        while (world->asked == 0) {
                assert_int_equal(loop_turn(world->loop, 50 * MS), 1);
        }
        struct wire_message stranger = answer(world, OUTCOME_FAIL);
        stranger.request++;
        scheduler_answer(world->scheduler, &stranger);
        assert_int_equal(world->n_seen, 0);
        struct wire_message message = answer(world, OUTCOME_FAIL);
        scheduler_answer(world->scheduler, &message);
        scheduler_answer(world->scheduler, &message); /* said twice, counted once */
        assert_int_equal(world->n_seen, 1);
        assert_int_equal(world->seen[0].outcome, OUTCOME_FAIL);
        assert_string_equal(world->seen[0].detail, "measured as root");
        assert_int_equal(paper.starts, 0);
        world_free(world);
}

static void test_an_executor_that_is_away_or_silent_means_unknown(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_PRIVILEGED, 10 * USEC_PER_SEC, 2 * MS);
        scheduler_delegate(world->scheduler, true);
        world->ask_result = -ENOTCONN;
        scheduler_hurry_probe(world->scheduler, 0, 0);
        world_wait(world, 1, 500 * MS);
        assert_int_equal(world->seen[0].outcome, OUTCOME_UNKNOWN);
        world->ask_result = 0;
        scheduler_hurry_probe(world->scheduler, 0, 0);
        world_wait(world, 2, 2 * USEC_PER_SEC);
        assert_int_equal(world->seen[1].outcome, OUTCOME_UNKNOWN);
        assert_string_equal(world->seen[1].detail, "the executor did not answer within 2ms");
        world_free(world);
}

static void test_reload_keeps_what_did_not_change(void **state) {
        (void) state;
        struct world *world = world_new(PAPER_LOCAL, 10 * USEC_PER_SEC, 5 * MS);
        scheduler_hurry(world->scheduler, 0);
        world_wait(world, PROBES, 500 * MS);
        struct world *other = calloc(1, sizeof(*other));
        assert_non_null(other);
        world_policy(other, PROBES, PAPER_LOCAL, 10 * USEC_PER_SEC, 5 * MS);
        assert_int_equal(scheduler_reload(world->scheduler, &other->policy, NULL), 0);
        assert_string_equal(scheduler_observation(world->scheduler, 0, 3)->detail, "run 1");
        world->n_seen = 0;
        world_wait(world, 1, 10 * MS);
        assert_int_equal(world->n_seen, 0); /* due times were kept, too */

        str_copy(world->service.digest, sizeof(world->service.digest), "two");
        assert_int_equal(scheduler_reload(world->scheduler, &world->policy, NULL), 0);
        assert_int_equal(scheduler_observation(world->scheduler, 0, 3)->at.mono, 0);
        map_free(other->policy.by_name);
        free(other);
        world_free(world);
}

/* What a probe has counted survives whatever else of its service changed. */
static void test_reload_carries_the_state_of_a_probe_that_did_not_change(void **state) {
        (void) state;
        struct world *world = world_new(PAPER_COUNTING, 10 * USEC_PER_SEC, 5 * MS);
        scheduler_hurry(world->scheduler, 0);
        world_wait(world, PROBES, 500 * MS);
        paper.mode = PAPER_SILENT;
        scheduler_hurry_probe(world->scheduler, 0, 1);
        while (paper.starts <= PROBES) {
                (void) loop_turn(world->loop, MS);
        }

        struct world *other = calloc(1, sizeof(*other));
        assert_non_null(other);
        world_policy(other, PROBES, PAPER_COUNTING, 10 * USEC_PER_SEC, 5 * MS);
        str_copy(other->service.digest, sizeof(other->service.digest), "two");
        other->probes[2].digest = 42;
        paper.detached = paper.releases = paper.stops = 0;
        assert_int_equal(scheduler_reload(world->scheduler, &other->policy, NULL), 0);
        assert_int_equal(paper.stops, 1);
        assert_int_equal(paper.detached, PROBES - 1);
        assert_int_equal(paper.releases, 1);
        assert_int_equal(scheduler_observation(world->scheduler, 0, 3)->at.mono, 0);

        paper.mode = PAPER_PASSES_AT_ONCE;
        world->n_seen = 0;
        scheduler_hurry(world->scheduler, 0);
        world_wait(world, PROBES, 500 * MS);
        static const char *const expected[PROBES] = {"run 2", "run 3", "run 1", "run 2"};
        for (uint32_t i = 0; i < PROBES; i++) {
                assert_string_equal(
                        scheduler_observation(world->scheduler, 0, i)->detail, expected[i]);
        }
        assert_int_equal(scheduler_reload(world->scheduler, &world->policy, NULL), 0);
        map_free(other->policy.by_name);
        free(other);
        world_free(world);
}

/* ---- Passes that stand ---- */

static void test_a_pass_that_stands_spares_the_run(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_STANDING, 3 * MS, 2 * MS);
        paper.stands = true;
        world_wait(world, 41, 30 * USEC_PER_SEC);
        assert_int_equal(world->n_seen, 41);
        assert_in_range(paper.starts, 4, 6); /* the first, and every tenth */
        for (size_t i = 1; i < world->n_seen; i++) {
                assert_int_equal(world->seen[i].outcome, OUTCOME_PASS);
                assert_true(world->seen[i].at.mono >= world->seen[i - 1].at.mono);
        }
        assert_int_equal(scheduler_counts(world->scheduler).runs, 41);
        assert_int_equal(scheduler_counts(world->scheduler).in_flight, 0);
        world_free(world);
}

/* Runs that follow one another although the probe says that its last result stands. */
static void assert_run_each_time(struct world *world, int n) {
        world->n_seen = 0;
        int before = paper.starts;
        world_wait(world, (size_t) n, 30 * USEC_PER_SEC);
        assert_int_equal(paper.starts - before, world->n_seen);
        assert_true(world->n_seen >= (size_t) n);
}

static void test_what_is_no_pass_never_stands(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_STANDING, 3 * MS, 2 * MS);
        paper.stands = true;
        paper.mode = PAPER_FAILS_AT_ONCE;
        assert_run_each_time(world, 20);
        world_free(world);
}

static void test_at_another_pace_each_is_run(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_STANDING, 12 * MS, 2 * MS);
        paper.stands = true;
        scheduler_pace(world->scheduler, 0, PACE_FAST);
        assert_run_each_time(world, 20);
        world_free(world);
}

static void test_rare_runs_are_never_spared(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_STANDING, 3 * MS, 2 * MS);
        paper.stands = true;
        world_wait(world, 1, 30 * USEC_PER_SEC);
        world->probes[0].interval = 61 * USEC_PER_SEC; /* one is due still */
        world_wait(world, 2, 30 * USEC_PER_SEC);
        assert_int_equal(paper.starts, 2);
        world_free(world);
}

static void test_what_is_asked_for_is_run(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_STANDING, 10 * USEC_PER_SEC, 2 * MS);
        paper.stands = true;
        for (int i = 1; i <= 15; i++) {
                scheduler_hurry(world->scheduler, 0);
                world_wait(world, (size_t) i, 30 * USEC_PER_SEC);
                assert_int_equal(paper.starts, i);
        }
        world_free(world);
}

static void test_a_new_process_is_looked_at(void **state) {
        (void) state;
        struct world *world = world_of(1, PAPER_STANDING, 3 * MS, 2 * MS);
        paper.stands = true;
        world_wait(world, 1, 30 * USEC_PER_SEC);
        for (size_t i = 2; i <= 15; i++) {
                int before = paper.starts;
                struct probe_target target = {.known = true, .pid = (pid_t) i};
                scheduler_target(world->scheduler, 0, &target);
                world_wait(world, i, 30 * USEC_PER_SEC);
                assert_int_equal(paper.starts, before + 1);
        }
        world_free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_probe_is_seen_within_its_first_interval),
                cmocka_unit_test(test_state_is_kept_between_runs),
                cmocka_unit_test(test_a_silent_probe_times_out_at_its_deadline),
                cmocka_unit_test(test_no_more_than_max_in_flight_at_once),
                cmocka_unit_test(test_hurry_runs_at_once_and_again_after_a_run_under_way),
                cmocka_unit_test(test_pace_changes_the_interval),
                cmocka_unit_test(test_what_ran_during_a_stall_is_unknown),
                cmocka_unit_test(test_privileged_probes_go_to_a_stronger_executor),
                cmocka_unit_test(test_an_executor_that_is_away_or_silent_means_unknown),
                cmocka_unit_test(test_reload_keeps_what_did_not_change),
                cmocka_unit_test(test_reload_carries_the_state_of_a_probe_that_did_not_change),
                cmocka_unit_test(test_a_pass_that_stands_spares_the_run),
                cmocka_unit_test(test_what_is_no_pass_never_stands),
                cmocka_unit_test(test_at_another_pace_each_is_run),
                cmocka_unit_test(test_rare_runs_are_never_spared),
                cmocka_unit_test(test_what_is_asked_for_is_run),
                cmocka_unit_test(test_a_new_process_is_looked_at),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
