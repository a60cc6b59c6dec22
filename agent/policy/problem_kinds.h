#pragma once
/* What can be said about policies: each code once, with all that its documentation tells. The codes
 * are stable, since operators write them into their files (policy/allowances.h). */

#include <stdbool.h>

#include "policy/load.h"

struct problem_kind {
        const char *code; /* ends the table when NULL */
        enum problem_level level;
        bool of_host; /* depends on the host as well: on another one it may not be said */
        const char *means;
        /* Of warnings, and of errors that need more than their message: */
        const char *example; /* a policy of which it is said, and nothing else; NULL: none */
        const char *cure; /* what to do about it */
};

extern const struct problem_kind problem_kinds[];

/* NULL when there is none. */
const struct problem_kind *problem_kind_find(const char *code);

/* The most similar code of a warning; NULL when none is similar. */
const char *problem_kind_nearest(const char *code);
