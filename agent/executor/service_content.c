#include "executor/service_content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/ledger_file.h"
#include "executor/rollback_step.h"
#include "executor/step_checkpoint.h"
#include "executor/value_read.h"

#define LOOK_LIMIT (2 * USEC_PER_MINUTE)
#define REHEARSAL_LIMIT (10 * USEC_PER_MINUTE)

enum { LOOKS_MAX = 8 }; /* at once, besides those at services that have failed */

struct service_content {
        struct managed *managed;
        int kind; /* enum rollback_kind of what the ledger is about */
        struct ledger ledger;
        bool loaded, looked; /* looked: something was found out since this process began */

        struct worker_task *file; /* reads or writes the memory */
        bool changed; /* since it was handed to the thread */
        bool failing; /* the last write did not work */
        void (*saved)(void *cookie, int result); /* who waits for the write after this one */
        void *saved_cookie;

        struct content_job *job;
        struct value_read *guard;
        char guard_text[LEDGER_GUARD_MAX]; /* its value, of the trust that is being earned */
        struct policy_share *share; /* of the service that job and guard are about */
        const struct service *service;
        bool asked; /* again, while something was under way */
        bool urgent; /* the job looks at what has failed: people and the ladder wait for it */
        enum health health; /* as the agent said last */
        usec_t healthy_for;

        bool known; /* what is there was found out at the last look */
        wall_usec_t seen; /* when that was; 0: never */
        wall_usec_t seen_since; /* since when every look has found the present one */
        wall_usec_t start_tried; /* by the last action that starts it; 0: none in this process */
        char text[CONTENT_TEXT_MAX]; /* why it was not; else what changed */
        char detail[CONTENT_DETAIL_MAX];
        struct operation *rehearsal; /* of the rollback that waits for a person; NULL: none */
        uint64_t rehearsed; /* for which change, see ledger_change */
        char rehearsed_text[CONTENT_TEXT_MAX]; /* what came of it */
        bool refused, ready; /* refused: by a guard; the text says so, too */
        uint32_t stored[CHECKPOINT_STATE_COUNT]; /* checkpoints by state */
        bool undo_due;
        bool tidy_due; /* old checkpoints may go, new ones are to be copied */
        char tidy_text[CONTENT_TEXT_MAX]; /* why that did not work the last time; "" where it did */
};

static struct instant now_of(const struct service_content *content) {
        return loop_now(content->managed->executor->loop);
}

/* ---- Its memory ---- */

static int save_next(struct service_content *content);

static struct ledger_file_job file_job(struct service_content *content, ledger_file_done done) {
        const struct executor *executor = content->managed->executor;
        return (struct ledger_file_job){
                .pool = executor->disk,
                .state_dir = executor->options.state_dir,
                .service = content->managed->state.service,
                .kind = rollback_kind_text((enum rollback_kind) content->kind),
                .deadline = usec_add(now_of(content).mono, LEDGER_FILE_LIMIT),
                .done = done,
                .cookie = content,
        };
}

static void tell_saved(struct service_content *content, int result) {
        void (*saved)(void *cookie, int result) = content->saved;
        content->saved = NULL;
        if (saved) {
                saved(content->saved_cookie, result);
        }
}

static void on_saved(void *cookie, int result, void *data) {
        struct service_content *content = cookie;
        (void) data;
        content->file = NULL;
        if (result < 0 && !content->failing) {
                log_warning("%s: what it was well with cannot be written down: %s, going on from "
                            "memory",
                        content->managed->state.service, strerror(-result));
        }
        content->failing = result < 0;
        if (!content->changed) {
                tell_saved(content, result);
        } else if (save_next(content) < 0) {
                tell_saved(content, -EIO);
        }
}

static int save_next(struct service_content *content) {
        struct error err = {0};
        const struct ledger_file_job job = file_job(content, on_saved);
        content->changed = false;
        int r = ledger_file_save(&job, &content->ledger, &content->file, &err);
        if (r < 0) {
                log_warning("%s: what it was well with cannot be written down: %s",
                        content->managed->state.service, err.text);
        }
        return r;
}

