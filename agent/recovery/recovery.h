#pragma once
/* The pure core: what is wrong, and what to do about it. No clock, no I/O, no allocation after it
 * was made: every input carries its moment, every decision comes out as ordered effects, and equal
 * inputs give equal effects (the jitter comes from a seed). The rules are rows of a table, see
 * rules.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/event.h"
#include "model/files_state.h"
#include "model/hold.h"
#include "model/incident.h"
#include "model/observation.h"
#include "model/policy.h"
#include "model/record.h"

struct recovery; /* heap */

struct recovery_settings {
        uint64_t seed;
        uint64_t next_incident; /* id of the next incident */
        bool dry_run; /* decide and say, never act */
        usec_t first_word; /* how long the managers have to say whether their services run; until
                              then a failure may only mean that it was not started yet */
        char boot_id[BOOT_ID_MAX];
};

/* The policy must outlive the core. -ENOMEM, -EINVAL for a policy beyond the limits. */
int recovery_new(struct recovery **ret, const struct policy *policy,
        const struct recovery_settings *settings, struct instant now, struct error *err);

/* A core for another policy that carries over, by name, what did not leave: histories, incidents,
 * attempts under way, pauses, budgets, backoff. `old` stays valid and is the caller's to free. */
int recovery_reload(struct recovery **ret, const struct recovery *old, const struct policy *policy,
        struct instant now, struct error *err);

void recovery_free(struct recovery *recovery); /* accepts NULL */

/* Before the first step: what the store remembers. A record of an unknown service is ignored. An
 * attempt that was under way is never repeated: it is verified, or waits for the executor's word.
 * What was failed gets its `settle` time to show whether it still is, before the next attempt.
 * Returns whether it was taken. */
bool recovery_restore(struct recovery *recovery, const struct service_record *record,
        const struct incident *open, struct instant now);
/* What is known of a step that left the ladder is ignored. Returns whether it was taken. */
bool recovery_restore_trials(struct recovery *recovery, const struct trials_record *record);
void recovery_restore_host(
        struct recovery *recovery, const struct host_record *record, struct instant now);

/* ---- All of it, for recordings ---- */

/* One of the arrays of which the core consists. `keep_links` (NULL: there are none) copies the
 * pointers of one item to another, and what belongs to them. */
struct recovery_array {
        const char *name;
        void *items;
        size_t size, count;
        void (*keep_links)(void *to, const void *from);
};
enum { RECOVERY_ARRAYS = 8 };

/* A core of the same build and the same policy whose items become these, its own links kept, takes
 * the same decisions from there on. */
void recovery_arrays(struct recovery *recovery, struct recovery_array ret[RECOVERY_ARRAYS]);

/* After that: links what refers to each other, and says whether all is within the bounds that the
 * core relies on. */
bool recovery_adopt(struct recovery *recovery);

/* ---- Inputs ---- */

enum input_kind {
        INPUT_OBSERVATION = 1, /* a probe run was concluded */
        INPUT_TIMER, /* the moment that EFFECT_TIMER asked for has come */
        INPUT_DEPENDENCY, /* a dependency of the service changed, see EFFECT_DEPENDENTS */
        INPUT_PROCESS, /* the manager's word about the main process: at the start and at each change
                        */
        INPUT_SAVED, /* the intent is on disk, or could not be written in time */
        INPUT_OUTCOME, /* the executor ended, or refused, the action */
        INPUT_COMMAND, /* a person's word */
        INPUT_EXECUTOR, /* host: the executor came or went */
        INPUT_STORE, /* host: the store came or went */
        INPUT_HOLD, /* host: what holds all recovery came, changed or went */
        INPUT_DEPLOY, /* the deploy lock of the service was seen, or seen to be absent */
        INPUT_HOST, /* host: a look at the host, every few seconds, and whenever the agent stood
                       still */
        INPUT_GUARDS, /* a host-wide guard changed: look at the held attempt of this service again
                       */
        INPUT_FILES, /* what is known of its files, as EFFECT_FILES asked; also unasked */
        INPUT_PERMIT, /* of a member of a pool: whether it may be disrupted now */
        INPUT_DUTY, /* a member of a group with one active member: `up`, it is the active one */
};

