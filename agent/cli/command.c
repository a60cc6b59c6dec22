#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/agent_client.h"

const struct command *command_find(const char *name) {
        for (const struct command *command = commands; command->name; command++) {
                if (str_eq(command->name, name)) {
                        return command;
                }
        }
        return NULL;
}

/* A third of the letters may be wrong, and one more. */
static size_t tolerance(const char *word) {
        return strlen(word) / 3 + 2;
}

const struct command *command_similar(const char *name) {
        const struct command *found = NULL;
        size_t best = tolerance(name);
        for (const struct command *command = commands; command->name; command++) {
                size_t distance = str_distance(name, command->name);
                if (!command->hidden && distance < best) {
                        best = distance;
                        found = command;
                }
        }
        return found;
}

/* ---- Options ---- */

static const struct option_spec *find_in(
        const struct option_spec *options, const char *name, size_t length, char letter) {
        for (; options && options->name; options++) {
                bool by_name = name && strlen(options->name) == length &&
                               strncmp(options->name, name, length) == 0;
                if (by_name || (letter && options->letter == letter)) {
                        return options;
                }
        }
        return NULL;
}

static const struct option_spec *find_option(
        const struct command *command, const char *name, size_t length, char letter) {
        const struct option_spec *found = find_in(command->options, name, length, letter);
        return found ? found : find_in(common_options, name, length, letter);
}

static const char *similar_option(const struct command *command, const char *name) {
        const struct option_spec *const tables[] = {command->options, common_options};
        const char *found = NULL;
        size_t best = tolerance(name);
        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                for (const struct option_spec *row = tables[i]; row && row->name; row++) {
                        size_t distance = str_distance(name, row->name);
                        if (distance < best) {
                                best = distance;
                                found = row->name;
                        }
                }
        }
        return found;
}

/* The command line being read. */
struct reader {
        const struct command *command;
        struct invocation *invocation;
        char **argv; /* ends with NULL */
        char *why;
};

static int unknown_option(const struct reader *reader, const char *option) {
        const char *similar =
                str_starts(option, "--") ? similar_option(reader->command, option + 2) : NULL;
        snprintf(reader->why, WHY_MAX, "%s has no option '%.60s'%s%s%s", reader->command->name,
                option, similar ? ", did you mean '--" : "", similar ? similar : "",
                similar ? "'?" : "");
        return EXIT_USAGE;
}

/* `attached`: the value that came with the option; NULL: it is the next word. */
static int take_option(
        struct reader *reader, const struct option_spec *option, const char *attached) {
        char *to = (char *) reader->invocation + option->offset;
        if (!option->value) {
                if (attached) {
                        snprintf(reader->why, WHY_MAX, "--%s takes no value", option->name);
                        return EXIT_USAGE;
                }
                *(bool *) to = true;
                return EXIT_DONE;
        }
        const char *value = attached ? attached : *reader->argv;
        if (!value) {
                snprintf(reader->why, WHY_MAX, "--%s needs a value: --%s %s", option->name,
                        option->name, option->value);
                return EXIT_USAGE;
        }
        if (!attached) {
                reader->argv++;
        }
        *(const char **) to = value;
        return EXIT_DONE;
}

static int take_long(struct reader *reader, const char *word) {
        const char *name = word + 2, *equals = strchr(name, '=');
        size_t length = equals ? (size_t) (equals - name) : strlen(name);
        const struct option_spec *option = find_option(reader->command, name, length, 0);
        return option ? take_option(reader, option, equals ? equals + 1 : NULL)
                      : unknown_option(reader, word);
}

static int take_letter(struct reader *reader, const char *word) {
        const struct option_spec *option = find_option(reader->command, NULL, 0, word[1]);
        if (!option || (word[2] && !option->value)) {
                return unknown_option(reader, word);
        }
        return take_option(reader, option, word[2] ? word + 2 : NULL);
}

static int take_argument(struct reader *reader, const char *word) {
        struct invocation *invocation = reader->invocation;
        if (invocation->n_arguments >= reader->command->most ||
                invocation->n_arguments >= ARGUMENTS_MAX) {
                snprintf(reader->why, WHY_MAX, "%s: '%.60s' is one argument too many",
                        reader->command->name, word);
                return EXIT_USAGE;
        }
        invocation->arguments[invocation->n_arguments++] = word;
        return EXIT_DONE;
}

static int take_word(struct reader *reader, bool *only_arguments) {
        const char *word = *reader->argv++;
        if (*only_arguments || word[0] != '-' || !word[1]) {
                return take_argument(reader, word);
        }
        if (str_eq(word, "--")) {
                *only_arguments = true;
                return EXIT_DONE;
        }
        return word[1] == '-' ? take_long(reader, word) : take_letter(reader, word);
}

int command_parse(const struct command *command, int argc, char **argv, struct invocation *ret,
        char why[WHY_MAX]) {
        struct reader reader = {command, ret, argv, why};
        bool only_arguments = false;
        *ret = (struct invocation){.command = command, .terminal = terminal_of_stdout()};
        while (reader.argv < argv + argc) {
                int r = take_word(&reader, &only_arguments);
                if (r != EXIT_DONE) {
                        return r;
                }
        }
        if (!ret->help && ret->n_arguments < command->least) {
                snprintf(why, WHY_MAX, "%s needs %s", command->name, command->arguments);
                return EXIT_USAGE;
        }
        if (!ret->socket) {
                const char *named = getenv("RECOVERD_SOCKET");
                ret->socket = str_empty(named) ? AGENT_SOCKET_STANDARD : named;
        }
        return EXIT_DONE;
}

/* ---- Help ---- */

static void put_option(struct strbuf *out, const struct option_spec *option) {
        char left[64];
        snprintf(left, sizeof(left), "  -%c, --%s%s%s", option->letter, option->name,
                option->value ? " " : "", option->value ? option->value : "");
        strbuf_addf(out, "%-24s %s\n", left, option->help);
}

static void put_options(struct strbuf *out, const struct option_spec *options) {
        for (; options && options->name; options++) {
                put_option(out, options);
        }
}

void command_help(
        const struct command *command, const struct terminal *terminal, struct strbuf *out) {
        terminal_paint(terminal, out, PAINT_HEAD, "Usage:");
        strbuf_addf(out, " recoverctl %s%s%s [OPTION...]\n\n%c%s.\n", command->name,
                *command->arguments ? " " : "", command->arguments, command->summary[0] - 'a' + 'A',
                command->summary + 1);
        strbuf_addf(out, "\n%s\n", command->details);
        terminal_paint(terminal, out, PAINT_HEAD, "Options:");
        strbuf_add_char(out, '\n');
        put_options(out, command->options);
        put_options(out, common_options);
        strbuf_add(out, "\nExit status: 0 done, 1 the answer is no, 2 usage, 3 no agent.\n");
}

void command_overview(const struct terminal *terminal, struct strbuf *out) {
        terminal_paint(terminal, out, PAINT_HEAD, "Usage:");
        strbuf_add(out, " recoverctl COMMAND [ARGUMENT...] [OPTION...]\n\n"
                        "Looks after the services that recoverd keeps alive on this host.\n\n");
        terminal_paint(terminal, out, PAINT_HEAD, "Commands:");
        strbuf_add_char(out, '\n');
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        strbuf_addf(out, "  %-10s %s\n", command->name, command->summary);
                }
        }
        strbuf_add(out, "\n'recoverctl COMMAND --help' says more and has examples.\n"
                        "Exit status: 0 done, 1 the answer is no, 2 usage, 3 no agent.\n");
}
