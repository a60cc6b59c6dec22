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

static const struct option_spec incident_options[] = {
        {"evidence", 'e', NULL, "print what was collected before the first action",
                offsetof(struct invocation, evidence)},
        {0},
};

static const struct option_spec pause_options[] = {
        {"for", 'f', "DURATION", "such as 30m or 2h (else 1h); the pause ends by itself",
                offsetof(struct invocation, duration)},
        {"reason", 'r', "TEXT", "why, for the others", offsetof(struct invocation, reason)},
        {"all", 'a', NULL, "every service", offsetof(struct invocation, all)},
        {0},
};

static const struct option_spec failover_options[] = {
        {"to", 'T', "MEMBER", "a host, a service, or HOST/SERVICE (else the best of those that could)",
                offsetof(struct invocation, to)},
        {0},
};

static const struct option_spec hold_options[] = {
        {"all", 'a', NULL, "the whole host; required", offsetof(struct invocation, all)},
        {"reason", 'r', "TEXT", "why, for the others; required",
                offsetof(struct invocation, reason)},
        {"for", 'f', "DURATION", "such as 30m or 2h (else until it is released)",
                offsetof(struct invocation, duration)},
        {0},
};

static const struct option_spec resume_options[] = {
        {"all", 'a', NULL, "every service", offsetof(struct invocation, all)},
        {0},
};

static const struct option_spec checkpoint_options[] = {
        {"to", 'T', "DIR", "restore: the folder that gets the files, empty or absent",
                offsetof(struct invocation, to)},
        {"from", 'F', "REPLICA", "restore: a copy of the store, on a host without it",
                offsetof(struct invocation, from)},
        {0},
};

static const struct option_spec rollback_options[] = {
        {"undo", 'u', NULL, "take the last rollback back instead", offsetof(struct invocation, undo)},
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
        {"explain", 'e', "SERVICE", "only this one, at length: each probe, each attempt",
                offsetof(struct invocation, explain)},
        {"strict", 'W', NULL, "exit status 1 also when there are warnings",
                offsetof(struct invocation, strict)},
        {0},
};

static const struct option_spec replay_options[] = {
        {"trace", 't', "FILE", "the recording; - is standard input", offsetof(struct invocation, trace)},
        {"interval", 'i', "DURATION", "time between its rounds, such as 10m",
                offsetof(struct invocation, interval)},
        {"fall", 'f', "N", "failures in a row that raise an alarm (1 to 64, else 3)",
                offsetof(struct invocation, fall)},
        {"rise", 'r', "N", "passes in a row that end it (1 to 64, else 2)",
                offsetof(struct invocation, rise)},
        {"suspect-self", 'u', "on|off", "whether the agent may suspect itself (else on)",
                offsetof(struct invocation, suspect_self)},
        {"short", 'o', "DURATION", "an alarm that is over within this time is a short one (else 1h)",
                offsetof(struct invocation, shortly)},
        {0},
};

static const struct option_spec simulate_options[] = {
        {"faults", 'F', "FILE", "what goes wrong, and when (else the faults of a usual month)",
                offsetof(struct invocation, faults)},
        {"for", 'f', "DURATION", "how long, in virtual time, such as 12h (else 30d)",
                offsetof(struct invocation, duration)},
        {"seed", 'S', "NUMBER", "decides all that is left to chance (else 1)",
                offsetof(struct invocation, seed)},
        {"against", 'A', "POLICY", "another policy, which meets the same faults",
                offsetof(struct invocation, against)},
        {"replay", 'R', "FILE", "run a recording again instead, with its own policy or another",
                offsetof(struct invocation, replay)},
        {"timeline", 'T', NULL, "everything that happens, in order",
                offsetof(struct invocation, timeline)},
        {"config", 'c', "FILE", "the agent's own configuration, recoverd.yaml",
                offsetof(struct invocation, config)},
        {0},
};

static const struct option_spec init_options[] = {
        {"dry-run", 'n', NULL, "print the policies, and write none", offsetof(struct invocation, dry_run)},
        {"to", 't', "DIR", "where to write (else " RECOVERD_SYSCONFDIR "/policies.d)",
                offsetof(struct invocation, to)},
        {"from", 'f', "DIR", "the library of policies (else the one that is installed)",
                offsetof(struct invocation, from)},
        {0},
};

