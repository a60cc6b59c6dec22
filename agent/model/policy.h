#pragma once
/* The policies of a host, after loading: plain, immutable data that live in one arena. Services
 * refer to each other, and everything else refers to services and probes, by index. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "model/coordination.h"
#include "model/enum_text.h"
#include "model/schema.h"

enum {
        POLICY_SERVICES_MAX = 20000,
        POLICY_PROBES_MAX = 64, /* of one service */
        POLICY_STEPS_MAX = 16, /* of one ladder */
        POLICY_DEPENDENCIES_MAX = 256,
        POLICY_NAME_MAX = 64, /* bytes of a service or probe name: [A-Za-z0-9][A-Za-z0-9_.@-]* */
        POLICY_BUDGET_MAX = 256, /* actions that one budget may allow */
        POLICY_STEP_BUDGET_MAX =
                64, /* that the budgets of the steps of one ladder allow together */
        POLICY_GROUPS_MAX = 1000,
        GROUP_MEMBERS_MAX = 16, /* of a group with one active member */
        POOL_MEMBERS_MAX = 32, /* of a pool */
        POOL_DISRUPTIONS_MAX = 16, /* at once */
        GROUP_STEPS_MAX = 8, /* of each of its lists */
        HAPROXY_SOCKETS_MAX = 8, /* of one step */
        GROUP_FAILOVERS_MAX = COORDINATION_CHANGES_MAX, /* that are counted */
        GROUP_MEMBER_ID_MAX = 2 * 64 + 2, /* HOST/SERVICE, with the terminating zero */
        STEP_IDENTITY_MAX = 24, /* with the terminating zero */
        POLICY_DIGEST_MAX = 65,
        CRASH_LOOP_STARTS_MAX = 8,
        OCF_PARAMETER_NAME_MAX = 128, /* bytes */
};

enum manager { MANAGER_NONE = 0, MANAGER_COMMAND, MANAGER_UNIT, MANAGER_SCRIPTS };
enum { MANAGER_COUNT = MANAGER_SCRIPTS + 1 };
DECLARE_ENUM_TEXT(manager)

enum dependency { DEPENDENCY_HARD = 0, DEPENDENCY_SOFT };
DECLARE_ENUM_TEXT(dependency)

enum jitter { JITTER_NONE = 0, JITTER_FULL, JITTER_EQUAL, JITTER_DECORRELATED };
DECLARE_ENUM_TEXT(jitter)

/* What a step does. The executor knows the same words. The values are stored: new ones go last. */
enum action {
        ACTION_RESTART = 0,
        ACTION_START,
        ACTION_STOP,
        ACTION_EXEC,
        ACTION_NOTIFY,
        ACTION_RELOAD,
        ACTION_SIGNAL,
        ACTION_ROLLBACK,
        ACTION_UNDO, /* of a rollback; what a person asks for, never a step */
        ACTION_FAILOVER, /* a step: another member of the group is to become the active one */
        ACTION_PROMOTE, /* of a member of a group; what its lease asks for, never a step */
        ACTION_DEMOTE, /* likewise */
        ACTION_HAPROXY, /* of a ladder or of a group: how much traffic a server gets */
        ACTION_FOLLOW, /* of a member of a group, never a step: makes it a standby that runs */
};
enum { ACTION_COUNT = ACTION_FOLLOW + 1 };
DECLARE_ENUM_TEXT(action)

enum signal_target { SIGNAL_TO_MAIN = 0, SIGNAL_TO_ALL };
DECLARE_ENUM_TEXT(signal_target)

enum log_target { LOG_TARGET_AUTO = 0, LOG_TARGET_JOURNAL, LOG_TARGET_FILE, LOG_TARGET_NONE };
DECLARE_ENUM_TEXT(log_target)

/* delay of attempt n (1-based): delays[min(n, count) - 1] where a list is given, otherwise
 * min(max, initial * factor^(n-1)), then the jitter; see recovery/backoff.h. */
struct backoff_spec {
        usec_t initial, max, reset_after;
        double factor;
        int jitter; /* enum jitter */
        struct durations delays;
};

/* Whether it may act. */
enum mode { MODE_ACT = 0, MODE_OBSERVE };
DECLARE_ENUM_TEXT(mode)

/* A service whose checks change their result too often; see recovery/flapping.h. */
struct flapping_spec {
        bool hold; /* no action while it flaps; otherwise it is only told */
        double high, low; /* percent: flapping from `high` on, until below `low`; high 0: never */
};

