#include "cli/manual.h"

#include <errno.h>

#include "base/cleanup.h"
#include "policy/man_text.h"

static const char overview_text[] =
        "recoverctl talks to the agent, recoverd(8), over its control socket, and reads, checks and tries policies "
        "without it. It never acts on the host itself.\n";

static const char overview_example[] =
        "recoverctl status                          # what is wrong?\n"
        "recoverctl why checkout                    # why, what is done about it, and when?\n"
        "recoverctl pause checkout --for 30m        # I am working on it\n"
        "recoverctl check && recoverctl reload      # I changed its policy\n"
        "recoverctl status --json | jq -r '.services[] | select(.down) | .name'\n";

/* ---- Commands ---- */

/* Where the examples of a command begin in its details; its end where it has none. */
static const char *examples_in(const char *details) {
        const char *many = strstr(details, "Examples:\n"), *one = strstr(details, "Example:\n");
        const char *found = many ? many : one;
        return found ? found : details + strlen(details);
}

static void put_prose(const struct command *command, struct strbuf *out) {
        AUTO_STRBUF struct strbuf prose = {0};
        const char *end = examples_in(command->details);
        strbuf_add_bytes(&prose, command->details, (size_t) (end - command->details));
        man_paragraphs(out, strbuf_text(&prose) ? strbuf_text(&prose) : "");
        out->failed |= prose.failed;
}

static void put_examples(const struct command *command, struct strbuf *out) {
        AUTO_STRBUF struct strbuf lines = {0};
        const char *line = strchr(examples_in(command->details), '\n');
        for (line = line ? line + 1 : ""; *line;) {
                const char *end = strchr(line, '\n');
                line += strspn(line, " ");
                strbuf_add_bytes(&lines, line, (size_t) (end - line + 1));
                line = end + 1;
        }
        man_example(out, strbuf_text(&lines) ? strbuf_text(&lines) : "");
        out->failed |= lines.failed;
}

static void put_options(const struct option_spec *options, struct strbuf *out) {
        for (; options && options->name; options++) {
                const char letter[] = {'-', options->letter, 0};
                man_term(out);
                man_bold(out, letter);
                strbuf_add(out, ", ");
                man_bold(out, "--");
                man_bold(out, options->name);
                if (options->value) {
                        strbuf_add_char(out, ' ');
                        man_italic(out, options->value);
                }
                strbuf_add_char(out, '\n');
                man_text(out, options->help);
                strbuf_add(out, ".\n");
        }
}

static void put_usage(const struct command *command, struct strbuf *out) {
        man_bold(out, command->name);
        if (*command->arguments) {
                strbuf_add_char(out, ' ');
                man_italic(out, command->arguments);
        }
        strbuf_add_char(out, '\n');
}

static void put_command(const struct command *command, struct strbuf *out) {
        man_subsection(out, command->name);
        man_paragraph(out);
        put_usage(command, out);
        man_paragraph(out);
        man_capital(out, command->summary);
        strbuf_add(out, ".\n");
        put_prose(command, out);
        put_options(command->options, out);
}

/* ---- Parts of all pages ---- */

static void put_synopsis(const char *command, const char *arguments, struct strbuf *out) {
        man_paragraph(out);
        man_bold(out, "recoverctl");
        strbuf_add_char(out, ' ');
        man_bold(out, command);
        strbuf_add_char(out, ' ');
        man_italic(out, arguments);
        strbuf_add(out, *arguments ? " [\\fIOPTION...\\fR]\n" : "[\\fIOPTION...\\fR]\n");
}

static void put_end(const char *see_also, struct strbuf *out) {
        man_section(out, "EXIT STATUS");
        man_definition(out, "0", "Done.");
        man_definition(out, "1", "The answer is no: a check failed, a service is down.");
        man_definition(out, "2", "The command line is wrong, or names what does not exist.");
        man_definition(out, "3", "Nobody answers at the control socket.");
        man_section(out, "ENVIRONMENT");
        man_definition(out, "RECOVERD_SOCKET", "Control socket, where `--socket` is not given.");
        man_definition(out, "NO_COLOR", "No colours, also on a terminal.");
        man_see_also(out, see_also);
}

/* ---- Pages ---- */

