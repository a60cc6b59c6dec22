#include "executor/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/fields.h"

enum { FORMAT_VERSION = 1, BLOCK_MAX = 4096 };

/* ---- Versions ---- */

struct version *ledger_present(struct ledger *ledger) {
        return ledger->n_versions ? &ledger->versions[ledger->n_versions - 1] : NULL;
}

static const struct version *present_of(const struct ledger *ledger) {
        return ledger->n_versions ? &ledger->versions[ledger->n_versions - 1] : NULL;
}

static struct version *find(struct ledger *ledger, const char *name) {
        for (uint32_t i = 0; i < ledger->n_versions; i++) {
                if (str_eq(ledger->versions[i].name, name)) {
                        return &ledger->versions[i];
                }
        }
        return NULL;
}

static void drop(struct ledger *ledger, uint32_t index) {
        ledger->n_versions--;
        memmove(&ledger->versions[index], &ledger->versions[index + 1],
                (ledger->n_versions - index) * sizeof(*ledger->versions));
}

/* The oldest that never earned trust; where all have, the oldest. */
static uint32_t least_needed(const struct ledger *ledger) {
        for (uint32_t i = 0; i < ledger->n_versions; i++) {
                if (ledger->versions[i].trusted == 0) {
                        return i;
                }
        }
        return 0;
}

bool ledger_see(struct ledger *ledger, const char *name, wall_usec_t since) {
        struct version *present = ledger_present(ledger);
        if (present && str_eq(present->name, name)) {
                return false;
        }
        struct version next = {.since = since};
        struct version *known = find(ledger, name);
        if (known) {
                next.trusted = known->trusted;
                next.failed = known->failed;
                next.started = known->started;
                next.guarded = known->guarded;
                str_copy(next.guard, sizeof(next.guard), known->guard);
                drop(ledger, (uint32_t) (known - ledger->versions));
        } else if (ledger->n_versions == LEDGER_VERSIONS_MAX) {
                drop(ledger, least_needed(ledger));
        }
        str_copy(next.name, sizeof(next.name), name);
        ledger->versions[ledger->n_versions++] = next;
        return true;
}

static const struct version *last_trusted(const struct ledger *ledger, uint32_t n) {
        const struct version *best = NULL;
        for (uint32_t i = 0; i < n; i++) {
                const struct version *version = &ledger->versions[i];
                if (version->trusted > 0 && (!best || version->trusted >= best->trusted)) {
                        best = version;
                }
        }
        return best;
}

const struct version *ledger_good(const struct ledger *ledger) {
        const struct version *present = present_of(ledger);
        return present && present->trusted > 0 ? present : ledger_target(ledger);
}

const struct version *ledger_target(const struct ledger *ledger) {
        return last_trusted(ledger, ledger->n_versions ? ledger->n_versions - 1 : 0);
}

uint32_t ledger_count_trusted(const struct ledger *ledger, wall_usec_t *ret_newest) {
        uint32_t n = 0;
        *ret_newest = 0;
        for (uint32_t i = 0; i < ledger->n_versions; i++) {
                wall_usec_t trusted = ledger->versions[i].trusted;
                n += trusted > 0;
                *ret_newest = trusted > *ret_newest ? trusted : *ret_newest;
        }
        return n;
}

bool ledger_changed(const struct ledger *ledger) {
        const struct version *present = present_of(ledger);
        return present && present->trusted == 0 && !present->restored && ledger_target(ledger);
}

/* FNV-1a. */
uint64_t ledger_change(const struct ledger *ledger) {
        const struct version *present = present_of(ledger);
        uint64_t hash = UINT64_C(14695981039346656037) ^ (present ? present->since : 0);
        for (const char *c = present ? present->name : ""; *c; c++) {
                hash = (hash ^ (unsigned char) *c) * UINT64_C(1099511628211);
        }
        return hash ? hash : 1;
}

/* ---- Trust ---- */