static void save(struct service_content *content) {
        content->changed = true;
        if (!content->file) {
                (void) save_next(content); /* it has said so, and the next change tries again */
        }
}

static void look(struct service_content *content);

static void on_loaded(void *cookie, int result, void *data) {
        struct service_content *content = cookie;
        struct error err = {0};
        content->file = NULL;
        if (result == 0) {
                result = ledger_parse(&content->ledger, ledger_file_text(data), &err);
        } else {
                error_set_errno(&err, -result, "cannot be read");
        }
        if (result < 0 && result != -ENOENT) {
                log_warning("%s: the memory of what it was well with: %s; it begins anew",
                        content->managed->state.service, err.text);
        }
        content->loaded = true;
        if (content->asked) {
                look(content);
        }
}

static void load(struct service_content *content) {
        struct error err = {0};
        const struct ledger_file_job job = file_job(content, on_loaded);
        if (!content->file && ledger_file_load(&job, &content->file, &err) < 0) {
                log_warning("%s: the memory of what it was well with: %s, trying again",
                        content->managed->state.service, err.text);
        }
}

/* ---- Made ---- */

static struct content_looks *looks_of(const struct service_content *content) {
        return &content->managed->executor->content_looks;
}

static void end_look(struct service_content *content) {
        struct content_looks *looks = looks_of(content);
        if (content->service && looks->under_way-- >= LOOKS_MAX) {
                loop_defer_schedule(&looks->next);
        }
        operation_cancel(TAKE_PTR(content->rehearsal));
        content_job_cancel(TAKE_PTR(content->job));
        value_read_cancel(TAKE_PTR(content->guard));
        policy_share_release(TAKE_PTR(content->share));
        content->service = NULL;
}

void content_free(struct service_content *content) {
        if (!content) {
                return;
        }
        end_look(content);
        if (content->file) {
                worker_cancel(content->file);
        }
        content->managed->content = NULL;
        free(content);
}

/* What was trusted of releases says nothing about packages. */
void content_follow(struct managed *managed) {
        const struct service *service = managed->service;
        struct service_content *content = managed->content;
        if (!service || !service->rollback) {
                content_free(content);
                return;
        }
        if (content && content->kind == service->rollback->kind) {
                return;
        }
        content_free(content);
        content = calloc(1, sizeof(*content));
        if (!content) {
                log_warning("%s: out of memory: what it consists of is not followed",
                        managed->state.service);
                return;
        }
        content->managed = managed;
        content->kind = service->rollback->kind;
        content->tidy_due = true; /* what was begun before this process */
        managed->content = content;
        load(content);
}

/* ---- What the agent is told ---- */

static enum files_state state_of(const struct service_content *content) {
        if (!content->known || !ledger_good(&content->ledger)) {
                return FILES_UNKNOWN;
        }
        return ledger_changed(&content->ledger) ? FILES_CHANGED : FILES_UNCHANGED;
}

static void describe(const struct service_content *content, struct wire_message *ret) {
        struct service_content *own = (struct service_content *) content;
        const struct version *present = ledger_present(&own->ledger);
        const struct version *good = ledger_good(&content->ledger);
        ret->files = state_of(content);
        if (present && content->known) {
                str_copy(ret->from, sizeof(ret->from), present->name);
                ret->since = present->since;
        }
        ret->attempt = ledger_count_trusted(&content->ledger, &ret->trusted);
        if (good) {
                str_copy(ret->to, sizeof(ret->to), good->name);
        }
        if (ret->files == FILES_CHANGED) {
                ret->request = ledger_change(&content->ledger);
        }
        const char *text = ret->files == FILES_UNCHANGED && !*content->text ? content->tidy_text
                                                                            : content->text;
        str_copy(ret->text, sizeof(ret->text),
                *text || good ? text : "it was not healthy for long enough yet on anything");
        if (ret->files == FILES_CHANGED && content->rehearsed == ret->request &&
                *content->rehearsed_text) {
                size_t length = strlen(ret->text);
                snprintf(ret->text + length, sizeof(ret->text) - length, "%s%s", length ? "; " : "",
                        content->rehearsed_text);
        }
        ret->candidates = content->stored[CHECKPOINT_CANDIDATE];
        ret->recovery_points = content->stored[CHECKPOINT_RECOVERY_POINT];
        ret->suspects = content->stored[CHECKPOINT_SUSPECT];
        ret->withdrawn = content->stored[CHECKPOINT_WITHDRAWN];
        wire_fold(content->detail, ret->values, sizeof(ret->values));
}

