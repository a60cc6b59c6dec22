#pragma once
/* A policy that several hold: the executor, and each action and probe run that began under it. A
 * reload replaces it for what begins later, and the last holder frees it. */

#include "model/policy.h"

struct policy_share {
        struct policy *policy;
        unsigned holders;
};

/* Takes the policy over, held once. NULL when out of memory; the policy is freed then. */
struct policy_share *policy_share_new(struct policy *policy);
struct policy_share *policy_share_hold(struct policy_share *share); /* accepts NULL */
void policy_share_release(struct policy_share *share); /* accepts NULL */
