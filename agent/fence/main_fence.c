/* recoverd-fence: for hooks that guard a resource of their own. It remembers the highest fencing
 * token that the resource has seen, refuses lower ones, and runs a command only while no other with
 * its leave is running. See recoverd-fence(8). */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "fence/fence_file.h"
#include "fence/fence_node.h"
#include "policy/load.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_FAILED = 3, EXIT_NOT_FOUND = 127 };

#define PATIENCE (10 * USEC_PER_SEC)
#define WITHIN (5 * USEC_PER_SEC)
#define WITHIN_MAX (10 * USEC_PER_MINUTE)
#define CONFIG "/etc/recoverd/recoverd.yaml"
#define TOKEN_VARIABLE "RECOVERD_FENCING_TOKEN"

struct options {
        const char *token;
        const char *path; /* NULL: with the coordinator */
        const char *node, *config;
        char **command; /* NULL: none */
        usec_t patience, within;
        bool show;
};

static const char help[] =
        "usage: recoverd-fence [OPTION]... FILE [COMMAND [ARGUMENT]...]\n"
        "       recoverd-fence --coordinator NAME [OPTION]... [COMMAND [ARGUMENT]...]\n\n"
        "Refuses a fencing token that is lower than the highest that was seen; remembers a higher "
        "one,\n"
        "in FILE or with the coordinator of recoverd.yaml (ZooKeeper or etcd).\n"
        "COMMAND runs only by its leave; with FILE one at a time.\n\n"
        "  --token N           the token (default: $" TOKEN_VARIABLE ")\n"
        "  --coordinator NAME  keep it with the coordinator, as ROOT/.fence/NAME\n"
        "  --config FILE       with `coordinator` in it (default: " CONFIG ")\n"
        "  --within DURATION   for the coordinator (default: 5s)\n"
        "  --wait DURATION     for a command with an earlier leave (default: 10s)\n"
        "  --show              print the highest token that was seen\n"
        "  --help              this\n"
        "  --version\n\n"
        "exit status: 0 done, 1 refused, 2 usage, 3 not possible or not known, which a hook has to\n"
        "take for refused; or that of COMMAND\n";

static int fail(int status, const struct error *err) {
        fprintf(stderr, "recoverd-fence: %s\n", err->text);
        return status;
}

