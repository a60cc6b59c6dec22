#pragma once
/* What the agent and the executor say to each other: one packet (SOCK_SEQPACKET) a message, text
 * lines `key=value`, the first being `type=`. The agent names things (service, step, attempt,
 * digest); no message carries a command, a path or an argument. Unknown keys are ignored, unknown
 * types refused, so that both sides can be upgraded one after the other.
 *
 *   agent -> executor   hello, list, do, probe, reload, stop-all, look, verdict,
 *                       checkpoint, guard, traffic
 *   executor -> agent   welcome, service, listed, done, refused, observation, reloaded,
 *                       stopped-all, content, report, role
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/checkpoint_verb.h"
#include "model/files_state.h"
#include "model/incident.h"
#include "model/member_role.h"
#include "model/observation.h"
#include "model/policy.h"

enum {
        WIRE_VERSION = 1,
        WIRE_PACKET_MAX = 4096,
        WIRE_VALUES_MAX = 2048,
        WIRE_NAME_MAX = 256, /* of what a service consists of */
};

enum wire_type {
        WIRE_NONE = 0,
        WIRE_HELLO, /* version; first packet of the agent */
        WIRE_WELCOME, /* version, digest (of the executor's policy); first packet of the executor */
        WIRE_LIST, /* asks for one `service` a service whose state is known, one `done` or `service
                      busy` for each known request, then `listed` */
        WIRE_SERVICE, /* service, running, pid, start_time, exit_*, by_person, manager_busy,
                         drained, text: at `list` and whenever it changes */
        WIRE_LISTED,
        WIRE_DO, /* request, service, digest (the service's), step or action, attempt, incident;
                    action follow: token and `to`, one of the group's `members` */
        WIRE_DONE, /* request, service, result ok, text: how a `do` ended; kept and repeated at
                      `list` until the next `do` of the service */
        WIRE_REFUSED, /* request, service, refusal, text, deadline: nothing was done, and for want
                         of budget would not be before the deadline */
        WIRE_PROBE, /* request, service, probe, digest, timeout */
        WIRE_OBSERVATION, /* request (0: unasked, a watched process died), service, probe, outcome,
                             cause, certain, value, duration, text */
        WIRE_RELOAD, /* request: read the policy files again */
        WIRE_RELOADED, /* request, ok, digest, text: on failure the old policy stays */
        WIRE_STOP_ALL, /* request: stop all command services, dependents first */
        WIRE_STOPPED_ALL, /* request, ok, text */
        WIRE_LOOK, /* service, health, duration (healthy for so long): what does it consist of? */
        WIRE_CONTENT, /* service, files, since, trusted, attempt (how many are trusted),
                         from (what is there), to (what earned trust),
                         candidates, recovery_points, suspects, withdrawn (checkpoints),
                         request (names the change), text (why nothing is known), values (what
                         changed) */
        WIRE_CHECKPOINT, /* request, service, digest, verb, from, to (ids), health: what a person
                            asks */
        WIRE_REPORT, /* request, service, ok, busy (more follows), values (a piece of JSON), text */
        WIRE_VERDICT, /* service, request, ok: the rollback that this `do` made is proven, or not */
        WIRE_GUARD, /* request, service, digest, token, deadline: a member of a group may be active
                       under this lease until then. By the deadline it has been demoted, so the
                       executor begins earlier, by what the policy's demotion can take. Longer than
                       a lease from now counts as a lease from now; 0: from now on it may not,
                       whatever the token. Answered by `role`, or `refused` (no-lease) */
        WIRE_TRAFFIC, /* service: its probes prove it well, it may have its traffic back */
        WIRE_ROLE, /* service, role, proven, token, deadline, follows, text: of a member, at `list`,
                      when it changes, and as the answer to `guard` */
};
DECLARE_ENUM_TEXT(wire_type)