struct remind_spec { /* of a service that was given up */
        usec_t after; /* the first reminder; 0: none at all */
        usec_t max; /* no wait is longer */
        double factor; /* each wait is this many times the one before */
};

struct budget_spec { /* at most `actions` in any window of length `per` */
        uint32_t actions; /* 0: none are allowed */
        usec_t per;
};

struct effectiveness_spec { /* when a step counts as useless against a cause */
        bool skip; /* useless steps are passed over */
        double useful; /* percent of the failures that it has to cure */
        usec_t remember; /* how long what was tried last tells anything */
};

struct exec_spec { /* body of an exec step */
        struct strings command;
        const char *user; /* NULL: the service's user, else the executor's own */
};

/* What a HAProxy does with a server of a backend, whatever its checks say. */
enum server_state {
        SERVER_UNCHANGED = 0,
        SERVER_READY,
        SERVER_DRAIN,
        SERVER_MAINT,
};
DECLARE_ENUM_TEXT(server_state)

/* What becomes of an action when traffic could not be switched for it. */
enum traffic_error { TRAFFIC_STANDARD = 0, TRAFFIC_IGNORE, TRAFFIC_FAIL };
DECLARE_ENUM_TEXT(traffic_error)

struct haproxy_spec { /* body of a haproxy step; for texts see model/haproxy.h */
        struct strings sockets; /* each is told */
        const char *server; /* BACKEND/SERVER */
        const char *weight; /* NULL: it stays */
        int state; /* enum server_state */
        usec_t wait; /* for the sessions to end, or for HAProxy to call it up */
};

/* How a service is taken out of the traffic before an action interrupts it, and put back when its
 * probes have proven it well. */
struct traffic_spec {
        struct haproxy_spec away, back;
        int on_error; /* enum traffic_error, of `away` */
};

/* How the members of a group share the work. */
enum group_mode {
        GROUP_SHARED_BUDGET = 0, /* they share a budget, nothing else */
        GROUP_ACTIVE_STANDBY, /* one of them is active, the others are stopped and wait */
        GROUP_POOL, /* all may be active, and so many have to stay healthy */
};
DECLARE_ENUM_TEXT(group_mode)

/* What a standby does. */
enum standby_kind {
        STANDBY_STOPPED = 0,
        STANDBY_RUNNING, /* it runs and follows the active member, as a replica does */
};
DECLARE_ENUM_TEXT(standby_kind)

/* Who says which member is active. */
enum coordinator_loss { LOSS_DEMOTE = 0, LOSS_STAY, LOSS_HOLD_IF_ALL_AGREE };
DECLARE_ENUM_TEXT(coordinator_loss)

enum stop_unproven { UNPROVEN_KEEP = 0, UNPROVEN_REBOOT };
DECLARE_ENUM_TEXT(stop_unproven)

struct group_member_spec {
        const char *name; /* a host; with the local coordinator a service */
        uint32_t priority; /* the highest of those that could is promoted */
        const char *zone; /* in a pool: two zones are never disrupted at once; NULL: none */
        const char *address; /* "ADDRESS:PORT" at which its agent listens for the others; or NULL */
};

struct group_step_spec { /* of `promote`, `demote`, `fence` or `follow` */
        int action; /* enum action: ACTION_START, ACTION_STOP, ACTION_EXEC or ACTION_HAPROXY */
        struct exec_spec exec; /* ACTION_EXEC only */
        struct haproxy_spec haproxy; /* ACTION_HAPROXY only */
        int on_error; /* likewise, enum traffic_error: of a promotion */
        usec_t timeout; /* of these two: longest time; that of `wait` is not in it */
};

struct group_steps {
        const struct group_step_spec *items;
        uint32_t count;
};

struct address_spec { /* of a network interface */
        int family; /* AF_INET or AF_INET6; 0: none */
        uint8_t bytes[16]; /* in network order, as many as the family has */
        uint32_t prefix;
        char device[16];
};

/* Services that are limited together; with GROUP_ACTIVE_STANDBY also the rules by which one of them
 * is active. A promotion runs `fence`, takes `address`, and runs `promote`, which contains the
 * start of the service. A demotion runs `demote`, which contains the stop, and gives `address`
 * back; the processes of the service are killed when they have not ended within `stop_timeout`.
 * With STANDBY_RUNNING a standby runs once `follow`, which contains the start, has made it follow
 * the active member. */
