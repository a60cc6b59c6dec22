/* The keys of groups. */

#include <assert.h>

#include "policy/custom_values.h"
#include "policy/policy_tables.h"

/* What the keys of a group with one active member need beside them in an example. */
#define ACTIVE_STANDBY "mode: active-standby, coordinator: zookeeper, members: {db1: {}, db2: {}}"
/* And those of a pool. */
#define POOL "mode: pool, coordinator: etcd, members: {web1: {}, web2: {}, web3: {}}"
#define PROMOTING "promote: [start, exec: {command: [/usr/local/bin/promote]}]"
#define FOLLOWING "follow: [exec: {command: [/usr/local/bin/follow-primary]}, start]"
#define SPEC(member) (offsetof(struct group_form, spec) + offsetof(struct group_spec, member))

static const struct schema_field group_budget_fields[] = {
        {.key = "actions",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct budget_spec, actions),
                .standard = "20",
                .most = "256",
                .help = "Most actions within any stretch of `per`. 0 allows none.",
                .example = "5"},
        {.key = "per",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct budget_spec, per),
                .standard = "1h",
                .least = "1s",
                .most = "30d",
                .help = "The stretch of time that the actions are counted in.",
                .example = "30m"},
        {0},
};

static const struct schema group_budget_schema = {
        .name = "group budget",
        .help = "How many actions all members of the group may cost together.",
        .size = sizeof(struct budget_spec),
        .fields = group_budget_fields,
};

static_assert(GROUP_FAILOVERS_MAX == 64, "the limit below is this number as text");

static const struct schema_field max_failovers_fields[] = {
        {.key = "count",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct budget_spec, actions),
                .standard = "3",
                .most = "64",
                .help = "Most failovers within any stretch of `per`. 0: any number.",
                .example = "2"},
        {.key = "per",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct budget_spec, per),
                .standard = "1h",
                .least = "1s",
                .most = "30d",
                .help = "The stretch of time that they are counted in.",
                .example = "30m"},
        {0},
};

static const struct schema max_failovers_schema = {
        .name = "max failovers",
        .help = "How often the active member may change before everybody waits for a person. The "
                "changes are kept by the coordinator, so that agents that are started anew count "
                "them, too.",
        .size = sizeof(struct budget_spec),
        .fields = max_failovers_fields,
};

/* ---- Members ---- */

static const struct schema_field member_fields[] = {
        {.key = "priority",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct group_member_spec, priority),
                .standard = "100",
                .most = "1000",
                .help = "The healthy member with the highest is promoted; among equals the first by "
                        "name.",
                .example = "200"},
        {.key = "zone",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct group_member_spec, zone),
                .help = "In a pool: where it stands, such as a rack or a site. While a member of one "
                        "zone is disrupted, none of another zone is.",
                .example = "a"},
        {.key = "address",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct group_member_spec, address),
                .help = "Where the agent of this host listens for those of the others, as `peers` in "
                        "`coordinator` of its recoverd.yaml says: for `on_coordinator_loss: "
                        "hold-if-all-peers-agree`.",
                .example = "\"10.0.0.1:7946\"",
                .parse = parse_peer,
                .pattern = PATTERN_PEER,
                .single = true},
        {0},
};

static const struct schema member_schema = {
        .name = "group member",
        .help = "A host of the group, or with the local coordinator a service.",
        .size = sizeof(struct group_member_spec),
        .fields = member_fields,
};

/* ---- Steps ---- */

static const struct schema_field no_fields[] = {{0}};

static const struct schema_field exec_fields[] = {
        {.key = "command",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct group_step_spec, exec.command),
                .help = "Program and arguments, without a shell. RECOVERD_GROUP, RECOVERD_ROLE, "
                        "RECOVERD_MEMBER and RECOVERD_FENCING_TOKEN are in its environment, in "
                        "`follow` also RECOVERD_ACTIVE. Its exit status 0 means that it worked.",
                .example = "[/usr/local/bin/mount-data]",
                .required = true},
        {.key = "user",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct group_step_spec, exec.user),
                .help = "User that runs it. Standard: the service's, otherwise the executor's own.",
                .example = "root"},
        {.key = "timeout",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct group_step_spec, timeout),
                .standard = "2s",
                .least = "100ms",
                .most = "1d",
                .help = "It is killed after this time. That of each program of `demote` is part of the "
                        "time that has to fit into the lease. Beyond 5m only in `follow`, where a "
                        "program may copy all data.",
                .example = "5s"},
        {0},
};

#define STEP_SCHEMA(table, title, sentence)                                                        \
        {                                                                                          \
                .name = title, .help = sentence, .size = sizeof(struct group_step_spec),           \
                .fields = table,                                                                   \
        }