enum permit { /* of a member of a pool, see pool.h */
        PERMIT_NONE = 0,
        PERMIT_RESTART, /* nobody could be asked, and it is down: it may be restarted, no more */
        PERMIT_GRANTED,
};
DECLARE_ENUM_TEXT(permit)

enum command_kind {
        COMMAND_PAUSE = 1,
        COMMAND_RESUME,
        COMMAND_ACK,
        COMMAND_RESTART,
        COMMAND_START,
        COMMAND_STOP,
        COMMAND_ROLLBACK,
        COMMAND_UNDO,
};
DECLARE_ENUM_TEXT(command_kind)

/* The action (enum action) that a person asks for with it; -1: none. */
int command_action(enum command_kind kind);

/* Whether members of a pool need a permit for an action (enum action). What only starts interrupts
 * nobody. */
bool action_needs_permit(int action);

/* Whether a person who asks for it has to have a permit where the service is a member of a pool. */
bool command_needs_permit(enum command_kind kind);

struct host_signs { /* what may say that the agent cannot trust what it sees */
        usec_t stalled; /* it stood still for so long; 0: it did not */
        usec_t stalled_until; /* mono; after the present moment where a turn itself was too long */
        usec_t late; /* so long it was kept waiting for the CPU, at the last look */
        int64_t clock_jump; /* by how much the wall clock was set, in microseconds; 0: it was not */
        bool pressure_known, memory_known;
        double cpu_percent, memory_percent; /* of the last 10s, in which some tasks waited for the
                                               CPU, and all for memory */
        double available_percent; /* of the memory */
};

struct input {
        enum input_kind kind;
        uint32_t service; /* ignored by host inputs */
        union {
                const struct observation *observation; /* its service and probe name the target */
                struct {
                        bool running;
                        bool expected; /* stopped by an action */
                        bool by_person; /* stopped on purpose, outside of recoverd */
                        bool busy; /* the manager itself is at it, and `text` says what it does */
                        pid_t pid;
                        usec_t age; /* how long it has been running */
                        enum cause end; /* how it ended by itself, as far as is known: of the kind
                                           exited */
                        int status; /* as that of an observation */
                        char text[OBSERVATION_DETAIL_MAX]; /* "killed by SIGKILL" */
                } process;
                struct {
                        uint64_t token; /* of the effect that it answers */
                        bool ok;
                } saved;
                struct {
                        uint64_t token;
                        bool ok, refused;
                        bool retry; /* refused for a reason that passes (busy, digest, limit): does
                                       not count */
                        bool lost; /* the executor does not know what became of it */
                        char text[OBSERVATION_DETAIL_MAX];
                } outcome;
                struct {
                        enum command_kind kind;
                        usec_t duration; /* pause */
                        char by[64], reason[128];
                } command;
                struct host_signs host;
                struct files_report files;
                struct {
                        enum permit kind;
                        usec_t until; /* it is good for nothing from then on */
                        char text[OBSERVATION_DETAIL_MAX]; /* why it is so */
                } permit;
                struct {
                        enum hold_source source;
                        struct hold hold;
                } hold;
                bool up; /* INPUT_EXECUTOR, INPUT_STORE (true: works), INPUT_DEPLOY (true: exists),
                          INPUT_DUTY (true: active) */
        };
};

/* ---- Effects, to be carried out in order ---- */

