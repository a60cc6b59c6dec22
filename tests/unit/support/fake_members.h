#pragma once
/* The members of groups of the runtime in fake_runtime.h, which includes this where `fake` is
 * known: one at most. */

#include "runtime/members.h"
#include "runtime/pools.h"

size_t runtime_members(const struct runtime *runtime) {
        (void) runtime;
        return fake.member ? 1 : 0;
}

void runtime_member(const struct runtime *runtime, size_t index, struct member_snapshot *ret) {
        (void) runtime;
        (void) index;
        *ret = *fake.member;
}

void runtime_failover(struct runtime *runtime, const char *group, const char *to, const char *by,
        runtime_reply call, void *cookie) {
        (void) runtime;
        (void) by;
        fake.failover_group = group;
        str_copy(fake.failover_to, sizeof(fake.failover_to), to ? to : "");
        fake.reply = call;
        fake.reply_cookie = cookie;
}

/* And those of pools. */

size_t runtime_pools(const struct runtime *runtime) {
        (void) runtime;
        return fake.pool ? 1 : 0;
}

void runtime_pool(const struct runtime *runtime, size_t index, struct pool_snapshot *ret) {
        (void) runtime;
        (void) index;
        *ret = *fake.pool;
}
