#pragma once
/* Which request goes where, and who may make it. */

#include <stdbool.h>
#include <stddef.h>

#include "control/call.h"

struct route {
        const char *method;
        const char *path; /* one that ends in '/' stands for everything below it */
        bool for_all; /* any local user; otherwise those who may command */
        unsigned takes; /* members of the body, enum command_member; POST only */
        void (*handle)(struct call *call);
};

/* NULL when there is none; `ret_allow` is then the method that this path takes, or NULL for an
 * unknown path. `ret_tail` gets what follows a route's '/'. */
const struct route *route_find(
        const char *method, const char *path, const char **ret_tail, const char **ret_allow);