enum effect_kind {
        EFFECT_EVENT = 1, /* log it, store it, send it on */
        EFFECT_INCIDENT, /* write the incident as it now is */
        EFFECT_RECORD, /* the service's record changed: write it some time soon */
        EFFECT_SAVE, /* write the attempt durably, answer with INPUT_SAVED */
        EFFECT_ATTEMPT, /* the attempt as it now is: write it */
        EFFECT_ACT, /* tell the executor; answer with INPUT_OUTCOME */
        EFFECT_TIMER, /* feed INPUT_TIMER at `at`; replaces the service's earlier one;
                         USEC_INFINITY: none */
        EFFECT_PROBE, /* probe this service (another one, when blame is sought) at once */
        EFFECT_PACE, /* the intervals of this service's probes changed */
        EFFECT_DEPENDENTS, /* feed INPUT_DEPENDENCY to every dependent of the service */
        EFFECT_REPLY, /* answer to INPUT_COMMAND */
        EFFECT_MEASURED, /* a detection or recovery time, for the histograms */
        EFFECT_GUARDS, /* of no service: feed INPUT_GUARDS to every service that is held */
        EFFECT_TRIALS, /* what is known of a step and a cause: write it */
        EFFECT_FILES, /* compare the files of the service with its last recovery point, and answer
                         with INPUT_FILES, also where that cannot be done */
        EFFECT_FAILOVER, /* another member of its group is to take over, if one could */
};
enum { EFFECT_COUNT = EFFECT_FAILOVER + 1 };

enum pace { PACE_NORMAL = 0, PACE_FAST, PACE_DOWN };
DECLARE_ENUM_TEXT(pace)

enum measured { MEASURED_DETECTION = 0, MEASURED_RECOVERY };

struct effect {
        enum effect_kind kind;
        uint32_t service; /* UINT32_MAX: of the host */
        union {
                struct event event;
                struct incident incident;
                struct {
                        /* Unique, also the request id for the executor; equal to attempt.intended,
                         * so that a restarted agent finds its request again. */
                        uint64_t token;
                        struct attempt attempt;
                } attempt; /* SAVE, ATTEMPT, ACT */
                usec_t at; /* TIMER */
                struct {
                        bool ok;
                        char text[OBSERVATION_DETAIL_MAX];
                } reply;
                struct {
                        enum measured what;
                        usec_t duration;
                } measured;
                struct trials_record trials;
        };
};

enum {
        EFFECTS_MAX = 512
}; /* one step never gives more; asserted. Bounded by the most dependencies and a margin */

struct effects {
        size_t count;
        struct effect items[EFFECTS_MAX];
};

/* Feeds one input. `effects` is emptied first. The same service is never stepped recursively. */
void recovery_step(struct recovery *recovery, const struct input *input, struct instant now,
        struct effects *effects);

/* ---- Read-only view, for control, metrics and the scheduler ---- */

enum { RECOVERY_TRAIL_MAX = 32 };

/* Numbers of the rows that fired in the last step, in order; returns how many, at most
 * RECOVERY_TRAIL_MAX. Valid until the next step. */
size_t recovery_trail(const struct recovery *recovery, const uint32_t **ret);

enum tells { TELLS_NOTHING = 0, TELLS_PASS, TELLS_FAILURE }; /* see suspicion.h */

struct probe_status {
        enum health health;
        uint32_t fails, passes; /* in a row */
        bool doubted; /* failed only because an action, or a death, may have changed everything */
        enum tells tells; /* what its latest result says about the agent */
        uint64_t window; /* last results, newest in bit 0; 1 = pass */
        uint32_t n_window; /* how many bits are filled, up to 64; unknown results leave no bit */
        uint32_t n_unknown; /* unknown results in a row */
        usec_t failing_since; /* mono; 0: is not failing */
};

struct guard_status { /* one guard, evaluated now */
        enum guard guard;
        bool holds;
        usec_t until; /* mono: lets go by itself; USEC_INFINITY: not by itself */
        uint32_t value, limit; /* budgets: spent and allowed */
        char text[OBSERVATION_DETAIL_MAX]; /* "8 of 10 actions spent within 1h" */
        bool spares_people; /* what a person asks for is not held */
};

