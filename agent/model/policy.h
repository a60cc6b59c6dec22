#pragma once
/* The policies of a host, after loading: plain, immutable data that live in one arena. Services
 * refer to each other, and everything else refers to services and probes, by index. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "model/enum_text.h"
#include "model/schema.h"

enum {
        POLICY_SERVICES_MAX = 20000,
        POLICY_PROBES_MAX = 64, /* of one service */
        POLICY_STEPS_MAX = 16, /* of one ladder */
        POLICY_DEPENDENCIES_MAX = 256,
        POLICY_NAME_MAX = 64, /* bytes of a service or probe name: [A-Za-z0-9][A-Za-z0-9_.@-]* */
        POLICY_BUDGET_MAX = 256, /* actions that one budget may allow */
        POLICY_DIGEST_MAX = 65,
        OCF_PARAMETER_NAME_MAX = 128, /* bytes */
};

enum manager { MANAGER_NONE = 0, MANAGER_COMMAND, MANAGER_UNIT, MANAGER_SCRIPTS };
enum { MANAGER_COUNT = MANAGER_SCRIPTS + 1 };
DECLARE_ENUM_TEXT(manager)

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
};
enum { ACTION_COUNT = ACTION_SIGNAL + 1 };
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

struct budget_spec { /* at most `actions` in any window of length `per` */
        uint32_t actions; /* 0: none are allowed */
        usec_t per;
};

struct exec_spec { /* body of an exec step */
        struct strings command;
        const char *user; /* NULL: the service's user, else the executor's own */
};

struct signal_spec { /* body of a signal step */
        int number;
        int to; /* enum signal_target */
};

struct step_spec {
        int action; /* enum action */
        uint32_t attempts;
        uint32_t causes; /* bit (1 << cause) for each that it can cure; 0: all */
        usec_t timeout; /* of the action itself; 0: stop_timeout and a margin where a command is
                           started or stopped, else 1m */
        usec_t verify; /* 0: the service's */
        struct backoff_spec *backoff; /* NULL: the service's */
        struct exec_spec exec; /* ACTION_EXEC only */
        struct signal_spec signal; /* ACTION_SIGNAL only */
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

struct probe_spec {
        const char *name;
        int type; /* index into the table of probe types */
        const void *params; /* the type's own struct, by its schema */
        usec_t interval, fast_interval, down_interval, timeout;
        uint32_t fall, rise;
        bool implied; /* added by the loader: what every service of its manager is watched by */
};

struct service {
        const char *name, *description;
        const char *file; /* where it is defined */
        uint32_t line;
        uint32_t index;
        int manager; /* enum manager */
        struct command_spec *command; /* MANAGER_COMMAND only */
        struct unit_spec *unit; /* MANAGER_UNIT only */
        const struct scripts_spec *scripts; /* MANAGER_SCRIPTS only */
        uint32_t *depends_on, n_depends_on;
        uint32_t *dependents, n_dependents; /* the same edges, backwards */
        uint32_t depth; /* longest path to a service without dependencies */
        usec_t start_grace, settle, verify;
        uint32_t require; /* how many probes must be healthy: n_probes for `all`, 1 for `any` */
        struct probe_spec *probes;
        uint32_t n_probes;
        struct step_spec *steps;
        uint32_t n_steps;
        struct backoff_spec backoff;
        struct budget_spec budget;
        char digest[POLICY_DIGEST_MAX]; /* SHA-256 of its effective definition, in hexadecimal */
};

struct agent_spec { /* the `agent:` block of recoverd.yaml */
        const char *listen; /* metrics, /healthz, status page: address:port, or "none" */
        const char *
                web_config_file; /* TLS and basic authentication, as Prometheus exporters take it */
        const char *operators_group; /* may command through the control socket; NULL: root and own
                                        user only */
        int log_level; /* enum, syslog level */
        struct budget_spec budget; /* of the whole host */
        usec_t slack; /* due probes this close together start together */
        uint32_t max_in_flight; /* probe runs at once */
        usec_t store_timeout; /* longest wait for the state database before going on without */
        bool stop_services_on_exit; /* SIGTERM to the agent also stops the command services */
        uint32_t keep_incidents; /* closed incidents kept in the database */
};

struct policy {
        struct arena *arena; /* owns all of this */
        struct agent_spec agent;
        struct service *services; /* in the order of the files */
        uint32_t n_services;
        uint32_t n_probes; /* of all services together */
        uint32_t *by_depth; /* service indices, dependencies before dependents */
        struct map *by_name; /* const char * -> struct service * */
        char digest[POLICY_DIGEST_MAX]; /* of everything */
};

/* NULL when there is none. */
const struct service *policy_service(const struct policy *policy, const char *name);

/* The probe of a service by name; NULL when there is none. */
const struct probe_spec *policy_probe(const struct service *service, const char *name);

/* Accepts NULL. */
void policy_free(struct policy *policy);
