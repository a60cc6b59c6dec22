#pragma once
/* One service as the executor runs it: its process, what is remembered of it, and what the agent
 * has not been told yet. It is there for every service that the policy lets the executor act on,
 * and for processes whose service has left the policy until they are gone. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/list.h"
#include "executor/group_end.h"
#include "executor/policy_share.h"
#include "executor/state_file.h"
#include "io/loop.h"
#include "model/wire.h"

enum { MANAGED_TEXT_MAX = 256 };

struct execution;
struct executor;
struct lease_guard;
struct service_content;
struct service_start;
struct service_unit;
struct step_checkpoint;

/* How a service is that its manager runs, and not the executor. */
struct managed_status {
        bool known; /* false: the manager was not asked yet, or could not say */
        bool running;
        bool expected; /* not running, because an action stopped it or it was never started */
        bool by_person, manager_busy; /* see struct wire_message */
        bool core_dumped, out_of_memory;
        pid_t pid; /* 0: not known */
        uint64_t start_time;
        wall_usec_t since; /* 0: from when it was first told */
        enum wire_exit exit_kind;
        int exit_code;
        char text[MANAGED_TEXT_MAX]; /* how it ended, or what its manager is at */
};

enum unsent { UNSENT_SERVICE = 1, UNSENT_DONE = 2, UNSENT_ROLE = 4 }; /* or-ed together */

struct managed {
        struct list node; /* in executor->services */
        struct executor *executor;
        struct policy_share *share; /* of `service` */
        const struct service *service; /* NULL: it has left the policy */
        struct service_state state;

        int pidfd; /* of the main process; -1: there is none */
        bool child; /* it is a child of this process, which reaps it once its group is gone */
        bool adopted;
        struct service_unit *unit; /* of a process that is a transient unit; NULL: it is none */
        struct loop_watch exit_watch;
        struct group_end ending;
        bool stop_tried; /* by stop_all or reload, which try once */

        struct managed_status status; /* `state` is of children only */
        void *manager_data; /* of the manager's kind, see manager_kind.h */

        struct lease_guard *guard; /* NULL: no member of a group with one active member */
        struct service_content *content; /* NULL: what it consists of is not followed */
        struct execution *action; /* under way or waiting; NULL: none */
        struct step_checkpoint *keeping; /* of the last action that began; NULL: none */
        struct service_start *prepared; /* for the next start; NULL: none */
        struct loop_defer saving;
        struct list unsent_node; /* in executor->port, while unsent != 0 */
        unsigned unsent;
};

/* Adds a service; state and service are empty but for the name. NULL when out of memory. */
struct managed *managed_new(struct executor *executor, const char *name);
void managed_free(struct managed *managed); /* accepts NULL; processes are left alone */

struct managed *managed_find(struct executor *executor, const char *name); /* NULL: none */

/* Makes it follow a policy, or none: share and service NULL. */
void managed_follow(
        struct managed *managed, struct policy_share *share, const struct service *service);

/* Whether it is a process that the executor starts and stops. */
bool managed_is_command(const struct managed *managed);

/* Whether it runs, as far as anybody knows. */
bool managed_runs(const struct managed *managed);

/* What its manager says of a service that is no child; the agent is told when it is news. */
void managed_tell(struct managed *managed, const struct managed_status *status);

/* Writes the state file now, before something irrevocable; a failure is logged. */
void managed_save(struct managed *managed);
void managed_save_soon(struct managed *managed); /* at the end of this turn */
int managed_try_save(struct managed *managed, struct error *err); /* negative errno, and why */

/* The mark of what is started next of a service that is no child: its INVOCATION_ID, which stays
 * the same until the next boot, since what is left of one start belongs to the next. */
const char *managed_mark(struct managed *managed);

/* Takes over a process that runs, from the state's pid on; the pidfd becomes its own. */
int managed_hold(struct managed *managed, int pidfd, bool child);

/* The process has passed execve, or was found again. Telling the agent is left to the caller. */
void managed_running(struct managed *managed);

/* Nobody waits for its start any more, which a systemd that is slow may still carry out. */
void managed_abandon_start(struct managed *managed);

/* SIGKILL for what is left of the group, the main process included. Returns true when nothing is
 * left; else action_group_ended is called when that is proven or given up, and action_process_ended
 * when a main process outlives its group; neither from within. */
bool managed_end_group(struct managed *managed);

/* No process that the executor started is there, as far as can be proven. */
bool managed_gone(const struct managed *managed);

/* The main process gets a signal; -ESRCH when there is none. */
int managed_signal(struct managed *managed, int signal);

/* Whether there is anything to tell about its state. */
bool managed_is_known(const struct managed *managed);

/* What belongs to the process that the executor started last. */
void managed_group(const struct managed *managed, struct process_group *ret);

/* Removes the empty cgroup of a process that is gone. */
void managed_remove_group(const struct managed *managed);

/* Puts it on the list of what the agent is to be told; of its state only where it is known. */
void managed_announce(struct managed *managed, unsigned unsent);

/* Fills in a WIRE_SERVICE message, or one of WIRE_DONE, or WIRE_REFUSED for what was found out
 * late; `busy` is said in the answer to `list` only. */
void managed_describe(const struct managed *managed, struct wire_message *ret);
void managed_describe_done(const struct managed *managed, struct wire_message *ret);

/* "exited with status 3", "killed by SIGKILL (core dumped)". */
const char *managed_exit_text(const struct service_state *state, char *text, size_t size);
