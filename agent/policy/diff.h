#pragma once
/* What a reload changes: services of two policies compared by name and digest. */

#include <stdint.h>

#include "model/policy.h"

enum change { CHANGE_SAME = 0, CHANGE_CHANGED, CHANGE_ADDED, CHANGE_REMOVED };
DECLARE_ENUM_TEXT(change)

struct policy_change {
        enum change change;
        const char *name;
        const struct service *old; /* NULL: added */
        const struct service *new; /* NULL: removed */
};

struct policy_diff {
        struct policy_change
                *items; /* the new policy's services in its order, then the removed ones */
        uint32_t count;
        uint32_t n_same, n_changed, n_added, n_removed;
};

/* Both policies must outlive the result. `old` may be NULL: everything is added. -ENOMEM; released
 * with policy_diff_done. */
int policy_diff(const struct policy *old, const struct policy *new, struct policy_diff *ret);

void policy_diff_done(struct policy_diff *diff);
