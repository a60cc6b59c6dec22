/* verify: hashes everything anew. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/checkpoint_session.h"
#include "executor/checkpoint/damage.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/object_reader.h"

struct verification {
        const struct depot *depot;
        struct hash_set objects, bad;
        bool any_bad; /* of what is no object: manifests, records */
        struct json_object *damaged, *withdrawn;
        uint64_t bytes;
};

static void verification_done(struct verification *verification) {
        hash_set_done(&verification->objects);
        hash_set_done(&verification->bad);
}

static void report(struct verification *verification, const char *object, const char *why) {
        struct json_object *row = json_object_new_object();
        json_put_text(row, "object", object);
        json_put_text(row, "why", why);
        json_object_array_add(verification->damaged, row);
}

static int gather(
        struct verification *verification, const struct checkpoint *checkpoint, struct error *err) {
        AUTO(manifest_done) struct manifest manifest = {0};
        struct error why = {0};
        char name[DEPOT_NAME_MAX];
        if (checkpoint->damaged) {
                return 0;
        }
        int r = manifest_load(verification->depot, &checkpoint->manifest, &manifest, &why);
        if (r == -EBADMSG) {
                manifest_name(&checkpoint->manifest, name);
                report(verification, name, why.text);
                verification->any_bad = true;
                return 0;
        }
        r = r < 0 ? r : hash_set_add_objects(&verification->objects, &manifest);
        return r < 0 ? error_set_errno(err, -r, "%s", checkpoint->id) : 0;
}

/* Records that cannot be read are put aside with the rest. */
static int put_records_aside(
        struct verification *verification, const struct catalog *catalog, struct error *err) {
        for (size_t i = 0; i < catalog->n_damaged; i++) {
                char aside[DEPOT_NAME_MAX + 16];
                snprintf(aside, sizeof(aside), "damaged/%s", catalog->damaged[i]);
                report(verification, catalog->damaged[i], "no record of a checkpoint");
                verification->any_bad = true;
                if (renameat(catalog->fd, catalog->damaged[i], verification->depot->fd, aside) <
                        0) {
                        return error_set_errno(err, errno, "putting %s aside", catalog->damaged[i]);
                }
        }
        return 0;
}

static int gather_all(
        struct verification *verification, const struct catalog *catalog, struct error *err) {
        int r = put_records_aside(verification, catalog, err);
        for (size_t i = 0; r == 0 && i < catalog->count; i++) {
                r = gather(verification, &catalog->items[i], err);
        }
        return r;
}

static int gather_service(void *cookie, int fd, const char *service, struct error *err) {
        struct verification *verification = cookie;
        AUTO(catalog_close) struct catalog catalog = CATALOG_CLOSED;
        (void) fd;
        int r = catalog_open(&catalog, verification->depot, service, CATALOG_READ, err);
        return r < 0 ? r : gather_all(verification, &catalog, err);
}

static int gather_called(struct verification *verification, const struct checkpoint_call *call,
        struct checkpoint_session *session, struct error *err) {
        if (!call->service) {
                return catalog_each_service(&session->depot, gather_service, verification, err);
        }
        if (!call->first) {
                return gather_all(verification, &session->catalog, err);
        }
        const struct checkpoint *checkpoint = catalog_find(&session->catalog, call->first, err);
        return checkpoint ? gather(verification, checkpoint, err) : -err->code;
}

static int count_bytes(
        void *cookie, const void *data, size_t size, uint64_t offset, struct error *err) {
        struct verification *verification = cookie;
        (void) data;
        (void) offset;
        (void) err;
        verification->bytes += size;
        return 0;
}

static int check_objects(struct verification *verification, struct error *err) {
        hash_set_sort(&verification->objects);
        for (size_t i = 0; i < verification->objects.count; i++) {
                const struct content_hash *hash = &verification->objects.items[i];
                struct error why = {0};
                char text[HASH_TEXT_MAX];
                int r = object_read(verification->depot, hash, count_bytes, verification, &why);
                if (r == -EBADMSG) {
                        report(verification, content_hash_format(hash, text), why.text);
                        r = hash_set_add(&verification->bad, hash);
                }
                if (r < 0) {
                        return error_set_errno(err, -r, "verifying objects");
                }
        }
        hash_set_sort(&verification->bad);
        return 0;
}

static void note_withdrawn(void *cookie, const char *service, const char *id) {
        struct verification *verification = cookie;
        struct json_object *row = json_object_new_object();
        json_put_text(row, "service", service);
        json_put_text(row, "id", id);
        json_object_array_add(verification->withdrawn, row);
}

int checkpoint_run_verify(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        AUTO(verification_done)
        struct verification verification = {
                .depot = &session.depot,
                .damaged = json_object_new_array(),
                .withdrawn = json_object_new_array(),
        };
        json_object_object_add(call->answer, "damaged", verification.damaged);
        json_object_object_add(call->answer, "withdrawn", verification.withdrawn);
        int r = session_begin(&session, call, DEPOT_WRITE, CATALOG_READ, err);
        r = r < 0 ? r : gather_called(&verification, call, &session, err);
        r = r < 0 ? r : check_objects(&verification, err);
        if (r < 0) {
                return r;
        }
        json_put_count(call->answer, "checked", verification.objects.count);
        json_put_count(call->answer, "bytes", verification.bytes);
        size_t count = json_object_array_length(verification.damaged);
        if (verification.bad.count == 0 && !verification.any_bad) {
                return 0;
        }
        call->answer_anyway = true;
        r = damage_withdraw(
                &session.depot, NULL, &verification.bad, note_withdrawn, &verification, err);
        return r < 0 ? error_wrap(err, "%zu damaged", count)
                     : error_set(err, EBADMSG, "%zu damaged; %zu checkpoints were withdrawn", count,
                               json_object_array_length(verification.withdrawn));
}
