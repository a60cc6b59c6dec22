#include "recovery/rules.h"

#include "base/cleanup.h"
#include "recovery/state.h"

const struct enum_text happening_texts[] = {
        {HAPPENING_ALWAYS, "always", "the phase is passed through at once"},
        {HAPPENING_FAILED, "failed", "the health became failed"},
        {HAPPENING_WELL, "well", "the health became healthy"},
        {HAPPENING_DIED, "died", "the process is gone, while the health was failed already"},
        {HAPPENING_TIMER, "timer", "the time of the phase is over"},
        {HAPPENING_DEPENDENCY, "dependency", "a dependency went down, came back or answered"},
        {HAPPENING_SAVED, "saved", "the intent is on disk"},
        {HAPPENING_NOT_SAVED, "not saved", "the intent could not be written in time"},
        {HAPPENING_ACTED, "acted", "the action worked"},
        {HAPPENING_ACT_FAILED, "action failed", "the action did not work"},
        {HAPPENING_LOST, "lost", "what became of the action cannot be known"},
        {HAPPENING_REFUSED, "refused", "the executor will not do it"},
        {HAPPENING_PUT_OFF, "put off", "the executor cannot do it now"},
        {HAPPENING_GUARDS, "guards", "a guard may have let go"},
        {HAPPENING_IDLE, "idle", "it was never started since the boot, and is not running"},
        {HAPPENING_ACK, "ack", "a person acknowledges"},
        {HAPPENING_RESTART, "restart", "a person asks for a restart"},
        {HAPPENING_START, "start", "a person asks for a start"},
        {HAPPENING_STOP, "stop", "a person asks for a stop"},
        {0, NULL, NULL},
};

#define P(phase) (1U << PHASE_##phase)
#define H(happening) (1U << HAPPENING_##happening)
#define BY_PERSON (H(RESTART) | H(START) | H(STOP))

/* Failed, and nothing under way: a service in one of these may simply become well again. */
#define QUIET                                                                                      \
        (P(QUEUED) | P(CHECKING) | P(BLOCKED) | P(SETTLING) | P(HELD) | P(BACKOFF) |               \
                P(UNATTENDED) | P(EXHAUSTED))
#define UNDER_WAY (P(SAVING) | P(ACTING))
#define EVERY (P(WATCHING) | QUIET | UNDER_WAY | P(VERIFYING) | P(STOPPED))

