/* The keys of `agent`. */

#include <assert.h>
#include <sys/param.h>

#include "policy/custom_values.h"
#include "policy/policy_tables.h"

static const struct enum_text log_level_texts[] = {
        {3, "error", "Only what failed for good."},
        {4, "warning", "And what went wrong and was survived."},
        {5, "notice", "And every incident."},
        {6, "info", "And every change of state."},
        {7, "debug", "And what helps to find faults of the agent."},
        {0},
};

static_assert(CRASH_LOOP_STARTS_MAX == 8, "the limit below is this number as text");

static const struct schema_field crash_loop_fields[] = {
        {.key = "starts",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct crash_loop_spec, starts),
                .standard = "3",
                .most = "8",
                .help = "So many starts of the agent that did not end in order make a crash loop. 0: "
                        "it is not looked for.",
                .example = "5"},
        {.key = "within",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct crash_loop_spec, within),
                .standard = "10m",
                .least = "1s",
                .most = "1d",
                .help = "The stretch of time that they are counted in, and as long the agent only "
                        "observes then.",
                .example = "30m"},
        {0},
};

static const struct schema crash_loop_schema = {
        .name = "crash loop",
        .help = "When the agent itself crashes again and again, it starts as with `mode: observe`, "
                "until it has been up for `within`, ends in order, or a person says `recoverctl "
                "release`.",
        .size = sizeof(struct crash_loop_spec),
        .fields = crash_loop_fields,
};

static const struct schema_field agent_fields[] = {
        {.key = "host",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct agent_spec, host),
                .help = "What this host is called in groups. Standard: its host name. No two hosts of "
                        "a group may have the same.",
                .example = "db1"},
        {.key = "listen",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct agent_spec, listen),
                .standard = "127.0.0.1:7790",
                .help = "Address and port of metrics, /healthz and the status page; `none` for "
                        "no listener.",
                .example = "\"[::1]:7790\"",
                .parse = parse_listen,
                .pattern = PATTERN_LISTEN,
                .single = true},
        {.key = "agent_check",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct agent_spec, agent_check),
                .help = "Address and port where HAProxy's `agent-check` is answered from what the probes "
                        "say: `agent-send` names the service. Without the key, and with `none`: nowhere.",
                .example = "127.0.0.1:7777",
                .parse = parse_listen,
                .pattern = PATTERN_LISTEN,
                .single = true},
        {.key = "web_config_file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct agent_spec, web_config_file),
                .help = "TLS and basic authentication of the listener, in the format that "
                        "Prometheus exporters share.",
                .example = "/etc/recoverd/web.yml"},
        {.key = "operators_group",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct agent_spec, operators_group),
                .help = "Members may command the agent. Standard: only root and the agent's own "
                        "user.",
                .example = "operators"},
        {.key = "mode",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct agent_spec, mode),
                .standard = "act",
                .words = mode_texts,
                .help = "The same as `mode` of every service.",
                .example = "observe"},
        {.key = "hold_file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct agent_spec, hold_file),
                .standard = RECOVERD_SYSCONFDIR "/hold",
                .help = "While this file exists no step of any ladder is taken on the host. The "
                        "executor looks for it by itself, before each action. A line of it says "
                        "why; with the word `everything` alone on a line, what people ask for is "
                        "held, too.",
                .example = "/run/recoverd-hold"},
        {.key = "package_locks",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct agent_spec, package_locks),
                .help = "Recovery is held while a process holds a write lock (fcntl) on one of these "
                        "files. Standard: those of dpkg, apt, rpm, dnf and zypper; `[]` for none.",
                .example = "[/var/lib/dpkg/lock-frontend]"},
        {.key = "crash_loop",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct agent_spec, crash_loop),
                .object = &crash_loop_schema,
                .help = "When the agent takes itself for the trouble, and stops to act.",
                .example = "{starts: 5, within: 30m}"},
        {.key = "hold_at_most",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct agent_spec, hold_at_most),
                .standard = "1h",
                .least = "1s",
                .most = "30d",
                .help = "A package manager that takes longer holds recovery no more.",
                .example = "20m"},
        {.key = "log_level",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct agent_spec, log_level),
                .standard = "info",
                .words = log_level_texts,
                .help = "How much is logged.",
                .example = "debug"},
        {.key = "budget",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct agent_spec, budget),
                .object = &host_budget_schema,
                .help = "How many actions all services may cost together.",
                .example = "{actions: 30, per: 1h}"},
        {.key = "self_suspicion",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct agent_spec, suspicion),
                .object = &suspicion_schema,
                .help = "When the agent takes what it sees for its own fault.",
                .example = "{share: 50%, at_least: 6}"},
        {.key = "slack",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct agent_spec, slack),
                .standard = "50ms",
                .most = "5s",
                .help = "Probes that are due this close together start together, which saves CPU.",
                .example = "20ms"},
        {.key = "max_in_flight",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct agent_spec, max_in_flight),
                .standard = "2048",
                .least = "1",
                .most = "65536",
                .help = "Most probe runs at one time; more wait.",
                .example = "512"},
        {.key = "store_timeout",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct agent_spec, store_timeout),
                .standard = "1s",
                .least = "10ms",
                .most = "1m",
                .help = "Longest wait for the state database before the agent goes on without it.",
                .example = "2s"},
        {.key = "stop_services_on_exit",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct agent_spec, stop_services_on_exit),
                .standard = "false",
                .help = "Ending the agent also stops the `command` services. Otherwise they "
                        "live on and are adopted by "
                        "the next agent.",
                .example = "true"},
        {.key = "keep_incidents",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct agent_spec, keep_incidents),
                .standard = "1000",
                .most = "1000000",
                .help = "How many closed incidents the history keeps.",
                .example = "5000"},
        {0},
};

const struct schema agent_schema = {
        .name = "agent",
        .help = "Settings of the agent, in recoverd.yaml.",
        .size = sizeof(struct agent_spec),
        .fields = agent_fields,
};