bool ledger_earns(const struct ledger *ledger, usec_t healthy, usec_t good_after, wall_usec_t now) {
        const struct version *present = present_of(ledger);
        return present && present->trusted <= present->since && healthy >= good_after &&
               usec_sub(now, present->since) >= good_after;
}

void ledger_trust(struct ledger *ledger, wall_usec_t now, const char *guard) {
        struct version *present = ledger_present(ledger);
        present->trusted = now;
        present->failed = 0;
        present->restored = false;
        present->guarded = guard != NULL;
        str_copy(present->guard, sizeof(present->guard), guard ? guard : "");
}

static void distrust(struct version *version, wall_usec_t now) {
        version->failed = now;
        version->trusted = 0;
}

bool ledger_fail(struct ledger *ledger, usec_t good_after, wall_usec_t now) {
        struct version *present = ledger_present(ledger);
        bool proven = !present || (present->trusted > present->since) ||
                      usec_sub(now, present->since) >= good_after;
        if (proven || present->failed >= present->since) {
                return false;
        }
        distrust(present, now);
        return true;
}

static bool is_first_start(const struct version *present, wall_usec_t started) {
        return present && !present->started && started >= present->since;
}

bool ledger_start(struct ledger *ledger, wall_usec_t started) {
        struct version *present = ledger_present(ledger);
        bool first = is_first_start(present, started);
        if (first) {
                present->started = true;
        }
        return first;
}

bool ledger_fail_start(struct ledger *ledger, wall_usec_t started, wall_usec_t now) {
        struct version *present = ledger_present(ledger);
        bool loses = is_first_start(present, started) && present->trusted > 0;
        if (loses) {
                distrust(present, now);
        }
        return loses;
}

bool ledger_withdraw(struct ledger *ledger, const char *name) {
        struct version *version = find(ledger, name);
        bool had = version && version->trusted > 0;
        if (had) {
                version->trusted = 0;
        }
        return had;
}

/* ---- Rollbacks ---- */

void ledger_begin(struct ledger *ledger, uint64_t request, const char *to) {
        const struct version *present = ledger_present(ledger);
        struct last_rollback *rollback = &ledger->rollback;
        *rollback = (struct last_rollback){
                .state = ROLLBACK_BEGUN,
                .request = request,
                .from_since = present->since,
        };
        str_copy(rollback->from, sizeof(rollback->from), present->name);
        str_copy(rollback->to, sizeof(rollback->to), to);
}

void ledger_exchanged(struct ledger *ledger, wall_usec_t now) {
        struct version *left = find(ledger, ledger->rollback.from);
        if (left) {
                distrust(left, now);
        }
        ledger_see(ledger, ledger->rollback.to, now);
        ledger_present(ledger)->restored = true;
}

void ledger_undone(struct ledger *ledger) {
        struct last_rollback *rollback = &ledger->rollback;
        ledger_see(ledger, rollback->from, rollback->from_since);
        ledger_present(ledger)->since = rollback->from_since;
        rollback->state = ROLLBACK_UNDONE;
}

/* ---- Text ---- */

/* One block of lines for each version, and one for the rollback, an empty line between them. */
struct block {
        uint32_t version; /* of the format; the first line of each block */
        uint64_t since, trusted, failed, request;
        uint32_t state; /* enum rollback_state: a block of a rollback, `name` is what it left */
        bool started, restored, guarded;
        char name[LEDGER_NAME_MAX], to[LEDGER_NAME_MAX], guard[LEDGER_GUARD_MAX];
};

#define MEMBER(member, kind) FIELD(struct block, member, kind)
#define TEXT(member) FIELD_OF_TEXT(struct block, member)
static const struct field fields[] = {
        MEMBER(version, FIELD_U32),
        MEMBER(since, FIELD_U64),
        MEMBER(trusted, FIELD_U64),
        MEMBER(failed, FIELD_U64),
        MEMBER(request, FIELD_U64),
        MEMBER(state, FIELD_U32),
        MEMBER(started, FIELD_BOOL),
        MEMBER(restored, FIELD_BOOL),
        MEMBER(guarded, FIELD_BOOL),
        TEXT(name),
        TEXT(to),
        TEXT(guard),
        {0},
};

