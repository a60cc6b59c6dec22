#pragma once
/* The keys that every step of a recovery ladder has, for the tables of the steps. */

#include "model/observation.h"
#include "policy/policy_tables.h"

#define STEP_FIELDS(standard_attempts)                                                              \
        {.key = "attempts",                                                                         \
                .kind = SCHEMA_UINT,                                                                \
                .offset = offsetof(struct step_spec, attempts),                                     \
                .standard = standard_attempts,                                                      \
                .least = "1",                                                                       \
                .most = "1000",                                                                     \
                .help = "How often the step is tried before the next one.",                         \
                .example = "5"},                                                                    \
                {.key = "for",                                                                      \
                        .kind = SCHEMA_ENUM_SET,                                                    \
                        .offset = offsetof(struct step_spec, causes),                               \
                        .words = cause_texts + 1, /* without "none" */                              \
                        .help = "Causes that the step can cure; for others it is passed over. A "   \
                                "kind stands for all of its causes, as `exited` for `exited.oom`. " \
                                "Without the key: all; for reload and signal, which need a "        \
                                "running service, all but exited and unit-state.",                  \
                        .example = "[exited.oom, unresponsive]"},                                   \
                {.key = "timeout",                                                                  \
                        .kind = SCHEMA_DURATION,                                                    \
                        .offset = offsetof(struct step_spec, timeout),                              \
                        .least = "100ms",                                                           \
                        .most = "1h",                                                               \
                        .help = "Longest time for the action itself. Standard: `stop_timeout` "     \
                                "and a margin for restart, start and stop of a `command`, "         \
                                "otherwise 1m.",                                                    \
                        .example = "20s"},                                                          \
                {.key = "verify",                                                                   \
                        .kind = SCHEMA_DURATION,                                                    \
                        .offset = offsetof(struct step_spec, verify),                               \
                        .least = "100ms",                                                           \
                        .most = "1d",                                                               \
                        .inherited = true,                                                          \
                        .help = "How long the probes have, after the action, to prove the "         \
                                "service well.",                                                    \
                        .example = "1m"},                                                           \
                {.key = "budget",                                                                   \
                        .kind = SCHEMA_OBJECT_PTR,                                                  \
                        .offset = offsetof(struct step_spec, budget),                               \
                        .object = &step_budget_schema,                                              \
                        .help = "How often this step may be tried, over all incidents. Where it "   \
                                "is spent, the step waits. Without the key: the service's "         \
                                "`budget` alone.",                                                  \
                        .example = "{actions: 2, per: 1d}"},                                        \
        {                                                                                           \
                .key = "backoff", .kind = SCHEMA_OBJECT_PTR,                                        \
                .offset = offsetof(struct step_spec, backoff), .object = &backoff_schema,           \
                .help = "Waits of this step alone; what is left out has the standard, not the "     \
                        "service's "                                                                \
                        "value. Without the key: the service's `backoff`.",                         \
                .example = "{delays: [0s, 10s]}"                                                    \
        }
