#include "base/cleanup.h"
#include "cli/completion.h"

static const char head[] =
        "# bash completion for recoverctl(1). Written by `recoverctl generate completion-bash`: change the program, not this.\n"
        "# shellcheck shell=bash\n"
        "\n"
        "# COMMAND: its options.\n"
        "_recoverctl_options() {\n"
        "        case $1 in\n";

static const char values_head[] =
        "        esac\n"
        "}\n"
        "\n"
        "# COMMAND:OPTION: what its value is; nothing for an option without one.\n"
        "_recoverctl_value() {\n"
        "        case $1 in\n";

static const char arguments_head[] = "        esac\n"
                                     "}\n"
                                     "\n"
                                     "# COMMAND:POSITION: what the argument is.\n"
                                     "_recoverctl_argument() {\n"
                                     "        case $1 in\n";

static const char commands_head[] = "        esac\n"
                                    "}\n"
                                    "\n"
                                    "_recoverctl_commands=\"";

/* What is asked of the agent at most once for each Tab, and says nothing when there is none. */
static const char tail[] =
        "\"\n"
        "\n"
        "_recoverctl_names() {\n"
        "        recoverctl names \"$1\" \"${_recoverctl_socket[@]}\" 2>/dev/null | cut -f 1\n"
        "}\n"
        "\n"
        "# KIND WORD: the candidates, in COMPREPLY.\n"
        "_recoverctl_offer() {\n"
        "        case $1 in\n"
        "        files) mapfile -t COMPREPLY < <(compgen -f -- \"$2\") ;;\n"
        "        directories) mapfile -t COMPREPLY < <(compgen -d -- \"$2\") ;;\n"
        "        services | probes | incidents)\n"
        "                mapfile -t COMPREPLY < <(compgen -W \"$(_recoverctl_names \"$1\")\" -- \"$2\")\n"
        "                ;;\n"
        "        words*) mapfile -t COMPREPLY < <(compgen -W \"${1#words}\" -- \"$2\") ;;\n"
        "        esac\n"
        "}\n"
        "\n"
        "_recoverctl() {\n"
        "        local word=${COMP_WORDS[COMP_CWORD]} command='' option='' position=0 kind='' i one\n"
        "        local -a _recoverctl_socket=()\n"
        "        COMPREPLY=()\n"
        "        # What stands before the cursor: the command, how many arguments, and an option that waits for its value.\n"
        "        for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "                one=${COMP_WORDS[i]}\n"
        "                if [[ -n $option ]]; then\n"
        "                        [[ $one == = ]] && continue\n"
        "                        [[ $option == --socket || $option == -s ]] && _recoverctl_socket=(--socket \"$one\")\n"
        "                        option=''\n"
        "                elif [[ $one == -* ]]; then\n"
        "                        [[ -n $(_recoverctl_value \"$command:$one\") ]] && option=$one\n"
        "                elif [[ -z $command ]]; then\n"
        "                        command=$one\n"
        "                else\n"
        "                        ((++position))\n"
        "                fi\n"
        "        done\n"
        "        if [[ -n $option ]]; then\n"
        "                [[ $word == = ]] && word=''\n"
        "                kind=$(_recoverctl_value \"$command:$option\")\n"
        "        elif [[ $word == -* ]]; then\n"
        "                kind=\"words$(_recoverctl_options \"$command\")\"\n"
        "        elif [[ -z $command ]]; then\n"
        "                kind=\"words $_recoverctl_commands\"\n"
        "        else\n"
        "                kind=$(_recoverctl_argument \"$command:$position\")\n"
        "        fi\n"
        "        _recoverctl_offer \"$kind\" \"$word\"\n"
        "        [[ $kind == files || $kind == directories ]] && compopt -o filenames 2>/dev/null\n"
        "        return 0\n"
        "}\n"
        "\n"
        "complete -F _recoverctl recoverctl\n";

static const char *kind_word(enum completion_kind kind) {
        static const char *const words[] = {
                [COMPLETION_NONE] = "none",
                [COMPLETION_FILES] = "files",
                [COMPLETION_DIRECTORIES] = "directories",
                [COMPLETION_SERVICES] = "services",
                [COMPLETION_PROBES] = "probes",
                [COMPLETION_INCIDENTS] = "incidents",
                [COMPLETION_WORDS] = "words ",
        };
        return words[kind];
}

static void put_options(const struct command *command, struct strbuf *out) {
        const struct option_spec *const tables[] = {command->options, common_options};
        strbuf_addf(out, "        %s) echo \"", command->name);
        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                for (const struct option_spec *row = tables[i]; row && row->name; row++) {
                        strbuf_addf(out, " --%s", row->name);
                }
        }
        strbuf_add(out, "\" ;;\n");
}

/* `command` is "*" for the options that all have. */
static void put_values(const char *command, const struct option_spec *options, struct strbuf *out) {
        for (; options && options->name; options++) {
                struct completion value;
                if (options->value) {
                        completion_of(options->value, &value);
                        strbuf_addf(out, "        %s:--%s | %s:-%c) echo '%s%s' ;;\n", command,
                                options->name, command, options->letter, kind_word(value.kind),
                                value.words);
                }
        }
}

static void put_arguments(const struct command *command, struct strbuf *out) {
        char name[ARGUMENT_NAME_MAX], next[ARGUMENT_NAME_MAX];
        for (size_t i = 0; completion_argument(command, i, name), name[0]; i++) {
                struct completion argument;
                completion_argument(command, i + 1, next);
                bool repeated = str_eq(name, next) && strstr(name, "...");
                completion_of(name, &argument);
                strbuf_addf(out, "        %s:", command->name);
                strbuf_addf(out, repeated ? "*" : "%zu", i);
                strbuf_addf(out, ") echo '%s%s' ;;\n", kind_word(argument.kind), argument.words);
                if (repeated) {
                        return;
                }
        }
}

void completion_bash(struct strbuf *out) {
        strbuf_add(out, head);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        put_options(command, out);
                }
        }
        strbuf_add(out, "        *) echo \" --help --version --socket\" ;;\n");
        strbuf_add(out, values_head);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        put_values(command->name, command->options, out);
                }
        }
        put_values("*", common_options, out);
        strbuf_add(out, arguments_head);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        put_arguments(command, out);
                }
        }
        strbuf_add(out, commands_head);
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        strbuf_addf(out, "%s%s", command == commands ? "" : " ", command->name);
                }
        }
        strbuf_add(out, tail);
}
