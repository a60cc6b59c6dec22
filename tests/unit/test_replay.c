/* Recorded rounds through the detectors and the self-suspicion, against figures counted by hand. */

#include <string.h>

#include "cli/replay.h"
#include "unit_test.h"

#define MINUTES(n) ((usec_t) (n) *USEC_PER_MINUTE)

static struct replay_settings settings(uint32_t fall, uint32_t rise, bool suspect_self) {
        return (struct replay_settings){
                .interval = MINUTES(10),
                .fall = fall,
                .rise = rise,
                .suspect_self = suspect_self,
                .shortly = MINUTES(60),
        };
}

/* Each text is a target, each letter a round: + passed, - failed. */
static void play(struct replay *replay, const struct replay_settings *how,
        const char *const targets[], uint32_t n) {
        unsigned char round[64];
        assert_int_equal(replay_init(replay, n, how), 0);
        for (size_t r = 0; targets[0][r]; r++) {
                for (uint32_t i = 0; i < n; i++) {
                        round[i] = targets[i][r] == '+';
                }
                replay_round(replay, round);
        }
}

static void test_alarms_of_one_target(void **state) {
        (void) state;
        static const struct {
                const char *rounds;
                uint32_t fall, rise;
                uint64_t alarms, short_alarms;
                double seconds;
        } cases[] = {
                {"+++++", 1, 1, 0, 0, 0}, {"+-+-+", 1, 1, 2, 2, 0}, {"+-+-+", 2, 1, 0, 0, 0},
                {"+--+--+", 2, 1, 2, 2, 600}, {"+---+-+", 3, 1, 1, 1, 1200},
                {"+---+-++", 3, 2, 1, 1,
                        1200}, /* the alarm lasts till two passes came: 40 minutes */
                {"+--------+", 2, 1, 1, 0, 600}, /* 70 minutes */
                {"+-------+", 2, 1, 1, 1, 600}, /* 60 minutes: within */
                {"+-----", 2, 1, 1, 0, 600}, /* not over yet */
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct replay replay;
                struct replay_settings how = settings(cases[i].fall, cases[i].rise, true);
                double seconds = 0;
                play(&replay, &how, &cases[i].rounds, 1);
                const struct replay_target *target = &replay.targets[0];
                assert_int_equal(target->probes, strlen(cases[i].rounds));
                assert_int_equal(target->alarms, cases[i].alarms);
                assert_int_equal(target->short_alarms, cases[i].short_alarms);
                assert_int_equal(target->alarms_held, 0);
                assert_int_equal(replay_time_to_alarm(target, &seconds), cases[i].alarms > 0);
                assert_true(seconds == cases[i].seconds);
                assert_int_equal(replay.held_rounds, 0);
                replay_done(&replay);
        }
}

/* Round 3 and 4: four of five fail together. The fifth fails by itself, before and after. */
static const char *const together[] = {
        "++--+++++++++",
        "++--+++++++++",
        "++--+++++++++",
        "++--+++++++++",
        "+--+++--+++++",
};

static void test_what_fails_together_raises_no_alarm(void **state) {
        (void) state;
        struct replay replay;
        struct replay_settings how = settings(2, 1, true);
        play(&replay, &how, together, 5);
        assert_int_equal(replay.rounds, 13);
        assert_int_equal(replay.held_rounds, 2);
        for (uint32_t i = 0; i < 4; i++) {
                assert_int_equal(replay.targets[i].failures, 2);
                assert_int_equal(replay.targets[i].alarms, 0);
                assert_int_equal(replay.targets[i].alarms_held, 1);
        }
        assert_int_equal(replay.targets[4].alarms_held, 1); /* in round 3 */
        assert_int_equal(replay.targets[4].alarms, 1); /* in round 8 */
        replay_done(&replay);
}

static void test_without_self_suspicion_it_does(void **state) {
        (void) state;
        struct replay replay;
        struct replay_settings how = settings(2, 1, false);
        play(&replay, &how, together, 5);
        assert_int_equal(replay.held_rounds, 0);
        for (uint32_t i = 0; i < 4; i++) {
                assert_int_equal(replay.targets[i].alarms, 1);
                assert_int_equal(replay.targets[i].alarms_held, 0);
        }
        assert_int_equal(replay.targets[4].alarms, 2);
        replay_done(&replay);
}

/* Everything is gone for 50 rounds: held for 36 of them, then believed. */
static void test_what_lasts_is_believed(void **state) {
        (void) state;
        static const char gone[] = "+--------------------------------------------------+";
        const char *const all[] = {gone, gone, gone, gone};
        struct replay replay;
        struct replay_settings how = settings(3, 1, true);
        double seconds = 0;
        play(&replay, &how, all, 4);
        assert_int_equal(replay.held_rounds, 36);
        for (uint32_t i = 0; i < 4; i++) {
                assert_int_equal(replay.targets[i].alarms, 1);
                assert_int_equal(replay.targets[i].alarms_held, 1);
                assert_true(replay_time_to_alarm(&replay.targets[i], &seconds));
                assert_true(seconds == 1200); /* from the first failure that counted */
        }
        replay_done(&replay);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alarms_of_one_target),
                cmocka_unit_test(test_what_fails_together_raises_no_alarm),
                cmocka_unit_test(test_without_self_suspicion_it_does),
                cmocka_unit_test(test_what_lasts_is_believed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