static int usage(const char *what, const char *value) {
        fprintf(stderr, "recoverd-fence: %s%s; see --help\n", what, value);
        return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int read_option(int c, struct options *options) {
        switch (c) {
        case 't':
                options->token = optarg;
                return -1;
        case 'k':
                options->node = optarg;
                return fence_check_name(optarg) < 0
                               ? usage("--coordinator takes a name of letters, digits and -_., not ",
                                         optarg)
                               : -1;
        case 'c':
                options->config = optarg;
                return -1;
        case 'w':
                return units_parse_duration(optarg, &options->patience) < 0
                               ? usage("--wait takes a duration as 10s, not ", optarg)
                               : -1;
        case 'i':
                return units_parse_duration(optarg, &options->within) < 0 || options->within == 0 ||
                                       options->within > WITHIN_MAX
                               ? usage("--within takes a duration from 1ms to 10m, not ", optarg)
                               : -1;
        case 's':
                options->show = true;
                return -1;
        case 'h':
                fputs(help, stdout);
                return EXIT_DONE;
        case 'v':
                puts("recoverd-fence " RECOVERD_VERSION);
                return EXIT_DONE;
        default: /* getopt has said what is wrong */
                return EXIT_USAGE;
        }
}

static int read_options(int argc, char **argv, struct options *options) {
        static const struct option known[] = {{"token", required_argument, NULL, 't'},
                {"coordinator", required_argument, NULL, 'k'},
                {"config", required_argument, NULL, 'c'}, {"within", required_argument, NULL, 'i'},
                {"wait", required_argument, NULL, 'w'}, {"show", no_argument, NULL, 's'},
                {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {0}};
        for (int c; (c = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
                int status = read_option(c, options);
                if (status >= 0) {
                        return status;
                }
        }
        if (!options->node && optind >= argc) {
                return usage("which FILE?", "");
        }
        options->path = options->node ? NULL : argv[optind++];
        options->command = optind < argc ? &argv[optind] : NULL;
        return options->show && options->command ? usage("--show runs nothing", "") : -1;
}

/* ---- where it is remembered ---- */

static int look_at_file(const char *path, uint64_t token, uint64_t *ret_seen, struct error *err) {
        int r = fence_read(path, ret_seen, err);
        if (r == 0 && token > *ret_seen) {
                r = fence_write(path, token, err);
                *ret_seen = token;
        }
        return r;
}

static int load_coordinator(const char *config, struct policy **ret, struct error *err) {
        struct problems problems = {0};
        int r = policy_load_coordinator(config, ret, &problems);
        if (r < 0) {
                const struct problem *first = problems.count > 0 ? &problems.items[0] : NULL;
                r = error_set(err, -r, "%s, line %u: %s", config, first ? first->line : 0,
                        first ? first->message : "out of memory");
        }
        problems_done(&problems);
        return r;
}

static int look_at_coordinator(
        const struct options *options, uint64_t token, uint64_t *ret_seen, struct error *err) {
        usec_t deadline = usec_add(clock_now().mono, options->within / 4 * 3); /* to say why */
        struct policy *policy = NULL;
        int r = load_coordinator(options->config, &policy, err);
        if (r == 0) {
                r = fence_node_pass(
                        &policy->coordinator, options->node, token, deadline, ret_seen, err);
                if (r < 0) {
                        (void) error_wrap(err, "the coordinator of %s", options->config);
                }
        }
        policy_free(policy);
        return r < 0 ? error_wrap(err, "%s", options->node) : r;
}

/* What a look came to. */
struct finding {
        int result; /* negative errno: `err` says why, and nothing is known */
        uint64_t seen; /* the highest, the present token included */
        struct error err;
};

/* To the parent, with nothing kept open that somebody could wait for the end of. */
static void report(int fd, const struct options *options, uint64_t token) {
        struct finding finding = {0};
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = STDIN_FILENO; nowhere >= 0 && i <= STDERR_FILENO; i++) {
                (void) dup2(nowhere, i);
        }
        finding.result = look_at_coordinator(options, token, &finding.seen, &finding.err);
        _exit(write(fd, &finding, sizeof(finding)) == (ssize_t) sizeof(finding) ? EXIT_DONE
                                                                                : EXIT_FAILED);
}

static bool await(int fd, usec_t deadline, struct finding *ret) {
        struct pollfd end = {.fd = fd, .events = POLLIN};
        usec_t left;
        int n = 0;
        while (n == 0 && (left = usec_sub(deadline, clock_now().mono)) > 0) {
                n = poll(&end, 1, (int) ((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
                n = n < 0 && errno == EINTR ? 0 : n;
        }
        return n > 0 && read(fd, ret, sizeof(*ret)) == (ssize_t) sizeof(*ret);
}

/* In a child, because a file system or a name server that hangs would hold this process up: it is
 * killed when its time is over, and not waited for. What it was about to write may then be written
 * or not. */
static int look_within(
        const struct options *options, uint64_t token, uint64_t *ret_seen, struct error *err) {
        usec_t deadline = usec_add(clock_now().mono, options->within);
        struct finding finding;
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0) {
                return error_set_errno(err, errno, "a process for it");
        }
        AUTO_CLOSE int from = ends[0], to = ends[1];
        pid_t child = fork();
        if (child < 0) {
                return error_set_errno(err, errno, "a process for it");
        }
        if (child == 0) {
                report(to, options, token);
        }
        close(TAKE_FD(to));
        if (!await(from, deadline, &finding)) {
                (void) kill(child, SIGKILL);
                return error_set(err, ETIMEDOUT,
                        "%s: not known in time: a file or a name server hangs, or the host is too busy",
                        options->node);
        }
        *ret_seen = finding.seen;
        *err = finding.err;
        return finding.result;
}

/* EXIT_DONE: it may go on. Token 0: only shows. */
static int look(const struct options *options, uint64_t token) {
        struct error err = {0};
        uint64_t seen = 0;
        int r = options->path ? look_at_file(options->path, token, &seen, &err)
                              : look_within(options, token, &seen, &err);
        if (r < 0) {
                return fail(EXIT_FAILED, &err);
        }
        if (token == 0) {
                printf("%" PRIu64 "\n", seen);
        }
        if (token > 0 && seen > token) {
                fprintf(stderr,
                        "recoverd-fence: token %" PRIu64 " is refused: %s has seen %" PRIu64
                        ", so another is active by now\n",
                        token, options->path ? options->path : options->node, seen);
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}

static void become(char **command, pid_t parent) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) { /* it was killed before this */
                _exit(EXIT_FAILED);
        }
        (void) execvp(command[0], command);
        fprintf(stderr, "recoverd-fence: %s: %m\n", command[0]);
        _exit(EXIT_NOT_FOUND);
}

/* The lock is held until it ends. When this program is killed the command goes with it, because the
 * lock does. */
static int run(char **command) {
        pid_t parent = getpid(), child = fork();
        int status;
        if (child < 0) {
                struct error err = {0};
                (void) error_set_errno(&err, errno, "%s", command[0]);
                return fail(EXIT_FAILED, &err);
        }
        if (child == 0) {
                become(command, parent);
        }
        while (waitpid(child, &status, 0) < 0) {
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
        struct options options = {.token = getenv(TOKEN_VARIABLE),
                .config = CONFIG,
                .patience = PATIENCE,
                .within = WITHIN};
        struct error err = {0};
        uint64_t token = 0;
        AUTO_CLOSE int lock = -1;
        int status = read_options(argc, argv, &options);
        if (status >= 0) {
                return status;
        }
        if (!options.show && str_empty(options.token)) {
                return usage("there is no token: neither --token nor $" TOKEN_VARIABLE, "");
        }
        if (!options.show && fence_parse(options.token, &token) < 0) {
                return usage("a token is a number above 0, not ", options.token);
        }
        if (!options.show && options.path) {
                lock = fence_lock(options.path, options.patience, &err);
                if (lock < 0) {
                        return fail(EXIT_FAILED, &err);
                }
        }
        status = look(&options, token);
        return status == EXIT_DONE && options.command ? run(options.command) : status;
}
