#pragma once
/* The manual pages of recoverctl: an overview, and one page a group of commands, made of the table
 * of commands (cli/command.h) and of what a page says beyond it. */

#include "base/str.h"
#include "cli/command.h"

enum { PAGE_COMMANDS_MAX = 6, MANUAL_NAME_MAX = 64 };

struct manual_page {
        const char *name; /* "recoverctl-status"; ends the table when NULL */
        const char *summary;
        const char *commands[PAGE_COMMANDS_MAX]; /* ends with NULL; one that there is not is passed
                                                    over */
        const char *description; /* paragraphs, with code between backticks */
        const char *example; /* what a person does with them in turn; NULL: none */
        const char *see_also;
};

extern const struct manual_page manual_pages[];

/* Writes the page "recoverctl" or "recoverctl-...", all in section 1. A command that no row of the
 * table names has a page of its own. Returns 0, -ENOENT when there is no such page, -ENOMEM. */
int manual_write(const char *name, struct strbuf *out);

/* Adds the names of all pages, one in each line: "recoverctl.1". */
void manual_names(struct strbuf *out);
