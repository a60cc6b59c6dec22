#include "policy/diff.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/str.h"

const struct enum_text change_texts[] = {
        {CHANGE_SAME, "same", "Its effective definition is the same."},
        {CHANGE_CHANGED, "changed", "Its effective definition differs."},
        {CHANGE_ADDED, "added", "Only the new policies have it."},
        {CHANGE_REMOVED, "removed", "Only the old policies have it."},
        {0},
};

static enum change compare(const struct service *old, const struct service *new) {
        if (!old) {
                return CHANGE_ADDED;
        }
        return str_eq(old->digest, new->digest) ? CHANGE_SAME : CHANGE_CHANGED;
}

static void note(struct policy_diff *diff, enum change change, const struct service *old,
        const struct service *new) {
        uint32_t *const counts[] = {
                [CHANGE_SAME] = &diff->n_same,
                [CHANGE_CHANGED] = &diff->n_changed,
                [CHANGE_ADDED] = &diff->n_added,
                [CHANGE_REMOVED] = &diff->n_removed,
        };
        assert(old || new);
        (*counts[change])++;
        diff->items[diff->count++] = (struct policy_change){
                .change = change, .name = new ? new->name : old->name, .old = old, .new = new};
}

int policy_diff(const struct policy *old, const struct policy *new, struct policy_diff *ret) {
        uint32_t n_old = old ? old->n_services : 0;
        struct policy_diff diff = {
                .items = calloc((size_t) n_old + new->n_services + 1, sizeof(*diff.items))};

        if (!diff.items) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < new->n_services; i++) {
                const struct service *service = &new->services[i];
                const struct service *before = old ? policy_service(old, service->name) : NULL;
                note(&diff, compare(before, service), before, service);
        }
        for (uint32_t i = 0; i < n_old; i++) {
                if (!policy_service(new, old->services[i].name)) {
                        note(&diff, CHANGE_REMOVED, &old->services[i], NULL);
                }
        }
        *ret = diff;
        return 0;
}

void policy_diff_done(struct policy_diff *diff) {
        free(diff->items);
        *diff = (struct policy_diff){0};
}
