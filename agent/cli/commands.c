#include "cli/agent_client.h"
#include "cli/command.h"

/* clang-format off */
const struct option_spec common_options[] = {
        {"json", 'j', NULL, "print one JSON object instead of text",
                offsetof(struct invocation, json)},
        {"socket", 's', "PATH", "control socket of the agent (RECOVERD_SOCKET, else "
                AGENT_SOCKET_STANDARD ")", offsetof(struct invocation, socket)},
        {"help", 'h', NULL, "print this help", offsetof(struct invocation, help)},
        {0},
};

static const struct option_spec status_options[] = {
        {"watch", 'w', NULL, "show it again every 2 seconds until Ctrl-C",
                offsetof(struct invocation, watch)},
        {0},
};

static const struct option_spec incidents_options[] = {
        {"limit", 'n', "N", "at most so many (1 to 1000, else 50)",
                offsetof(struct invocation, limit)},
        {"before", 'b', "ID", "only incidents older than this one",
                offsetof(struct invocation, before)},
        {0},
};

static const struct option_spec pause_options[] = {
        {"for", 'f', "DURATION", "such as 30m or 2h (else 1h); the pause ends by itself",
                offsetof(struct invocation, duration)},
        {"reason", 'r', "TEXT", "why, for the others", offsetof(struct invocation, reason)},
        {"all", 'a', NULL, "every service", offsetof(struct invocation, all)},
        {0},
};

static const struct option_spec resume_options[] = {
        {"all", 'a', NULL, "every service", offsetof(struct invocation, all)},
        {0},
};

static const struct option_spec heartbeat_options[] = {
        {"status", 't', "TEXT", "what the probe says about it, such as '42 files saved'",
                offsetof(struct invocation, status)},
        {"failed", 'x', NULL, "report a failure", offsetof(struct invocation, failed)},
        {"token-file", 'k', "FILE", "secret of the probe, for users who may not command",
                offsetof(struct invocation, token_file)},
        {0},
};

static const struct option_spec check_options[] = {
        {"config", 'c', "FILE", "the agent's own configuration, recoverd.yaml",
                offsetof(struct invocation, config)},
        {0},
};

const struct command commands[] = {
        {"check", "[PATH...]", 0, ARGUMENTS_MAX, "validate policy files and say what they imply",
                "Reads the files, and the *.yaml of the directories, without asking an agent; without a PATH\n"
                "what the agent would read: " RECOVERD_SYSCONFDIR "/recoverd.yaml and policies.d. Prints all\n"
                "problems with their places, then for each service what the policy implies.\n"
                "Exit status 1 when there is an error.\n"
                "\n"
                "Examples:\n"
                "  recoverctl check\n"
                "  recoverctl check shop.yaml\n"
                "  recoverctl check --config recoverd.yaml policies.d\n",
                check_options, false, run_check},
        {"status", "[SERVICE]", 0, 1, "services, their state, and what comes next",
                "Exit status 1 when a service is down, so it can be used in scripts.\n"
                "\n"
                "Examples:\n"
                "  recoverctl status\n"
                "  recoverctl status checkout --watch\n"
                "  recoverctl status --json | jq -r '.services[] | select(.down) | .name'\n",
                status_options, false, run_status},
        {"why", "SERVICE", 1, 1, "why a service is as it is, and what comes next",
                "Prints the evidence, the rule that decided, what holds it, the budget, the ladder and the\n"
                "next thing that will happen and when.\n"
                "\n"
                "Example:\n"
                "  recoverctl why checkout\n",
                NULL, false, run_why},
        {"incidents", "[SERVICE]", 0, 1, "history, newest first",
                "Examples:\n"
                "  recoverctl incidents\n"
                "  recoverctl incidents checkout --limit 5\n",
                incidents_options, false, run_incidents},
        {"incident", "ID", 1, 1, "one incident with its timeline and evidence",
                "Example:\n"
                "  recoverctl incident 17\n",
                NULL, false, run_incident},
        {"probe", "SERVICE[/PROBE]", 1, 1, "run probes now, once",
                "The results count like those of any other run. Exit status 1 when one does not pass.\n"
                "\n"
                "Examples:\n"
                "  recoverctl probe checkout\n"
                "  recoverctl probe checkout/health\n",
                NULL, false, run_probe},
        {"heartbeat", "SERVICE[/PROBE]", 1, 1, "call in for a service or a job",
                "Its heartbeat probes, or the one that is named, wait for such calls. Prints nothing, so that\n"
                "cron has nothing to mail.\n"
                "\n"
                "Examples:\n"
                "  backup && recoverctl heartbeat nightly-backup\n"
                "  recoverctl heartbeat nightly-backup/done --status '42 files saved'\n"
                "  backup || recoverctl heartbeat nightly-backup --failed --status 'disk full'\n",
                heartbeat_options, false, run_heartbeat},
        {"pause", "SERVICE|--all", 0, 1, "maintenance: no action on a service for some time",
                "Probing goes on. The pause expires by itself, so that none is forgotten.\n"
                "\n"
                "Examples:\n"
                "  recoverctl pause checkout --for 30m --reason 'new release'\n"
                "  recoverctl pause --all --for 2h --reason 'network maintenance'\n",
                pause_options, false, run_pause},
        {"resume", "SERVICE|--all", 0, 1, "end a pause",
                "Example:\n"
                "  recoverctl resume checkout\n",
                resume_options, false, run_resume},
        {"ack", "SERVICE", 1, 1, "take note of a service that was given up; recovery begins again",
                "Example:\n"
                "  recoverctl ack checkout\n",
                NULL, false, run_order},
        {"restart", "SERVICE", 1, 1, "restart through the same guards and verification",
                "Returns when the restart is under way; 'recoverctl status SERVICE --watch' shows how it goes.\n"
                "\n"
                "Example:\n"
                "  recoverctl restart checkout\n",
                NULL, false, run_order},
        {"start", "SERVICE", 1, 1, "start a stopped service and watch over it again",
                "Example:\n"
                "  recoverctl start checkout\n",
                NULL, false, run_order},
        {"stop", "SERVICE", 1, 1, "stop a service; that is not a failure",
                "Example:\n"
                "  recoverctl stop checkout\n",
                NULL, false, run_order},
        {"reload", "", 0, 0, "check the policies, then swap them in",
                "Prints all located errors when they are refused; the old policies stay in force then.\n"
                "\n"
                "Example:\n"
                "  recoverctl reload\n",
                NULL, false, run_reload},
        {"generate", "policy-reference|json-schema|state-machine", 1, 1,
                "print a reference that is generated from the program's own tables",
                "Example:\n"
                "  recoverctl generate state-machine > docs/state-machine.md\n",
                NULL, true, run_generate},
        {0},
};
/* clang-format on */
