#include "policy/problem_kinds.h"

#include "base/str.h"
#include "policy/problems.h"

#define POLICY(services) "version: 1\nservices:\n" services

/* Sorted by level and code, as the page that is made of it. */
const struct problem_kind problem_kinds[] = {
        {"alias-bomb", PROBLEM_ERROR, .means = "Aliases of YAML that unfold into far too much."},
        {"bad-name", PROBLEM_ERROR,
                .means = "A name with characters that it cannot have, or a name that is too long."},
        {"bad-value", PROBLEM_ERROR, .means = "A value that is not of the kind its key expects."},
        {"cycle", PROBLEM_ERROR,
                .means =
                        "Services that depend on each other, or templates that extend each other."},
        {"duplicate-address", PROBLEM_ERROR, .means = "An address that two groups have."},
        {"duplicate-group", PROBLEM_ERROR, .means = "A group that two files define."},
        {"duplicate-key", PROBLEM_ERROR, .means = "A key twice in one mapping."},
        {"duplicate-service", PROBLEM_ERROR, .means = "A service that two files define."},
        {"impossible-cure", PROBLEM_ERROR,
                .means =
                        "A probe looks for something outside the service, such as a full disk, and all that "
                        "the ladder does about it is to restart the service. Or a step is limited to causes "
                        "that it can do nothing about, as a `reload` of what has ended.",
                .example =
                        POLICY("  uploads:\n"
                               "    command: [/usr/sbin/nginx]\n"
                               "    probes: {space: {disk: {path: /srv/uploads, max_used: 90%}}}\n"
                               "    recover: [restart]\n"),
                .cure = "Add a `notify`, or an `exec` that mends it, such as one that removes old files."},
        {"impossible-step", PROBLEM_ERROR,
                .means = "A step that the manager of the service cannot carry out."},
        {"impossible-timing", PROBLEM_ERROR,
                .means = "Times that contradict each other, such as a `timeout` longer than the "
                         "`interval`, or a `verify` that ends before the probes can pass."},
        {"inconsistent", PROBLEM_ERROR, .means = "Keys that exclude or need each other."},
        {"misplaced-key", PROBLEM_ERROR, .means = "A key that belongs elsewhere."},
        {"missing-file", PROBLEM_ERROR, .means = "There is no such file."},
        {"missing-key", PROBLEM_ERROR, .means = "A key that has to be there."},
        {"no-checkpoint", PROBLEM_ERROR, .means = "A rollback that has nothing to go back to."},
        {"no-manager", PROBLEM_ERROR,
                .means = "A step or probe that needs somebody who starts and stops the service."},
        {"no-probes", PROBLEM_ERROR, .means = "A service that nothing watches."},
        {"not-text", PROBLEM_ERROR, .means = "A file that is not text in UTF-8."},
        {"not-yaml", PROBLEM_ERROR, .means = "What the YAML parser does not understand."},
        {"out-of-range", PROBLEM_ERROR, .means = "A value below or above the limits of its key."},
        {"overlapping-paths", PROBLEM_ERROR,
                .means = "Paths of checkpoints of which one lies in the other."},
        {"too-deep", PROBLEM_ERROR, .means = "Nesting without end."},
        {"too-large", PROBLEM_ERROR, .means = "More of something than is ever needed."},
        {"too-many-files", PROBLEM_ERROR, .means = "More files than are read."},
        {"unknown-anchor", PROBLEM_ERROR, .means = "An alias of YAML without its anchor."},
        {"unknown-group", PROBLEM_ERROR, .means = "A group that is not defined."},
        {"unknown-key", PROBLEM_ERROR, .means = "A key that does not exist there."},
        {"unknown-service", PROBLEM_ERROR, .means = "A dependency that is not defined."},
        {"unknown-template", PROBLEM_ERROR, .means = "A template that is not defined."},
        {"unreadable-file", PROBLEM_ERROR, .means = "A file that cannot be opened or read."},
        {"unsupported-yaml", PROBLEM_ERROR,
                .means = "YAML that policies do not have, such as tags and merge keys."},
        {"untrusted-file", PROBLEM_ERROR,
                .means = "A file that others than its owner and root may write to."},

        {"action-cut-short", PROBLEM_WARNING,
                .means =
                        "The `timeout` of a step ends before `stop_timeout` does, so that a service that does not "
                        "stop by itself is never killed and never started again by this step.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    stop_timeout: 30s\n"
                                  "    recover: [restart: {timeout: 10s}]\n"),
                .cure = "Leave `timeout` out: its standard fits `stop_timeout`."},
        {"backoff-never-grows", PROBLEM_WARNING,
                .means = "A wait that begins with 0 stays 0, whatever it is multiplied with.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    backoff: {initial: 0s, factor: 2}\n"),
                .cure = "Give it something to grow from, `initial: 100ms`, or list the waits: "
                        "`delays: [0s, 1s, 10s]`."},
        {"backoff-resets-early", PROBLEM_WARNING,
                .means =
                        "`reset_after` is shorter than the longest wait: a service that works for a while after "
                        "each restart, and fails again, is restarted at the pace of the first wait for ever.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    backoff: {initial: 30s, max: 10m, reset_after: 1m}\n"),
                .cure = "Make `reset_after` longer than `max`, or than the longest of `delays`."},
        {"bad-allow", PROBLEM_WARNING,
                .means = "A comment that allows a warning which does not exist, or without a "
                         "reason. It silences nothing.",
                .example = POLICY(
                        "  web:\n"
                        "    command: [/usr/sbin/nginx] # recoverd: allow unused-tempate for others\n"),
                .cure = "Correct the code, and say why, for those who read it next year: `# "
                        "recoverd: allow CODE reason`."},
        {"budget-above-host", PROBLEM_WARNING,
                .means =
                        "The budget of the service allows more than that of the whole host, which is spent first, "
                        "and by all services together.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    budget: {actions: 200, per: 10m}\n"),
                .cure = "Lower it, or raise `budget` in the `agent` part of recoverd.yaml."},
        {"cause-without-step", PROBLEM_WARNING,
                .means =
                        "A probe can report a cause that no step has in its `for`. When it happens the service is "
                        "given up at once. `start` is for `exited` only: it does nothing for what is running.",
                .example = POLICY(
                        "  web:\n"
                        "    command: [/usr/sbin/nginx]\n"
                        "    probes: {page: {http: {url: \"http://127.0.0.1/\", expect: {max_latency: 500ms}}}}\n"
                        "    recover: [restart: {for: [exited, unresponsive, wrong-answer]}]\n"),
                .cure = "End the ladder with a `notify`, which is for all causes, or add the cause to a step."},
        {"ignored-file", PROBLEM_WARNING,
                .means = "A file in the directory of the policies that is not read, because its "
                         "name ends in `.yml`.",
                .cure = "Rename it: policies end in `.yaml`."},
        {"ladder-outlasts-budget", PROBLEM_WARNING,
                .means = "The budget is spent before the ladder ends: the attempts that are left, "
                         "and a `notify` behind them, come late.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    recover: [restart: {attempts: 5}]\n"
                                  "    budget: {actions: 3, per: 1h}\n"),
                .cure = "Fewer attempts, or a larger budget."},
        {"lag-unknown", PROBLEM_WARNING,
                .means =
                        "Standbys of the group run and follow the active member, but nothing in `requires_healthy` "
                        "looks at how far they lag behind: one that has lost touch long ago is promoted all the same.",
                .example = "version: 1\n"
                           "groups:\n"
                           "  db:\n"
                           "    mode: active-standby\n"
                           "    members: {db1: {}, db2: {}}\n"
                           "    standby: running\n"
                           "    promote: [start, exec: {command: [/usr/local/bin/promote]}]\n"
                           "    follow: [exec: {command: [/usr/local/bin/follow]}, start]\n"
                           "services:\n"
                           "  db1: {command: [/usr/bin/db, --port, \"81\"], member_of: db}\n"
                           "  db2: {command: [/usr/bin/db, --port, \"82\"], member_of: db}\n",
                .cure = "A probe of the replication, such as an `exec` of "
                        "`postgresql-standby-check`, named in `requires_healthy`."},
        {"limit-above-host", PROBLEM_WARNING, .of_host = true,
                .means = "A limit on memory or CPU that is beyond what this host has.",
                .cure = "Lower it, or allow it where the policy is shared with larger hosts."},
        {"limit-never-trips", PROBLEM_WARNING,
                .means =
                        "A limit that cannot be broken: all of a disk, an answer slower than the `timeout` at which "
                        "it is given up, more memory or files than `limits` let the process have, a forecast from "
                        "fewer runs than it takes.",
                .example = POLICY(
                        "  web:\n"
                        "    command: [/usr/sbin/nginx]\n"
                        "    probes:\n"
                        "      page: {http: {url: \"http://127.0.0.1/\", expect: {max_latency: 5s}}, timeout: 2s}\n"
                        "      files: {process: {max_open_files: 2000}}\n"
                        "    limits: {open_files: 1024}\n"),
                .cure = "Lower the limit, or remove it."},
        {"missing-group", PROBLEM_WARNING, .of_host = true, .means = "This host has no such group.",
                .cure = "Create it, unless the policy is for another host."},
        {"missing-user", PROBLEM_WARNING, .of_host = true, .means = "This host has no such user.",
                .cure = "Create it, unless the policy is for another host."},
        {"no-coordinator", PROBLEM_WARNING, .of_host = true,
                .means =
                        "A group over several hosts has a service here, and recoverd.yaml does not say where "
                        "its coordinator is.",
                .cure = "Add `coordinator` to recoverd.yaml."},
        {"no-cure", PROBLEM_WARNING,
                .means = "`reload` and `signal` are for a running service: no step helps when it "
                         "has ended.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    recover: [reload, notify]\n"),
                .cure = "Add a `restart`."},
        {"no-drain-time", PROBLEM_WARNING,
                .means =
                        "A demotion takes the traffic away from a server and stops it at once: requests that are "
                        "under way are cut off.",
                .example =
                        "version: 1\n"
                        "groups:\n"
                        "  web:\n"
                        "    mode: active-standby\n"
                        "    members: {blue: {}, green: {}}\n"
                        "    demote:\n"
                        "      - haproxy: {socket: /run/haproxy/admin.sock, server: shop/blue, state: drain}\n"
                        "      - stop\n"
                        "services:\n"
                        "  blue: {command: [/usr/bin/shop, --port, \"81\"], member_of: web}\n"
                        "  green: {command: [/usr/bin/shop, --port, \"82\"], member_of: web}\n",
                .cure = "Give the sessions time to end, `wait: 2s`. It is part of the time that has to fit into "
                        "the lease."},
        {"no-effect", PROBLEM_WARNING,
                .means = "A key that does something only where there is a `command`.",
                .example = POLICY("  web:\n"
                                  "    unit: nginx.service\n"
                                  "    stop_signal: QUIT\n"),
                .cure = "Remove it. A `unit` has its own settings; `systemctl edit` changes them."},
        {"no-jitter", PROBLEM_WARNING,
                .means =
                        "Three or more services that depend on the same one wait with `jitter: none`: after its failure "
                        "they are all restarted at the same moments, and it gets their load at once.",
                .example = POLICY(
                        "  db: {command: [/usr/bin/db]}\n"
                        "  cart: {command: [/usr/bin/cart], depends_on: db, backoff: {jitter: none}}\n"
                        "  shop: {command: [/usr/bin/shop], depends_on: db, backoff: {jitter: none}}\n"
                        "  mail: {command: [/usr/bin/mail], depends_on: db, backoff: {jitter: none}}\n"),
                .cure = "Leave `jitter` out; its standard is `equal`."},
        {"no-services", PROBLEM_WARNING, .means = "Policy files in which no service is defined.",
                .example = "version: 1\n", .cure = "Check that these are the right files."},
        {"not-a-member", PROBLEM_WARNING, .of_host = true,
                .means =
                        "A service is a member of a group, and this host is not named in it: with one "
                        "active member the service is never started here; in a pool it is disrupted "
                        "without asking.",
                .cure = "Name the host in `members`, or correct `host` in the `agent` part of "
                        "recoverd.yaml."},
        {"plain-password", PROBLEM_WARNING,
                .means =
                        "The password of a coordinator crosses the network in plain text: ZooKeeper's "
                        "digest scheme and `http://` servers of etcd send it so.",
                .example = "version: 1\n"
                           "agent: {host: db1}\n"
                           "coordinator:\n"
                           "  kind: zookeeper\n"
                           "  servers: [\"zk1:2181\", \"zk2:2181\", \"zk3:2181\"]\n"
                           "  user: recoverd\n"
                           "  password_file: /etc/recoverd/zookeeper.password\n"
                           "services: {web: {command: [/usr/sbin/nginx]}}\n",
                .cure = "etcd: use `https://`. ZooKeeper: reach the servers through stunnel on this host, or a "
                        "tunnel such as WireGuard, see failover.md."},
        {"pool-without-room", PROBLEM_WARNING,
                .means =
                        "A pool all of whose members have to stay healthy: none that serves may ever "
                        "be disrupted, so a restart that a person asks for waits for ever.",
                .example = POLICY(
                        "  web1: {command: [/usr/bin/web1], member_of: web}\n"
                        "  web2: {command: [/usr/bin/web2], member_of: web}\n"
                        "groups:\n"
                        "  web: {mode: pool, members: {web1: {}, web2: {}}, min_healthy: 2}\n"),
                .cure = "A smaller `min_healthy`."},
        {"readiness-without-step", PROBLEM_WARNING,
                .means =
                        "A readiness probe never has the service interrupted, and all steps for what it finds would "
                        "interrupt it: nothing is done, and nobody is told.",
                .example = POLICY(
                        "  web:\n"
                        "    command: [/usr/sbin/nginx]\n"
                        "    probes: {page: {http: \"http://127.0.0.1/ready\", role: readiness}}\n"
                        "    recover: [restart]\n"),
                .cure = "End the ladder with `notify` or an `exec`, or make the probe `role: warning`."},
        {"replica-beside", PROBLEM_WARNING, .of_host = true,
                .means =
                        "Copies of recovery points that lie on the same file system as what they are copies of.",
                .cure = "A folder on another disk or host, which is mounted."},
        {"replica-not-mounted", PROBLEM_WARNING, .of_host = true,
                .means =
                        "Copies of recovery points shall go to a mount of /etc/fstab that is not there.",
                .cure = "Mount it. No copies are made before."},
        {"same-probe", PROBLEM_WARNING,
                .means =
                        "Probes of two services ask the very same thing, and both services are restarted when it "
                        "fails. Often one of them was copied, or has the address of its template.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    probes: {page: {http: \"http://127.0.0.1/\"}}\n"
                                  "  shop:\n"
                                  "    command: [/usr/bin/shop]\n"
                                  "    probes: {page: {http: \"http://127.0.0.1/\"}}\n"),
                .cure = "Give each a probe of its own. Where one needs the other, `depends_on` says so."},
        {"single-failure", PROBLEM_WARNING,
                .means =
                        "With `fall: 1` a single answer that is lost or late has the service restarted, and under load "
                        "answers are late.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    probes: {page: {tcp: \"127.0.0.1:80\", fall: 1}}\n"),
                .cure = "`fall: 2` or more. While in doubt it is probed every `fast_interval`, so that this costs little "
                        "time; the end of a process is believed at once anyway."},
        {"slow-detection", PROBLEM_WARNING,
                .means = "A probe that may take more than 15 minutes to notice a failure.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    probes: {page: {tcp: \"127.0.0.1:80\", interval: 1h}}\n"),
                .cure = "Look more often (`interval`), or believe it sooner (`fall`)."},
        {"step-without-cause", PROBLEM_WARNING,
                .means =
                        "A step is for causes that no probe of the service can report: it is never taken.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    probes: {page: {http: \"http://127.0.0.1/\"}}\n"
                                  "    recover: [restart: {for: slow}, restart, notify]\n"),
                .cure = "Give a probe the limit that finds it, here `max_latency`, or remove the step."},
        {"steps-outlast-timeout", PROBLEM_WARNING,
                .means =
                        "The steps of an `http` probe may each be as slow as their `max_latency` allows, and together "
                        "longer than the run has: it is stopped as unresponsive, and nothing says which step was slow.",
                .example = POLICY(
                        "  web:\n"
                        "    command: [/usr/sbin/nginx]\n"
                        "    probes:\n"
                        "      login:\n"
                        "        timeout: 2s\n"
                        "        http:\n"
                        "          url: http://127.0.0.1\n"
                        "          steps:\n"
                        "            - {name: form, path: /login, expect: {max_latency: 1500ms}}\n"
                        "            - {name: log in, path: /login, method: POST, expect: {max_latency: 1500ms}}\n"),
                .cure = "A `timeout` (and `interval`) above the sum, or smaller limits."},
        {"two-may-be-active", PROBLEM_WARNING,
                .means =
                        "With `on_coordinator_loss: stay` a member that is cut off from the coordinator goes on, while "
                        "another that still reaches it is promoted: two are active.",
                .example = "version: 1\n"
                           "groups:\n"
                           "  web:\n"
                           "    mode: active-standby\n"
                           "    members: {blue: {}, green: {}}\n"
                           "    on_coordinator_loss: stay\n"
                           "services:\n"
                           "  blue: {command: [/usr/bin/shop, --port, \"81\"], member_of: web}\n"
                           "  green: {command: [/usr/bin/shop, --port, \"82\"], member_of: web}\n",
                .cure = "`demote`, the standard. `stay` is for services of which two at a time do no harm."},
        {"unblamed-change", PROBLEM_WARNING,
                .means =
                        "`good_after` is longer than `blame_window`: a change that fails in between is "
                        "not trusted any more than before, and not blamed either.",
                .example = POLICY("  web:\n"
                                  "    command: [/usr/sbin/nginx]\n"
                                  "    checkpoint: {paths: [/etc/nginx], good_after: 2h}\n"
                                  "    recover: [restart, rollback]\n"),
                .cure = "Give `blame_window` at least the length of `good_after`."},
        {"unit-enabled", PROBLEM_WARNING,
                .means =
                        "A unit is a member of a group whose standbys run. Where it is enabled, systemd starts it at "
                        "each boot as what it was last, perhaps as the active member, while another is active "
                        "elsewhere. recoverd stops it as soon as it sees it, which takes a moment.",
                .example =
                        "version: 1\n"
                        "groups:\n"
                        "  db:\n"
                        "    mode: active-standby\n"
                        "    members: {db1: {}, db2: {}}\n"
                        "    standby: running\n"
                        "    promote: [start, exec: {command: [/usr/local/bin/promote]}]\n"
                        "    follow: [exec: {command: [/usr/local/bin/follow]}, start]\n"
                        "    requires_healthy: [lag]\n"
                        "services:\n"
                        "  db1:\n"
                        "    unit: db1.service\n"
                        "    member_of: db\n"
                        "    probes: {lag: {exec: {command: [/usr/local/bin/lag]}, timeout: 1s}}\n"
                        "  db2:\n"
                        "    command: [/usr/bin/db]\n"
                        "    member_of: db\n"
                        "    probes: {lag: {exec: {command: [/usr/local/bin/lag]}, timeout: 1s}}\n",
                .cure = "`systemctl disable` the unit; then allow the warning, and say so beside it."},
        {"unused-allow", PROBLEM_WARNING,
                .means = "A comment that allows a warning which nobody gives there any more.",
                .example =
                        POLICY("  web:\n"
                               "    command: [/usr/sbin/nginx]\n"
                               "    # recoverd: allow slow-detection the page is made once a day\n"
                               "    probes: {page: {tcp: \"127.0.0.1:80\"}}\n"),
                .cure = "Remove the comment, before it silences what you want to hear."},
        {"unused-template", PROBLEM_WARNING, .means = "A template that no service extends.",
                .example = "version: 1\n"
                           "templates:\n"
                           "  web-service: {fall: 5}\n"
                           "services:\n"
                           "  web: {command: [/usr/sbin/nginx]}\n",
                .cure = "`extends: web-service` was forgotten in a service, or the template can go."},
        {"useless-step", PROBLEM_WARNING,
                .means =
                        "A restart is also tried for what lies outside the service, such as a full disk. It cures "
                        "nothing, and interrupts what still worked.",
                .example =
                        POLICY("  uploads:\n"
                               "    command: [/usr/sbin/nginx]\n"
                               "    probes: {space: {disk: {path: /srv/uploads, max_used: 90%}}}\n"
                               "    recover: [restart, notify]\n"),
                .cure = "Limit the step by `for` to what it cures."},
        {0},
};

const struct problem_kind *problem_kind_find(const char *code) {
        for (const struct problem_kind *kind = problem_kinds; kind->code; kind++) {
                if (str_eq(kind->code, code)) {
                        return kind;
                }
        }
        return NULL;
}

const char *problem_kind_nearest(const char *code) {
        const struct problem_kind *kind = problem_kinds;
        while (kind->level != PROBLEM_WARNING) {
                kind++;
        }
        size_t n = 0;
        while (kind[n].code) {
                n++;
        }
        return problems_nearest(code, &kind->code, n, sizeof(*kind));
}
