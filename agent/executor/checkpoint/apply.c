#include "executor/checkpoint/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "executor/checkpoint/apply_journal.h"
#include "executor/checkpoint/apply_plan.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/damage.h"
#include "executor/checkpoint/exchange.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/scan_cache.h"
#include "executor/checkpoint/tree_build.h"
#include "executor/checkpoint/tree_carry.h"
#include "executor/checkpoint/tree_compare.h"

struct apply {
        struct checkpoint_session *session;
        const struct apply_wish *wish;
        struct content_hash wanted; /* name of the target's manifest */
        struct content_hash was; /* and of that of the present */
        struct manifest target, built; /* built: as it was found to be, where anything was */
        struct present present;
        struct apply_plan plan;
        struct journal journal;
        int home[MANIFEST_PATHS_MAX],
                aside[MANIFEST_PATHS_MAX]; /* folders of each path; -1: none */
        uint64_t written, written_bytes, linked, dropped;
};

static void apply_free(struct apply *apply) {
        for (size_t i = 0; i < MANIFEST_PATHS_MAX; i++) {
                cleanup_close(&apply->home[i]);
                cleanup_close(&apply->aside[i]);
        }
        manifest_done(&apply->target);
        manifest_done(&apply->built);
        present_done(&apply->present);
        free(apply);
}

DEFINE_CLEANUP(apply_cleanup, struct apply, apply_free)

static struct apply *apply_new(struct checkpoint_session *session, const struct apply_wish *wish) {
        struct apply *apply = calloc(1, sizeof(*apply));
        if (apply) {
                apply->session = session;
                apply->wish = wish;
                for (size_t i = 0; i < MANIFEST_PATHS_MAX; i++) {
                        apply->home[i] = apply->aside[i] = -1;
                }
        }
        return apply;
}

/* ---- The target -------------------------------------------------------------------------------
 */

/* What cannot be believed any more is withdrawn at once, so that nobody tries it again. */
static int withdraw_damaged(
        struct apply *apply, const struct content_hash *object, struct error *err) {
        AUTO(hash_set_done) struct hash_set bad = {0};
        struct error second = {0};
        if (object && hash_set_add(&bad, object) < 0) {
                return -EBADMSG;
        }
        if (damage_withdraw(&apply->session->depot, &apply->session->catalog, &bad, NULL, NULL,
                    &second) < 0) {
                error_wrap(err, "%s, which could not be written down (%s)", apply->wish->id,
                        second.text);
                return -EBADMSG;
        }
        error_wrap(err, "%s was withdrawn", apply->wish->id);
        return -EBADMSG;
}

static int load_target(struct apply *apply, struct error *err) {
        const struct checkpoint *checkpoint =
                catalog_exact(&apply->session->catalog, apply->wish->id);
        if (!checkpoint) {
                return error_set(err, ESRCH, "%s has no checkpoint %s any more",
                        apply->session->catalog.service, apply->wish->id);
        }
        if (checkpoint->torn > 0) {
                return error_set(err, ECANCELED,
                        "%s is torn: %llu of its files could not be read whole", checkpoint->id,
                        (unsigned long long) checkpoint->torn);
        }
        bool withdrawn = checkpoint->damaged ||
                         (checkpoint->state == CHECKPOINT_WITHDRAWN && !apply->wish->any_state);
        if (withdrawn) {
                return error_set(err, ECANCELED, "%s was withdrawn (%s)", checkpoint->id,
                        checkpoint->reason);
        }
        if (checkpoint->state != CHECKPOINT_RECOVERY_POINT && !apply->wish->any_state) {
                return error_set(err, ECANCELED,
                        "%s is no recovery point but %s: it has earned no trust", checkpoint->id,
                        checkpoint_state_text(checkpoint->state));
        }
        apply->wanted = checkpoint->manifest;
        int r = manifest_load(&apply->session->depot, &apply->wanted, &apply->target, err);
        return r == -EBADMSG ? withdraw_damaged(apply, NULL, err) : r;
}

