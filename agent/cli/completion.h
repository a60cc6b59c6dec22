#pragma once
/* Completion of the command line, in the languages of bash, zsh and fish, written from the table of
 * commands (cli/command.h). What only a running agent knows, the names of services, probes and
 * incidents, the scripts ask `recoverctl names` for. */

#include "base/str.h"
#include "cli/command.h"

/* What can stand at a place of the command line. */
enum completion_kind {
        COMPLETION_NONE = 0, /* anything, and nobody can guess it */
        COMPLETION_FILES,
        COMPLETION_DIRECTORIES,
        COMPLETION_SERVICES,
        COMPLETION_PROBES, /* SERVICE/PROBE, or a service */
        COMPLETION_INCIDENTS,
        COMPLETION_WORDS, /* one of some words */
};

enum { COMPLETION_WORDS_MAX = 96 };

struct completion {
        enum completion_kind kind;
        char words[COMPLETION_WORDS_MAX]; /* with blanks between them */
};

/* By its name in the usage line: "SERVICE[/PROBE]", "FILE", "on|off". */
void completion_of(const char *name, struct completion *ret);

/* The argument at a position, 0 being the first: its name in `ret`, "" when there is none. One
 * with "..." may be repeated, and is the last. */
enum { ARGUMENT_NAME_MAX = 48 };
void completion_argument(
        const struct command *command, size_t position, char ret[ARGUMENT_NAME_MAX]);

void completion_bash(struct strbuf *out);
void completion_zsh(struct strbuf *out);
void completion_fish(struct strbuf *out);
