#include "base/cleanup.h"
#include "cli/completion.h"

static const char head[] =
        "# fish completion for recoverctl(1). Written by `recoverctl generate completion-fish`: change the program, not this.\n"
        "\n"
        "# Options with a value, as COMMAND:OPTION; before the command, :OPTION.\n"
        "set -g __recoverctl_valued";

static const char functions[] =
        "\n"
        "\n"
        "# The command, and the arguments behind it, that stand before the cursor.\n"
        "function __recoverctl_words\n"
        "    set -l words (commandline -opc)\n"
        "    set -e words[1]\n"
        "    set -l command\n"
        "    set -l skip no\n"
        "    for word in $words\n"
        "        if test $skip = yes\n"
        "            set skip no\n"
        "        else if contains -- \"$command:$word\" $__recoverctl_valued\n"
        "            set skip yes\n"
        "        else if string match -q -- '-*' $word\n"
        "            continue\n"
        "        else\n"
        "            test -z \"$command\"; and set command $word\n"
        "            echo $word\n"
        "        end\n"
        "    end\n"
        "end\n"
        "\n"
        "function __recoverctl_needs_command\n"
        "    test (count (__recoverctl_words)) -eq 0\n"
        "end\n"
        "\n"
        "# COMMAND: whether it is this one.\n"
        "function __recoverctl_is\n"
        "    set -l words (__recoverctl_words)\n"
        "    test \"$words[1]\" = $argv[1]\n"
        "end\n"
        "\n"
        "# COMMAND POSITION: whether this argument of it comes next; 0 is any.\n"
        "function __recoverctl_at\n"
        "    set -l words (__recoverctl_words)\n"
        "    test \"$words[1]\" = $argv[1]; and test $argv[2] -eq 0 -o $argv[2] -eq (count $words)\n"
        "end\n"
        "\n"
        "# The agent that the command line means is asked; without an answer there is nothing to offer.\n"
        "function __recoverctl_names\n"
        "    set -l words (commandline -opc)\n"
        "    set -l socket\n"
        "    for option in --socket -s\n"
        "        if set -l at (contains -i -- $option $words)\n"
        "            set socket --socket $words[(math $at + 1)]\n"
        "        end\n"
        "    end\n"
        "    recoverctl names $argv[1] $socket 2>/dev/null\n"
        "end\n"
        "\n"
        "complete -c recoverctl -f\n"
        "complete -c recoverctl -n __recoverctl_needs_command -s V -l version -d 'print the version'\n";

/* Within single quotes. */
static void add_text(struct strbuf *out, const char *text) {
        strbuf_add_char(out, '\'');
        for (; *text; text++) {
                if (strchr("'\\", *text)) {
                        strbuf_add_char(out, '\\');
                }
                strbuf_add_char(out, *text);
        }
        strbuf_add_char(out, '\'');
}

static void add_candidates(struct strbuf *out, const struct completion *completion) {
        switch (completion->kind) {
        case COMPLETION_FILES:
                strbuf_add(out, " -F");
                return;
        case COMPLETION_DIRECTORIES:
                strbuf_add(out, " -a '(__fish_complete_directories)'");
                return;
        case COMPLETION_SERVICES:
                strbuf_add(out, " -a '(__recoverctl_names services)'");
                return;
        case COMPLETION_PROBES:
                strbuf_add(out, " -a '(__recoverctl_names probes)'");
                return;
        case COMPLETION_INCIDENTS:
                strbuf_add(out, " -a '(__recoverctl_names incidents)'");
                return;
        case COMPLETION_WORDS:
                strbuf_addf(out, " -a '%s'", completion->words);
                return;
        case COMPLETION_NONE:
                return;
        }
}

static void put_valued(const char *command, const struct option_spec *options, struct strbuf *out) {
        for (; options && options->name; options++) {
                if (options->value) {
                        strbuf_addf(out, " %s:--%s %s:-%c", command, options->name, command,
                                options->letter);
                }
        }
}

/* `command` NULL: everywhere. */
static void put_options(
        const char *command, const struct option_spec *options, struct strbuf *out) {
        for (; options && options->name; options++) {
                struct completion value = {0};
                strbuf_add(out, "complete -c recoverctl");
                if (command) {
                        strbuf_addf(out, " -n '__recoverctl_is %s'", command);
                }
                strbuf_addf(out, " -s %c -l %s", options->letter, options->name);
                if (options->value) {
                        completion_of(options->value, &value);
                        strbuf_add(out, " -r");
                        add_candidates(out, &value);
                }
                strbuf_add(out, " -d ");
                add_text(out, options->help);
                strbuf_add_char(out, '\n');
        }
}

static void put_arguments(const struct command *command, struct strbuf *out) {
        char name[ARGUMENT_NAME_MAX], next[ARGUMENT_NAME_MAX];
        for (size_t i = 0; completion_argument(command, i, name), name[0]; i++) {
                struct completion argument;
                completion_argument(command, i + 1, next);
                bool repeated = str_eq(name, next) && strstr(name, "...");
                completion_of(name, &argument);
                if (argument.kind != COMPLETION_NONE) {
                        strbuf_addf(out, "complete -c recoverctl -n '__recoverctl_at %s %zu'",
                                command->name, repeated ? 0 : i + 1);
                        add_candidates(out, &argument);
                        strbuf_add_char(out, '\n');
                }
                if (repeated) {
                        return;
                }
        }
}

void completion_fish(struct strbuf *out) {
        strbuf_add(out, head);
        put_valued("", common_options, out);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        put_valued(command->name, command->options, out);
                        put_valued(command->name, common_options, out);
                }
        }
        strbuf_add(out, functions);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        strbuf_addf(out,
                                "complete -c recoverctl -n __recoverctl_needs_command -a %s -d ",
                                command->name);
                        add_text(out, command->summary);
                        strbuf_add_char(out, '\n');
                        put_options(command->name, command->options, out);
                        put_arguments(command, out);
                }
        }
        put_options(NULL, common_options, out);
}
