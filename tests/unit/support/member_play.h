#pragma once
/* One member of a group of two, and what it is told: for the tests of its rules. */

#include "recovery/member.h"
#include "tests/unit/unit_test.h"

#define SECOND USEC_PER_SEC

static const struct group_member_spec members[] = {{"a", 200, NULL}, {"b", 100, NULL}};

static inline struct group_spec group_of_two(void) {
        return (struct group_spec){.name = "g",
                .mode = GROUP_ACTIVE_STANDBY,
                .lease = 15 * SECOND,
                .margin = 1 * SECOND,
                .stop_timeout = 3 * SECOND,
                .members = members,
                .n_members = 2,
                .max_failovers = {.actions = 3, .per = USEC_PER_HOUR}};
}

/* A member, and what it is told. */
struct play {
        struct group_spec group;
        struct member member;
        struct member_input input;
        struct member_effects effects;
};

static inline void step(struct play *play) {
        member_step(&play->member, &play->input, &play->effects);
        if (play->effects.act != MEMBER_ACT_NOTHING) {
                play->input.answer = ANSWER_NONE;
        }
}

static inline void begin(struct play *play) {
        *play = (struct play){.group = group_of_two()};
        play->input =
                (struct member_input){.now = 100 * SECOND, .agrees = true, .probes_pass = true};
        member_init(&play->member, &play->group, &members[1], "b/s", play->input.now);
}

static inline void say_role(struct play *play, enum member_role role) {
        play->input.role = role;
        play->input.role_count++;
        step(play);
}

static inline void say_lease(struct play *play, enum lease_standing standing, uint64_t token) {
        play->input.standing = standing;
        play->input.token = token;
        play->input.usable_until = standing == LEASE_OURS ? play->input.now + play->group.lease : 0;
        play->input.holder = standing == LEASE_OTHER ? "a/s" : NULL;
        step(play);
}

static inline void say_answer(struct play *play, enum member_answer answer) {
        play->input.answer = answer;
        step(play);
}

static inline void pass(struct play *play, usec_t time) {
        play->input.now += time;
        step(play);
}

static inline void become_active(struct play *play) {
        begin(play);
        say_role(play, MEMBER_STANDBY);
        say_lease(play, LEASE_FREE, 0);
        say_lease(play, LEASE_OURS, 7);
        say_role(play, MEMBER_ACTIVE);
        say_answer(play, ANSWER_DONE);
        assert_int_equal(play->member.duty, DUTY_ACTIVE);
}
