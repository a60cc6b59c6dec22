#include "executor/checkpoint/retention.h"

#include "executor/checkpoint/apply_journal.h"

/* Of recovery points as many as the policy says. */
static const uint64_t kept[] = {
        [CHECKPOINT_CANDIDATE] = 2,
        [CHECKPOINT_RECOVERY_POINT] = 0,
        [CHECKPOINT_SUSPECT] = 3,
        [CHECKPOINT_WITHDRAWN] = 3,
};

static wall_usec_t age_of(const struct checkpoint *checkpoint) {
        return checkpoint->state == CHECKPOINT_RECOVERY_POINT ? checkpoint->trusted
                                                              : checkpoint->seen;
}

/* How many of its state are newer. */
static uint64_t rank_of(const struct catalog *catalog, const struct checkpoint *checkpoint) {
        uint64_t rank = 0;
        for (size_t i = 0; i < catalog->count; i++) {
                const struct checkpoint *other = &catalog->items[i];
                rank += other != checkpoint && other->state == checkpoint->state &&
                        age_of(other) > age_of(checkpoint);
        }
        return rank;
}

/* The way back from the last apply stays open. */
static bool is_needed_by_undo(const struct catalog *catalog, const struct checkpoint *checkpoint) {
        struct applied applied;
        return applied_load(catalog->fd, &applied, NULL) == 0 &&
               str_eq(applied.before, checkpoint->id);
}

static bool is_needed(
        const struct catalog *catalog, const struct checkpoint *checkpoint, uint64_t keep) {
        uint64_t most =
                checkpoint->state == CHECKPOINT_RECOVERY_POINT ? keep : kept[checkpoint->state];
        return rank_of(catalog, checkpoint) < most || is_needed_by_undo(catalog, checkpoint);
}

int retention_prune(struct catalog *catalog, uint64_t keep,
        void (*removed)(void *cookie, const char *id), void *cookie, struct error *err) {
        /* Those that stay are the newer ones, whose rank is the same without the others. */
        for (size_t i = catalog->count; i-- > 0;) {
                struct checkpoint *one = &catalog->items[i];
                if (is_needed(catalog, one, keep)) {
                        continue;
                }
                removed(cookie, one->id);
                int r = catalog_remove(catalog, one, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

int retention_trim(struct catalog *catalog, enum checkpoint_state state, struct error *err) {
        for (size_t i = catalog->count; i-- > 0;) {
                struct checkpoint *one = &catalog->items[i];
                bool goes = one->state == state && !is_needed(catalog, one, UINT64_MAX);
                int r = goes ? catalog_remove(catalog, one, err) : 0;
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}