struct service_status {
        const struct service *policy;
        enum health health;
        bool alive; /* by its liveness probes: healthy, suspect, or failing in nothing but readiness
                     */
        bool ready; /* alive, and no readiness probe has failed */
        uint32_t warnings; /* warning probes that have failed */
        enum phase phase;
        usec_t phase_since;
        usec_t health_since;
        enum pace pace;
        enum guard held_by;
        bool paused;
        usec_t pause_until;
        const char *pause_by, *pause_reason; /* the core's; valid until the next step */
        bool process_known, running;
        pid_t pid;
        const struct incident *incident; /* NULL: none is open */
        const struct attempt *attempt; /* the last or present one of this incident; NULL: none */
        int step; /* ladder position */
        uint32_t step_attempts;
        uint32_t backoff_level;
        usec_t next_attempt; /* mono; 0: none is planned */
        usec_t timer; /* mono; USEC_INFINITY: none */
        bool flapping;
        double flapping_score; /* percent */
        uint32_t reminders; /* since it was given up */
        uint32_t culprit; /* index of the dependency that is down; UINT32_MAX: none */
        uint32_t last_rule; /* number of the last row that fired; 0: none */
        usec_t last_rule_at;
        const struct observation *evidence; /* what decided last; NULL: nothing yet */
        struct {
                enum files_state state; /* as last said */
                bool awaited; /* they are being compared */
                bool blamed; /* a change of them is taken for the cause of the open incident */
                wall_usec_t changed; /* FILES_CHANGED: the latest change */
                const char *text; /* for a person; the core's */
        } files;
        uint64_t incidents; /* opened since the core was made */
        uint64_t attempts_by_result[ATTEMPT_RESULT_COUNT];
};

struct step_status { /* one step of the ladder, seen from the open incident */
        enum step_fit fit; /* STEP_FITS where no incident is open */
        uint32_t made; /* attempts in this incident */
        bool current; /* the ladder is at it */
        uint32_t cured, tried; /* of the last attempts against the cause of this incident */
};

/* What a source says about all recovery of the host; valid until the next step. */
const struct hold *recovery_hold(const struct recovery *recovery, enum hold_source source);

void recovery_service_status(
        const struct recovery *recovery, uint32_t index, struct service_status *ret);
/* All steps of the ladder of a service; returns how many. */
uint32_t recovery_ladder(const struct recovery *recovery, uint32_t index, struct instant now,
        struct step_status ret[POLICY_STEPS_MAX]);
void recovery_probe_status(const struct recovery *recovery, uint32_t service, uint32_t probe,
        struct probe_status *ret);

enum suspicion_state {
        SUSPICION_NONE = 0,
        SUSPICION_HOLDS, /* failures count as unknown, disruptive actions are held */
        SUSPICION_OUTLIVED, /* too long: it acts on what it sees, on one service at a time */
};
DECLARE_ENUM_TEXT(suspicion_state)

struct suspicion_status { /* whether the agent suspects itself */
        enum suspicion_state state;
        usec_t since; /* mono; 0: it does not */
        usec_t until; /* mono: it holds actions no longer; USEC_INFINITY: it holds none */
        const char *text; /* the sign that was seen last, "" before the first; the core's */
        uint32_t measured, failing; /* services that share no dependency */
        uint64_t count; /* suspicions since the agent started */
};

void recovery_suspicion(const struct recovery *recovery, struct suspicion_status *ret);

/* The state in one word for a table: the phase, or the health where no incident is open; "paused"
 * is apart. */
const char *recovery_state_word(const struct service_status *status);

/* All guards of a service, evaluated now, in the order in which they are asked. Returns GUARD_COUNT
 * - 1. */
size_t recovery_guards(const struct recovery *recovery, uint32_t service, struct instant now,
        struct guard_status ret[GUARD_COUNT]);

/* The first guard that keeps a person from having it done now; GUARD_NONE: none. */
enum guard recovery_person_guard(const struct recovery *recovery, uint32_t service,
        enum command_kind kind, struct instant now, struct guard_status *ret);

/* How many actions the budget of a service, or (UINT32_MAX) of the host, still allows now. Cheap:
 * metrics ask it for every service. */
uint32_t recovery_budget_left(
        const struct recovery *recovery, uint32_t service, struct instant now);

void recovery_save_record(const struct recovery *recovery, uint32_t index, struct instant now,
        struct service_record *ret);
void recovery_save_host(
        const struct recovery *recovery, struct instant now, struct host_record *ret);
