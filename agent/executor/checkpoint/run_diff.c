/* diff: what changed between two checkpoints, or since one. */

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "executor/checkpoint/checkpoint_session.h"
#include "executor/checkpoint/content_text.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/text_diff.h"
#include "executor/checkpoint/tree_compare.h"
#include "executor/checkpoint/tree_diff.h"

enum {
        LIST_MAX = 100, /* paths of a kind */
        TEXTS_MAX = 20, /* files with a diff */
        TEXT_BYTES_MAX = 64 * 1024, /* of all diffs */
};

#define NOW "now"
#define ONLY_SECRETS "(only what looks like a secret differs)\n"

static const char *const list_names[] = {
        [TREE_ADDED] = "added",
        [TREE_REMOVED] = "removed",
        [TREE_CHANGED] = "changed",
        [TREE_METADATA] = "metadata",
};

struct report {
        struct checkpoint_session *session;
        const struct manifest *from, *to;
        bool to_now;
        struct json_object *lists[ELEMENTSOF(list_names)];
        uint64_t more, texts, text_bytes;
};

/* ---- One change -------------------------------------------------------------------------------
 */

static const char *root_of(const struct manifest *manifest, const char *path) {
        for (size_t i = 0; i < manifest->n_paths; i++) {
                if (path_is_below(path, manifest->paths[i])) {
                        return manifest->paths[i];
                }
        }
        return path;
}

static void put_words(struct json_object *row, const struct tree_change *change) {
        struct json_object *words = json_object_new_array();
        char text[128];
        tree_differences(change->differences, text, sizeof(text));
        for (char *rest = text, *word; (word = strsep(&rest, ","));) {
                word += *word == ' ';
                if (*word) {
                        json_object_array_add(words, json_object_new_string(word));
                }
        }
        json_object_object_add(row, "what", words);
}

static void add_owner(struct strbuf *out, const struct entry *entry) {
        strbuf_addf(out, "%u:%u", entry->uid, entry->gid);
}

/* "mode 0644 -> 0600, owner 0:0 -> 33:33", of what is there on both sides. */
static void add_metadata(
        struct strbuf *text, unsigned which, const struct entry *from, const struct entry *to) {
        if (which & ENTRY_MODE) {
                strbuf_addf(text, "mode %04o -> %04o", from->mode, to->mode);
        }
        if (which & ENTRY_OWNER) {
                strbuf_add(text, text->length ? ", owner " : "owner ");
                add_owner(text, from);
                strbuf_add(text, " -> ");
                add_owner(text, to);
        }
        if (which & ENTRY_ACL) {
                strbuf_addf(text, "%sacl %s -> %s", text->length ? ", " : "",
                        from->acl ? from->acl : "none", to->acl ? to->acl : "none");
        }
}

static void put_detail(struct json_object *row, const struct tree_change *change) {
        AUTO_STRBUF struct strbuf text = {0};
        const struct entry *from = change->from, *to = change->to;
        if (from && to) {
                add_metadata(&text, change->differences, from, to);
        }
        if (to && to->torn) {
                strbuf_addf(&text, "%s%s", text.length ? ", " : "", to->torn);
        }
        if (text.length && !text.failed) {
                json_put_text(row, "detail", strbuf_text(&text));
        }
}

static int diff_texts(const struct report *report, const struct tree_change *change,
        struct strbuf *out, struct error *err) {
        AUTO_STRBUF struct strbuf from = {0};
        AUTO_STRBUF struct strbuf to = {0};
        AUTO_STRBUF struct strbuf name = {0};
        const char *path = change->to ? change->to->path : change->from->path;
        const struct depot *depot = &report->session->depot;
        int r = content_text(depot, NULL, change->from, &from, err);
        r = r < 0 ? r
                  : content_text(report->to_now ? NULL : depot, root_of(report->to, path),
                            change->to, &to, err);
        if (r < 0) {
                return r;
        }
        path_text_add(&name, path);
        const char *shown = strbuf_text(&name);
        text_diff(out, change->from ? shown : "/dev/null", change->to ? shown : "/dev/null",
                strbuf_text(&from), strbuf_text(&to));
        bool content = change->differences & ENTRY_CONTENT;
        if (content && out->length == 0 && !(change->to && change->to->torn)) {
                strbuf_add(out, ONLY_SECRETS);
        }
        return out->failed || name.failed ? -ENOMEM : 0;
}

