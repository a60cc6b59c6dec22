/* recoverd-executor: carries out what the policies allow, asked for by name. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "executor/executor.h"
#include "executor/service_unit.h"
#include "io/journal.h"

enum { EXIT_USAGE = 2, POLICY_PATHS_MAX = 256 };

#define STANDARD_STATE_DIR "/var/lib/recoverd"
#define STANDARD_RUNTIME_DIR "/run/recoverd"
#define STANDARD_SYSRQ "/proc/sysrq-trigger"
#define STANDARD_CONFIG RECOVERD_SYSCONFDIR "/recoverd.yaml"
#define STANDARD_POLICIES RECOVERD_SYSCONFDIR "/policies.d"

struct command_line {
        struct executor_options options;
        const char *policies[POLICY_PATHS_MAX];
        bool ended; /* --help and --version have said all */
};

static int take_config(struct command_line *line, const char *value) {
        line->options.config = value;
        return 0;
}

static int take_policies(struct command_line *line, const char *value) {
        if (line->options.n_policies == POLICY_PATHS_MAX) {
                return -E2BIG;
        }
        line->policies[line->options.n_policies++] = value;
        return 0;
}

static int take_state_dir(struct command_line *line, const char *value) {
        line->options.state_dir = value;
        return 0;
}

static int take_runtime_dir(struct command_line *line, const char *value) {
        line->options.runtime_dir = value;
        return 0;
}

static int take_socket_fd(struct command_line *line, const char *value) {
        char *end = NULL;
        long fd = strtol(value, &end, 10);
        bool standard = fd == STDOUT_FILENO || fd == STDERR_FILENO;
        if (end == value || *end || fd < 0 || fd > INT_MAX || standard) {
                return -EINVAL;
        }
        line->options.socket_fd = (int) fd;
        return 0;
}

static int take_linger(struct command_line *line, const char *value) {
        return units_parse_duration(value, &line->options.linger);
}

static int take_sysrq(struct command_line *line, const char *value) {
        line->options.sysrq = value;
        return 0;
}

static int take_transient_units(struct command_line *line, const char *value) {
        static const char *const words[] = {[SERVICE_UNITS_AUTO] = "auto",
                [SERVICE_UNITS_YES] = "yes",
                [SERVICE_UNITS_NO] = "no"};
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                if (str_eq(words[i], value)) {
                        line->options.service_units = (int) i;
                        return 0;
                }
        }
        return -EINVAL;
}

static int take_version(struct command_line *line, const char *value) {
        (void) value;
        puts("recoverd-executor " RECOVERD_VERSION);
        line->ended = true;
        return 0;
}

static int take_help(struct command_line *line, const char *value);

static const struct row {
        const char *name, *argument, *help;
        int (*take)(struct command_line *line, const char *value);
} rows[] = {
        {"config", "FILE", "configuration file (" STANDARD_CONFIG ")", take_config},
        {"policies", "PATH", "policy file or directory; may be repeated (" STANDARD_POLICIES ")",
                take_policies},
        {"state-dir", "DIR", "what outlives a boot (" STANDARD_STATE_DIR ")", take_state_dir},
        {"runtime-dir", "DIR", "sockets and running services (" STANDARD_RUNTIME_DIR ")",
                take_runtime_dir},
        {"socket-fd", "N", "end of a socket pair with the agent at the other end", take_socket_fd},
        {"linger", "DURATION", "with --socket-fd: how long to wait for another agent (30s)",
                take_linger},
        {"transient-units", "auto|yes|no",
                "run services and exec steps as transient units of systemd (auto: as root where it runs,\n"
                "                         unless the agent started it)",
                take_transient_units},
        {"sysrq-trigger", "FILE",
                "where b is written to reboot at once, if a group asks for it (" STANDARD_SYSRQ ")",
                take_sysrq},
        {"help", NULL, "show this help", take_help},
        {"version", NULL, "show the version", take_version},
};

static int take_help(struct command_line *line, const char *value) {
        (void) value;
        puts("usage: recoverd-executor [OPTION]...\n\n"
             "Carries out the actions that the policies name, when the agent asks for them.\n");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char option[40];
                snprintf(option, sizeof(option), "--%s %s", rows[i].name,
                        rows[i].argument ? rows[i].argument : "");
                printf("  %-22s %s\n", option, rows[i].help);
        }
        line->ended = true;
        return 0;
}