struct group_spec {
        const char *name;
        struct budget_spec budget;
        uint32_t index;
        int mode; /* enum group_mode; GROUP_SHARED_BUDGET: nothing below means anything */
        int coordinator; /* enum coordinator_kind */
        usec_t lease;
        usec_t margin; /* a demotion has ended so long before the lease ends */
        usec_t stop_timeout; /* of the stop in a demotion */
        const struct group_member_spec *members; /* the highest priority first */
        uint32_t n_members;
        bool preempt; /* a member of higher priority takes over from a healthy active one */
        struct group_steps fence, promote, demote;
        int standby; /* enum standby_kind */
        struct group_steps follow; /* STANDBY_RUNNING only */
        struct address_spec address;
        int on_coordinator_loss; /* enum coordinator_loss */
        int on_stop_unproven; /* enum stop_unproven */
        struct strings requires_healthy; /* probes of a member that have to be healthy */
        usec_t failover_delay; /* the lease has to be free for so long */
        struct budget_spec max_failovers; /* actions 0: any number */
        /* GROUP_POOL, of the above with coordinator, lease and members in the order of their names:
         */
        struct amount min_healthy; /* as written: a count, or a share in percent */
        uint32_t max_disruptions; /* members that may be disrupted at once */
};

struct signal_spec { /* body of a signal step */
        int number;
        int to; /* enum signal_target */
};

/* What a service consists of, and how it gets back to what was good. */
enum rollback_kind {
        ROLLBACK_CHECKPOINT = 0, /* files, stored as they were */
        ROLLBACK_RELEASE, /* a symbolic link to one of several directories */
        ROLLBACK_PACKAGE, /* versions of packages */
        ROLLBACK_EXEC, /* whatever a program makes of it */
};
enum { ROLLBACK_KIND_COUNT = ROLLBACK_EXEC + 1 };
DECLARE_ENUM_TEXT(rollback_kind)

enum rollback_target { ROLLBACK_TO_LAST_GOOD = 0 };
DECLARE_ENUM_TEXT(rollback_target)

enum approve { APPROVE_AUTO = 0, APPROVE_MANUAL };
DECLARE_ENUM_TEXT(approve)

struct value_source { /* of a line of text, such as the version of a database schema */
        struct strings command; /* its output */
        const char *file; /* its first line; one of the two is there */
};

struct release_spec {
        const char *link, *releases; /* the link names a directory that lies in `releases` */
};

struct rollback_spec { /* body of a rollback step */
        int kind; /* enum rollback_kind: of the member that is there, else ROLLBACK_CHECKPOINT */
        int to; /* enum rollback_target */
        const struct release_spec *release;
        struct strings package;
        struct strings exec; /* argv */
        const struct value_source *version; /* ROLLBACK_EXEC: what is there at present */
        const struct value_source *schema_guard; /* NULL: none */
        int approve; /* enum approve */
        bool stop; /* before the exchange, and not only after it */
        usec_t good_after, blame_window; /* 0: the service's, see below */
};

struct checkpoint_spec { /* the files of a service */
        struct strings paths, exclude;
        usec_t good_after, every; /* every 0: only when something happens */
        usec_t blame_window;
        uint32_t keep; /* recovery points */
        uint64_t max_size; /* bytes of one checkpoint; 0: no limit */
        bool one_file_system;
        const char *replicate; /* a directory; NULL: no copies */
};

struct step_spec {
        int action; /* enum action */
        uint32_t attempts;
        uint32_t causes; /* bit (1 << cause) for each that it can cure; 0: all */
        usec_t timeout; /* of the action itself; 0: stop_timeout and a margin where a command is
                           started or stopped, else 1m */
        usec_t verify; /* 0: the service's */
        struct backoff_spec *backoff; /* NULL: the service's */
        const struct budget_spec *budget; /* NULL: none of its own */
        const char *identity; /* what it does, wherever it stands: see step_identity_format */
        struct exec_spec exec; /* ACTION_EXEC only */
        struct signal_spec signal; /* ACTION_SIGNAL only */
        struct rollback_spec rollback; /* ACTION_ROLLBACK only */
        struct haproxy_spec haproxy; /* ACTION_HAPROXY only */
        const char *message; /* ACTION_NOTIFY: text, or NULL */
};

struct limits_spec { /* setrlimit(2); count `uint32_t`/size members are unset when 0 */
        uint32_t open_files, processes;
        uint64_t core, memory; /* RLIMIT_CORE is 0 unless set; RLIMIT_AS */
};

