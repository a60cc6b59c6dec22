/* A process that writes intents is killed at random moments: what was reported done is there, each
 * call is there as a whole or not at all, and the database is sound. */

#include <signal.h>
#include <sys/wait.h>

#include "base/rng.h"
#include "store_fixture.h"

enum { ROUNDS = 8, LONGEST_LIFE_USEC = 25000 };

struct intent {
        struct fixture *fixture;
        int report; /* pipe */
        uint32_t number;
};

static void save_next(struct intent *intent);

static void on_saved(void *cookie, int result) {
        struct intent *intent = cookie;
        if (result != 0 || write(intent->report, &intent->number, sizeof(intent->number)) < 0) {
                _exit(1);
        }
        save_next(intent);
}

/* The record says the same as the attempt, so that half a transaction shows. */
static void save_next(struct intent *intent) {
        struct attempt attempt = make_attempt(1, ++intent->number);
        struct service_record record = {.service = "shop", .attempts = intent->number};
        struct event event = make_event(1, "between");
        store_save_attempt(
                intent->fixture->store, &attempt, "shop", &record, NULL, on_saved, intent);
        store_add_event(intent->fixture->store, &event);
}

static _Noreturn void live(struct fixture *fixture, int report, uint32_t last) {
        struct intent intent = {fixture, report, last};
        if (loop_new(&fixture->loop, NULL) < 0) { /* the parent's does not work here */
                _exit(1);
        }
        fixture_open(fixture);
        save_next(&intent);
        while (loop_turn(fixture->loop, USEC_PER_SEC) > 0) {
        }
        _exit(1);
}

/* Lets a child write for a while and kills it; returns the last number that it reported. */
static uint32_t live_and_die(struct fixture *fixture, uint32_t last, useconds_t life) {
        int ends[2], status;
        uint32_t number = last;
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(ends[0]);
                live(fixture, ends[1], last);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &number, sizeof(number)), sizeof(number)); /* it is up */
        usleep(life);
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        }
        close(ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        return number;
}

static void test_killed_at_random_moments(void **state) {
        struct fixture *fixture = *state;
        struct rng rng;
        uint32_t last = 0;
        rng_seed_from_system(&rng);
        uint64_t seed = rng_next(&rng);
        print_message("seed %lu\n", seed);
        rng_seed(&rng, seed);
        for (int round = 0; round < ROUNDS; round++) {
                uint32_t reported = live_and_die(
                        fixture, last, (useconds_t) rng_below(&rng, LONGEST_LIFE_USEC));
                assert_true(reported > last);
                int64_t found = sql_number(fixture->path, "SELECT max(number) FROM attempt");
                assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM attempt"), found);
                assert_in_range(found, reported, reported + 1); /* done, and not told any more */
                assert_int_equal(sql_number(fixture->path, "SELECT attempts FROM service"), found);
                assert_int_equal(sql_number(fixture->path, "SELECT integrity_check = 'ok' FROM "
                                                           "pragma_integrity_check"),
                        1);
                last = (uint32_t) found;
        }
}

/* Each child opens what the one before it left, without an end. */
static void test_a_killed_agent_is_no_damage(void **state) {
        struct fixture *fixture = *state;
        (void) live_and_die(fixture, 0, 1000);
        fixture_open(fixture);
        assert_false(store_degraded(fixture->store));
        assert_int_equal(fixture->image.n_services, 1);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_degraded, 0);
}

static int set_up(void **state) {
        *state = fixture_new();
        return 0;
}

static int tear_down(void **state) {
        fixture_free(*state);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_killed_at_random_moments, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        test_a_killed_agent_is_no_damage, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
