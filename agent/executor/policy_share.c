#include "executor/policy_share.h"

#include <stdlib.h>

struct policy_share *policy_share_new(struct policy *policy) {
        struct policy_share *share = calloc(1, sizeof(*share));
        if (!share) {
                policy_free(policy);
                return NULL;
        }
        *share = (struct policy_share){.policy = policy, .holders = 1};
        return share;
}

struct policy_share *policy_share_hold(struct policy_share *share) {
        if (share) {
                share->holders++;
        }
        return share;
}

void policy_share_release(struct policy_share *share) {
        if (share && --share->holders == 0) {
                policy_free(share->policy);
                free(share);
        }
}