/* What is there now, so that there is a way back. */
static int keep_present(struct apply *apply, struct error *err) {
        struct checkpoint_session *session = apply->session;
        struct checkpoint *before;
        struct tree_scope scope;
        char reason[CHECKPOINT_REASON_MAX];
        scope_of(&apply->target, &scope);
        int r = present_scan(&apply->present, &session->depot, &session->catalog, &scope,
                apply->wish->check ? PRESENT_LOOK : PRESENT_STORE, 0, err);
        if (r < 0) {
                return r;
        }
        apply_plan_make(&apply->plan, &apply->target, &apply->present.manifest);
        r = apply_plan_check(&apply->plan, &apply->target, &apply->present, err);
        if (r < 0 || apply->wish->check) {
                return r;
        }
        snprintf(reason, sizeof(reason), "before going back to %s", apply->wish->id);
        r = checkpoint_keep(&apply->present, &session->depot, &session->catalog, CHECKPOINT_SUSPECT,
                reason, &before, NULL, err);
        if (r == 0) {
                str_copy(apply->journal.before, sizeof(apply->journal.before), before->id);
                apply->was = before->manifest;
        }
        return r;
}

static int verify_objects(struct apply *apply, struct error *err) {
        struct content_hash bad;
        int r = apply_plan_verify(&apply->plan, &apply->session->depot, &apply->target,
                &apply->present.manifest, &bad, err);
        return r == -EBADMSG ? withdraw_damaged(apply, &bad, err) : r;
}

/* ---- Beside the paths -------------------------------------------------------------------------
 */

static void fill_journal(struct apply *apply) {
        struct rng rng;
        rng_seed_from_system(&rng);
        apply->journal.phase = JOURNAL_BUILDING;
        apply->journal.n_paths = apply->target.n_paths;
        str_copy(apply->journal.target, sizeof(apply->journal.target), apply->wish->id);
        for (size_t i = 0; i < apply->target.n_paths; i++) {
                struct journal_path *path = &apply->journal.paths[i];
                str_copy(path->path, sizeof(path->path), apply->target.paths[i]);
                path->change = apply->plan.changes[i];
                if (path->change != CHANGE_NONE) {
                        snprintf(path->aside, sizeof(path->aside), TREE_ASIDE_PREFIX "%.200s-%08x",
                                apply->session->catalog.service, (unsigned) rng_next(&rng));
                }
        }
}

static int open_folders(struct apply *apply, bool make, struct error *err) {
        for (size_t i = 0; i < apply->target.n_paths; i++) {
                const struct journal_path *path = &apply->journal.paths[i];
                apply->home[i] = beneath_open_parent(path->path, err);
                if (path->change == CHANGE_NONE) {
                        continue;
                }
                if (apply->home[i] < 0) {
                        return error_set_errno(err, -apply->home[i], "%s", path->path);
                }
                if (make && mkdirat(apply->home[i], path->aside, 0700) < 0) {
                        return error_set_errno(
                                err, errno, "making %s beside %s", path->aside, path->path);
                }
                apply->aside[i] = beneath_open(apply->home[i], path->aside, O_RDONLY | O_DIRECTORY);
                if (apply->aside[i] < 0) {
                        return error_set_errno(
                                err, -apply->aside[i], "%s beside %s", path->aside, path->path);
                }
        }
        return 0;
}

/* What no checkpoint holds comes along; a socket or an excluded file in a directory that the target
 * does not have goes with it. */
static int carry_left_out(void *cookie, size_t index, struct error *err) {
        struct apply *apply = cookie;
        const struct tree_notes *notes = &apply->present.notes;
        for (size_t i = 0; i < notes->n_left_out; i++) {
                if (!path_is_below(notes->left_out[i], apply->target.paths[index])) {
                        continue;
                }
                int r = tree_carry(
                        &apply->target, apply->home, apply->aside, index, notes->left_out[i], err);
                if (r < 0) {
                        return r;
                }
                apply->dropped += r == 0;
        }
        return 0;
}

