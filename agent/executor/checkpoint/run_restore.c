/* restore and replicate: checkpoints elsewhere. */

#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"
#include "executor/checkpoint/apply_plan.h"
#include "executor/checkpoint/checkpoint_session.h"
#include "executor/checkpoint/damage.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/replica.h"
#include "executor/checkpoint/restore.h"

static int withdraw_damaged(struct checkpoint_session *session, const char *id,
        const struct content_hash *object, struct error *err) {
        AUTO(hash_set_done) struct hash_set bad = {0};
        if (object && hash_set_add(&bad, object) < 0) {
                return -EBADMSG;
        }
        int r = damage_withdraw(&session->depot, &session->catalog, &bad, NULL, NULL, NULL);
        error_wrap(err, r < 0 ? "%s is damaged" : "%s was withdrawn", id);
        return -EBADMSG;
}

/* ---- restore ----------------------------------------------------------------------------------
 */

static int pull(struct checkpoint_session *session, const struct checkpoint_call *call,
        struct checkpoint **ret, struct error *err) {
        AUTO(replica_close) struct replica_target target;
        struct replica_totals totals = {0};
        int r = replica_open(&target, call->from, false, err);
        return r < 0 ? r
                     : replica_pull(&target, &session->depot, &session->catalog, call->first, ret,
                               &totals, err);
}

static int find(struct checkpoint_session *session, const struct checkpoint_call *call,
        struct checkpoint **ret, struct error *err) {
        int r = call->from ? pull(session, call, ret, err) : 0;
        if (r == 0 && !call->from) {
                *ret = catalog_find(&session->catalog, call->first, err);
                r = *ret ? 0 : -err->code;
        }
        if (r < 0) {
                return r;
        }
        assert(*ret);
        if ((*ret)->damaged) {
                return error_set(err, EBADMSG, "%s is damaged (%s); a replica may have it whole",
                        (*ret)->id, (*ret)->reason);
        }
        if ((*ret)->torn > 0) {
                return error_set(err, ECANCELED,
                        "%s is torn: %llu of its files could not be read whole", (*ret)->id,
                        (unsigned long long) (*ret)->torn);
        }
        return 0;
}

int checkpoint_run_restore(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        AUTO(manifest_done) struct manifest manifest = {0};
        static const struct manifest nothing;
        struct content_hash bad;
        struct checkpoint *checkpoint = NULL;
        int r = session_begin(
                &session, call, DEPOT_WRITE, call->from ? CATALOG_MAKE : CATALOG_CHANGE, err);
        r = r < 0 ? r : find(&session, call, &checkpoint, err);
        if (r < 0) {
                return r;
        }
        r = manifest_load(&session.depot, &checkpoint->manifest, &manifest, err);
        if (r == -EBADMSG) {
                return withdraw_damaged(&session, checkpoint->id, NULL, err);
        }
        r = r < 0 || call->allow_setuid ? r : apply_check_rights(&manifest, &nothing, err);
        r = r < 0 ? r : restore_tree(&session.depot, &manifest, call->to, &bad, err);
        if (r == -EBADMSG) {
                return withdraw_damaged(&session, checkpoint->id, &bad, err);
        }
        if (r < 0) {
                return r;
        }
        json_object_object_add(
                call->answer, "checkpoint", session_describe(&session.catalog, checkpoint));
        json_put_count(call->answer, "files", checkpoint->files);
        json_put_count(call->answer, "bytes", checkpoint->bytes);
        return 0;
}

/* ---- replicate --------------------------------------------------------------------------------
 */

static int push_all(struct checkpoint_session *session, const struct checkpoint_call *call,
        struct replica_target *target, struct json_object *done, struct replica_totals *totals,
        struct error *err) {
        const struct checkpoint *only =
                call->first ? catalog_find(&session->catalog, call->first, err) : NULL;
        if (call->first && !only) {
                return -err->code;
        }
        for (size_t i = 0; i < session->catalog.count; i++) {
                const struct checkpoint *one = &session->catalog.items[i];
                if (only ? one != only : one->state != CHECKPOINT_RECOVERY_POINT) {
                        continue;
                }
                int r = replica_push(target, &session->depot, &session->catalog, one, totals, err);
                if (r < 0) {
                        return error_wrap(err, "%s", one->id), r;
                }
                json_object_array_add(done, json_object_new_string(one->id));
        }
        return 0;
}

int checkpoint_run_replicate(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        AUTO(replica_close) struct replica_target target = {0};
        struct replica_totals totals = {0};
        struct json_object *done = json_object_new_array();
        json_object_object_add(call->answer, "replicated", done);
        int r = session_begin(&session, call, DEPOT_WRITE, CATALOG_READ, err);
        r = r < 0 ? r : replica_open(&target, call->to, true, err);
        r = r < 0 ? r : push_all(&session, call, &target, done, &totals, err);
        json_put_count(call->answer, "copied", totals.copied);
        json_put_count(call->answer, "copied_bytes", totals.copied_bytes);
        json_put_count(call->answer, "there", totals.there);
        return r;
}
