#pragma once
/* A group in the policy of fake_runtime.h, of which checkout is the active member on host db1. */

#include "tests/unit/support/fake_runtime.h"

static struct group_spec fake_groups[] = {
        {.name = "shop", .mode = GROUP_ACTIVE_STANDBY, .coordinator = COORDINATOR_ETCD},
        {.name = "batch"},
};
static struct member fake_machine = {.duty = DUTY_ACTIVE, .since = AGO(60), .last_rule = 741};
static const struct member_input fake_input;
static struct lease_view fake_lease;
static struct member_snapshot fake_snapshot;

static inline void fake_join_group(void) {
        fake.policy.groups = fake_groups;
        fake.policy.n_groups = 2;
        fake_services[FAKE_CHECKOUT].group = &fake_groups[0];
        fake_lease = (struct lease_view){.standing = LEASE_OURS,
                .token = 7,
                .usable_until = IN(9.5),
                .session = SESSION_CONNECTED,
                .holder = "db1/checkout",
                .peers = {{"db2/checkout", "can=1 priority=100 duty=standby"}},
                .n_peers = 1};
        fake_snapshot = (struct member_snapshot){.service = &fake_services[FAKE_CHECKOUT],
                .id = "db1/checkout",
                .member = &fake_machine,
                .input = &fake_input,
                .view = &fake_lease,
                .role_text = "active",
                .duty = "active",
                .sentence = "it was promoted",
                .failovers = 1,
                .can = true,
                .guards = {{"lease", false, "the lease is its own"},
                        {"health", true, "it is beyond repair"}},
                .counts = {3, 1, 2, 0}};
        fake.member = &fake_snapshot;
}

static inline void fake_leave_group(void) {
        fake_services[FAKE_CHECKOUT].group = NULL;
}