void content_tell(struct managed *managed) {
        struct wire_message message = {.type = WIRE_CONTENT};
        str_copy(message.service, sizeof(message.service), managed->state.service);
        if (managed->content) {
                describe(managed->content, &message);
        }
        agent_port_reply(&managed->executor->port, &message);
}

/* ---- Looking ---- */

/* Those that had to wait for their turn. */
static void look_at_next(void *cookie) {
        struct executor *executor = cookie;
        LIST_FOREACH (node, &executor->services) {
                struct service_content *next = LIST_ENTRY(node, struct managed, node)->content;
                if (executor->content_looks.under_way >= LOOKS_MAX) {
                        return;
                }
                if (next && next->asked && !next->service) {
                        look(next);
                }
        }
}

void content_looks_init(struct content_looks *looks, struct executor *executor) {
        *looks = (struct content_looks){0};
        loop_defer_init(&looks->next, executor->loop, look_at_next, executor);
}

void content_looks_done(struct content_looks *looks) {
        loop_defer_cancel(&looks->next);
}

static void finish_look(struct service_content *content) {
        end_look(content);
        content_tell(content->managed);
        if (content->asked) {
                look(content);
        }
}

static void note_trust(struct service_content *content, const char *guard) {
        const struct version *present = ledger_present(&content->ledger);
        ledger_trust(&content->ledger, now_of(content).wall, guard);
        log_notice("%s: %s has earned trust%s%s", content->managed->state.service, present->name,
                guard ? ", with the schema guard at " : "", guard ? guard : "");
        save(content);
}

static int start_job(struct service_content *content, enum content_task task, content_done done,
        struct error *err) {
        const struct content_request request = {
                .executor = content->managed->executor,
                .service = content->service,
                .task = task,
                .to = ledger_present(&content->ledger)->name,
                .deadline = usec_add(now_of(content).mono, LOOK_LIMIT),
        };
        content->urgent = false;
        return content_job_start(&content->job, &request, done, content, err);
}

/* Said once; with every look it is tried again. */
static void note_tidied(struct service_content *content, const char *text) {
        if (*text && !str_eq(text, content->tidy_text)) {
                log_warning("%s: %s, trying again", content->managed->state.service, text);
        } else if (!*text && *content->tidy_text) {
                log_notice(
                        "%s: its checkpoints are in order again", content->managed->state.service);
        }
        str_copy(content->tidy_text, sizeof(content->tidy_text), text);
        content->tidy_due = *text != '\0';
}

static void take_stored(struct service_content *content, const struct content_result *result) {
        uint32_t all = 0;
        for (int i = 0; i < CHECKPOINT_STATE_COUNT; i++) {
                all += result->stored[i];
        }
        if (all > 0) {
                memcpy(content->stored, result->stored, sizeof(content->stored));
        }
}

static void on_tidied(void *cookie, const struct content_result *result) {
        struct service_content *content = cookie;
        content->job = NULL;
        take_stored(content, result);
        note_tidied(content, result->text);
        finish_look(content);
}

/* Whether it was begun. */
static bool tidy(struct service_content *content) {
        struct error err = {0};
        if (!content->tidy_due || !content_job_needed(content->service, CONTENT_TIDY)) {
                return false;
        }
        content_tell(content->managed);
        if (start_job(content, CONTENT_TIDY, on_tidied, &err) < 0) {
                note_tidied(content, err.text);
                return false;
        }
        return true;
}

static void on_trusted(void *cookie, const struct content_result *result) {
        struct service_content *content = cookie;
        content->job = NULL;
        take_stored(content, result);
        if (result->result < 0) {
                log_warning("%s: it has not earned trust: %s", content->managed->state.service,
                        result->text);
                finish_look(content);
                return;
        }
        note_trust(content, *content->guard_text ? content->guard_text : NULL);
        content->tidy_due = true;
        if (!tidy(content)) {
                finish_look(content);
        }
}

