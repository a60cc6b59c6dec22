#include <ctype.h>

#include "base/cleanup.h"
#include "cli/completion.h"

static const char head[] =
        "#compdef recoverctl\n"
        "# zsh completion for recoverctl(1). Written by `recoverctl generate completion-zsh`: change the program, not this.\n"
        "\n"
        "# The agent that the command line means is asked; without an answer there is nothing to offer.\n"
        "_recoverctl_names() {\n"
        "        local -a names socket\n"
        "        local at=${_recoverctl_words[(I)--socket|-s]}\n"
        "        ((at)) && socket=(--socket ${_recoverctl_words[at + 1]})\n"
        "        names=(${(f)\"$(recoverctl names $1 $socket 2>/dev/null)\"})\n"
        "        names=(${names//:/\\\\:})\n"
        "        names=(${names/$'\\t'/:})\n"
        "        _describe -t $1 ${1%s} names\n"
        "}\n"
        "\n"
        "_recoverctl() {\n"
        "        local curcontext=$curcontext state line\n"
        "        local -a commands _recoverctl_words=($words)\n"
        "        local -A opt_args\n"
        "        commands=(\n";

static const char options_head[] =
        "        )\n"
        "        _arguments -C -A '-*' '(-V --version)'{-V,--version}'[print the version]' \\\n";

static const char states[] =
        "                '1:command:->command' '*::argument:->argument' && return\n"
        "        case $state in\n"
        "        command) _describe -t commands command commands ;;\n"
        "        argument)\n"
        "                case $words[1] in\n";

static const char tail[] = "                esac\n"
                           "                ;;\n"
                           "        esac\n"
                           "}\n"
                           "\n"
                           "_recoverctl \"$@\"\n";

/* Within single quotes, and within the brackets and colons of a specification. */
static void add_text(struct strbuf *out, const char *text) {
        for (; *text; text++) {
                if (*text == '\'') {
                        strbuf_add(out, "'\\''");
                        continue;
                }
                if (strchr("[]:\\", *text)) {
                        strbuf_add_char(out, '\\');
                }
                strbuf_add_char(out, *text);
        }
}

/* A blank in front keeps _arguments from putting options of compadd between a function and its
 * argument. */
static void add_action(struct strbuf *out, const char *name) {
        struct completion completion;
        completion_of(name, &completion);
        switch (completion.kind) {
        case COMPLETION_FILES:
                strbuf_add(out, "_files");
                return;
        case COMPLETION_DIRECTORIES:
                strbuf_add(out, "_files -/");
                return;
        case COMPLETION_SERVICES:
                strbuf_add(out, " _recoverctl_names services");
                return;
        case COMPLETION_PROBES:
                strbuf_add(out, " _recoverctl_names probes");
                return;
        case COMPLETION_INCIDENTS:
                strbuf_add(out, " _recoverctl_names incidents");
                return;
        case COMPLETION_WORDS:
                strbuf_addf(out, "(%s)", completion.words);
                return;
        case COMPLETION_NONE:
                strbuf_add(out, " ");
                return;
        }
}

static void put_options(const struct option_spec *options, const char *indent, struct strbuf *out) {
        for (; options && options->name; options++) {
                strbuf_addf(out, "%s'(-%c --%s)'{-%c,--%s}'[", indent, options->letter,
                        options->name, options->letter, options->name);
                add_text(out, options->help);
                strbuf_add_char(out, ']');
                if (options->value) {
                        strbuf_add_char(out, ':');
                        add_text(out, options->value);
                        strbuf_add_char(out, ':');
                        add_action(out, options->value);
                }
                strbuf_add(out, "' \\\n");
        }
}

static void put_arguments(const struct command *command, struct strbuf *out) {
        char name[ARGUMENT_NAME_MAX], next[ARGUMENT_NAME_MAX];
        for (size_t i = 0; completion_argument(command, i, name), name[0]; i++) {
                completion_argument(command, i + 1, next);
                bool repeated = str_eq(name, next) && strstr(name, "...");
                strbuf_add(out, "                                '");
                strbuf_addf(out, repeated ? "*:" : "%zu:", i + 1);
                add_text(out, name);
                strbuf_add_char(out, ':');
                add_action(out, name);
                strbuf_add(out, "' \\\n");
                if (repeated) {
                        return;
                }
        }
}

static void put_command(const struct command *command, struct strbuf *out) {
        static const char indent[] = "                                ";
        strbuf_addf(out, "                %s)\n                        _arguments -s \\\n",
                command->name);
        put_options(command->options, indent, out);
        put_options(common_options, indent, out);
        put_arguments(command, out);
        strbuf_addf(out, "%s&& return\n                        ;;\n", indent);
}

void completion_zsh(struct strbuf *out) {
        strbuf_add(out, head);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        strbuf_addf(out, "                '%s:", command->name);
                        add_text(out, command->summary);
                        strbuf_add(out, "'\n");
                }
        }
        strbuf_add(out, options_head);
        put_options(common_options, "                ", out);
        strbuf_add(out, states);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        put_command(command, out);
                }
        }
        strbuf_add(out, tail);
}