static int build(struct apply *apply, struct error *err) {
        struct content_hash bad;
        struct tree_build build = {
                .depot = &apply->session->depot,
                .target = &apply->target,
                .to = apply->aside,
                .present = &apply->present.manifest,
                .from = apply->home,
                .extra = carry_left_out,
                .cookie = apply,
        };
        int r = tree_build(&build, &bad, err);
        apply->written = build.written;
        apply->written_bytes = build.written_bytes;
        apply->linked = build.n_linked;
        return r == -EBADMSG ? withdraw_damaged(apply, &bad, err) : r;
}

/* The new trees are scanned, with everything that was written read back, and have to be the target.
 */
static int verify(struct apply *apply, struct error *err) {
        struct tree_comparison comparison = {
                .target = &apply->target,
                .parents = apply->aside,
                .known = &apply->present.manifest,
                .found = &apply->built,
        };
        int r = tree_compare(&comparison, err);
        return r < 0
               ? error_wrap(err, "the tree that was built is not that of %s", apply->wish->id),
               r : 0;
}

static int note_inodes(struct apply *apply, struct error *err) {
        for (size_t i = 0; i < apply->journal.n_paths; i++) {
                struct journal_path *path = &apply->journal.paths[i];
                struct stat status;
                if (path->change != CHANGE_EXCHANGED && path->change != CHANGE_CREATED) {
                        continue;
                }
                if (fstatat(apply->aside[i], path->path + beneath_parent_length(path->path),
                            &status, AT_SYMLINK_NOFOLLOW) < 0 ||
                        fsync(apply->aside[i]) < 0) {
                        return error_set_errno(err, errno, "%s", path->path);
                }
                path->inode = status.st_ino;
        }
        return 0;
}

static int prepare(struct apply *apply, struct error *err) {
        int r = open_folders(apply, true, err);
        r = r < 0 ? r : build(apply, err);
        r = r < 0 ? r : verify(apply, err);
        return r < 0 ? r : note_inodes(apply, err);
}

/* Nothing was exchanged yet, so what was built is simply removed. */
static int give_up(struct apply *apply, int code, struct error *err) {
        struct error second = {0};
        apply->journal.phase = JOURNAL_BUILDING;
        int r = journal_save(apply->session->catalog.fd, &apply->journal, &second);
        r = r < 0 ? r : exchange_discard(&apply->journal, apply->session->catalog.fd, &second);
        if (r == 0) {
                return code;
        }
        return error_set(err, EINPROGRESS, "%s, and tidying up failed: %s; run recover",
                err ? err->text : "failed", second.text);
}

/* What was built is what is there now, and need not be read again. */
static void remember(struct apply *apply) {
        for (size_t i = 0; i < apply->target.count; i++) {
                struct entry *entry = &apply->target.entries[i];
                const struct entry *is = manifest_find(&apply->built, entry->path);
                is = is ? is : manifest_find(&apply->present.manifest, entry->path);
                entry->identity = is ? is->identity : entry->identity;
        }
        (void) scan_cache_save(apply->session->catalog.fd, &apply->target, &apply->wanted, NULL);
}

/* What is there has further names now, and is the same. */
static void remember_linked(struct apply *apply) {
        struct manifest *present = &apply->present.manifest;
        for (size_t i = 0; i < present->count; i++) {
                struct entry *entry = &present->entries[i];
                const struct entry *is = manifest_find(&apply->built, entry->path);
                if (is && is->type == ENTRY_FILE && is->identity.inode == entry->identity.inode) {
                        entry->identity = is->identity;
                }
        }
        (void) scan_cache_save(apply->session->catalog.fd, present, &apply->was, NULL);
}

static int exchange(struct apply *apply, struct error *err) {
        int service_fd = apply->session->catalog.fd;
        apply->journal.phase = JOURNAL_EXCHANGING;
        apply->journal.prepared = false;
        int r = journal_save(service_fd, &apply->journal, err);
        if (r < 0) {
                return give_up(apply, r, err);
        }
        r = exchange_all(&apply->journal, service_fd, err);
        r = r < 0 ? r : exchange_finish(&apply->journal, &apply->session->catalog, err);
        if (r == 0) {
                remember(apply);
        }
        return r;
}