static void add_block(struct strbuf *out, const struct block *block) {
        char text[BLOCK_MAX];
        ssize_t length = fields_write(fields, block, text, sizeof(text));
        if (length >= 0) {
                strbuf_add_bytes(out, text, (size_t) length);
                strbuf_add_char(out, '\n');
        }
}

static void add_version(struct strbuf *out, const struct version *version) {
        struct block block = {
                .version = FORMAT_VERSION,
                .since = version->since,
                .trusted = version->trusted,
                .failed = version->failed,
                .started = version->started,
                .restored = version->restored,
                .guarded = version->guarded,
        };
        str_copy(block.name, sizeof(block.name), version->name);
        str_copy(block.guard, sizeof(block.guard), version->guard);
        add_block(out, &block);
}

static void add_rollback(struct strbuf *out, const struct last_rollback *rollback) {
        struct block block = {
                .version = FORMAT_VERSION,
                .since = rollback->from_since,
                .request = rollback->request,
                .state = rollback->state,
        };
        str_copy(block.name, sizeof(block.name), rollback->from);
        str_copy(block.to, sizeof(block.to), rollback->to);
        add_block(out, &block);
}

bool ledger_format(const struct ledger *ledger, struct strbuf *out) {
        for (uint32_t i = 0; i < ledger->n_versions; i++) {
                add_version(out, &ledger->versions[i]);
        }
        if (ledger->rollback.state != ROLLBACK_NONE) {
                add_rollback(out, &ledger->rollback);
        }
        return strbuf_text(out) != NULL;
}

static void take_version(struct ledger *ledger, const struct block *block) {
        struct version *version = &ledger->versions[ledger->n_versions++];
        *version = (struct version){
                .since = block->since,
                .trusted = block->trusted,
                .failed = block->failed,
                .started = block->started,
                .restored = block->restored,
                .guarded = block->guarded,
        };
        str_copy(version->name, sizeof(version->name), block->name);
        str_copy(version->guard, sizeof(version->guard), block->guard);
}

static void take_rollback(struct ledger *ledger, const struct block *block) {
        struct last_rollback *rollback = &ledger->rollback;
        *rollback = (struct last_rollback){
                .state = (enum rollback_state) block->state,
                .request = block->request,
                .from_since = block->since,
        };
        str_copy(rollback->from, sizeof(rollback->from), block->name);
        str_copy(rollback->to, sizeof(rollback->to), block->to);
}

static int take(struct ledger *ledger, const struct block *block, struct error *err) {
        if (block->version != FORMAT_VERSION || !*block->name) {
                return error_set(err, EBADMSG, "written by another version");
        }
        if (block->state > ROLLBACK_UNDONE || ledger->n_versions == LEDGER_VERSIONS_MAX) {
                return error_set(err, EBADMSG, "more than was ever written");
        }
        if (block->state != ROLLBACK_NONE) {
                take_rollback(ledger, block);
        } else {
                take_version(ledger, block);
        }
        return 0;
}

int ledger_parse(struct ledger *ret, char *text, struct error *err) {
        memset(ret, 0, sizeof(*ret));
        while (*text) {
                struct block block = {0};
                char *end = strstr(text, "\n\n");
                if (!end) {
                        memset(ret, 0, sizeof(*ret));
                        return error_set(err, EBADMSG, "it is cut");
                }
                end[1] = '\0';
                int r = fields_read(fields, text, &block, err);
                r = r < 0 ? r : take(ret, &block, err);
                if (r < 0) {
                        memset(ret, 0, sizeof(*ret));
                        return r;
                }
                text = end + 2;
        }
        return 0;
}
