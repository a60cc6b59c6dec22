#pragma once
/* The environment of a program, built from nothing: only what is said here gets through. */

#include <stdbool.h>
#include <stddef.h>

#include "io/identity.h"

enum { ENVIRONMENT_MAX = 1024 }; /* variables */

/* Zero-initialise. Like struct strbuf: a failed allocation, or one variable too many, sets
 * `failed`. */
struct environment {
        char **items; /* "KEY=value", NULL-terminated once something was set */
        size_t count;
        bool failed;
};

void environment_done(struct environment *environment);

/* Sets a variable, replacing an earlier one. */
void environment_set(struct environment *environment, const char *key, const char *value);

/* PATH, LANG, HOME, SHELL, USER and LOGNAME, as a login of this user would have them. */
void environment_set_standard(struct environment *environment, const struct identity *identity);
