#pragma once
/* The host that is played round the core. Private to agent/sim.
 *
 * Everything that is to come is a node of the agenda, and its owner's kind, service and index make
 * the order among those of one moment, so that a run does not depend on what was planned when. That
 * is what lets a healthy service sleep: while its probes can only pass, they are not run, and when
 * something may change it wakes up with the rhythm that it would have had. */

#include "base/rng.h"
#include "recovery/recovery.h"
#include "sim/agenda.h"
#include "sim/simulation.h"

enum {
        QUIET_ROUNDS = 64, /* passes after which the core's window of a probe holds nothing else */
        SIM_FAULTS_MAX = 1 << 20, /* faults times services */
};
#define SIM_BEGIN_MONO (1000 * USEC_PER_SEC)
#define SIM_BEGIN_WALL (UINT64_C(1767225600) * USEC_PER_SEC) /* 2026-01-01 */
#define PROBE_TIME (1 * USEC_PER_MSEC) /* of a run that is answered */
#define SAVE_TIME (1 * USEC_PER_MSEC)
#define COMPARE_TIME (50 * USEC_PER_MSEC) /* until it is known whether files changed */
#define DIES_AGAIN_AFTER (500 * USEC_PER_MSEC)

enum due_kind { /* in the order in which those of one moment come */
        DUE_FAULT = 0,
        DUE_FAULT_END,
        DUE_FAULT_TURN,
        DUE_DEATH,
        DUE_SERVING,
        DUE_PERSON,
        DUE_ACTION,
        DUE_ANSWER,
        DUE_SAVED,
        DUE_FILES,
        DUE_TIMER,
        DUE_PROBE,
        DUE_LOOK, /* at the host, while the agent suspects itself */
};
enum { DUE_COUNT = DUE_LOOK + 1 };

struct due {
        struct agenda_node node;
        enum due_kind kind;
        uint32_t service, index; /* index: of the probe, or of the fault in sim_host.faults */
};

enum sight {
        SIGHT_ANSWER = 0,
        SIGHT_PROCESS,
        SIGHT_DISK,
        SIGHT_NOTHING
}; /* what a probe can see */

struct sim_probe {
        struct due due; /* the next beginning, or the end of the run under way */
        enum sight sight;
        usec_t phase; /* first run */
        usec_t began; /* the last run */
        bool running;
        bool late; /* the run under way ends at its timeout */
        bool spoiled; /* the agent stood still during it */
        bool again, asked; /* a run was asked for and has not begun; has not ended */
        uint32_t quiet; /* passes in a row, up to QUIET_ROUNDS */
};

enum fault_end { ENDS_BY_ITSELF = 0, CURED_BY_ACTION, MENDED_BY_PERSON };

struct sim_fault { /* one fault of one service, or of the host */
        const struct fault_spec *spec;
        uint32_t number; /* of the spec */
        uint32_t service; /* UINT32_MAX: of the host */
        struct due arrival, end, turn;
        struct rng arrivals, luck;
        uint32_t next_at; /* of spec->at */
        usec_t drawn; /* the last moment that was drawn */
        usec_t began; /* while it is active */
        uint32_t occurrence;
        enum fault_end how; /* it ends */
        bool active, bad, acted;
};

struct sim_service {
        const struct service *policy;
        struct sim_probe *probes;
        struct sim_fault *faults;
        uint32_t n_faults;
        struct due death, serving_due, person, action_due, answer_due, saved_due, files_due, timer;
        struct rng luck; /* whether actions work */
        bool managed, up;
        bool standby; /* of its group, for all of the time */
        bool by_action; /* it was stopped by an action */
        bool untold; /* the agent stands still and does not know yet */
        bool serving, asleep, has_disk_probe;
        enum pace pace; /* as the core last wanted it */
        bool detected; /* the outage has its incident */
        usec_t serves_from; /* after the last start */
        usec_t down_since;
        char death_text[OBSERVATION_DETAIL_MAX]; /* how it last ended by itself; "": it did not */
        uint64_t token;
        int action;
        bool action_fails;
};

/* What is in the state database is what the core knows, as long as it can be written. */
struct sim_store {
        bool wanted; /* the agent will be restarted */
        bool told; /* the core knows that it cannot be written */
        struct recovery *kept; /* the core of when that began; NULL: it can be written */
        struct trials_record *trials;
        size_t n_trials, trials_room;
};

