/* recoverd-fence: for hooks that guard a resource of their own. It remembers the highest fencing
 * token that the resource has seen, refuses lower ones, and runs a command only while no other with
 * its leave is running. See recoverd-fence(8). */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
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

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_FAILED = 3, EXIT_NOT_FOUND = 127 };

#define PATIENCE (10 * USEC_PER_SEC)
#define TOKEN_VARIABLE "RECOVERD_FENCING_TOKEN"

struct options {
        const char *token, *path;
        char **command; /* NULL: none */
        usec_t patience;
        bool show;
};

static const char help[] =
        "usage: recoverd-fence [OPTION]... FILE [COMMAND [ARGUMENT]...]\n\n"
        "Refuses a fencing token that is lower than the highest that FILE has seen; remembers a "
        "higher one.\n"
        "COMMAND runs only by its leave, and one at a time.\n\n"
        "  --token N          the token (default: $" TOKEN_VARIABLE ")\n"
        "  --wait DURATION    for a command with an earlier leave (default: 10s)\n"
        "  --show             print the highest token that FILE has seen\n"
        "  --help             this\n"
        "  --version\n\n"
        "exit status: 0 done, 1 refused, 2 usage, 3 not possible; or that of COMMAND\n";

static int fail(int status, const struct error *err) {
        fprintf(stderr, "recoverd-fence: %s\n", err->text);
        return status;
}

static int usage(const char *what, const char *value) {
        fprintf(stderr, "recoverd-fence: %s%s; see --help\n", what, value);
        return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *options) {
        static const struct option known[] = {{"token", required_argument, NULL, 't'},
                {"wait", required_argument, NULL, 'w'}, {"show", no_argument, NULL, 's'},
                {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {0}};
        for (int c; (c = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
                switch (c) {
                case 't':
                        options->token = optarg;
                        break;
                case 'w':
                        if (units_parse_duration(optarg, &options->patience) < 0) {
                                return usage("--wait takes a duration as 10s, not ", optarg);
                        }
                        break;
                case 's':
                        options->show = true;
                        break;
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
        if (optind >= argc) {
                return usage("which FILE?", "");
        }
        options->path = argv[optind++];
        options->command = optind < argc ? &argv[optind] : NULL;
        return options->show && options->command ? usage("--show runs nothing", "") : -1;
}

static int show(const char *path) {
        struct error err = {0};
        uint64_t seen;
        if (fence_read(path, &seen, &err) < 0) {
                return fail(EXIT_FAILED, &err);
        }
        printf("%" PRIu64 "\n", seen);
        return EXIT_DONE;
}

/* EXIT_DONE: it may go on. */
static int pass(const char *path, uint64_t token) {
        struct error err = {0};
        uint64_t seen;
        int r = fence_read(path, &seen, &err);
        if (r == 0 && token < seen) {
                fprintf(stderr,
                        "recoverd-fence: token %" PRIu64 " is refused: %s has seen %" PRIu64
                        ", so another is active by now\n",
                        token, path, seen);
                return EXIT_REFUSED;
        }
        if (r == 0 && token > seen) {
                r = fence_write(path, token, &err);
        }
        return r < 0 ? fail(EXIT_FAILED, &err) : EXIT_DONE;
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
        struct options options = {.token = getenv(TOKEN_VARIABLE), .patience = PATIENCE};
        struct error err = {0};
        uint64_t token;
        int status = read_options(argc, argv, &options);
        if (status >= 0) {
                return status;
        }
        if (options.show) {
                return show(options.path);
        }
        if (str_empty(options.token)) {
                return usage("there is no token: neither --token nor $" TOKEN_VARIABLE, "");
        }
        if (fence_parse(options.token, &token) < 0) {
                return usage("a token is a number above 0, not ", options.token);
        }
        AUTO_CLOSE int lock = fence_lock(options.path, options.patience, &err);
        if (lock < 0) {
                return fail(EXIT_FAILED, &err);
        }
        status = pass(options.path, token);
        return status == EXIT_DONE && options.command ? run(options.command) : status;
}
