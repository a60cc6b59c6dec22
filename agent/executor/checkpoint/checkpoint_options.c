#include "executor/checkpoint/checkpoint_options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/units.h"

enum { KEEP_STANDARD = 5, KEEP_MOST = 100 };

static int take_store(struct checkpoint_call *call, const char *value) {
        call->store = value;
        return *value ? 0 : -EINVAL;
}

static int take_path(struct checkpoint_call *call, const char *value) {
        if (call->scope.n_paths == MANIFEST_PATHS_MAX) {
                return -E2BIG;
        }
        call->scope.paths[call->scope.n_paths++] = value;
        return 0;
}

static int take_exclude(struct checkpoint_call *call, const char *value) {
        if (call->scope.n_excludes == MANIFEST_EXCLUDES_MAX) {
                return -E2BIG;
        }
        call->scope.excludes[call->scope.n_excludes++] = value;
        return *value ? 0 : -EINVAL;
}

static int take_max_size(struct checkpoint_call *call, const char *value) {
        return units_parse_size(value, &call->max_size);
}

static int take_one_file_system(struct checkpoint_call *call, const char *value) {
        (void) value;
        call->scope.one_file_system = true;
        return 0;
}

static int take_state(struct checkpoint_call *call, const char *value) {
        int state = checkpoint_state_parse(value);
        if (state != CHECKPOINT_CANDIDATE && state != CHECKPOINT_SUSPECT) {
                return -EINVAL;
        }
        call->state = (enum checkpoint_state) state;
        return 0;
}

static int take_reason(struct checkpoint_call *call, const char *value) {
        call->reason = value;
        return 0;
}

static int take_unseen(struct checkpoint_call *call, const char *value) {
        (void) value;
        call->unseen = true;
        return 0;
}

static int take_keep(struct checkpoint_call *call, const char *value) {
        char *end;
        errno = 0;
        call->keep = strtoul(value, &end, 10);
        bool good = end != value && !*end && errno == 0 && call->keep >= 1;
        return good && call->keep <= KEEP_MOST ? 0 : -EINVAL;
}

static int take_to(struct checkpoint_call *call, const char *value) {
        call->to = value;
        return *value ? 0 : -EINVAL;
}

static int take_from(struct checkpoint_call *call, const char *value) {
        call->from = value;
        return *value ? 0 : -EINVAL;
}

static int take_allow_setuid(struct checkpoint_call *call, const char *value) {
        (void) value;
        call->allow_setuid = true;
        return 0;
}

static int take_hurry(struct checkpoint_call *call, const char *value) {
        (void) value;
        call->hurry = true;
        return 0;
}

static int take_wait(struct checkpoint_call *call, const char *value) {
        return units_parse_duration(value, &call->wait);
}

static int take_check(struct checkpoint_call *call, const char *value) {
        (void) value;
        call->check = true;
        return 0;
}

static int take_prepare(struct checkpoint_call *call, const char *value) {
        (void) value;
        call->prepare = true;
        return 0;
}

static const struct row {
        const char *name, *argument, *help;
        int (*take)(struct checkpoint_call *call, const char *value);
        unsigned option; /* 0: of every command */
} rows[] = {
        {"store", "DIR", "where checkpoints are kept (" CHECKPOINT_STORE ")", take_store, 0},
        {"hurry", NULL, "run at the priority it was started with, never at idle priority",
                take_hurry, 0},
        {"wait", "DURATION", "for another that works on the same (30s)", take_wait, 0},
        {"path", "PATH", "what to keep; may be repeated", take_path, OPTION_SCOPE},
        {"exclude", "GLOB", "what to leave out of it; may be repeated", take_exclude, OPTION_SCOPE},
        {"max-size", "SIZE", "refuse more than that", take_max_size, OPTION_SCOPE},
        {"one-file-system", NULL, "leave out what is mounted below a path", take_one_file_system,
                OPTION_SCOPE},
        {"state", "candidate|suspect", "how well the service is (candidate)", take_state,
                OPTION_STATE},
        {"reason", "TEXT", "why; shown by list", take_reason, OPTION_REASON},
        {"unseen", NULL, "do not look whether that is what is there now", take_unseen,
                OPTION_UNSEEN},
        {"keep", "N", "recovery points to keep (5)", take_keep, OPTION_KEEP},
        {"to", "DIR", "where to write", take_to, OPTION_TO},
        {"from", "REPLICA", "a replica to fetch it from first", take_from, OPTION_FROM},
        {"allow-setuid", NULL, "also write files that are setuid, setgid or have capabilities",
                take_allow_setuid, OPTION_FROM},
        {"check", NULL, "only say what would be done", take_check, OPTION_CHECK},
        {"prepare", NULL, "build everything beside, for the apply that follows", take_prepare,
                OPTION_PREPARE},
};

