#pragma once
/* The state machine of a member of a group as rows. The first row whose duty and condition fit
 * fires, and again, until none does; its sentence is what logs, `recoverctl why` and
 * docs/state-machine.md print. */

#include "recovery/member.h"

struct member_turn {
        struct member *member;
        const struct member_input *input;
        struct member_effects *effects;
};

enum { DUTY_SAME = -1 }; /* as `next` */

struct member_rule {
        uint32_t number; /* stable, from 701; never used again for something else */
        uint32_t duties; /* bit (1 << duty) for each that the row is for */
        bool (*when)(const struct member_turn *turn);
        const char *when_text; /* the condition in words */
        const char *sentence; /* why, for a person: one sentence, no period */
        void (*run)(struct member_turn *turn); /* NULL: only the duty changes */
        int next; /* enum duty, or DUTY_SAME */
};

extern const struct member_rule member_rules[];
extern const size_t n_member_rules;

/* NULL when there is no such number. */
const struct member_rule *member_rule_by_number(uint32_t number);
