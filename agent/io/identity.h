#pragma once
/* Who a program runs as: the ids, and what its environment says of them. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "io/spawn.h"

enum { IDENTITY_TEXT_MAX = 256 };

struct identity {
        bool change; /* false: it stays who this process is */
        uid_t uid;
        gid_t gid;
        gid_t groups[SPAWN_MAX_GROUPS];
        size_t n_groups;
        char name[IDENTITY_TEXT_MAX], home[IDENTITY_TEXT_MAX], shell[IDENTITY_TEXT_MAX];
};

/* Looks a user and a group up for this process, by name or number; NULL user: its own, NULL group:
 * the user's. Name services can hang: for worker threads. -ENOENT: no such user or group; -EPERM:
 * the process may not become somebody else; other negative errno when the name service failed. */
int identity_resolve(const char *user, const char *group, struct identity *ret, struct error *err);