const struct command commands[] = {
        {"init", "[NAME...]", 0, ARGUMENTS_MAX, "write policies for what runs on this host",
                "Finds the units that run here and that the library has a policy for: nginx, haproxy, redis,\n"
                "postgresql, mariadb, rabbitmq, kafka, zookeeper, cassandra, hadoop-namenode, hadoop-datanode. Writes a\n"
                "commented policy for each, with the unit and the port that it has here, and never over a file that is\n"
                "there. With a NAME only that one, whether it runs or not. Nothing is acted upon until you delete the line\n"
                "'mode: observe'.\n"
                "\n"
                "Run as root it also sees where each listens. --dry-run prints the files, and what it found to standard\n"
                "error. Exit status 1 when nothing was found.\n"
                "\n"
                "Examples:\n"
                "  recoverctl init\n"
                "  recoverctl init --dry-run\n"
                "  recoverctl init redis --to .\n",
                init_options, false, run_init},
        {"check", "[PATH...]", 0, ARGUMENTS_MAX, "validate policy files and say what they imply",
                "Reads the files, and the *.yaml of the directories, without asking an agent; without a PATH\n"
                "what the agent would read: " RECOVERD_SYSCONFDIR "/recoverd.yaml and policies.d. Prints all\n"
                "problems with their places, then for each service what the policy implies.\n"
                "Exit status 1 when there is an error, with --strict also when there is a warning. A comment\n"
                "'# recoverd: allow CODE reason' in the file silences a warning; docs/check-warnings.md has them all.\n"
                "\n"
                "Examples:\n"
                "  recoverctl check\n"
                "  recoverctl check shop.yaml\n"
                "  recoverctl check --explain checkout\n"
                "  recoverctl check --strict policies.d\n"
                "  recoverctl check --config recoverd.yaml policies.d\n",
                check_options, false, run_check},
        {"replay", "", 0, 0, "run the detectors over recorded probe results",
                "The file begins with a line of names, then holds one line a round: 1 for each that passed, 0 for each\n"
                "that failed, with commas between. It may be compressed with xz. The detectors and the self-suspicion\n"
                "are the agent's own; a recording cannot be probed again, so there is no fast interval. HELD are the\n"
                "alarms that there would have been while the agent suspected itself: docs/detection.md.\n"
                "\n"
                "Examples:\n"
                "  recoverctl replay --trace probes.csv.xz --interval 10m --fall 2\n"
                "  zcat probes.csv.gz | recoverctl replay --trace - --interval 1m --suspect-self off --json\n",
                replay_options, false, run_replay},
        {"simulate", "POLICY...|--replay FILE", 0, ARGUMENTS_MAX, "try policies against faults, in virtual time",
                "The decisions are those of the agent's own code; the host, its services and what goes wrong\n"
                "are played. Equal policies, faults and seeds give equal results. What the columns mean and how\n"
                "a file of faults is written: docs/simulator.md.\n"
                "\n"
                "Examples:\n"
                "  recoverctl simulate shop.yaml\n"
                "  recoverctl simulate shop.yaml --faults faults.yaml --for 1d --timeline\n"
                "  recoverctl simulate shop.yaml --against shop-new.yaml --seed 7\n"
                "  recoverctl simulate --replay recording.rec\n",
                simulate_options, false, run_simulate},
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
                incident_options, false, run_incident},
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
        {"pause", "[SERVICE|--all]", 0, 1, "maintenance: no action on a service for some time",
                "Probing goes on. The pause expires by itself, so that none is forgotten. Without a service it lists\n"
                "what is paused.\n"
                "\n"
                "Examples:\n"
                "  recoverctl pause checkout --for 30m --reason 'new release'\n"
                "  recoverctl pause --all --for 2h --reason 'network maintenance'\n"
                "  recoverctl pause\n",
                pause_options, false, run_pause},
        {"resume", "SERVICE|--all", 0, 1, "end a pause",
                "Example:\n"
                "  recoverctl resume checkout\n",
                resume_options, false, run_resume},
        {"hold", "--all", 0, 0, "no recovery on the whole host, until it is released",
                "Probing goes on, and so does what people ask for. Outlives the agent. When no agent can be\n"
                "reached, touch " RECOVERD_SYSCONFDIR "/hold does the same, and the executor heeds it too.\n"
                "\n"
                "Example:\n"
                "  recoverctl hold --all --reason 'storage is moved' --for 2h\n",
                hold_options, false, run_hold},
        {"release", "", 0, 0, "end a hold of the whole host",
                "Also ends the observing after a crash loop of the agent. Exit status 1 while the hold file\n"
                "still exists.\n"
                "\n"
                "Example:\n"
                "  recoverctl release\n",
                NULL, false, run_release},
        {"group", "[GROUP]", 0, 1, "groups with one active member, and pools: how they stand",
                "Examples:\n"
                "  recoverctl group\n"
                "  recoverctl group shop\n",
                NULL, false, run_group},
        {"failover", "GROUP", 1, 1, "have another member of a group become the active one",
                "On any host that has a member of the group: the active one is asked through the coordinator.\n"
                "It is stopped, for certain, before the lease is given to the other; nobody waits for it to\n"
                "run out.\n"
                "\n"
                "Examples:\n"
                "  recoverctl failover shop\n"
                "  recoverctl failover shop --to green\n",
                failover_options, false, run_failover},
        {"ack", "SERVICE", 1, 1, "take note of a service that was given up; recovery begins again",
                "Example:\n"
                "  recoverctl ack checkout\n",
                NULL, false, run_order},
        {"restart", "SERVICE", 1, 1, "restart through the same guards and verification",
                "Returns when the restart is under way; 'recoverctl status SERVICE --watch' shows how it goes.\n"
                "That of a member of a pool waits in line for a permit, so that one asked for on all hosts is\n"
                "done one after the other.\n"
                "\n"
                "Example:\n"
                "  recoverctl restart checkout\n",
                NULL, false, run_order},
        {"checkpoint", "create|list|diff|verify|restore SERVICE [ID [ID]]", 2, 4,
                "the stored images of the files of a service",
                "'diff' compares two of them, or one with what is there now; without an ID the last recovery\n"
                "point. An ID may be cut to four digits; 'last-good' is the last recovery point. 'verify' hashes\n"
                "what is stored anew. 'restore' writes one below a folder, as the user who calls it and without\n"
                "an agent.\n"
                "\n"
                "Examples:\n"
                "  recoverctl checkpoint list checkout --json\n"
                "  recoverctl checkpoint diff checkout\n"
                "  recoverctl checkpoint restore checkout last-good --to /tmp/checkout\n",
                checkpoint_options, false, run_checkpoint},
        {"rollback", "SERVICE", 1, 1, "go back to what it was well with, and restart it",
                "Through the same guards and verification as a rollback of the ladder: what its probes do not\n"
                "prove is taken back. 'recoverctl why SERVICE' shows what it would go back to.\n"
                "\n"
                "Examples:\n"
                "  recoverctl rollback checkout\n"
                "  recoverctl rollback checkout --undo\n",
                rollback_options, false, run_order},
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
        {"record", "start|stop|status", 1, 1, "record what the agent decides upon, to be replayed",
                "Every input of the decisions goes to a file in the state directory, without secrets and at most\n"
                "64 MiB, until it is stopped or the policies are reloaded. 'recoverctl simulate --replay FILE'\n"
                "takes the same decisions again.\n"
                "\n"
                "Examples:\n"
                "  recoverctl record start\n"
                "  recoverctl record stop\n",
                NULL, false, run_record},
        {"generate", "DOCUMENT", 1, 1, "print a document that is generated from the program's own tables",
                "Without a good name the names of all are printed: references, manual pages, completion.\n"
                "\n"
                "Example:\n"
                "  recoverctl generate state-machine > docs/state-machine.md\n",
                NULL, true, run_generate},
        {"names", "services|probes|incidents", 1, 1, "names that the agent knows, for completion",
                "One in each line, and behind a tab what it is.\n"
                "\n"
                "Example:\n"
                "  recoverctl names services | cut -f 1\n",
                NULL, true, run_names},
        {0},
};
/* clang-format on */