static const struct schema start_schema =
        STEP_SCHEMA(no_fields, "group start step", "Starts the service.");
static const struct schema stop_schema =
        STEP_SCHEMA(no_fields, "group stop step", "Stops the service and proves that it is gone.");
static const struct schema exec_schema = STEP_SCHEMA(
        exec_fields, "group exec step", "Runs a program at a change of the active member.");

static const struct schema_variant group_step_variants[] = {
        {"start", ACTION_START, &start_schema, "Start the service."},
        {"stop", ACTION_STOP, &stop_schema, "Stop the service, and prove that it is gone."},
        {"exec", ACTION_EXEC, &exec_schema, "Run a program."},
        {"haproxy", ACTION_HAPROXY, &haproxy_group_step_schema,
                "Tell HAProxy how much traffic it gets."},
        {0},
};

static const struct schema group_step_schema = {
        .name = "group step",
        .help = "What is done at a change of the active member. A bare word, as in `- start`, will do.",
        .size = sizeof(struct group_step_form),
        .variants = group_step_variants,
        .tag_offset = offsetof(struct group_step_form, action),
        .variant_offset = offsetof(struct group_step_form, body),
};

/* ---- The group ---- */

static const struct schema_field group_fields[] = {
        {.key = "budget",
                .kind = SCHEMA_OBJECT,
                .offset = SPEC(budget),
                .object = &group_budget_schema,
                .help = "How many actions all members may cost together.",
                .example = "{actions: 4, per: 10m}"},
        {.key = "mode",
                .kind = SCHEMA_ENUM,
                .offset = SPEC(mode),
                .words = group_mode_texts,
                .help = "With `active-standby` at most one member is active at a time, under a lease. "
                        "With `pool` all may be active, and what disrupts one waits for a permit. "
                        "Without the key the members share a budget, and nothing else.",
                .example = "active-standby",
                .with = "coordinator: zookeeper, members: {db1: {}, db2: {}}"},
        {.key = "coordinator",
                .kind = SCHEMA_ENUM,
                .offset = SPEC(coordinator),
                .standard = "local",
                .words = coordinator_kind_texts,
                .help = "Who gives the lease, or the permits. `local`: the members are services of this "
                        "host, such as blue and green. Otherwise they are hosts, each with one service "
                        "that is `member_of` the group.",
                .example = "zookeeper",
                .with = "mode: active-standby, members: {db1: {}, db2: {}}"},
        {.key = "members",
                .kind = SCHEMA_OBJECT_MAP,
                .offset = offsetof(struct group_form, members),
                .object = &member_schema,
                .help = "The members by name, at most 16, or 32 of a pool: hosts as `host` of their "
                        "recoverd.yaml calls them, or with the local coordinator services.",
                .example = "{db1: {priority: 200}, db2: {}}",
                .with = "mode: active-standby, coordinator: zookeeper"},
        {.key = "lease",
                .kind = SCHEMA_DURATION,
                .offset = SPEC(lease),
                .standard = "15s",
                .least = "1s",
                .most = "10m",
                .help = "For so long the active member is the only one, counted from the last word of "
                        "the coordinator. A host that is lost is replaced after this time. In a pool: "
                        "the permit of a host that is lost is free again after this time.",
                .example = "30s",
                .with = ACTIVE_STANDBY},
        {.key = "min_healthy",
                .kind = SCHEMA_AMOUNT,
                .units = SCHEMA_UNITS_COUNT | SCHEMA_UNITS_PERCENT,
                .offset = SPEC(min_healthy),
                .help = "So many members of a pool, or such a share of them, rounded up, have to stay "
                        "healthy: a member that serves is not disrupted where fewer would be left. One "
                        "that is down anyway may be restarted.",
                .example = "60%",
                .with = POOL},
        {.key = "max_disruptions",
                .kind = SCHEMA_UINT,
                .offset = SPEC(max_disruptions),
                .standard = "1",
                .most = "16",
                .help = "So many members of a pool may be restarted, stopped or rolled back at once.",
                .example = "2",
                .with = POOL ", min_healthy: 1"},
        {.key = "margin",
                .kind = SCHEMA_DURATION,
                .offset = SPEC(margin),
                .standard = "1s",
                .least = "100ms",
                .most = "1m",
                .help = "A member that loses its lease has been stopped so long before the lease ends.",
                .example = "2s",
                .with = ACTIVE_STANDBY},
        {.key = "stop_timeout",
                .kind = SCHEMA_DURATION,
                .offset = SPEC(stop_timeout),
                .standard = "3s",
                .least = "100ms",
                .most = "5m",
                .help = "In a demotion all processes of the service are killed when they have not ended "
                        "within this time.",
                .example = "5s",
                .with = ACTIVE_STANDBY},
        {.key = "promote",
                .kind = SCHEMA_OBJECTS,
                .offset = offsetof(struct group_form, promote),
                .object = &group_step_schema,
                .help = "What makes a member the active one, in this order. Standard: `[start]`, which "
                        "has to be in it.",
                .example = "[exec: {command: [/usr/local/bin/mount-data]}, start]",
                .with = ACTIVE_STANDBY},
        {.key = "demote",
                .kind = SCHEMA_OBJECTS,
                .offset = offsetof(struct group_form, demote),
                .object = &group_step_schema,
                .help = "What makes it a standby, in this order. Standard: `[stop]`, which has to be in "
                        "it. The stop takes place even where a program before it fails.",
                .example = "[stop, exec: {command: [/usr/local/bin/unmount-data]}]",
                .with = ACTIVE_STANDBY},
        {.key = "fence",
                .kind = SCHEMA_OBJECTS,
                .offset = offsetof(struct group_form, fence),
                .object = &group_step_schema,
                .help = "Programs before `promote` that make sure that no other member can do harm. "
                        "Nobody is promoted when one of them fails.",
                .example = "[exec: {command: [/usr/local/bin/power-off-the-other]}]",
                .with = ACTIVE_STANDBY},
        {.key = "standby",
                .kind = SCHEMA_ENUM,
                .offset = SPEC(standby),
                .standard = "stopped",
                .words = standby_kind_texts,
                .help = "What a standby does. One that runs is made to follow the active member by "
                        "`follow`, and only one that does may be promoted.",
                .example = "running",
                .with = ACTIVE_STANDBY ", " PROMOTING ", " FOLLOWING},
        {.key = "follow",
                .kind = SCHEMA_OBJECTS,
                .offset = offsetof(struct group_form, follow),
                .object = &group_step_schema,
                .help = "With `standby: running`, what makes a member a standby of the active one, "
                        "which RECOVERD_ACTIVE names, in this order. `start` has to be in it. It is run "
                        "when nothing of the service runs, and anew for another active member.",
                .example = "[exec: {command: [/usr/local/bin/follow-primary], timeout: 1h}, start]",
                .with = ACTIVE_STANDBY ", " PROMOTING ", standby: running"},
        {.key = "address",
                .kind = SCHEMA_CUSTOM,
                .offset = SPEC(address),
                .help = "An address that the active member has, and its interface. It is taken before "
                        "`promote`, unless another machine has it, and given back after `demote`.",
                .example = "192.0.2.10/24 dev eth0",
                .with = ACTIVE_STANDBY,
                .parse = parse_address,
                .pattern = PATTERN_ADDRESS,
                .single = true},
        {.key = "requires_healthy",
                .kind = SCHEMA_STRINGS,
                .offset = SPEC(requires_healthy),
                .help = "Probes of a member that have to be healthy before it is promoted, such as one "
                        "that looks at the data. They have to pass while the service is stopped, with "
                        "`standby: running` while it follows: the lag of its replication, say.",
                .example = "[data]",
                .with = ACTIVE_STANDBY},
        {.key = "preempt",
                .kind = SCHEMA_BOOL,
                .offset = SPEC(preempt),
                .standard = "false",
                .help = "Whether a member of higher priority takes over from one that is well.",
                .example = "true",
                .with = ACTIVE_STANDBY},
        {.key = "failover_delay",
                .kind = SCHEMA_DURATION,
                .offset = SPEC(failover_delay),
                .standard = "0s",
                .most = "1h",
                .help = "The lease has to be free for so long before a member takes it.",
                .example = "10s",
                .with = ACTIVE_STANDBY},
        {.key = "max_failovers",
                .kind = SCHEMA_OBJECT,
                .offset = SPEC(max_failovers),
                .object = &max_failovers_schema,
                .help = "How often the active member may change by itself.",
                .example = "{count: 2, per: 1h}",
                .with = ACTIVE_STANDBY},
        {.key = "on_coordinator_loss",
                .kind = SCHEMA_ENUM,
                .offset = SPEC(on_coordinator_loss),
                .standard = "demote",
                .words = coordinator_loss_texts,
                .help = "What becomes of the active member while the coordinator does not answer.",
                .example = "demote",
                .with = ACTIVE_STANDBY},
        {.key = "on_stop_unproven",
                .kind = SCHEMA_ENUM,
                .offset = SPEC(on_stop_unproven),
                .standard = "keep",
                .words = stop_unproven_texts,
                .help = "What is done when a demotion cannot prove that the service is gone.",
                .example = "reboot",
                .with = ACTIVE_STANDBY},
        {0},
};

const struct schema group_schema = {
        .name = "group",
        .help = "Services that are limited together: replicas, the parts of one shop. Or the members "
                "of which one is active, or of which so many have to stay healthy.",
        .size = sizeof(struct group_form),
        .fields = group_fields,
};