enum wire_refusal {
        REFUSAL_NONE = 0,
        REFUSAL_UNKNOWN_SERVICE, /* not in the executor's policy */
        REFUSAL_DIGEST, /* the executor's policy differs; the agent sends `reload` */
        REFUSAL_BUSY, /* an action on this service is under way */
        REFUSAL_BUDGET, /* the executor's own count says no */
        REFUSAL_NOT_ALLOWED, /* the ladder has no such step, or the manager cannot */
        REFUSAL_LIMIT, /* too many actions at once */
        REFUSAL_HELD, /* the hold file exists */
        REFUSAL_NO_LEASE, /* a member of a group that has no lease, or one that is too old */
};
DECLARE_ENUM_TEXT(wire_refusal)

enum wire_exit { WIRE_EXIT_NONE = 0, WIRE_EXIT_STATUS, WIRE_EXIT_SIGNAL, WIRE_EXIT_UNKNOWN };
DECLARE_ENUM_TEXT(wire_exit)

struct wire_message {
        enum wire_type type;
        uint32_t version;
        uint64_t request; /* chosen by the agent, unique for its life and across restarts (wall
                             clock based) */
        uint64_t incident;
        uint32_t attempt;
        int step; /* index into the ladder; STEP_NONE: `action` says what (start, stop, restart) */
        int action; /* enum action */
        bool ok, running, busy, adopted, certain, has_value;
        pid_t pid;
        uint64_t start_time; /* field 22 of /proc/PID/stat */
        wall_usec_t since; /* running or stopped since; what is there is there since */
        wall_usec_t trusted; /* when the newest version earned trust */
        uint32_t candidates, recovery_points, suspects, withdrawn; /* checkpoints that are stored */
        enum wire_exit exit_kind; /* how the last process ended */
        int exit_code; /* status, or signal number */
        bool core_dumped, out_of_memory;
        bool expected; /* it was stopped by an action, not by itself */
        bool by_person; /* somebody else stopped it on purpose: an administrator, or the manager for
                           him */
        bool manager_busy; /* the manager itself is at it: starting, stopping, restarting; `text`
                              says what */
        bool drained; /* its traffic was taken away for an action, and is not back */
        enum wire_refusal refusal;
        enum outcome outcome;
        enum cause cause; /* its kind, which older agents know, */
        enum cause exact_cause; /* and which of that kind */
        enum health health;
        enum files_state files;
        enum checkpoint_verb verb;
        enum member_role role;
        bool proven; /* it is not active: its processes are gone, and so is its address; or it runs
                        and follows */
        uint64_t follows; /* token of the lease of the member that it follows, running; 0: none */
        uint64_t token; /* fencing token: grows with each new holder of the lease; 0: none */
        usec_t deadline; /* moment on CLOCK_BOOTTIME */
        double value;
        usec_t duration, timeout;
        char service[POLICY_NAME_MAX + 1];
        char probe[POLICY_NAME_MAX + 1];
        char digest[POLICY_DIGEST_MAX];
        char text[512]; /* for a person: how it ended, or what the manager is doing */
        char from[WIRE_NAME_MAX], to[WIRE_NAME_MAX];
        char values[WIRE_VALUES_MAX]; /* of an observation, as probes/perfdata.h writes them; of
                                         content, lines of text, see wire_fold */
};

/* Writes the packet; returns its length, or -EMSGSIZE. Only members that differ from zero are sent.
 */
ssize_t wire_encode(const struct wire_message *message, char packet[WIRE_PACKET_MAX]);

/* Reads a packet. -EBADMSG with the reason for anything that is not a well-formed message. */
int wire_decode(const char *packet, size_t length, struct wire_message *ret, struct error *err);

/* Several lines as one, and back: a value of a packet has no line ends. What does not fit is cut at
 * the end of a line. */
void wire_fold(const char *lines, char *ret, size_t size);
void wire_unfold(const char *line, char *ret, size_t size);
