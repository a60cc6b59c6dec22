#include "executor/checkpoint/damage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/object_reader.h"
#include "executor/checkpoint/scan_cache.h"

struct withdrawal {
        const struct depot *depot;
        struct catalog *own;
        const struct hash_set *bad;
        void (*withdrawn)(void *cookie, const char *service, const char *id);
        void *cookie;
};

/* 1: it is damaged, and why; 0: it is not. */
static int judge(const struct withdrawal *withdrawal, const struct checkpoint *checkpoint,
        char reason[CHECKPOINT_REASON_MAX]) {
        AUTO(manifest_done) struct manifest manifest = {0};
        struct error err = {0};
        char text[HASH_TEXT_MAX];
        int r = manifest_load(withdrawal->depot, &checkpoint->manifest, &manifest, &err);
        if (r == -EBADMSG) {
                snprintf(reason, CHECKPOINT_REASON_MAX, "damaged: %.400s", err.text);
                return 1;
        }
        const struct content_hash *object =
                r < 0 ? NULL : hash_set_meets(withdrawal->bad, &manifest);
        if (object) {
                snprintf(reason, CHECKPOINT_REASON_MAX, "damaged: object %s",
                        content_hash_format(object, text));
        }
        return r < 0 ? r : object != NULL;
}

static int withdraw_in(
        const struct withdrawal *withdrawal, struct catalog *catalog, struct error *err) {
        bool any = false;
        for (size_t i = 0; i < catalog->count; i++) {
                struct checkpoint *checkpoint = &catalog->items[i];
                char reason[CHECKPOINT_REASON_MAX];
                if (checkpoint->damaged) {
                        continue;
                }
                int r = judge(withdrawal, checkpoint, reason);
                if (r < 0) {
                        return error_set_errno(err, -r, "%s", checkpoint->id);
                }
                if (r == 0) {
                        continue;
                }
                checkpoint->state = CHECKPOINT_WITHDRAWN;
                checkpoint->damaged = any = true;
                str_copy(checkpoint->reason, sizeof(checkpoint->reason), reason);
                r = catalog_save(catalog, checkpoint, err);
                if (r < 0) {
                        return r;
                }
                if (withdrawal->withdrawn) {
                        withdrawal->withdrawn(withdrawal->cookie, catalog->service, checkpoint->id);
                }
        }
        /* What the cache knows need not be in the store any more. */
        return any ? depot_remove_file(catalog->fd, SCAN_CACHE_NAME, err) : 0;
}

static int withdraw_of_service(void *cookie, int fd, const char *service, struct error *err) {
        const struct withdrawal *withdrawal = cookie;
        AUTO(catalog_close) struct catalog catalog = CATALOG_CLOSED;
        (void) fd;
        if (withdrawal->own && str_eq(withdrawal->own->service, service)) {
                return withdraw_in(withdrawal, withdrawal->own, err);
        }
        int r = catalog_open(&catalog, withdrawal->depot, service, CATALOG_CHANGE, err);
        return r < 0 ? r : withdraw_in(withdrawal, &catalog, err);
}

/* After the records: an object must not be missing where it is still believed to be there. */
static int put_aside(const struct depot *depot, const struct content_hash *hash) {
        char name[DEPOT_NAME_MAX], aside[DEPOT_NAME_MAX], text[HASH_TEXT_MAX];
        if (object_find(depot, hash, name, NULL) < 0) {
                return 0;
        }
        snprintf(aside, sizeof(aside), "damaged/%s", content_hash_format(hash, text));
        return renameat(depot->fd, name, depot->fd, aside) < 0 && errno != ENOENT ? -errno : 0;
}

int damage_withdraw(const struct depot *depot, struct catalog *own, const struct hash_set *bad,
        void (*withdrawn)(void *cookie, const char *service, const char *id), void *cookie,
        struct error *err) {
        struct withdrawal withdrawal = {depot, own, bad, withdrawn, cookie};
        int r = catalog_each_service(depot, withdraw_of_service, &withdrawal, err);
        for (size_t i = 0; r == 0 && i < bad->count; i++) {
                r = put_aside(depot, &bad->items[i]);
                if (r < 0) {
                        return error_set_errno(err, -r, "putting a damaged object aside");
                }
        }
        return r;
}
