#include "probes/mount_pools.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/mount_table.h"
#include "io/worker.h"

struct place { /* a mount */
        char *point;
        size_t length; /* of its text */
        dev_t device;
        bool in_memory;
};

struct mount_pools {
        struct loop *loop;
        struct worker_pool *others;
        struct {
                dev_t device;
                struct worker_pool *pool; /* NULL: a free place */
        } pools[MOUNT_POOLS_MAX];
        struct place *places; /* in the order of the mount table */
        size_t n_places;
        int table_fd; /* tells when the mount table changed; -1: it cannot be read */
        usec_t asked; /* when it was last asked: once a turn of the loop */
        bool known; /* places are those of the table */
};

static const struct worker_limits limits = {.name = "this mount",
        .max_threads = MOUNT_THREADS,
        .max_queue = MOUNT_QUEUE,
        .max_stuck = MOUNT_STUCK};

/* ---- the mount table ---- */

static void forget_places(struct mount_pools *pools) {
        for (size_t i = 0; i < pools->n_places; i++) {
                free(pools->places[i].point);
        }
        free(TAKE_PTR(pools->places));
        pools->n_places = 0;
        pools->known = false;
}

static size_t count_places(const char *text) {
        struct mount_entry entry;
        size_t count = 0;
        while (mount_table_next(&text, &entry)) {
                count++;
        }
        return count;
}

static int read_places(struct mount_pools *pools) {
        AUTO_FREE char *table = NULL;
        struct mount_entry entry;
        int r = mount_table_read(&table);
        if (r < 0) {
                return r;
        }
        forget_places(pools);
        pools->places = calloc(count_places(table) + 1, sizeof(*pools->places));
        if (!pools->places) {
                return -ENOMEM;
        }
        for (const char *text = table; mount_table_next(&text, &entry); pools->n_places++) {
                struct place *place = &pools->places[pools->n_places];
                place->device = entry.device;
                place->in_memory = str_eq(entry.type, "tmpfs") || str_eq(entry.type, "ramfs");
                place->point = strdup(entry.point);
                if (!place->point) {
                        return -ENOMEM;
                }
                place->length = strlen(place->point);
        }
        pools->known = true;
        return 0;
}

/* The kernel marks an open mountinfo with POLLPRI once after each change (proc_pid_mountinfo(5)).
 */
static bool has_changed(struct mount_pools *pools) {
        struct pollfd table = {.fd = pools->table_fd, .events = POLLPRI};
        usec_t now = loop_now(pools->loop).mono;
        if (pools->table_fd < 0 || pools->asked == now) {
                return false;
        }
        pools->asked = now;
        return poll(&table, 1, 0) > 0;
}

/* Of several mounts at one point the last covers the others. */
static const struct place *find_place(struct mount_pools *pools, const char *path) {
        const struct place *best = NULL;
        size_t longest = 0;
        if (!pools->known || has_changed(pools)) {
                (void) read_places(pools); /* without them all share one pool */
        }
        for (size_t i = 0; i < pools->n_places; i++) {
                const struct place *place = &pools->places[i];
                if (place->length >= longest && mount_path_below(path, place->point)) {
                        longest = place->length;
                        best = place;
                }
        }
        return best;
}

/* ---- the pools ---- */

static bool is_mounted(const struct mount_pools *pools, dev_t device) {
        for (size_t i = 0; i < pools->n_places; i++) {
                if (pools->places[i].device == device) {
                        return true;
                }
        }
        return false;
}

/* A file system that is gone leaves its pool to another, unless it left calls that hang. */
static bool is_free(const struct mount_pools *pools, size_t i) {
        struct worker_pool *pool = pools->pools[i].pool;
        return !pool ||
               (!is_mounted(pools, pools->pools[i].device) && worker_counts(pool).stuck == 0);
}

static struct worker_pool *pool_of(struct mount_pools *pools, dev_t device) {
        size_t found = MOUNT_POOLS_MAX;
        for (size_t i = 0; i < MOUNT_POOLS_MAX; i++) {
                if (pools->pools[i].pool && pools->pools[i].device == device) {
                        return pools->pools[i].pool;
                }
                found = found == MOUNT_POOLS_MAX && is_free(pools, i) ? i : found;
        }
        if (found == MOUNT_POOLS_MAX ||
                (!pools->pools[found].pool && worker_pool_new(&pools->pools[found].pool,
                                                      pools->loop, &limits, NULL) < 0)) {
                return pools->others;
        }
        pools->pools[found].device = device;
        return pools->pools[found].pool;
}

struct worker_pool *mount_pools_get(struct mount_pools *pools, const char *path) {
        const struct place *place = find_place(pools, path);
        return place ? pool_of(pools, place->device) : pools->others;
}

bool mount_pools_in_memory(struct mount_pools *pools, const char *path) {
        const struct place *place = find_place(pools, path);
        return place && place->in_memory;
}

DEFINE_CLEANUP(cleanup_pools, struct mount_pools, mount_pools_free)

int mount_pools_new(struct mount_pools **ret, struct loop *loop, struct error *err) {
        AUTO(cleanup_pools) struct mount_pools *pools = calloc(1, sizeof(*pools));
        if (!pools) {
                return error_set(err, ENOMEM, "out of memory");
        }
        pools->loop = loop;
        pools->table_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        int r = worker_pool_new(&pools->others, loop, &limits, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(pools);
        return 0;
}

void mount_pools_free(struct mount_pools *pools) {
        if (!pools) {
                return;
        }
        for (size_t i = 0; i < MOUNT_POOLS_MAX; i++) {
                worker_pool_free(pools->pools[i].pool);
        }
        worker_pool_free(pools->others);
        forget_places(pools);
        if (pools->table_fd >= 0) {
                close(pools->table_fd);
        }
        free(pools);
}