/* What is no text, too long, or beyond the limits has none. */
static int put_diff(struct report *report, struct json_object *row,
        const struct tree_change *change, struct error *err) {
        AUTO_STRBUF struct strbuf text = {0};
        if (change->kind == TREE_METADATA || report->texts == TEXTS_MAX) {
                return 0;
        }
        int r = diff_texts(report, change, &text, err);
        if (r == -EFBIG || r == -EBADMSG) {
                return 0;
        }
        if (r < 0) {
                return error_set_errno(err, -r, "comparing texts");
        }
        if (text.length > 0 && report->text_bytes + text.length <= TEXT_BYTES_MAX) {
                report->texts++;
                report->text_bytes += text.length;
                json_put_text(row, "diff", strbuf_text(&text));
        }
        return 0;
}

static int take(void *cookie, const struct tree_change *change, struct error *err) {
        struct report *report = cookie;
        struct json_object *list = report->lists[change->kind];
        if (json_object_array_length(list) == LIST_MAX) {
                report->more++;
                return 0;
        }
        struct json_object *row = json_object_new_object();
        json_put_path(row, "path", change->to ? change->to->path : change->from->path);
        if (change->differences) {
                put_words(row, change);
        }
        put_detail(row, change);
        json_object_array_add(list, row);
        return put_diff(report, row, change, err);
}

/* ---- Both sides -------------------------------------------------------------------------------
 */

static int load_side(struct checkpoint_session *session, const char *id, struct manifest *manifest,
        char ret_id[CHECKPOINT_ID_MAX], struct error *err) {
        const struct checkpoint *checkpoint = catalog_find(&session->catalog, id, err);
        if (!checkpoint) {
                return -err->code;
        }
        str_copy(ret_id, CHECKPOINT_ID_MAX, checkpoint->id);
        return manifest_load(&session->depot, &checkpoint->manifest, manifest, err);
}

static int load_now(struct checkpoint_session *session, const struct manifest *like,
        struct present *present, struct error *err) {
        struct tree_scope scope;
        scope_of(like, &scope);
        return present_scan(
                present, &session->depot, &session->catalog, &scope, PRESENT_LOOK, 0, err);
}

static int compare(struct report *report, struct json_object *answer, struct error *err) {
        struct tree_diff_result result;
        char text[HASH_TEXT_MAX];
        for (size_t i = 0; i < ELEMENTSOF(list_names); i++) {
                report->lists[i] = json_object_new_array();
                json_object_object_add(answer, list_names[i], report->lists[i]);
        }
        int r = tree_diff(report->from, report->to, take, report, &result, err);
        if (r < 0) {
                return r;
        }
        wall_usec_t now = clock_now().wall;
        bool aged = report->to_now && result.newest > 0;
        json_object_object_add(answer, "same", json_object_new_boolean(result.changes == 0));
        json_put_count(answer, "more", report->more);
        json_put_text(answer, "hash", content_hash_format(&result.hash, text));
        json_put_time(answer, "newest_change", aged ? result.newest : 0);
        json_object_object_add(answer, "newest_change_age",
                aged ? json_object_new_double(
                               (double) usec_sub(now, result.newest) / (double) USEC_PER_SEC)
                     : NULL);
        return 0;
}

int checkpoint_run_diff(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        AUTO(manifest_done) struct manifest from = {0};
        AUTO(manifest_done) struct manifest to = {0};
        AUTO(present_done) struct present present = {0};
        bool to_now = !call->second || str_eq(call->second, NOW);
        char from_id[CHECKPOINT_ID_MAX], to_id[CHECKPOINT_ID_MAX] = NOW;
        int r = session_begin(&session, call, DEPOT_READ, CATALOG_READ, err);
        r = r < 0 ? r : load_side(&session, call->first, &from, from_id, err);
        if (r == 0) {
                r = to_now ? load_now(&session, &from, &present, err)
                           : load_side(&session, call->second, &to, to_id, err);
        }
        if (r < 0) {
                return r;
        }
        struct report report = {
                .session = &session,
                .from = &from,
                .to = to_now ? &present.manifest : &to,
                .to_now = to_now,
        };
        json_put_text(call->answer, "service", call->service);
        session_put_states(call->answer, &session.catalog);
        json_put_text(call->answer, "from", from_id);
        json_put_text(call->answer, "to", to_id);
        return compare(&report, call->answer, err);
}