struct log_spec {
        int target; /* enum log_target; AUTO: the journal where it runs, else a file below the state
                       directory */
        const char *file;
        uint64_t max_size; /* the file is cut when it grows beyond */
        uint32_t keep; /* older pieces kept beside it */
};

struct command_spec {
        struct strings command; /* argv; the first is an absolute path */
        const char *user, *group, *directory;
        struct pairs environment; /* all that the process gets, besides PATH, HOME, USER, LOGNAME,
                                     SHELL, LANG */
        uint32_t umask;
        struct limits_spec limits;
        int stop_signal, reload_signal;
        usec_t stop_timeout;
        struct log_spec log;
};

struct unit_spec { /* a unit of systemd */
        const char *name; /* with its suffix: nginx.service */
};

/* Programs that start, stop and look at a service, as the Linux Standard Base has them for init
 * scripts; or one OCF resource agent, which does all of that. */
struct scripts_spec {
        struct strings start, stop, status, reload; /* argv; reload may be empty */
        const char *ocf; /* PROVIDER:TYPE in place of the programs; NULL: none */
        struct pairs parameters; /* of the resource agent */
        const char *user, *directory; /* NULL: the executor's own; / */
        struct pairs environment;
};

enum probe_role { /* what a probe that fails means for its service */
        ROLE_LIVENESS = 0, /* it does not live: every step of the ladder may be used */
        ROLE_READINESS, /* it lives and cannot serve: nothing that would interrupt it is done */
        ROLE_WARNING, /* shown, and never acted on */
};
enum { ROLE_COUNT = ROLE_WARNING + 1 };
DECLARE_ENUM_TEXT(probe_role)

struct probe_spec {
        const char *name;
        int type; /* index into the table of probe types */
        const void *params; /* the type's own struct, by its schema */
        uint64_t digest; /* the beginning of SHA-256 of its parameters; 0: implied, it has none */
        usec_t interval, fast_interval, down_interval, timeout;
        uint32_t fall, rise;
        int role; /* enum probe_role */
        bool implied; /* added by the loader: what every service of its manager is watched by */
};

struct service {
        const char *name, *description;
        const char *file; /* where it is defined */
        uint32_t line;
        uint32_t index;
        bool reference; /* watched to tell whether the network is there; see suspicion_spec */
        int manager; /* enum manager */
        struct command_spec *command; /* MANAGER_COMMAND only */
        struct unit_spec *unit; /* MANAGER_UNIT only */
        const struct scripts_spec *scripts; /* MANAGER_SCRIPTS only */
        uint32_t *depends_on, n_depends_on; /* the hard ones */
        uint32_t *soft_depends_on, n_soft_depends_on; /* told of, never waited for */
        uint32_t *dependents, n_dependents; /* the hard edges, backwards */
        uint32_t depth; /* longest path to a service without dependencies */
        int mode; /* enum mode */
        usec_t start_grace, settle, verify;
        const char *deploy_lock; /* while this file exists nothing is done; NULL: none */
        usec_t deploy_lock_max; /* and no longer than this */
        const struct traffic_spec *traffic; /* NULL: nobody is told */
        const struct checkpoint_spec *checkpoint; /* NULL: none */
        const struct rollback_spec *rollback; /* of its first such step, or the standard where there
                                                 is a checkpoint; NULL: what it consists of is not
                                                 followed */
        usec_t good_after; /* so long it has to be healthy on what it consists of */
        usec_t blame_window; /* a change younger than this is blamed first; 0: none is */
        usec_t min_uptime; /* a started service that ends sooner did not recover; 0: none asked */
        uint32_t require; /* how many of the liveness probes must be healthy: their number for
                             `all`, 1 for `any` */
        struct probe_spec *probes;
        uint32_t n_probes;
        struct step_spec *steps;
        uint32_t n_steps;
        struct backoff_spec backoff;
        struct flapping_spec flapping;
        struct remind_spec remind;
        struct budget_spec budget;
        struct effectiveness_spec effectiveness;
        const struct group_spec *group; /* NULL: none */
        const struct group_member_spec
                *member; /* what it is in a group with a mode; NULL: not in such a group, or this
                            host is not among its members */
        char digest[POLICY_DIGEST_MAX]; /* SHA-256 of its effective definition, in hexadecimal */
};