/* Read from top to bottom: the first row that fits fires. */
const struct rule rules[] = {
        /* Nothing is wrong, until something is. */
        {101, P(WATCHING), H(IDLE), NULL, NULL,
                "it was not started since the host booted, so it is started now", plan_first_start,
                PHASE_DECIDING},
        {102, P(WATCHING), H(FAILED) | H(DIED), if_dependency_down, "a dependency is down",
                "a dependency is down, so the fault is not its own: it is left alone until the dependency is back",
                open_incident, PHASE_BLOCKED},
        {103, P(WATCHING), H(FAILED) | H(DIED), if_has_dependencies, "it has dependencies",
                "before anything is done to it, its dependencies are probed", open_and_ask,
                PHASE_CHECKING},
        {104, P(WATCHING), H(FAILED) | H(DIED), NULL, NULL, "it failed and depends on nothing else",
                open_incident, PHASE_DECIDING},
        {105, P(WATCHING), H(TIMER), if_long_healthy, "healthy for reset_after",
                "it stayed healthy for reset_after, so the next failure starts with the first delay again",
                forget_backoff, PHASE_SAME},

        /* The decision. Passed through at once: the first of these that applies. */
        {201, P(DECIDING), H(ALWAYS), if_healed, "it is healthy",
                "its probes pass again, so there is nothing to do", close_healed, PHASE_WATCHING},
        {202, P(DECIDING), H(ALWAYS), if_dependency_not_well,
                "a first start, and a dependency is not well",
                "its first start waits until its dependencies are well", note_culprit,
                PHASE_QUEUED},
        {203, P(DECIDING), H(ALWAYS), if_has_no_steps, "the ladder is empty",
                "its policy has no recovery steps, so it is only watched", NULL, PHASE_UNATTENDED},
        {204, P(DECIDING), H(ALWAYS), if_dependency_down, "a dependency is down",
                "a dependency is down, so the fault is not its own: it is left alone until the dependency is back",
                note_culprit, PHASE_BLOCKED},
        {205, P(DECIDING), H(ALWAYS), if_ladder_spent, "every step was tried",
                "every step of the ladder was tried without success, so it is given up until a person acknowledges it or it heals",
                give_up, PHASE_EXHAUSTED},
        {206, P(DECIDING), H(ALWAYS), if_step_is_notify, "the step is notify",
                "the next step of the ladder tells people", notify, PHASE_DECIDING},
        {207, P(DECIDING), H(ALWAYS), if_backoff_pending, "its time has not come",
                "the next attempt waits for its backoff", wait_backoff, PHASE_BACKOFF},
        {208, P(DECIDING), H(ALWAYS), if_guard_holds, "a guard holds it",
                "an attempt is due, and a guard holds it", hold, PHASE_HELD},
        {209, P(DECIDING), H(ALWAYS), NULL, NULL,
                "an attempt is due and nothing holds it: the intent is written down first",
                plan_attempt, PHASE_SAVING},

        /* Waiting. */
        {301, P(QUEUED), H(DEPENDENCY), if_dependencies_well, "all dependencies are well",
                "its dependencies are well, so it can be started", NULL, PHASE_DECIDING},
        {302, P(CHECKING) | P(SETTLING) | P(BACKOFF) | P(HELD), H(DEPENDENCY),
                if_incident_and_dependency_down, "an incident is open, and a dependency is down",
                "a dependency is down, so the fault is not its own: it is left alone until the dependency is back",
                note_culprit, PHASE_BLOCKED},
        {303, P(CHECKING), H(DEPENDENCY), if_dependencies_cleared, "all dependencies answered",
                "all its dependencies answered well, so the fault is its own", NULL,
                PHASE_DECIDING},
        {304, P(CHECKING), H(TIMER), NULL, NULL,
                "no dependency was found to be down in time, so the fault is taken for its own",
                NULL, PHASE_DECIDING},
        {305, P(BLOCKED), H(DEPENDENCY), if_dependency_down, "a dependency is down",
                "a dependency is still down", note_culprit, PHASE_SAME},
        {306, P(BLOCKED), H(DEPENDENCY), NULL, NULL,
                "its dependencies are back, so it gets time to settle before it is judged",
                begin_settling, PHASE_SETTLING},
        {307, P(SETTLING), H(TIMER), if_not_measured, "no probe has failed since",
                "whether it still fails is not known, and nothing is done on what is not known: it gets more time",
                settle_longer, PHASE_SAME},
        {308, P(SETTLING), H(TIMER), NULL, NULL,
                "it had its time to settle and still fails, so the fault is its own", NULL,
                PHASE_DECIDING},
        {309, P(HELD), H(GUARDS) | H(TIMER), NULL, NULL, "what held the attempt may have let go",
                NULL, PHASE_DECIDING},
        {310, P(BACKOFF), H(TIMER), NULL, NULL, "the backoff is over", NULL, PHASE_DECIDING},
        {311, QUIET, H(WELL), NULL, NULL, "its probes pass again without an action", close_healed,
                PHASE_WATCHING},

        /* One attempt: intent, action, proof. */
        {401, P(SAVING), H(SAVED) | H(NOT_SAVED) | H(TIMER), if_healthy,
                "it became healthy meanwhile",
                "it became healthy before anything was done, so nothing is done", drop_attempt,
                PHASE_WATCHING},
        {402, P(SAVING), H(SAVED) | H(NOT_SAVED) | H(TIMER), if_overtaken,
                "it was paused, the executor left or a dependency went down meanwhile",
                "something came in between before anything was done, so it is decided anew",
                step_back, PHASE_DECIDING},
        {403, P(SAVING), H(SAVED), NULL, NULL, "the intent is on disk, so the action may start",
                act, PHASE_ACTING},
        {404, P(SAVING), H(NOT_SAVED) | H(TIMER), if_store_cap_spent,
                "as many unrecorded actions as allowed",
                "the intent cannot be written down, and no more unrecorded actions are allowed now",
                hold_unrecorded, PHASE_HELD},
        {405, P(SAVING), H(NOT_SAVED) | H(TIMER), NULL, NULL,
                "the intent cannot be written down; supervision goes on from memory, with fewer actions",
                act, PHASE_ACTING},
        {406, P(ACTING), H(ACTED) | H(LOST) | H(TIMER), if_stop_by_person, "a person's stop",
                "a person stopped it, which is not a failure", close_stopped, PHASE_STOPPED},
        {407, P(ACTING), H(ACT_FAILED), if_stop_by_person, "a person's stop",
                "a person stopped it, and that it is gone could not be proven", close_stopped,
                PHASE_STOPPED},
        {408, P(ACTING), H(ACTED) | H(LOST) | H(TIMER), if_action_is_stop, "the step is stop",
                "it is stopped as the ladder says; the next step follows", end_stopped,
                PHASE_DECIDING},
        {409, P(ACTING), H(ACTED), if_died_since, "the process is gone again",
                "its process ended right after the action", end_not_cured, PHASE_DECIDING},
        {410, P(ACTING), H(ACTED), NULL, NULL,
                "the action worked; only its probes can prove that it is well", begin_verifying,
                PHASE_VERIFYING},
        {411, P(ACTING), H(LOST) | H(TIMER), NULL, NULL,
                "what became of the action is not known: it is not repeated, the probes have to tell",
                begin_verifying, PHASE_VERIFYING},
        {412, P(ACTING), H(ACT_FAILED), NULL, NULL, "the action failed", end_action_failed,
                PHASE_DECIDING},
        {413, P(ACTING), H(REFUSED) | H(PUT_OFF), if_by_person_stopped,
                "it was stopped by a person before",
                "the executor did not act, so it stays stopped", end_refused, PHASE_STOPPED},
        {414, P(ACTING), H(REFUSED) | H(PUT_OFF), if_by_person_well,
                "a person's wish, and the service did not fail",
                "the executor did not act, and nothing is wrong with it", end_refused,
                PHASE_WATCHING},
        {415, P(ACTING), H(PUT_OFF), NULL, NULL, "the executor cannot act right now", put_off,
                PHASE_HELD},
        {416, P(ACTING), H(REFUSED), NULL, NULL, "the executor refused to act", end_refused,
                PHASE_DECIDING},
        {417, P(VERIFYING), H(WELL), NULL, NULL, "its probes prove that it is well", close_proven,
                PHASE_WATCHING},
        {418, P(VERIFYING), H(DIED), NULL, NULL,
                "its process ended again before it was proven well", end_not_cured, PHASE_DECIDING},
        {419, P(VERIFYING), H(TIMER), if_not_measured, "no probe has failed since",
                "its probes neither proved nor disproved it, and nothing is done on what is not known: they get more time",
                verify_longer, PHASE_SAME},
        {420, P(VERIFYING), H(TIMER), NULL, NULL, "its probes did not prove it well within verify",
                end_not_cured, PHASE_DECIDING},
        {421, P(VERIFYING), H(DEPENDENCY), if_incident_and_dependency_down,
                "an incident is open, and a dependency is down",
                "a dependency went down while it was being verified, so the attempt proves nothing",
                end_superseded, PHASE_BLOCKED},

        /* People. */
        {501, P(EXHAUSTED), H(ACK), NULL, NULL,
                "a person acknowledged it, so the ladder begins again", acknowledge,
                PHASE_DECIDING},
        {502, EVERY & ~P(EXHAUSTED), H(ACK), NULL, NULL, "it was not given up", refuse_ack,
                PHASE_SAME},
        {503, UNDER_WAY, BY_PERSON, NULL, NULL, "an action is under way", refuse_busy, PHASE_SAME},
        {504, EVERY & ~UNDER_WAY, BY_PERSON, if_person_refused, "a guard holds it",
                "it cannot be done now", refuse_person, PHASE_SAME},
        {505, P(STOPPED), H(STOP), NULL, NULL, "it is stopped already", reply_stopped, PHASE_SAME},
        {506, EVERY & ~UNDER_WAY, BY_PERSON, NULL, NULL,
                "a person asked for it: the intent is written down first", plan_by_person,
                PHASE_SAVING},
        {507, P(STOPPED), H(WELL), NULL, NULL, "it is up again: somebody started it", forget_stop,
                PHASE_WATCHING},
};
const size_t n_rules = ELEMENTSOF(rules);

