#pragma once
/* The file by which an operator stops all recovery of a host, in every state of the agent: it
 * exists or it does not. Agent and executor look for it, each by itself. */

#include <stdbool.h>

enum { HOLD_FILE_REASON_MAX = 128 };

struct hold_file {
        bool people_too; /* a line is the word `everything`: nor may a person's command act */
        char reason[HOLD_FILE_REASON_MAX]; /* its first other line; "" where there is none */
};

/* Whether it exists. Blocks as long as its file system does. What cannot be read still holds; a
 * path that cannot be looked at does not. */
bool hold_file_read(const char *path, struct hold_file *ret);
