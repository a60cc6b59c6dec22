#include "cli/manual.h"

/* clang-format off */
const struct manual_page manual_pages[] = {
        {"recoverctl-status", "services of this host, why they are as they are, and their history",
                {"status", "why", "incidents", "incident"},
                "What to ask first when something is wrong, in this order: `status` for everything on the host, `why` for one "
                "service, `incidents` and `incident` for what happened before.\n"
                "\n"
                "The state of a service is its health (`healthy`, `suspect`, `failed`, `unknown`) while nothing is done about it, "
                "and what is being done otherwise: `checking` its dependencies, `blocked` by one that is down, `held` by a guard, "
                "`backoff` until the next attempt, `acting`, `verifying`. `exhausted` means that it was given up and needs a "
                "person, `unattended` that its policy has no step for such a failure, `stopped` that somebody stopped it, `degraded` "
                "that only a warning probe fails, `not-ready` that it lives and cannot serve, `flapping` that it changes too "
                "often. Below the table stands what holds recovery of the whole host, and what the agent itself lacks.\n"
                "\n"
                "Any local user may ask for the status; the rest is for root, the user of the agent and the members of "
                "`operators_group`, recoverd.yaml(5).\n",
                "recoverctl status                     # checkout: held\n"
                "recoverctl why checkout               # its budget is spent until 03:40; it exited 9 times with SIGSEGV\n"
                "recoverctl incidents checkout         # since the release of 02:10\n"
                "recoverctl incident 17 --evidence     # what its log said before the first restart\n",
                "recoverctl(1), recoverctl-restart(1), recoverctl-pause(1), recoverd-policy(5)"},
        {"recoverctl-check", "validate policies and say what they mean",
                {"check"},
                "Reads policy files as the agent would, without asking one, and prints every error with file, line, column, the "
                "source line and a suggestion; then every warning about what is hardly as meant. For each service it says how soon a "
                "failure is noticed, when each attempt comes, and when the service is given up.\n",
                "recoverctl check                      # what the agent would read at a reload\n"
                "recoverctl check --explain checkout   # one service, at length\n"
                "recoverctl reload                     # and take it\n",
                "recoverctl(1), recoverctl-simulate(1), recoverctl-reload(1), recoverd-policy(5)"},
        {"recoverctl-init", "policies to begin with, for what runs on this host", {"init"},
                "A library of policies comes with recoverd, one file for each of many well-known services: which unit it is, probes "
                "that speak its protocol, a recovery ladder with patience where it is needed, warnings before a disk is full. `init` "
                "writes those that fit this host into /etc/recoverd/policies.d, where they are yours to edit.\n",
                "recoverctl init                       # found nginx, redis at port 6380\n"
                "recoverctl check                      # what they mean\n"
                "systemctl reload recoverd\n"
                "recoverctl why nginx                  # some days later: what would have been done\n",
                "recoverctl(1), recoverctl-check(1), recoverctl-reload(1), recoverd-policy(5)"},
        {"recoverctl-simulate", "try policies against faults in virtual time, and detectors over recordings",
                {"simulate", "replay"},
                "Both run the code that the agent itself decides by, without touching anything: `simulate` plays a host, its services "
                "and what goes wrong; `replay` runs the detectors over results of probes that were recorded.\n",
                NULL,
                "recoverctl(1), recoverctl-check(1), recoverctl-reload(1), recoverd-policy(5)"},
        {"recoverctl-pause", "maintenance: pause one service, hold the whole host",
                {"pause", "resume", "hold", "release"},
                "Whoever works on a service does not want it to be restarted under their hands, and no such stop may be forgotten. A "
                "pause is for one service and ends by itself; a hold is for all recovery of the host. Probing, alerts and what a person "
                "asks for go on in both.\n"
                "\n"
                "When no agent answers, or it is not trusted, the file /etc/recoverd/hold does what `hold` does, for the executor, too. "
                "Package managers at work are noticed without a word.\n",
                "recoverctl pause checkout --for 30m --reason 'new release'\n"
                "systemctl restart checkout\n"
                "recoverctl probe checkout\n"
                "recoverctl resume checkout\n",
                "recoverctl(1), recoverctl-restart(1), recoverd.yaml(5)"},
        {"recoverctl-group", "groups with one active member, and another active member",
                {"group", "failover"},
                "A group with `mode: active-standby` has one active member, under a lease. `group` shows what each member is, who has the "
                "lease, and why a standby is not promoted; `recoverctl why GROUP` says it at length. `failover` hands over in order, "
                "without waiting for the lease to run out.\n",
                "recoverctl group                      # who is active\n"
                "recoverctl why shop                   # why no other is\n"
                "recoverctl failover shop --to green\n",
                "recoverctl(1), recoverctl-status(1), recoverd-policy(5)"},
        {"recoverctl-restart", "order a restart, a start or a stop; acknowledge a service that was given up",
                {"restart", "start", "stop", "ack"},
                "What a person asks for goes through the same verification by probes as what the agent does by itself, and is kept in "
                "the history with the name of the person. Pauses, holds, budgets and backoff do not keep it from being done; a dry run "
                "does, and a hold file that says `everything`.\n",
                "recoverctl restart checkout\n"
                "recoverctl status checkout --watch\n",
                "recoverctl(1), recoverctl-status(1), recoverctl-pause(1)"},
        {"recoverctl-rollback", "go back to what a service was well with", {"rollback", "checkpoint"},
                "Most outages follow a change. A service whose policy has a `rollback` step is followed: which release, or which content "
                "of its files, is there since when, and with which of them it was well for long enough to be trusted. The ladder goes "
                "back by itself; these commands are for a person who wants it now.\n",
                "recoverctl why checkout               # failed 3m after a change; was well with release 41\n"
                "recoverctl rollback checkout          # verified by the probes, or taken back\n"
                "recoverctl status checkout --watch\n",
                "recoverctl(1), recoverctl-status(1), recoverctl-restart(1), recoverd-policy(5)"},
        {"recoverctl-probe", "run probes now, and call in for heartbeat probes",
                {"probe", "heartbeat"},
                "`probe` shows what the health checks of a service say at this moment. `heartbeat` is the other way round: a service "
                "or a job tells the agent that it is well.\n",
                NULL,
                "recoverctl(1), recoverctl-status(1), recoverd-policy(5)"},
        {"recoverctl-reload", "take changed policies, and record what the agent decides upon",
                {"reload", "record"},
                "A reload checks the files first; with an error in one of them everything stays as it was. It touches no attempt under "
                "way and keeps the history of all services that stay. `systemctl reload recoverd` does the same.\n",
                NULL,
                "recoverctl(1), recoverctl-check(1), recoverctl-simulate(1), recoverd-policy(5)"},
        {0},
};
/* clang-format on */
