#include "control/peers.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "io/worker.h"

enum {
        GROUP_NAME_MAX = 256,
        GROUP_ENTRY_MAX = 1024 * 1024, /* a group may have thousands of members */
};

struct peers {
        struct loop *loop;
        struct worker_pool *pool;
        struct worker_task *task; /* NULL: nothing is being looked up */
        uid_t own;
        gid_t operators;
        char group[GROUP_NAME_MAX]; /* "": none */
};

struct lookup {
        char group[GROUP_NAME_MAX];
        gid_t gid;
};

bool peers_allowed(const struct unix_peer *peer, const gid_t *groups, size_t n_groups, uid_t own,
        gid_t operators) {
        if (peer->uid == 0 || peer->uid == own) {
                return true;
        }
        if (operators == PEERS_NO_GROUP) {
                return false;
        }
        bool member = peer->gid == operators;
        for (size_t i = 0; i < n_groups && !member; i++) {
                member = groups[i] == operators;
        }
        return member;
}

int peers_new(struct peers **ret, struct loop *loop, struct error *err) {
        static const struct worker_limits limits = {
                .name = "groups", .max_threads = 1, .max_queue = 4, .max_stuck = 2};
        AUTO_FREE struct peers *peers = calloc(1, sizeof(*peers));
        if (!peers) {
                return error_set_errno(err, ENOMEM, "control");
        }
        peers->loop = loop;
        peers->own = geteuid();
        peers->operators = PEERS_NO_GROUP;
        int r = worker_pool_new(&peers->pool, loop, &limits, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(peers);
        return 0;
}

void peers_free(struct peers *peers) {
        if (peers) {
                worker_pool_free(peers->pool);
                free(peers);
        }
}

/* ---- The group ---- */

static int run_lookup(void *data) {
        struct lookup *lookup = data;
        struct group entry, *found = NULL;
        for (size_t size = 4096; size <= GROUP_ENTRY_MAX; size *= 4) {
                AUTO_FREE char *buffer = malloc(size);
                if (!buffer) {
                        return -ENOMEM;
                }
                int r = getgrnam_r(lookup->group, &entry, buffer, size, &found);
                if (r == ERANGE) {
                        continue;
                }
                if (found) {
                        lookup->gid = found->gr_gid;
                }
                return found ? 0 : r ? -r : -ENOENT;
        }
        return -E2BIG;
}

static void on_lookup(void *cookie, int result, void *data) {
        struct peers *peers = cookie;
        peers->task = NULL;
        if (result == 0) {
                peers->operators = ((struct lookup *) data)->gid;
        } else {
                log_warning("operators_group %s is not known (%s): only root and the agent's user "
                            "may command",
                        peers->group, strerror(-result));
        }
}

static void start_lookup(struct peers *peers) {
        AUTO_FREE struct lookup *lookup = calloc(1, sizeof(*lookup));
        if (!lookup) {
                log_warning("out of memory: operators_group %s is not looked up", peers->group);
                return;
        }
        str_copy(lookup->group, sizeof(lookup->group), peers->group);
        struct worker_job job = {
                .run = run_lookup,
                .release = free,
                .done = on_lookup,
                .data = lookup,
                .cookie = peers,
                .deadline =
                        usec_add(loop_now(peers->loop).mono, PEERS_LOOKUP_SECONDS * USEC_PER_SEC),
        };
        struct error error = {0};
        if (worker_submit(peers->pool, &job, &peers->task, &error) < 0) {
                log_warning("operators_group %s is not looked up: %s", peers->group, error.text);
                return;
        }
        TAKE_PTR(lookup);
}

void peers_set_group(struct peers *peers, const char *group) {
        const char *name = group ? group : "";
        if (str_eq(peers->group, name)) {
                return;
        }
        if (peers->task) {
                worker_cancel(TAKE_PTR(peers->task));
        }
        peers->operators = PEERS_NO_GROUP;
        if (!str_copy(peers->group, sizeof(peers->group), name)) {
                log_warning("operators_group %s is too long a name, ignoring", name);
        } else if (*name) {
                start_lookup(peers);
        }
}

/* ---- The peer ---- */

/* Supplementary groups of the process that connected; NULL when the kernel does not tell. */
static gid_t *groups_of(int fd, size_t *ret_n) {
        socklen_t length = 64 * sizeof(gid_t);
        for (int tries = 0; tries < 2; tries++) {
                AUTO_FREE gid_t *groups = malloc(length);
                if (!groups) {
                        return NULL;
                }
                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0) {
                        *ret_n = length / sizeof(gid_t);
                        return TAKE_PTR(groups);
                }
                if (errno != ERANGE || length > PEERS_GROUPS_MAX * sizeof(gid_t)) {
                        return NULL;
                }
        }
        return NULL;
}

bool peers_may_command(const struct peers *peers, const struct unix_peer *peer, int fd) {
        size_t n = 0;
        AUTO_FREE gid_t *groups = groups_of(fd, &n);
        return peers_allowed(peer, groups, n, peers->own, peers->operators);
}
