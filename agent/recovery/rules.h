#pragma once
/* The incident state machine as rows. The first row whose phase, event and condition fit is the one
 * that fires; its sentence is what logs, `recoverctl why` and docs/state-machine.md print. */

#include <stddef.h>
#include <stdint.h>

#include "model/incident.h"

enum happening { /* what the inputs amount to, for the state machine */
        HAPPENING_ALWAYS = 0, /* for the passing phase */
        HAPPENING_FAILED, /* health became failed */
        HAPPENING_WELL, /* health became healthy */
        HAPPENING_DIED, /* certain evidence while the health was failed already */
        HAPPENING_TIMER,
        HAPPENING_DEPENDENCY,
        HAPPENING_SAVED,
        HAPPENING_NOT_SAVED,
        HAPPENING_ACTED, /* the action worked */
        HAPPENING_ACT_FAILED,
        HAPPENING_LOST, /* what became of the action cannot be known */
        HAPPENING_REFUSED, /* the executor will not; counts */
        HAPPENING_PUT_OFF, /* the executor cannot now; does not count */
        HAPPENING_GUARDS, /* a guard may have let go */
        HAPPENING_IDLE, /* the manager reports: not running, and it did not end by itself */
        HAPPENING_STOPPED, /* the manager reports: somebody stopped it on purpose */
        HAPPENING_STARTED, /* the manager reports: it runs, and did not before */
        HAPPENING_ESCALATED, /* in an incident of readiness the liveness failed, too */
        HAPPENING_ACK,
        HAPPENING_RESTART,
        HAPPENING_START,
        HAPPENING_STOP,
        HAPPENING_ROLLBACK,
        HAPPENING_FILES, /* it was said what changed */
        HAPPENING_STANDBY, /* its group wants it stopped */
        HAPPENING_ACTIVE, /* its group has made it the active member */
};
enum { HAPPENING_COUNT = HAPPENING_ACTIVE + 1 };
DECLARE_ENUM_TEXT(happening)

struct recovery;
struct turn;

enum { PHASE_SAME = -1 }; /* as `next`: the phase stays */

struct rule {
        uint32_t number; /* stable: a number is never used again for something else */
        uint32_t phases; /* bit (1 << phase) for each that the row is for */
        uint32_t happenings; /* bits, likewise */
        bool (*when)(const struct turn *turn); /* NULL: always */
        const char *when_text; /* the condition in words, NULL when there is none */
        const char *sentence; /* why, for a person: one sentence, no period */
        void (*run)(struct turn *turn); /* NULL: only the phase changes */
        int next; /* enum phase, or PHASE_SAME */
};

extern const struct rule rules[];
extern const size_t n_rules;

/* What a phase ignores on purpose, with the reason: every other pair of phase and happening has a
 * row. */
struct ignored {
        uint32_t phases, happenings; /* bits, as above */
        const char *reason;
};
extern const struct ignored rules_ignored[];
extern const size_t n_rules_ignored;

/* NULL when there is no such number. */
const struct rule *rule_by_number(uint32_t number);
