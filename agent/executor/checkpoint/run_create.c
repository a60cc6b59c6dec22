/* The commands that make checkpoints, list them, and change their state. */

#include <errno.h>

#include "base/cleanup.h"
#include "executor/checkpoint/checkpoint_session.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/manifest_file.h"

int checkpoint_run_create(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        AUTO(present_done) struct present present = {0};
        struct checkpoint *checkpoint;
        bool new;
        int r = session_begin(&session, call, DEPOT_WRITE, CATALOG_MAKE, err);
        r = r < 0 ? r
                  : present_scan(&present, &session.depot, &session.catalog, &call->scope,
                            PRESENT_STORE, call->max_size, err);
        r = r < 0 ? r
                  : checkpoint_keep(&present, &session.depot, &session.catalog, call->state,
                            call->reason, &checkpoint, &new, err);
        if (r < 0) {
                return r;
        }
        json_object_object_add(
                call->answer, "checkpoint", session_describe(&session.catalog, checkpoint));
        json_object_object_add(call->answer, "new", json_object_new_boolean(new));
        json_put_count(call->answer, "read", present.read_files);
        json_put_count(call->answer, "stored_bytes", present.stored_bytes);
        session_put_notes(call->answer, &present);
        session_put_states(call->answer, &session.catalog);
        return 0;
}

/* ---- list -------------------------------------------------------------------------------------
 */

struct listing {
        const struct depot *depot;
        struct json_object *list;
};

static void list_all(struct listing *listing, const struct catalog *catalog) {
        for (size_t i = 0; i < catalog->count; i++) {
                json_object_array_add(listing->list, session_describe(catalog, &catalog->items[i]));
        }
}

static int list_service(void *cookie, int fd, const char *service, struct error *err) {
        struct listing *listing = cookie;
        AUTO(catalog_close) struct catalog catalog = CATALOG_CLOSED;
        (void) fd;
        int r = catalog_open(&catalog, listing->depot, service, CATALOG_READ, err);
        if (r == 0) {
                list_all(listing, &catalog);
        }
        return r;
}

int checkpoint_run_list(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        struct listing listing = {.depot = &session.depot, .list = json_object_new_array()};
        json_object_object_add(call->answer, "checkpoints", listing.list);
        int r = session_begin(&session, call, DEPOT_READ, CATALOG_READ, err);
        if (r < 0) {
                return r;
        }
        if (!call->service) {
                return catalog_each_service(&session.depot, list_service, &listing, err);
        }
        list_all(&listing, &session.catalog);
        return 0;
}

/* ---- trust, withdraw --------------------------------------------------------------------------
 */

static int check_trustworthy(const struct checkpoint *checkpoint, struct error *err) {
        if (checkpoint->torn > 0) {
                return error_set(err, ECANCELED,
                        "%s is torn: %llu files could not be read whole; exclude them",
                        checkpoint->id, (unsigned long long) checkpoint->torn);
        }
        switch (checkpoint->state) {
        case CHECKPOINT_CANDIDATE:
        case CHECKPOINT_RECOVERY_POINT:
                return 0;
        case CHECKPOINT_SUSPECT:
                return error_set(err, ECANCELED,
                        "%s is suspect: it was taken while the service failed; create a candidate of what is healthy now",
                        checkpoint->id);
        case CHECKPOINT_WITHDRAWN:
                return error_set(err, ECANCELED, "%s was withdrawn (%s)", checkpoint->id,
                        checkpoint->reason);
        }
        return 0;
}

/* "Healthy on exactly that content" is worth nothing when the content is another one by now. */
static int check_present(struct checkpoint_session *session, const struct checkpoint *checkpoint,
        struct error *err) {
        AUTO(manifest_done) struct manifest manifest = {0};
        AUTO(present_done) struct present present = {0};
        struct tree_scope scope;
        int r = manifest_load(&session->depot, &checkpoint->manifest, &manifest, err);
        if (r < 0) {
                return r;
        }
        scope_of(&manifest, &scope);
        r = present_scan(
                &present, &session->depot, &session->catalog, &scope, PRESENT_LOOK, 0, err);
        if (r < 0 || str_eq(present.id, checkpoint->id)) {
                return r;
        }
        return error_set(err, ECANCELED, "the files of %s are not those of %s any more",
                session->catalog.service, checkpoint->id);
}

static int answer_with(struct checkpoint_call *call, const struct checkpoint_session *session,
        const struct checkpoint *checkpoint) {
        json_object_object_add(
                call->answer, "checkpoint", session_describe(&session->catalog, checkpoint));
        session_put_states(call->answer, &session->catalog);
        return 0;
}

int checkpoint_run_trust(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        int r = session_begin(&session, call, DEPOT_WRITE, CATALOG_CHANGE, err);
        if (r < 0) {
                return r;
        }
        struct checkpoint *checkpoint = catalog_find(&session.catalog, call->first, err);
        if (!checkpoint) {
                return err->code ? -err->code : -ESRCH;
        }
        r = check_trustworthy(checkpoint, err);
        r = r < 0 || call->unseen ? r : check_present(&session, checkpoint, err);
        if (r < 0) {
                return r;
        }
        checkpoint->state = CHECKPOINT_RECOVERY_POINT;
        checkpoint->trusted = checkpoint->seen = catalog_now(&session.catalog);
        checkpoint->reason[0] = '\0';
        r = catalog_save(&session.catalog, checkpoint, err);
        return r < 0 ? r : answer_with(call, &session, checkpoint);
}

int checkpoint_run_withdraw(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        int r = session_begin(&session, call, DEPOT_WRITE, CATALOG_CHANGE, err);
        if (r < 0) {
                return r;
        }
        struct checkpoint *checkpoint = catalog_find(&session.catalog, call->first, err);
        if (!checkpoint) {
                return err->code ? -err->code : -ESRCH;
        }
        checkpoint->state = CHECKPOINT_WITHDRAWN;
        str_copy(checkpoint->reason, sizeof(checkpoint->reason),
                call->reason ? call->reason : "by hand");
        r = catalog_save(&session.catalog, checkpoint, err);
        return r < 0 ? r : answer_with(call, &session, checkpoint);
}