const struct ignored rules_ignored[] = {
        {EVERY, H(ALWAYS), "only the decision is passed through"},
        {P(DECIDING), ~H(ALWAYS), "the decision is passed through at once: nothing happens in it"},
        {P(WATCHING), H(WELL), "it was not doubted"},
        {P(WATCHING), H(DEPENDENCY), "only a failure asks who is to blame"},
        {P(WATCHING) | P(STOPPED), H(TIMER), "the timer was for something that is over"},
        {P(WATCHING) | P(STOPPED), H(GUARDS), "no attempt is held"},
        {EVERY & ~P(WATCHING), H(IDLE), "its first start is planned, done, or not wanted"},
        {QUIET | P(STOPPED) | UNDER_WAY | P(VERIFYING), H(FAILED),
                "it is known to be down; more failures change nothing"},
        {QUIET | P(STOPPED) | UNDER_WAY, H(DIED),
                "it is known to be down; the executor's word counts while an action is under way"},
        {UNDER_WAY, H(WELL), "what was begun is finished first, then judged"},
        {UNDER_WAY, H(DEPENDENCY) | H(GUARDS), "what was begun is finished first, then judged"},
        {P(VERIFYING), H(DEPENDENCY) | H(GUARDS), "the probes decide"},
        {P(QUEUED), H(DEPENDENCY), "not all dependencies are well yet"},
        {P(CHECKING), H(DEPENDENCY), "not all dependencies have answered yet"},
        {P(SETTLING) | P(BACKOFF) | P(HELD), H(DEPENDENCY), "its dependencies are not to blame"},
        {P(UNATTENDED) | P(EXHAUSTED) | P(STOPPED), H(DEPENDENCY),
                "nothing is planned that could be blocked"},
        {P(QUEUED) | P(BLOCKED) | P(UNATTENDED) | P(EXHAUSTED), H(TIMER),
                "nothing in this phase ends by time"},
        {QUIET & ~P(HELD), H(GUARDS), "no attempt is held"},
        {EVERY & ~UNDER_WAY, H(SAVED) | H(NOT_SAVED), "the answer is for an attempt that is over"},
        {P(ACTING), H(SAVED) | H(NOT_SAVED), "the answer came late; the action has begun"},
        {EVERY & ~P(ACTING), H(ACTED) | H(ACT_FAILED) | H(LOST) | H(REFUSED) | H(PUT_OFF),
                "the answer is for an attempt that is over"},
};
const size_t n_rules_ignored = ELEMENTSOF(rules_ignored);

const struct rule *rule_by_number(uint32_t number) {
        for (size_t i = 0; i < n_rules; i++) {
                if (rules[i].number == number) {
                        return &rules[i];
                }
        }
        return NULL;
}