struct suspicion_spec { /* when the agent takes what it sees for its own fault */
        bool enabled;
        double share; /* percent of the services that share no dependency, */
        uint32_t at_least; /* and so many of them, that fail together */
        usec_t at_most; /* no longer are actions held for it */
        usec_t calm; /* without a sign for so long, it trusts itself again */
        double cpu_pressure, memory_pressure; /* percent of the time, see PSI; 0: never a sign */
        double min_memory; /* percent of the host's that is available; 0: never a sign */
};

/* The agent crashes again and again: so many starts within this time did not end in order. */
struct crash_loop_spec {
        uint32_t starts; /* 0: never, at most CRASH_LOOP_STARTS_MAX */
        usec_t within; /* as long it only observes then */
};

struct agent_spec { /* the `agent:` block of recoverd.yaml */
        const char *host; /* what this host is called in groups */
        const char *listen; /* metrics, /healthz, status page: address:port, or "none" */
        const char *agent_check; /* where HAProxy asks: address:port; NULL or "none": nowhere */
        const char *
                web_config_file; /* TLS and basic authentication, as Prometheus exporters take it */
        const char *operators_group; /* may command through the control socket; NULL: root and own
                                        user only */
        int mode; /* enum mode */
        const char *hold_file; /* while it exists nothing is done on the host */
        struct strings package_locks; /* files that package managers lock while they work */
        struct crash_loop_spec crash_loop;
        usec_t hold_at_most; /* a package manager holds recovery no longer than this */
        int log_level; /* enum, syslog level */
        struct budget_spec budget; /* of the whole host */
        struct suspicion_spec suspicion;
        usec_t slack; /* due probes this close together start together */
        uint32_t max_in_flight; /* probe runs at once */
        usec_t store_timeout; /* longest wait for the state database before going on without */
        bool stop_services_on_exit; /* SIGTERM to the agent also stops the command services */
        uint32_t keep_incidents; /* closed incidents kept in the database */
};

struct policy {
        struct arena *arena; /* owns all of this */
        struct agent_spec agent;
        struct coordinator_spec coordinator; /* COORDINATOR_LOCAL: there is no other */
        struct service *services; /* in the order of the files */
        uint32_t n_services;
        struct group_spec *groups;
        uint32_t n_groups;
        uint32_t n_probes; /* of all services together */
        uint32_t *by_depth; /* service indices, dependencies before dependents */
        uint32_t *deploy_locked, n_deploy_locked; /* indices of the services with a deploy lock */
        struct map *by_name; /* const char * -> struct service * */
        char digest[POLICY_DIGEST_MAX]; /* of everything */
};

/* NULL when there is none. */
const struct service *policy_service(const struct policy *policy, const char *name);

/* The probe of a service by name; NULL when there is none. */
const struct probe_spec *policy_probe(const struct service *service, const char *name);

/* NULL when there is none. */
const struct group_spec *policy_group(const struct policy *policy, const char *name);

/* The members of a group with one active member of which this host has a service: whether it may
 * run is for its lease to say. */
bool policy_is_member(const struct service *service);

/* The members of a pool of which this host has a service: whatever disrupts it needs a permit. */
bool policy_is_pooled(const struct service *service);

/* How many members of a pool have to stay healthy: a share is rounded up. */
uint32_t policy_min_healthy(const struct group_spec *group);

/* A member of the group by its name; NULL when there is none. */
const struct group_member_spec *policy_group_member(
        const struct group_spec *group, const char *name);

/* HOST/SERVICE, as a member is called by the others. */
const char *policy_member_id(
        const struct policy *policy, const struct service *service, char text[GROUP_MEMBER_ID_MAX]);

/* What a step does, without where it stands, how often it is tried and how long it waits:
 * "restart", "signal-1-main", "exec-" and a number made of its program, arguments and user. What is
 * remembered of a step is filed under it, here and in the executor. */
const char *step_identity_format(const struct step_spec *step, char text[STEP_IDENTITY_MAX]);

/* The first step of the ladder that does the same as this one: itself, unless it is repeated. */
uint32_t policy_step_home(const struct service *service, uint32_t index);

/* The probe with the same name, type and parameters; NULL when there is none. */
const struct probe_spec *policy_same_probe(
        const struct service *service, const struct probe_spec *probe);

/* How many probes of a role it has. */
uint32_t policy_count_probes(const struct service *service, enum probe_role role);

/* Accepts NULL. */
void policy_free(struct policy *policy);
