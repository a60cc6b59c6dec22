#pragma once
/* The checkpoints of one service, as their records in the store say. */

#include "base/error.h"
#include "executor/checkpoint/checkpoint_record.h"
#include "executor/checkpoint/depot.h"
#include "executor/checkpoint/manifest.h"

enum { CATALOG_MAX = 1000, CATALOG_DAMAGED_MAX = 16 };

struct catalog {
        char service[DEPOT_SERVICE_MAX + 1];
        int fd; /* services/NAME */
        int lock_fd;
        struct checkpoint *items; /* what was seen last comes first */
        size_t count;
        char damaged[CATALOG_DAMAGED_MAX][DEPOT_NAME_MAX]; /* records that cannot be read */
        size_t n_damaged;
};

#define CATALOG_CLOSED ((struct catalog){.fd = -1, .lock_fd = -1})

enum catalog_access {
        CATALOG_READ,
        CATALOG_CHANGE, /* with the service's lock */
        CATALOG_MAKE, /* the same; the first checkpoint of a service */
};

int catalog_open(struct catalog *catalog, const struct depot *depot, const char *service,
        enum catalog_access access, struct error *err);
void catalog_close(struct catalog *catalog);

/* `id` may be the beginning of one, or last-good. -ESRCH: none; -ECANCELED: several. */
struct checkpoint *catalog_find(struct catalog *catalog, const char *id, struct error *err);
struct checkpoint *catalog_exact(const struct catalog *catalog, const char *id);
struct checkpoint *catalog_of_manifest(
        const struct catalog *catalog, const struct content_hash *manifest);
struct checkpoint *catalog_last_good(const struct catalog *catalog); /* NULL: none */

/* A new one, all zero; the records may move. NULL: no memory, or too many. */
struct checkpoint *catalog_add(struct catalog *catalog);
int catalog_save(
        const struct catalog *catalog, const struct checkpoint *checkpoint, struct error *err);
/* Removes its record, and itself from the list. */
int catalog_remove(struct catalog *catalog, struct checkpoint *checkpoint, struct error *err);

/* Now, or later than anything that the catalog says: an order in time survives a clock set back. */
wall_usec_t catalog_now(const struct catalog *catalog);

/* Calls `each` with every service that has a folder in the store, as depot_each does. */
int catalog_each_service(const struct depot *depot,
        int (*each)(void *cookie, int fd, const char *service, struct error *err), void *cookie,
        struct error *err);
