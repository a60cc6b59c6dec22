/* How often the active member of a group may change, as the coordinator keeps it. */

#include "base/cleanup.h"
#include "support/member_play.h"

/* What the coordinator keeps, and the wall clock of this host. */
static void say_changes(
        struct play *play, const wall_usec_t *changes, size_t count, wall_usec_t wall) {
        play->input.changes = changes;
        play->input.n_changes = count;
        play->input.wall = wall;
        say_lease(play, LEASE_FREE, 0);
}

#define WALL (1800000000 * SECOND)

static void changes_from_before_its_time_count_by_the_wall_clock(void **state) {
        (void) state;
        static const wall_usec_t changes[] = {WALL - 70 * USEC_PER_MINUTE,
                WALL - 50 * USEC_PER_MINUTE, WALL - 10 * USEC_PER_MINUTE, WALL + USEC_PER_HOUR};
        struct play play;
        struct member_guard guards[MEMBER_GUARDS];
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_changes(&play, changes, ELEMENTSOF(changes), WALL);
        assert_int_equal(member_failovers(&play.member, play.input.now), 3);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        member_guards(&play.member, &play.input, guards);
        assert_string_equal(guards[7].name, "failovers");
        assert_true(guards[7].holds);
        assert_string_equal(guards[7].text, "3 of 3 failovers within 1h");
        pass(&play, 10 * USEC_PER_MINUTE); /* the oldest of them is an hour ago */
        assert_int_equal(member_failovers(&play.member, play.input.now), 2);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
        pass(&play,
                USEC_PER_HOUR); /* what another clock has in the future is over some time, too */
        assert_int_equal(member_failovers(&play.member, play.input.now), 0);
}

static void changes_that_it_sees_happen_now_whatever_the_clocks_show(void **state) {
        (void) state;
        static const wall_usec_t changes[] = {
                WALL - 5 * USEC_PER_HOUR, WALL + 5 * USEC_PER_HOUR, WALL};
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_changes(&play, NULL, 0, WALL);
        for (size_t i = 1; i <= ELEMENTSOF(changes); i++) {
                pass(&play, USEC_PER_MINUTE);
                say_changes(&play, changes, i, WALL);
                assert_int_equal(member_failovers(&play.member, play.input.now), i);
        }
        pass(&play, USEC_PER_HOUR - 2 * USEC_PER_MINUTE);
        assert_int_equal(member_failovers(&play.member, play.input.now), 2);
}

static void the_last_failover_that_is_allowed_is_carried_out(void **state) {
        (void) state;
        static const wall_usec_t changes[] = {WALL, WALL + 1, WALL + 2};
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_changes(&play, changes, 2, WALL);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
        play.input.n_changes = 3; /* its own is the third */
        say_lease(&play, LEASE_OURS, 7);
        assert_int_equal(play.member.duty, DUTY_PROMOTING);
}

static void changes_are_remembered_while_the_coordinator_is_away_and_forgotten_with_it(
        void **state) {
        (void) state;
        static const wall_usec_t changes[] = {WALL, WALL + 1};
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_changes(&play, changes, ELEMENTSOF(changes), WALL);
        play.input.n_changes = 0;
        say_lease(&play, LEASE_UNKNOWN, 0);
        assert_int_equal(member_failovers(&play.member, play.input.now), 2);
        say_changes(&play, NULL, 0, WALL); /* a person has removed them */
        assert_int_equal(member_failovers(&play.member, play.input.now), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(changes_from_before_its_time_count_by_the_wall_clock),
                cmocka_unit_test(changes_that_it_sees_happen_now_whatever_the_clocks_show),
                cmocka_unit_test(the_last_failover_that_is_allowed_is_carried_out),
                cmocka_unit_test(
                        changes_are_remembered_while_the_coordinator_is_away_and_forgotten_with_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
