#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/session.h"

static int bad_usage(const char *why, const char *command) {
        session_complain("%s", why);
        if (command) {
                fprintf(stderr, "Try 'recoverctl %s --help'.\n", command);
        } else {
                fprintf(stderr, "Try 'recoverctl --help'.\n");
        }
        return EXIT_USAGE;
}

static int unknown_command(const char *name) {
        char why[WHY_MAX];
        const struct command *similar = command_similar(name);
        snprintf(why, sizeof(why), "there is no command '%.60s'%s%s%s", name,
                similar ? ", did you mean '" : "", similar ? similar->name : "",
                similar ? "'?" : "");
        return bad_usage(why, NULL);
}

static int print_overview(void) {
        AUTO_STRBUF struct strbuf out = {0};
        struct terminal terminal = terminal_of_stdout();
        command_overview(&terminal, &out);
        return session_print(&out, EXIT_DONE);
}

static int print_help(const struct invocation *invocation) {
        AUTO_STRBUF struct strbuf out = {0};
        command_help(invocation->command, &invocation->terminal, &out);
        return session_print(&out, EXIT_DONE);
}

static int print_version(void) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_add(&out, "recoverctl " RECOVERD_VERSION "\n");
        return session_print(&out, EXIT_DONE);
}

static int run_command(const struct command *command, int argc, char **argv) {
        static struct invocation invocation; /* large */
        char why[WHY_MAX];
        int r = command_parse(command, argc, argv, &invocation, why);
        if (r != EXIT_DONE) {
                return bad_usage(why, command->name);
        }
        return invocation.help ? print_help(&invocation) : command->run(&invocation);
}

/* `recoverctl --socket PATH status`: options that stand before the command are moved behind it, so
 * that each command parses them among its own. */
static void command_first(int argc, char **argv) {
        int at = 1;
        while (at < argc && str_starts(argv[at], "--") && !str_eq(argv[at], "--help") &&
                !str_eq(argv[at], "--version")) {
                at += str_eq(argv[at], "--socket") ? 2 : 1;
        }
        if (at > 1 && at < argc) {
                char *command = argv[at];
                memmove(&argv[2], &argv[1], (size_t) (at - 1) * sizeof(*argv));
                argv[1] = command;
        }
}

int recoverctl_run(int argc, char **argv) {
        /* Widths of characters; the C.UTF-8 of glibc is there where nothing else is installed. */
        if (!setlocale(LC_CTYPE, "C.UTF-8")) {
                (void) setlocale(LC_CTYPE, "");
        }
        tzset();
        if (argc < 2) {
                return bad_usage("a command is missing", NULL);
        }
        command_first(argc, argv);
        const char *name = argv[1];
        if (str_eq(name, "--version") || str_eq(name, "-V")) {
                return print_version();
        }
        if (str_eq(name, "--help") || str_eq(name, "-h") || (str_eq(name, "help") && argc == 2)) {
                return print_overview();
        }
        if (str_eq(name, "help")) {
                const struct command *asked = command_find(argv[2]);
                struct invocation invocation = {.command = asked, .terminal = terminal_of_stdout()};
                return asked ? print_help(&invocation) : unknown_command(argv[2]);
        }
        const struct command *command = command_find(name);
        return command ? run_command(command, argc - 2, argv + 2) : unknown_command(name);
}
