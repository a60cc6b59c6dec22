#pragma once
/* Who may command: the kernel's word on the peer of the control socket, and the group of the
 * operators. The group is looked up in a thread, because name services can hang; until the answer
 * is there, and when there is no such group, only root and the agent's own user may. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "io/loop.h"
#include "io/unix_socket.h"

enum {
        PEERS_GROUPS_MAX = 65536, /* NGROUPS_MAX of Linux */
        PEERS_LOOKUP_SECONDS = 10,
};

#define PEERS_NO_GROUP ((gid_t) -1)

/* The rule itself. `groups` are the supplementary groups of the peer. */
bool peers_allowed(const struct unix_peer *peer, const gid_t *groups, size_t n_groups, uid_t own,
        gid_t operators);

struct peers; /* heap */

int peers_new(struct peers **ret, struct loop *loop, struct error *err);
void peers_free(struct peers *peers); /* accepts NULL */

/* Names the operators' group (NULL: none); the same name again costs nothing. */
void peers_set_group(struct peers *peers, const char *group);

/* Whether the peer of this connection may command. False when the kernel does not tell. */
bool peers_may_command(const struct peers *peers, const struct unix_peer *peer, int fd);