/* Where the files themselves are kept, they have to be kept for good first. */
static bool trust(struct service_content *content, const char *guard) {
        struct error err = {0};
        if (!content_job_needed(content->service, CONTENT_TRUST)) {
                note_trust(content, guard);
                return false;
        }
        str_copy(content->guard_text, sizeof(content->guard_text), guard ? guard : "");
        if (start_job(content, CONTENT_TRUST, on_trusted, &err) < 0) {
                log_warning("%s: it has not earned trust: %s", content->managed->state.service,
                        err.text);
                return false;
        }
        return true;
}

/* Whether it is the program itself that is exchanged, and not what a running one may read anew. */
static bool is_program(const struct service *service) {
        const struct rollback_spec *rollback = service->rollback;
        if (rollback->kind == ROLLBACK_PACKAGE) {
                return true;
        }
        for (uint32_t i = 0;
                rollback->release && service->command && i < service->command->command.count; i++) {
                if (str_starts(service->command->command.items[i], rollback->release->link)) {
                        return true;
                }
        }
        return false;
}

/* What is running; a moment after everything where nobody can tell. */
static wall_usec_t started_at(const struct service_content *content) {
        const struct managed *managed = content->managed;
        wall_usec_t started =
                managed_is_command(managed) ? managed->state.since : managed->status.since;
        return started ? started : UINT64_MAX;
}

/* A program that was replaced under the process that runs it has proven nothing yet. */
static bool runs_on_it(struct service_content *content) {
        const struct version *present = ledger_present(&content->ledger);
        return !is_program(content->service) || started_at(content) >= present->since;
}

/* A moment that was guessed may be too early: it also has to have been seen for so long. */
static bool earns_trust(struct service_content *content) {
        wall_usec_t now = now_of(content).wall;
        usec_t good_after = content->service->good_after;
        return ledger_earns(&content->ledger, content->healthy_for, good_after, now) &&
               usec_sub(now, content->seen_since) >= good_after && runs_on_it(content);
}

static void on_guard(void *cookie, int result, const char *text) {
        struct service_content *content = cookie;
        content->guard = NULL;
        if (result < 0) {
                log_warning("%s: it cannot earn trust now, for the schema guard cannot be read: %s",
                        content->managed->state.service, text);
        } else if (earns_trust(content)) {
                char guard[LEDGER_GUARD_MAX];
                str_copy(guard, sizeof(guard), text);
                if (trust(content, guard)) {
                        return;
                }
        }
        finish_look(content);
}

/* Whether something has to be done first. */
static bool judge_healthy(struct service_content *content) {
        const struct value_source *source = content->service->rollback->schema_guard;
        struct error err = {0};
        if (ledger_start(&content->ledger, started_at(content))) {
                save(content);
        }
        if (!earns_trust(content)) {
                return false;
        }
        if (!source) {
                return trust(content, NULL);
        }
        if (value_read_start(&content->guard, content->managed->executor, source, on_guard, content,
                    &err) < 0) {
                log_warning("%s: the schema guard: %s", content->managed->state.service, err.text);
                return false;
        }
        return true;
}

/* Whether it has to be looked at anew, for it is to be compared with another version now. */
static bool judge_failed(struct service_content *content) {
        const struct version *present = ledger_present(&content->ledger);
        const char *name = content->managed->state.service;
        wall_usec_t now = now_of(content).wall;
        if (ledger_fail(&content->ledger, content->service->good_after, now)) {
                log_notice("%s: it failed on %s, which has not proven itself yet", name,
                        present->name);
                save(content);
        } else if (ledger_fail_start(&content->ledger, content->start_tried, now)) {
                log_notice(
                        "%s: it was started with %s for the first time, and fails: that has lost "
                        "the trust that it had earned before it was loaded",
                        name, present->name);
                save(content);
                return true;
        }
        return false;
}

/* Where nobody knows when it was changed, it was after the last look that found another; and what
 * is there at the first look ever is taken to be older than everything. */
