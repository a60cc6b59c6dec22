/* The keys of `self_suspicion`: when the agent takes what it sees for its own fault. */

#include "policy/policy_tables.h"

static const struct schema_field suspicion_fields[] = {
        {.key = "enabled",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct suspicion_spec, enabled),
                .standard = "true",
                .help = "Whether the agent suspects itself at all.",
                .example = "false"},
        {.key = "share",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct suspicion_spec, share),
                .standard = "30%",
                .least = "1%",
                .most = "100%",
                .help = "Share of the services that share no dependency which has to fail "
                        "together.",
                .example = "50%"},
        {.key = "at_least",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct suspicion_spec, at_least),
                .standard = "4",
                .least = "2",
                .most = "20000",
                .help = "And how many of them, whatever their share.",
                .example = "10"},
        {.key = "at_most",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct suspicion_spec, at_most),
                .standard = "10m",
                .least = "10s",
                .most = "1d",
                .help = "Actions are held no longer than this; then the agent acts on what it "
                        "sees, on one service at a time. What fails for longer no longer counts "
                        "towards `share`.",
                .example = "30m"},
        {.key = "calm",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct suspicion_spec, calm),
                .standard = "10s",
                .least = "1s",
                .most = "1h",
                .help = "It trusts itself again when there was no sign for so long.",
                .example = "30s"},
        {.key = "cpu_pressure",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct suspicion_spec, cpu_pressure),
                .standard = "90%",
                .most = "100%",
                .help = "A sign: tasks waited for the CPU in this share of the last 10 seconds, "
                        "and the agent itself was kept waiting, too. 0% never is.",
                .example = "70%"},
        {.key = "memory_pressure",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct suspicion_spec, memory_pressure),
                .standard = "40%",
                .most = "100%",
                .help = "A sign: all tasks waited for memory in this share of the last 10 "
                        "seconds. 0% never is.",
                .example = "20%"},
        {.key = "min_memory",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct suspicion_spec, min_memory),
                .standard = "2%",
                .most = "50%",
                .help = "A sign: less of the memory of the host is available. 0% never is.",
                .example = "5%"},
        {0},
};

const struct schema suspicion_schema = {
        .name = "self-suspicion",
        .help = "When the agent takes what it sees for its own fault: failures then count as "
                "unknown, and what would disturb a service is held.",
        .size = sizeof(struct suspicion_spec),
        .fields = suspicion_fields,
};
