/* apply, undo, recover. */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "executor/checkpoint/apply.h"
#include "executor/checkpoint/apply_journal.h"
#include "executor/checkpoint/checkpoint_session.h"
#include "executor/checkpoint/exchange.h"
#include "executor/checkpoint/json_text.h"

/* What a crash has left of another apply comes first. */
static int begin(
        struct checkpoint_session *session, const struct checkpoint_call *call, struct error *err) {
        const char *result;
        int r = session_begin(session, call, DEPOT_WRITE, CATALOG_CHANGE, err);
        return r < 0 ? r : exchange_recover(&session->depot, &session->catalog, &result, err);
}

/* An apply to the same that was only prepared is left for this one. */
static bool find_prepared(
        const struct checkpoint_session *session, const char *id, struct journal *journal) {
        return journal_load(session->catalog.fd, journal, NULL) == 0 &&
               journal->phase == JOURNAL_BUILDING && journal->prepared &&
               str_eq(journal->target, id);
}

static int apply_to(struct checkpoint_session *session, struct checkpoint_call *call,
        const char *id, struct error *err) {
        AUTO_FREE struct journal *journal = calloc(1, sizeof(*journal));
        const char *result;
        if (!journal) {
                return error_set_errno(err, ENOMEM, "applying");
        }
        bool prepared = !call->check && !call->prepare && find_prepared(session, id, journal);
        int r = prepared ? 0 : exchange_recover(&session->depot, &session->catalog, &result, err);
        const struct apply_wish wish = {
                .id = id,
                .check = call->check,
                .prepare = call->prepare,
                .prepared = prepared ? journal : NULL,
        };
        return r < 0 ? r : apply_checkpoint(session, &wish, call->answer, err);
}

int checkpoint_run_apply(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        char id[CHECKPOINT_ID_MAX];
        int r = session_begin(&session, call, DEPOT_WRITE, CATALOG_CHANGE, err);
        if (r < 0) {
                return r;
        }
        const struct checkpoint *checkpoint = catalog_find(&session.catalog, call->first, err);
        if (!checkpoint) {
                return -err->code;
        }
        str_copy(id, sizeof(id), checkpoint->id);
        return apply_to(&session, call, id, err);
}

int checkpoint_run_undo(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        struct applied applied;
        int r = begin(&session, call, err);
        if (r < 0) {
                return r;
        }
        r = applied_load(session.catalog.fd, &applied, err);
        if (r == -ENOENT) {
                return error_set(err, ESRCH, "nothing was applied to %s yet", call->service);
        }
        const struct apply_wish wish = {
                .id = applied.before, .any_state = true, .check = call->check};
        return r < 0 ? r : apply_checkpoint(&session, &wish, call->answer, err);
}

struct recovery {
        const struct depot *depot;
        struct json_object *recovered;
        struct error first; /* of a service that could not be recovered; the others still are */
        int result;
};

static int recover_catalog(
        struct recovery *recovery, const struct catalog *catalog, struct error *err) {
        const char *result;
        int r = exchange_recover(recovery->depot, catalog, &result, err);
        if (result) {
                struct json_object *row = json_object_new_object();
                json_put_text(row, "service", catalog->service);
                json_put_text(row, "result", result);
                json_object_array_add(recovery->recovered, row);
        }
        return r;
}

static int recover_service(void *cookie, int fd, const char *service, struct error *err) {
        struct recovery *recovery = cookie;
        struct error why = {0};
        AUTO(catalog_close) struct catalog catalog = CATALOG_CLOSED;
        (void) fd;
        (void) err;
        int r = catalog_open(&catalog, recovery->depot, service, CATALOG_CHANGE, &why);
        r = r < 0 ? r : recover_catalog(recovery, &catalog, &why);
        if (r < 0 && recovery->result == 0) {
                recovery->result = r;
                recovery->first = why;
        }
        return 0;
}

int checkpoint_run_recover(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        struct recovery recovery = {.depot = &session.depot, .recovered = json_object_new_array()};
        json_object_object_add(call->answer, "recovered", recovery.recovered);
        int r = session_begin(&session, call, DEPOT_WRITE, CATALOG_CHANGE, err);
        if (r < 0 || call->service) {
                return r < 0 ? r : recover_catalog(&recovery, &session.catalog, err);
        }
        r = catalog_each_service(&session.depot, recover_service, &recovery, err);
        if (r == 0 && recovery.result < 0) {
                *err = recovery.first;
                return recovery.result;
        }
        return r;
}