static wall_usec_t changed_at(const struct service_content *content,
        const struct content_result *result, wall_usec_t now) {
        if (result->since > 0 && result->since <= now) {
                return result->since;
        }
        if (content->ledger.n_versions == 0) {
                return 1;
        }
        return content->seen ? content->seen : now;
}

void content_enter(struct managed *managed, const struct content_result *result) {
        struct service_content *content = managed->content;
        wall_usec_t now = now_of(content).wall;
        content->known = result->result == 0;
        content->looked = true;
        take_stored(content, result);
        str_copy(content->text, sizeof(content->text), result->text);
        str_copy(content->detail, sizeof(content->detail), result->detail);
        if (!content->known) {
                return;
        }
        bool first = content->ledger.n_versions == 0;
        if (ledger_see(&content->ledger, result->name, changed_at(content, result, now))) {
                content->seen_since = now;
                log_at(first ? LOG_INFO : LOG_NOTICE, "%s: it consists of %s%s",
                        managed->state.service, result->name, first ? "" : " from now on");
                save(content);
        }
        content->seen_since = content->seen_since ? content->seen_since : now;
        content->seen = now;
}

/* ---- What waits for a person ---- */

static void on_rehearsed(void *cookie, bool ok, const char *text) {
        struct service_content *content = cookie;
        char whole[CONTENT_TEXT_MAX];
        content->rehearsal = NULL;
        content->ready = ok;
        snprintf(whole, sizeof(whole), "%s%.300s",
                ok ? "" : "a rollback is not possible now: ", text);
        if (!str_eq(whole, content->rehearsed_text)) {
                log_at(ok ? LOG_NOTICE : LOG_WARNING, "%s: %s", content->managed->state.service,
                        whole);
        }
        str_copy(content->rehearsed_text, sizeof(content->rehearsed_text), whole);
        finish_look(content);
}

/* Everything is made ready for the person who says yes, who knows before whether it can be done.
 * What hinders it is looked at again each time. Whether it was begun. */
static bool rehearse(struct service_content *content) {
        struct managed *managed = content->managed;
        uint64_t change = ledger_change(&content->ledger);
        struct error err = {0};
        if (content->service->rollback->approve != APPROVE_MANUAL ||
                !ledger_changed(&content->ledger) ||
                (content->ready && content->rehearsed == change)) {
                return false;
        }
        const struct operation_request request = {
                .executor = managed->executor,
                .managed = managed,
                .service = content->service,
                .order = {.action = ACTION_ROLLBACK},
                .deadline = usec_add(now_of(content).mono, REHEARSAL_LIMIT),
                .refused = &content->refused,
        };
        if (content->rehearsed != change) {
                content->rehearsed_text[0] = '\0';
        }
        content->rehearsed = change;
        content->ready = false;
        content->tidy_due = true;
        content_tell(managed);
        if (operation_start(&content->rehearsal, &rollback_rehearsal, &request, on_rehearsed,
                    content, &err) < 0) {
                log_warning(
                        "%s: the rollback is not prepared: %s", managed->state.service, err.text);
                return false;
        }
        return true;
}

static void on_seen(void *cookie, const struct content_result *result) {
        struct service_content *content = cookie;
        content->job = NULL;
        content_enter(content->managed, result);
        if (content->known && content->health == HEALTH_FAILED) {
                if (judge_failed(content)) {
                        end_look(content);
                        content->asked = true;
                        look(content);
                        return;
                }
                if (rehearse(content)) {
                        return;
                }
        }
        bool healthy = content->known && content->health == HEALTH_HEALTHY;
        if (!healthy || (!judge_healthy(content) && !tidy(content))) {
                finish_look(content);
        }
}