static int parse(struct command_line *line, int argc, char **argv) {
        struct option options[ELEMENTSOF(rows) + 1] = {0};
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                options[i].name = rows[i].name;
                options[i].has_arg = rows[i].argument ? required_argument : no_argument;
        }
        int index = 0, c;
        while (!line->ended && (c = getopt_long(argc, argv, "", options, &index)) != -1) {
                if (c != 0) {
                        return -EINVAL; /* getopt has said why */
                }
                if (rows[index].take(line, optarg) < 0) {
                        fprintf(stderr, "recoverd-executor: --%s: bad value '%s'\n",
                                rows[index].name, optarg);
                        return -EINVAL;
                }
        }
        if (optind < argc && !line->ended) {
                fprintf(stderr, "recoverd-executor: unexpected argument '%s'\n", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

/* The agent's standards: both have to read the same files. */
static void fill_standards(struct command_line *line) {
        if (line->options.n_policies == 0) {
                line->policies[line->options.n_policies++] = STANDARD_POLICIES;
                if (!line->options.config) {
                        line->options.config = STANDARD_CONFIG;
                }
        }
        line->options.policies = line->policies;
}

/* Standard input may be the socket, as the one descriptor that an agent can hand on: it is moved
 * out of the way of whatever reads standard input. */
static int lift_socket(int *fd, struct error *err) {
        if (*fd < 0) {
                return 0;
        }
        int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (lifted < 0 || null_fd < 0 || fcntl(lifted, F_SETFL, O_NONBLOCK) < 0) {
                return error_set_errno(err, errno, "--socket-fd %d", *fd);
        }
        if (*fd != STDIN_FILENO) {
                close(*fd);
        } else if (dup2(null_fd, STDIN_FILENO) < 0) {
                return error_set_errno(err, errno, "standard input");
        }
        *fd = lifted;
        return 0;
}

/* The socket unit's, which stays open while one executor follows another: who connects meanwhile
 * waits, and is served by the next. */
static int take_listener(int *ret, struct error *err) {
        int n = sd_listen_fds(true);
        if (n <= 0) {
                return n < 0 ? error_set_errno(err, -n, "the sockets of the service manager") : 0;
        }
        int fd = SD_LISTEN_FDS_START;
        if (n > 1 || sd_is_socket_unix(fd, SOCK_SEQPACKET, true, NULL, 0) <= 0) {
                return error_set(err, EINVAL,
                        "the socket unit has to hold one line ListenSequentialPacket=/PATH, and no "
                        "other socket");
        }
        if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
                return error_set_errno(err, errno, "the socket of the service manager");
        }
        *ret = fd;
        return 0;
}

static int serve(const struct executor_options *options, struct error *err) {
        struct loop *loop = NULL;
        struct executor *executor = NULL;
        int r = loop_new(&loop, err);
        if (r == 0) {
                r = executor_new(&executor, loop, options, err);
        }
        if (r == 0) {
                r = loop_run(loop, err);
        }
        executor_free(executor);
        loop_free(loop);
        return r;
}

int main(int argc, char **argv) {
        struct error err = {0};
        struct command_line line = {
                .options =
                        {
                                .state_dir = STANDARD_STATE_DIR,
                                .runtime_dir = STANDARD_RUNTIME_DIR,
                                .sysrq = STANDARD_SYSRQ,
                                .socket_fd = -1,
                                .listen_fd = -1,
                                .linger = EXECUTOR_LINGER,
                        },
        };
        if (parse(&line, argc, argv) < 0) {
                return EXIT_USAGE;
        }
        if (line.ended) {
                return EXIT_SUCCESS;
        }
        fill_standards(&line);
        journal_install("recoverd-executor");
        int r = take_listener(&line.options.listen_fd, &err);
        r = r < 0 ? r : lift_socket(&line.options.socket_fd, &err);
        if (r == 0) {
                r = serve(&line.options, &err);
        }
        if (r < 0) {
                log_error("%s", err.text);
        }
        return r < 0 ? EXIT_FAILURE : r;
}