static int leave_prepared(struct apply *apply, struct error *err) {
        apply->journal.prepared = true;
        int r = journal_save(apply->session->catalog.fd, &apply->journal, err);
        if (r < 0) {
                return give_up(apply, r, err);
        }
        remember_linked(apply);
        return 0;
}

static int carry_out(struct apply *apply, struct error *err) {
        fill_journal(apply);
        int r = journal_save(apply->session->catalog.fd, &apply->journal, err);
        if (r < 0) {
                return r;
        }
        r = prepare(apply, err);
        if (r < 0) {
                return give_up(apply, r, err);
        }
        return apply->wish->prepare ? leave_prepared(apply, err) : exchange(apply, err);
}

/* What was built ahead is used when the present is what it was built for, and it is compared once
 * more. 1: it cannot be used, and is removed. */
static int use_prepared(struct apply *apply, struct error *err) {
        struct error why = {0};
        const struct journal *prepared = apply->wish->prepared;
        bool fits = str_eq(prepared->before, apply->journal.before) &&
                    prepared->n_paths == apply->target.n_paths;
        apply->journal = *prepared;
        int r = fits ? open_folders(apply, false, &why) : -ESTALE;
        r = r < 0 ? r : verify(apply, &why);
        r = r < 0 ? r : note_inodes(apply, &why);
        if (r == 0) {
                return exchange(apply, err);
        }
        r = exchange_discard(&apply->journal, apply->session->catalog.fd, err);
        return r < 0 ? -EINPROGRESS : 1;
}

static int carry_out_prepared(struct apply *apply, struct error *err) {
        char before[CHECKPOINT_ID_MAX];
        str_copy(before, sizeof(before), apply->journal.before);
        int r = use_prepared(apply, err);
        if (r <= 0) {
                return r;
        }
        for (size_t i = 0; i < MANIFEST_PATHS_MAX; i++) {
                cleanup_close(&apply->home[i]);
                cleanup_close(&apply->aside[i]);
                apply->home[i] = apply->aside[i] = -1;
        }
        manifest_done(&apply->built);
        apply->journal = (struct journal){0};
        str_copy(apply->journal.before, sizeof(apply->journal.before), before);
        return carry_out(apply, err);
}

/* ---- The answer -------------------------------------------------------------------------------
 */

static void answer_with(const struct apply *apply, bool done, struct json_object *answer) {
        struct json_object *paths = json_object_new_array();
        for (size_t i = 0; i < apply->target.n_paths; i++) {
                struct json_object *row = json_object_new_object();
                json_put_path(row, "path", apply->target.paths[i]);
                json_put_text(row, "change", path_change_text(apply->plan.changes[i]));
                json_object_array_add(paths, row);
        }
        json_put_text(answer, "from", *apply->journal.before ? apply->journal.before : NULL);
        json_put_text(answer, "to", apply->wish->id);
        json_object_object_add(answer, "paths", paths);
        json_put_count(answer, "written", done ? apply->written : apply->plan.files);
        json_put_count(answer, "written_bytes", done ? apply->written_bytes : apply->plan.bytes);
        json_put_count(answer, "linked", apply->linked);
        json_put_count(answer, "dropped", apply->dropped);
        json_object_object_add(answer, "done", json_object_new_boolean(done));
}

static int go(struct apply *apply, struct json_object *answer, struct error *err) {
        int r = load_target(apply, err);
        r = r < 0 ? r : keep_present(apply, err);
        r = r < 0 ? r : verify_objects(apply, err);
        if (r < 0) {
                return r;
        }
        bool works = !apply->wish->check && !apply_plan_is_empty(&apply->plan, &apply->target);
        if (works) {
                r = apply->wish->prepared ? carry_out_prepared(apply, err) : carry_out(apply, err);
        }
        if (r == 0) {
                answer_with(apply, !apply->wish->check && !apply->wish->prepare, answer);
        }
        return r;
}

int apply_checkpoint(struct checkpoint_session *session, const struct apply_wish *wish,
        struct json_object *answer, struct error *err) {
        AUTO(apply_cleanup) struct apply *apply = apply_new(session, wish);
        return apply ? go(apply, answer, err) : error_set_errno(err, ENOMEM, "applying");
}