/* While an action is under way, what is there may be half of each: it is looked at afterwards. */
static void look(struct service_content *content) {
        struct managed *managed = content->managed;
        struct error err = {0};
        const struct version *good = ledger_good(&content->ledger);
        bool failed = content->health == HEALTH_FAILED;
        if (content->job || content->guard || content->rehearsal || !content->loaded ||
                managed->action) {
                return;
        }
        bool waits = managed->keeping || looks_of(content)->under_way >= LOOKS_MAX;
        if (!failed && waits) {
                return; /* it stays asked, and has its turn when that or another ends */
        }
        step_checkpoint_cancel(managed);
        const struct content_request request = {
                .executor = managed->executor,
                .service = managed->service,
                .task = CONTENT_LOOK,
                .to = good ? good->name : NULL,
                .suspect = failed,
                .first = !content->looked,
                .deadline = usec_add(now_of(content).mono, LOOK_LIMIT),
        };
        content->asked = false;
        content->urgent = request.suspect;
        content->share = policy_share_hold(managed->share);
        content->service = managed->service;
        looks_of(content)->under_way++;
        if (content_job_start(&content->job, &request, on_seen, content, &err) < 0) {
                content->known = false;
                str_copy(content->text, sizeof(content->text), err.text);
                end_look(content);
                content_tell(managed);
        }
}

void content_ask(struct managed *managed, enum health health, usec_t healthy_for) {
        struct service_content *content = managed->content;
        if (!content) {
                content_tell(managed);
                return;
        }
        content->health = health;
        content->healthy_for = healthy_for;
        content->asked = true;
        if (content->rehearsal) { /* which takes its time, and changes nothing */
                content_tell(managed);
                return;
        }
        if (!content->loaded) {
                load(content);
        } else if (content->failing) {
                save(content);
        }
        if (health == HEALTH_FAILED && !content->urgent) {
                end_look(content); /* which may take its time, and begins again later */
        }
        look(content);
}

/* ---- What became of a rollback ---- */

static void undo(struct service_content *content) {
        const struct action_order order = {.action = ACTION_UNDO};
        struct error err = {0};
        content->undo_due = false;
        if (action_start(content->managed, &order, &err) < 0) {
                log_error("%s: the rollback is not taken back: %s", content->managed->state.service,
                        err.text);
        }
}

void content_verdict(struct managed *managed, uint64_t request, bool ok) {
        struct service_content *content = managed->content;
        struct last_rollback *rollback = content ? &content->ledger.rollback : NULL;
        if (!rollback || rollback->state != ROLLBACK_BEGUN || rollback->request != request) {
                return;
        }
        if (ok) {
                log_notice("%s: the rollback from %s to %s is kept", managed->state.service,
                        rollback->from, rollback->to);
                rollback->state = ROLLBACK_KEPT;
                save(content);
                return;
        }
        log_warning("%s: the rollback from %s to %s did not help and is taken back",
                managed->state.service, rollback->from, rollback->to);
        if (managed->action) {
                content->undo_due = true;
        } else {
                undo(content);
        }
}

void content_action_ended(struct managed *managed, wall_usec_t started) {
        struct service_content *content = managed->content;
        if (!content) {
                return;
        }
        content->start_tried = started ? started : content->start_tried;
        if (content->undo_due) {
                undo(content);
        } else if (content->asked) {
                look(content);
        }
}

void content_kept(struct managed *managed) {
        struct service_content *content = managed->content;
        if (content && content->asked) {
                look(content);
        }
}

/* ---- For the operation ---- */

void content_stop_looking(struct managed *managed) {
        struct service_content *content = managed->content;
        step_checkpoint_cancel(managed);
        if (content && content->service) {
                end_look(content);
                content->asked = true;
        }
}

void content_exchanged(struct managed *managed) {
        managed->content->tidy_due = true;
}

struct ledger *content_ledger(struct managed *managed) {
        return managed->content && managed->content->loaded ? &managed->content->ledger : NULL;
}

int content_save(struct managed *managed, void (*done)(void *cookie, int result), void *cookie,
        struct error *err) {
        struct service_content *content = managed->content;
        if (content->saved) {
                return error_set(err, EBUSY, "somebody else waits for its memory");
        }
        save(content);
        if (!content->file) {
                return error_set(err, EIO, "the memory cannot be written");
        }
        content->saved = done;
        content->saved_cookie = cookie;
        return 0;
}

void content_forget_save(struct managed *managed, void *cookie) {
        struct service_content *content = managed->content;
        if (content && content->saved && content->saved_cookie == cookie) {
                content->saved = NULL;
        }
}