static const struct manual_page *page_of(const struct command *command) {
        for (const struct manual_page *page = manual_pages; page->name; page++) {
                for (size_t i = 0; page->commands[i]; i++) {
                        if (str_eq(page->commands[i], command->name)) {
                                return page;
                        }
                }
        }
        return NULL;
}

static void put_reference(const struct command *command, struct strbuf *out) {
        const struct manual_page *page = page_of(command);
        man_term(out);
        put_usage(command, out);
        man_capital(out, command->summary);
        strbuf_add(out, "; see ");
        man_bold(out, page ? page->name : "recoverctl-");
        man_bold(out, page ? "" : command->name);
        strbuf_add(out, "(1).\n");
}

static void write_overview(struct strbuf *out) {
        static const struct man_head head = {
                "recoverctl", "1", "look after the services that recoverd keeps alive"};
        man_begin(out, &head);
        man_section(out, "SYNOPSIS");
        put_synopsis("", "COMMAND [ARGUMENT...]", out);
        man_section(out, "DESCRIPTION");
        man_paragraphs(out, overview_text);
        man_section(out, "COMMANDS");
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden) {
                        put_reference(command, out);
                }
        }
        man_section(out, "OPTIONS");
        man_paragraphs(out, "All commands know these, before or behind their name:\n");
        put_options(common_options, out);
        man_definition(out, "-V, --version", "Print the version.");
        man_section(out, "EXAMPLES");
        man_example(out, overview_example);
        put_end("recoverd(8), recoverd-executor(8), recoverd.yaml(5), recoverd-policy(5)", out);
}

static void put_synopsis_of(const struct command *command, struct strbuf *out) {
        put_synopsis(command->name, command->arguments, out);
}

static void for_each_command(const struct manual_page *page,
        void (*put)(const struct command *command, struct strbuf *out), struct strbuf *out) {
        for (size_t i = 0; page->commands[i]; i++) {
                const struct command *command = command_find(page->commands[i]);
                if (command) {
                        put(command, out);
                }
        }
}

static void write_group(const struct manual_page *page, struct strbuf *out) {
        const struct man_head head = {page->name, "1", page->summary};
        man_begin(out, &head);
        man_section(out, "SYNOPSIS");
        for_each_command(page, put_synopsis_of, out);
        man_section(out, "DESCRIPTION");
        man_paragraphs(out, page->description);
        man_section(out, "COMMANDS");
        for_each_command(page, put_command, out);
        man_section(out, "OPTIONS");
        put_options(common_options, out);
        man_section(out, "EXAMPLES");
        for_each_command(page, put_examples, out);
        if (page->example) {
                man_paragraphs(out, "One after the other:\n");
                man_example(out, page->example);
        }
        put_end(page->see_also, out);
}

/* NULL where it is on a page of the table, or hidden. */
static const struct command *command_of_page(const char *name) {
        static const char prefix[] = "recoverctl-";
        const struct command *command =
                str_starts(name, prefix) ? command_find(name + strlen(prefix)) : NULL;
        return command && !command->hidden && !page_of(command) ? command : NULL;
}

int manual_write(const char *name, struct strbuf *out) {
        if (str_eq(name, "recoverctl")) {
                write_overview(out);
                return out->failed ? -ENOMEM : 0;
        }
        for (const struct manual_page *page = manual_pages; page->name; page++) {
                if (str_eq(page->name, name)) {
                        write_group(page, out);
                        return out->failed ? -ENOMEM : 0;
                }
        }
        const struct command *command = command_of_page(name);
        if (!command) {
                return -ENOENT;
        }
        const struct manual_page alone = {.name = name,
                .summary = command->summary,
                .commands = {command->name},
                .description = "",
                .see_also = "recoverctl(1), recoverd(8)"};
        write_group(&alone, out);
        return out->failed ? -ENOMEM : 0;
}

void manual_names(struct strbuf *out) {
        strbuf_add(out, "recoverctl.1\n");
        for (const struct manual_page *page = manual_pages; page->name; page++) {
                strbuf_addf(out, "%s.1\n", page->name);
        }
        for (const struct command *command = commands; command->name; command++) {
                if (!command->hidden && !page_of(command)) {
                        strbuf_addf(out, "recoverctl-%s.1\n", command->name);
                }
        }
}
