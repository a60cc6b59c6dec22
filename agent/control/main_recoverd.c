/* recoverd: the agent. Reads the command line, puts the parts together, runs the loop. */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "control/agent_check.h"
#include "control/control.h"
#include "control/listener.h"
#include "control/why.h"
#include "io/journal.h"
#include "io/loop.h"
#include "runtime/runtime.h"

enum { EXIT_USAGE = 2, POLICY_PATHS_MAX = 256 };

#define DEFAULT_CONFIG RECOVERD_SYSCONFDIR "/recoverd.yaml"
#define DEFAULT_POLICIES RECOVERD_SYSCONFDIR "/policies.d"

static const char help_text[] =
        "recoverd [OPTION...]\n"
        "\n"
        "Keeps the services of this host alive: probes them, restarts them with backoff, and proves\n"
        "by probes that they are well again. Runs in the foreground.\n"
        "\n"
        "  --config FILE        settings of the agent (" DEFAULT_CONFIG ", where it exists)\n"
        "  --policies PATH      a policy file, or a directory of them; may be repeated\n"
        "                       (" DEFAULT_POLICIES ")\n"
        "  --state-dir DIR      what must outlive the agent (/var/lib/recoverd)\n"
        "  --runtime-dir DIR    sockets and locks (/run/recoverd)\n"
        "  --dry-run            decide and say, never act\n"
        "  --help, --version\n"
        "\n"
        "Signals: SIGHUP reads the policies again, SIGTERM and SIGINT end the agent.\n"
        "Talk to it with recoverctl(1). Exit status: 0 ended as asked, 1 failed, 2 usage.\n";

struct arguments {
        struct runtime_options runtime;
        const char *paths[POLICY_PATHS_MAX];
        bool done; /* --help or --version was answered */
};

static int parse(int argc, char **argv, struct arguments *ret) {
        static const struct option options[] = {
                {"config", required_argument, NULL, 'c'},
                {"policies", required_argument, NULL, 'p'},
                {"state-dir", required_argument, NULL, 's'},
                {"runtime-dir", required_argument, NULL, 'r'},
                {"dry-run", no_argument, NULL, 'n'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {NULL, 0, NULL, 0},
        };
        int c;
        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'c':
                        ret->runtime.config = optarg;
                        break;
                case 'p':
                        if (ret->runtime.n_policies == POLICY_PATHS_MAX) {
                                fputs("recoverd: too many --policies\n", stderr);
                                return -E2BIG;
                        }
                        ret->paths[ret->runtime.n_policies++] = optarg;
                        break;
                case 's':
                        ret->runtime.state_dir = optarg;
                        break;
                case 'r':
                        ret->runtime.runtime_dir = optarg;
                        break;
                case 'n':
                        ret->runtime.dry_run = true;
                        break;
                case 'h':
                        fputs(help_text, stdout);
                        ret->done = true;
                        return 0;
                case 'v':
                        puts("recoverd " RECOVERD_VERSION);
                        ret->done = true;
                        return 0;
                default:
                        fputs("Try: recoverd --help\n", stderr);
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                fprintf(stderr,
                        "recoverd: '%s' is not an option; policies are given with --policies\n",
                        argv[optind]);
                return -EINVAL;
        }
        return 0;
}

static void fill_standards(struct arguments *arguments) {
        struct runtime_options *options = &arguments->runtime;
        if (!options->config && access(DEFAULT_CONFIG, F_OK) == 0) {
                options->config = DEFAULT_CONFIG;
        }
        if (options->n_policies == 0) {
                arguments->paths[options->n_policies++] = DEFAULT_POLICIES;
        }
        options->policies = arguments->paths;
        options->explain = why_record;
        options->state_dir = options->state_dir ? options->state_dir : "/var/lib/recoverd";
        options->runtime_dir = options->runtime_dir ? options->runtime_dir : "/run/recoverd";
}

/* Every probe under way may hold a descriptor; the soft limit is for programs that use select(2).
 */
static void raise_descriptor_limit(void) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
                        log_warning("cannot raise the limit of open files, ignoring");
                }
        }
}

static void on_end(void *cookie, int signal) {
        (void) signal;
        runtime_stop(cookie);
}

static void on_hangup(void *cookie, int signal) {
        (void) signal;
        runtime_reload(cookie, NULL, NULL);
}

static int watch_signals(struct loop *loop, struct runtime *runtime, struct error *err) {
        int r = loop_on_signal(loop, SIGTERM, on_end, runtime, err);
        r = r < 0 ? r : loop_on_signal(loop, SIGINT, on_end, runtime, err);
        return r < 0 ? r : loop_on_signal(loop, SIGHUP, on_hangup, runtime, err);
}

DEFINE_CLEANUP(loop_free_p, struct loop, loop_free)
DEFINE_CLEANUP(runtime_free_p, struct runtime, runtime_free)
DEFINE_CLEANUP(control_free_p, struct control, control_free)
DEFINE_CLEANUP(listener_free_p, struct listener, listener_free)
DEFINE_CLEANUP(agent_check_free_p, struct agent_check, agent_check_free)

/* A page of ten thousand services takes megabytes for a moment. Memory of this size comes from the
 * kernel and goes back to it, instead of growing the heap for good. */
static void keep_heap_small(void) {
        enum { LARGE = 256 * 1024 };
        (void) mallopt(M_MMAP_THRESHOLD, LARGE);
}

/* A thread that checks a certificate, or hangs on a disk, may outlive main(). */
static void leave_library_to_threads(void) {
        (void) OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

static int block_signals(void) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int run(const struct arguments *arguments, struct error *err) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s/control.sock", arguments->runtime.runtime_dir);
        if (n < 0 || (size_t) n >= sizeof(path)) {
                return error_set(err, ENAMETOOLONG, "the runtime directory's name is too long");
        }
        AUTO(loop_free_p) struct loop *loop = NULL;
        AUTO(control_free_p) struct control *control = NULL;
        AUTO(listener_free_p) struct listener *listener = NULL;
        AUTO(agent_check_free_p) struct agent_check *agent_check = NULL;
        AUTO(runtime_free_p) struct runtime *runtime = NULL;
        int r = loop_new(&loop, err);
        r = r < 0 ? r : runtime_new(&runtime, loop, &arguments->runtime, err);
        r = r < 0 ? r : watch_signals(loop, runtime, err);
        r = r < 0 ? r : control_new(&control, runtime, path, err);
        r = r < 0 ? r : listener_new(&listener, runtime, err);
        r = r < 0 ? r : agent_check_new(&agent_check, runtime, err);
        r = r < 0 ? r : runtime_start(runtime, err);
        return r < 0 ? r : loop_run(loop, err);
}

int main(int argc, char **argv) {
        struct arguments arguments = {0};
        if (parse(argc, argv, &arguments) < 0) {
                return EXIT_USAGE;
        }
        if (arguments.done) {
                return EXIT_SUCCESS;
        }
        fill_standards(&arguments);
        journal_install("recoverd");
        keep_heap_small();
        leave_library_to_threads();
        raise_descriptor_limit();
        struct error err = {0};
        int r = block_signals(); /* before the first thread, so that all inherit it */
        if (r >= 0) {
                r = run(&arguments, &err);
        }
        if (r < 0) {
                log_error("%s", err.text[0] ? err.text : strerror(-r));
                return EXIT_FAILURE;
        }
        return r;
}