struct sim_host {
        const struct policy *policy;
        const struct fault_plan *plan;
        const struct simulation_options *options;
        struct recovery *recovery;
        struct effects *effects;
        struct instant now;
        usec_t stalled_since;
        usec_t stalled_until; /* the agent stands still, or is gone; 0: it does not */
        bool gone; /* it is gone: killed, and not back yet */
        struct instant died;
        uint32_t restarts;
        struct sim_store store;
        struct agenda agenda;
        struct sim_service *services;
        struct sim_probe *probes;
        struct sim_fault *faults; /* of the services, then of the host */
        size_t n_faults, n_service_faults;
        uint32_t *waiting; /* services whose dependents are to be fed */
        bool *is_waiting;
        size_t n_waiting;
        bool guards_due; /* what is held is to be looked at again */
        struct due look;
        struct simulation *result;
        bool failed; /* out of memory */
};

/* sim_host.c: time, and the core. */
int sim_host_init(struct sim_host *host, const struct policy *policy, const struct fault_plan *plan,
        const struct simulation_options *options, struct simulation *result, struct error *err);
void sim_host_done(struct sim_host *host);
void sim_host_run(struct sim_host *host);
void sim_feed(struct sim_host *host, const struct input *input);
/* The other members of pools are not played: a permit is there at once. */
void sim_tell_permits(struct sim_host *host);
void sim_plan(struct sim_host *host, struct due *due, usec_t at);
void sim_tell(struct sim_host *host, const struct sim_service *service, const char *what,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* simulation.c */
bool sample_add(struct sample_set *samples, usec_t sample); /* false: out of memory */

/* sim_effects.c: what the core wants. */
void sim_carry_out(struct sim_host *host, const struct effect *effect);

/* sim_probes.c: rounds, and sleep. */
void sim_probes_init(struct sim_host *host);
void sim_probe_due(struct sim_host *host, struct due *due);
void sim_hurry(struct sim_host *host, struct sim_service *service, bool at_once);
void sim_wake(struct sim_host *host, struct sim_service *service);
void sim_probes_stalled(struct sim_host *host); /* the agent begins to stand still */
void sim_probes_go_on(struct sim_host *host);
void sim_probes_begin(struct sim_host *host); /* an agent that knows of no earlier run */

/* sim_services.c: processes and actions. */
void sim_tell_process(struct sim_host *host, struct sim_service *service, usec_t age);
void sim_process_ends(struct sim_host *host, struct sim_service *service, const char *how);
void sim_process_starts(struct sim_host *host, struct sim_service *service);
void sim_update_serving(struct sim_host *host, struct sim_service *service);
void sim_act(struct sim_host *host, const struct effect *effect);
void sim_action_due(struct sim_host *host, struct due *due);
void sim_answer_due(struct sim_host *host, struct due *due);
void sim_death_due(struct sim_host *host, struct due *due);
void sim_serving_due(struct sim_host *host, struct due *due);

/* sim_groups.c: who is active. */
bool sim_is_standby(const struct policy *policy, const struct service *service);
void sim_tell_duty(struct sim_host *host, const struct sim_service *service);
void sim_failover(struct sim_host *host, const struct effect *effect);

/* sim_files.c: what is told of the files of services. */
void sim_compare_files(struct sim_host *host, const struct effect *effect);
void sim_files_due(struct sim_host *host, struct due *due);

/* sim_agent.c: its death and its store. */
void sim_agent_dies(struct sim_host *host);
void sim_agent_returns(struct sim_host *host);
void sim_store_changed(struct sim_host *host); /* it fails, or works again; or may be told now */
void sim_keep_trials(struct sim_host *host, const struct trials_record *record);
void sim_store_done(struct sim_store *store);

/* sim_faults.c: occurrences and cures. */
int sim_faults_init(struct sim_host *host);
void sim_fault_plan_next(struct sim_host *host, struct sim_fault *fault);
void sim_fault_due(struct sim_host *host, struct due *due);
void sim_fault_end_due(struct sim_host *host, struct due *due);
void sim_fault_turn_due(struct sim_host *host, struct due *due);
void sim_note_action(struct sim_service *service); /* its faults were not missed */
void sim_person_due(struct sim_host *host, struct due *due); /* mends it */
void sim_cure(struct sim_host *host, struct sim_service *service, int action);
const struct sim_fault *sim_bad_fault(const struct sim_service *service); /* NULL: none */
const struct sim_fault *sim_cut_off(const struct sim_host *host, const struct sim_service *service);
const char *sim_crash_text(const struct sim_service *service); /* how its crash is told */
bool sim_has_fault(const struct sim_service *service, int kind); /* -1: any */
bool sim_host_has_fault(const struct sim_host *host, int kind);
void sim_faults_close(struct sim_host *host); /* the end of the run */