enum { HELP = 1000, VERSION };

static void print_help(void) {
        puts("usage: recoverd-checkpoint [--store DIR] COMMAND ARGUMENT... [OPTION]...\n\n"
             "Makes, checks and applies checkpoints of the files of services.\n\nCommands:");
        for (const struct checkpoint_command *command = checkpoint_commands; command->name;
                command++) {
                printf("  %-9s %-20s %s\n", command->name, command->arguments, command->help);
        }
        puts("\nOptions:");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char option[48];
                snprintf(option, sizeof(option), "--%s %s", rows[i].name,
                        rows[i].argument ? rows[i].argument : "");
                printf("  %-28s %s\n", option, rows[i].help);
        }
}

static const struct checkpoint_command *find_command(const char *name, struct error *err) {
        const struct checkpoint_command *near = checkpoint_commands;
        size_t best = SIZE_MAX;
        for (const struct checkpoint_command *command = checkpoint_commands; command->name;
                command++) {
                size_t distance = str_distance(command->name, name);
                if (distance == 0) {
                        return command;
                }
                near = distance < best ? command : near;
                best = distance < best ? distance : best;
        }
        error_set(err, EINVAL, "there is no command '%s'; did you mean '%s'?", name, near->name);
        return NULL;
}

static int take_arguments(struct checkpoint_call *call, const struct checkpoint_command *command,
        int count, char **arguments, struct error *err) {
        const char **to[] = {&call->service, &call->first, &call->second};
        if ((unsigned) count < command->least || (unsigned) count > command->most) {
                return error_set(err, EINVAL, "usage: recoverd-checkpoint %s %s", command->name,
                        command->arguments);
        }
        assert((size_t) count <= ELEMENTSOF(to));
        for (int i = 0; i < count; i++) {
                *to[i] = arguments[i];
        }
        return 0;
}

static int check_together(const struct checkpoint_call *call,
        const struct checkpoint_command *command, unsigned given, struct error *err) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (given >> i & 1 && rows[i].option && !(command->options & rows[i].option)) {
                        return error_set(
                                err, EINVAL, "%s has no option --%s", command->name, rows[i].name);
                }
        }
        if (command->options & OPTION_SCOPE && call->scope.n_paths == 0) {
                return error_set(err, EINVAL, "%s needs a --path at least", command->name);
        }
        if (command->options & OPTION_TO && !call->to) {
                return error_set(err, EINVAL, "%s needs --to", command->name);
        }
        return 0;
}

int checkpoint_parse(int argc, char **argv, struct checkpoint_call *call,
        const struct checkpoint_command **ret, struct error *err) {
        struct option options[ELEMENTSOF(rows) + 3] = {0};
        unsigned given = 0;
        int c;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                options[i] = (struct option){rows[i].name,
                        rows[i].argument ? required_argument : no_argument, NULL, (int) i};
        }
        options[ELEMENTSOF(rows)] = (struct option){"help", no_argument, NULL, HELP};
        options[ELEMENTSOF(rows) + 1] = (struct option){"version", no_argument, NULL, VERSION};
        *call = (struct checkpoint_call){
                .store = CHECKPOINT_STORE, .keep = KEEP_STANDARD, .wait = CHECKPOINT_WAIT};
        opterr = 0;
        optind = 0;
        while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
                if (c == HELP) {
                        print_help();
                        return 1;
                }
                if (c == VERSION) {
                        puts("recoverd-checkpoint " RECOVERD_VERSION);
                        return 1;
                }
                if (c == '?' || c == ':') {
                        return error_set(err, EINVAL, "%s: %s", argv[optind - 1],
                                c == ':' ? "a value is missing" : "there is no such option");
                }
                given |= 1U << c;
                if (rows[c].take(call, optarg) < 0) {
                        return error_set(err, EINVAL, "--%s: bad value '%s'", rows[c].name, optarg);
                }
        }
        if (optind == argc) {
                return error_set(err, EINVAL, "no command; --help lists them");
        }
        const struct checkpoint_command *command = find_command(argv[optind], err);
        if (!command) {
                return -EINVAL;
        }
        int r = take_arguments(call, command, argc - optind - 1, argv + optind + 1, err);
        r = r < 0 ? r : check_together(call, command, given, err);
        *ret = command;
        return r;
}
