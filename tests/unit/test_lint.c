/* What works, but hardly as meant; with the real probe types. */

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/lint.h"
#include "probes/probe.h"
#include "unit_test.h"

#define SERVICE(body) "version: 1\nservices:\n  a: {command: [/bin/a], " body "}\n"
#define HTTP(rest) "http: {url: \"http://127.0.0.1/\"" rest "}"
#define LADDER_END ", notify]"

struct lint_case {
        const char *text, *expected; /* "LINE:COLUMN code message", a line each */
};

static void render(const struct problems *problems, struct strbuf *out) {
        for (size_t i = 0; i < problems->count; i++) {
                const struct problem *problem = &problems->items[i];
                strbuf_addf(out, "%s%u:%u %s: %s\n",
                        problem->level == PROBLEM_ERROR ? "error " : "", problem->line,
                        problem->column, problem->code, problem->message);
        }
}

static bool says(const struct lint_case *one) {
        AUTO_STRBUF struct strbuf said = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        (void) policy_load_text(
                "t.yaml", one->text, strlen(one->text), probe_variants, &policy, &problems);
        render(&problems, &said);
        bool same = str_eq(strbuf_text(&said), one->expected);
        if (!same) {
                print_error("---- policy\n%s---- said\n%s---- expected\n%s----\n", one->text,
                        strbuf_text(&said), one->expected);
        }
        policy_free(policy);
        problems_done(&problems);
        return same;
}

static void run(const struct lint_case *cases, size_t n) {
        size_t wrong = 0;
        for (size_t i = 0; i < n; i++) {
                wrong += !says(&cases[i]);
        }
        assert_int_equal(wrong, 0);
}

/* ---- the ladder ---- */

static const struct lint_case ladder_cases[] = {
        /* each cause has a step, or is told to people */
        {SERVICE("recover: [restart: {for: unresponsive}]"),
                "3:3 cause-without-step: no step of the ladder is for 'exited', which the probe 'process' can find: it would be given up at once\n"
                "3:51 step-without-cause: no probe of 'a' can find 'unresponsive': the step is never taken\n"},
        {SERVICE("recover: [restart: {for: exited}], probes: {p: {" HTTP(
                 ", expect: {max_latency: 1s}") "}}"),
                "3:70 cause-without-step: no step of the ladder is for 'unresponsive, wrong-answer, slow', which the "
                "probe 'p' can find: it would be given up at once\n"},
        {SERVICE("recover: [restart: {for: [exited, unresponsive, wrong-answer]}], probes: {p: {" HTTP(
                 "") "}}"),
                ""},
        {SERVICE("recover: [restart: {for: exited}" LADDER_END ", probes: {p: {" HTTP("") "}}"),
                ""},
        {SERVICE("recover: [restart: {for: exited}], probes: {p: {tcp: \"127.0.0.1:1\"}, q: {tcp: \"127.0.0.1:2\"}}"),
                "3:70 cause-without-step: no step of the ladder is for 'unresponsive', which the probe 'p' can find: it would be given up at once\n"},
        {SERVICE("recover: [start], probes: {p: {tcp: \"127.0.0.1:1\"}}"),
                "3:53 cause-without-step: no step of the ladder is for 'unresponsive', which the probe 'p' can find: it would be given up at once\n"},
        {SERVICE("recover: [reload]"),
                "3:3 cause-without-step: no step of the ladder is for 'exited', which the probe 'process' can find: it "
                "would be given up at once\n"},
        {SERVICE("recover: []"), ""},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: \"127.0.0.1:1\"}}}\n", ""},
        /* each step has a cause */
        {SERVICE("recover: [restart, restart: {for: slow}" LADDER_END),
                "3:60 step-without-cause: no probe of 'a' can find 'slow': the step is never taken\n"},
        {SERVICE("recover: [restart: {for: [exited, slow]}" LADDER_END), ""},
        {"version: 1\ntemplates: {t: {recover: [restart, restart: {for: slow}]}}\nservices:\n  a: {command: "
         "[/bin/a], extends: t}\n",
                ""},
        /* a full disk is not cured by a restart */
        {SERVICE("probes: {d: {disk: /srv}}, recover: [restart]"),
                "error 3:53 impossible-cure: nothing here cures 'resource.disk, resource.io' of the probe 'd': a restart makes no room on a disk, and no disk faster\n"},
        {SERVICE("probes: {d: {disk: {path: /srv, writable: true, max_write_latency: 1s}}}, recover: [restart: {for: "
                 "[exited, unresponsive, wrong-answer]}, exec: {command: [/bin/b], for: resource}, reload: {for: slow}]"),
                "error 3:100 impossible-cure: nothing here cures 'slow' of the probe 'd': a restart makes no room on a disk, and no disk faster\n"},
        {SERVICE("probes: {d: {disk: /srv}}, recover: [exec: {command: [/bin/clean], for: resource}, restart: {for: "
                 "[exited, unresponsive, wrong-answer]}]"),
                ""},
        {SERVICE("probes: {d: {disk: /srv}}, recover: [restart" LADDER_END),
                "3:63 useless-step: 'restart' is tried for 'resource.disk, resource.io' of the probe 'd' as well: a restart makes no room on a disk, and no disk faster\n"},
        {SERVICE("probes: {d: {disk: /srv}, m: {process: {max_rss: 1GiB}}}, recover: [restart" LADDER_END),
                "3:94 useless-step: 'restart' is tried for 'resource.disk, resource.io' of the probe 'd' as well: a restart makes no room on a disk, and no disk faster\n"},
        {SERVICE("probes: {d: {disk: /srv}, m: {process: {max_rss: 1GiB}}}, recover: [restart: {for: [exited, "
                 "unresponsive, wrong-answer, resource.memory]}" LADDER_END),
                ""},
        /* one of a kind */
        {SERVICE("recover: [restart: {for: [exited.code, exited.signal]}]"),
                "3:3 cause-without-step: no step of the ladder is for 'exited, exited.oom', which the probe 'process' can find: it would be given up at once\n"},
        {SERVICE("recover: [restart, exec: {command: [/bin/b], for: resource.inodes}" LADDER_END),
                "3:76 step-without-cause: no probe of 'a' can find 'resource.inodes': the step is never taken\n"},
        /* what no probe sees */
        {SERVICE("recover: [restart, exec: {command: [/bin/b], for: changed}" LADDER_END),
                "3:76 step-without-cause: 'changed' is never the cause of a failure of 'a': the step is never taken\n"},
        {SERVICE("recover: [restart, exec: {command: [/bin/b], for: dependency}" LADDER_END),
                "3:76 step-without-cause: 'dependency' is never the cause of a failure of 'a': the step is never taken\n"},
        {SERVICE("checkpoint: {paths: [/etc/a]}, recover: [restart, exec: {command: [/bin/b], for: changed}" LADDER_END),
                ""},
        /* what cannot be meant */
        {SERVICE("recover: [reload: {for: exited}, restart" LADDER_END),
                "error 3:50 impossible-cure: 'reload' does not cure 'exited': it needs a service that runs\n"},
        {SERVICE("recover: [start: {for: [slow, wrong-answer]}, restart" LADDER_END),
                "error 3:49 impossible-cure: 'start' does not cure 'wrong-answer, slow': it does nothing to a service that runs\n"
                "3:49 step-without-cause: no probe of 'a' can find 'wrong-answer, slow': the step is never taken\n"},
        {SERVICE("recover: [restart: {for: dependency}, restart" LADDER_END),
                "error 3:51 impossible-cure: 'restart' does not cure 'dependency': what is done to this service brings no other one back\n"
                "3:51 step-without-cause: 'dependency' is never the cause of a failure of 'a': the step is never taken\n"},
        {SERVICE("probes: {d: {disk: /srv}}, recover: [restart: {for: [exited, unresponsive, wrong-answer]}" LADDER_END),
                ""},
        {SERVICE("probes: {d: {disk: /srv}}"),
                "error 3:3 impossible-cure: nothing here cures 'resource.disk, resource.io' of the probe 'd': a restart makes no room on a disk, and no disk faster\n"},
        /* what a probe means for its service */
        {SERVICE("probes: {p: {tcp: \"127.0.0.1:1\", role: readiness}}"),
                "3:35 readiness-without-step: nothing is done for 'unresponsive' of the probe 'p': its role is readiness, and no step for it leaves the service running\n"},
        {SERVICE("probes: {p: {tcp: \"127.0.0.1:1\", role: readiness}}, recover: [restart, notify: {for: unresponsive}]"),
                ""},
        {SERVICE("probes: {p: {tcp: \"127.0.0.1:1\", role: readiness}}, recover: [restart, restart: {for: unresponsive}" LADDER_END),
                "3:112 step-without-cause: 'unresponsive' is found by readiness probes of 'a' only, which interrupt nothing: the step is never taken\n"},
        {SERVICE("probes: {p: {tcp: \"127.0.0.1:1\", fall: 1, role: warning}, d: {disk: /srv, role: warning}}, recover: "
                 "[restart: {for: exited}]"),
                ""},
        /* where nobody starts or stops it */
        {"version: 1\nservices:\n  a: {probes: {d: {disk: /srv}}, recover: [notify]}\n", ""},
        {SERVICE("recover: [reload" LADDER_END),
                "3:26 no-cure: reload and signal need a running service: no step helps when it has ended\n"},
};

static void the_ladder_answers_what_probes_find(void **state) {
        (void) state;
        run(ladder_cases, ELEMENTSOF(ladder_cases));
}

/* ---- times and counts ---- */

static const struct lint_case time_cases[] = {
        {SERVICE("budget: {actions: 9, per: 1h}, recover: [restart: {attempts: 10}]"),
                "3:34 ladder-outlasts-budget: the ladder has 10 attempts, the budget allows 9 within 1h: the others will be held\n"},
        {SERVICE("budget: {actions: 250, per: 1h}"),
                "3:34 budget-above-host: this budget is never spent: that of the whole host ends at 60 actions within 1h\n"},
        {SERVICE("budget: {actions: 250, per: 2h}"), ""},
        {SERVICE("backoff: {max: 5m, initial: 1m, reset_after: 2m}"),
                "3:71 backoff-resets-early: 2m of health make the waits begin anew, after a wait of up to 5m: a service that fails slowly is never waited for longer\n"},
        {SERVICE("backoff: {delays: [1s, 20m]}"),
                "3:35 backoff-resets-early: 10m of health make the waits begin anew, after a wait of up to 20m: a service that fails slowly is never waited for longer\n"},
        {SERVICE("backoff: {max: 1h}"), ""}, /* five attempts do not get there */
        {SERVICE("stop_timeout: 20s, recover: [restart: {timeout: 20s}]"),
                "3:74 action-cut-short: the action ends after 20s, while a service that does not stop is killed after 20s only\n"},
        {SERVICE("stop_timeout: 20s, recover: [restart: {timeout: 25s}]"), ""},
        {SERVICE("stop_timeout: 20s, recover: [reload: {timeout: 5s}, restart]"), ""},
        {SERVICE("probes: {p: {tcp: \"127.0.0.1:1\", interval: 1h}}"),
                "3:35 slow-detection: the probe 'p' may take 1h to notice a failure\n"},
        {SERVICE("probes: {p: {tcp: \"127.0.0.1:1\", fall: 1}}"),
                "3:65 single-failure: one answer that is lost or late is enough for the probe 'p' to have the service restarted\n"},
        {SERVICE("fall: 1, probes: {p: {tcp: \"127.0.0.1:1\"}, q: {process: {}}}"),
                "3:32 single-failure: one answer that is lost or late is enough for the probe 'p' to have the service restarted\n"},
        {SERVICE("fall: 1, probes: {p: {tcp: \"127.0.0.1:1\", fall: 2}}"), ""},
        {SERVICE("probes: {p: {tcp: \"127.0.0.1:1\", fall: 1}}, recover: [reload: {for: unresponsive}" LADDER_END),
                "3:70 no-cure: reload and signal need a running service: no step helps when it has ended\n"},
};

static void times_and_counts_fit_together(void **state) {
        (void) state;
        run(time_cases, ELEMENTSOF(time_cases));
}

/* ---- limits ---- */

static const struct lint_case limit_cases[] = {
        {SERVICE("probes: {p: {" HTTP(", expect: {max_latency: 2s}") ", timeout: 2s}}"),
                "3:94 limit-never-trips: an answer is never later than 2s: a run is stopped after its 'timeout' (2s)\n"},
        {SERVICE("probes: {p: {" HTTP(", expect: {max_latency: 1900ms}") ", timeout: 2s}}"), ""},
        {SERVICE("timeout: 2s, probes: {p: {http: {url: \"http://127.0.0.1\", steps: [{name: x, path: /, expect: "
                 "{max_latency: 3s}}, {name: y, path: /}]}}}"),
                "3:133 limit-never-trips: an answer is never later than 3s: a run is stopped after its 'timeout' (2s)\n"},
        {SERVICE("timeout: 2s, probes: {p: {http: {url: \"http://127.0.0.1\", steps: [{name: x, path: /, expect: "
                 "{max_latency: 1s}}, {name: y, path: /, expect: {max_latency: 1100ms}}]}}}"),
                "3:91 steps-outlast-timeout: the steps may take 2.1s together, each within its 'max_latency', but a run is stopped after its 'timeout' (2s)\n"},
        {SERVICE("timeout: 2s, probes: {p: {http: {url: \"http://127.0.0.1\", steps: [{name: x, path: /, expect: "
                 "{max_latency: 1s}}, {name: y, path: /, expect: {max_latency: 1s}}]}}}"),
                ""},
        {SERVICE("probes: {p: {tcp: {address: \"127.0.0.1:1\", max_latency: 5s}, timeout: 1s}}"),
                "3:82 limit-never-trips: an answer is never later than 5s: a run is stopped after its 'timeout' (1s)\n"},
        {SERVICE("probes: {p: {dns: {name: shop.example, max_latency: 5s}, timeout: 1s}}"),
                "3:78 limit-never-trips: an answer is never later than 5s: a run is stopped after its 'timeout' (1s)\n"},
        {SERVICE("probes: {p: {ping: {address: 192.0.2.1, max_latency: 5s}, timeout: 1s}}"),
                "3:79 limit-never-trips: an answer is never later than 5s: a run is stopped after its 'timeout' (1s)\n"},
        {SERVICE("probes: {p: {disk: {path: /srv, max_used: 100%, max_inodes: 100%, min_free: 0%}}}, recover: [notify]"),
                "3:68 limit-never-trips: more than 100% is never reached\n"
                "3:86 limit-never-trips: more than 100% is never reached\n"
                "3:102 limit-never-trips: less than nothing is never free\n"},
        {SERVICE("probes: {p: {disk: {path: /srv, writable: true, max_write_latency: 3s}, timeout: 2s}}, recover: "
                 "[notify]"),
                "3:93 limit-never-trips: an answer is never later than 3s: a run is stopped after its 'timeout' (2s)\n"},
        {SERVICE("probes: {p: {disk: {path: /srv, full_within: 4h, window: 10m}, interval: 2m}}, recover: [notify]"),
                "3:83 limit-never-trips: no forecast is ever made: it takes 8 runs, one every 2m, within a window of 10m\n"},
        {SERVICE("probes: {p: {disk: {path: /srv, full_within: 4h, window: 14m}, interval: 2m}}, recover: [notify]"),
                ""},
        {SERVICE("limits: {memory: 1GiB, open_files: 1024}, probes: {p: {process: {max_rss: 2GiB, max_open_files: "
                 "1024}}}"),
                "3:100 limit-never-trips: the process never has 2GiB: its 'limits' end its memory at 1GiB\n"
                "3:122 limit-never-trips: the process never has more than 1024 files: its 'limits' allow 1024\n"},
        {SERVICE("limits: {memory: 1GiB, open_files: 1024}, probes: {p: {process: {max_rss: 900MiB, max_open_files: "
                 "1000}}}"),
                ""},
        {SERVICE("limits: {memory: 1GiB}, probes: {p: {process: {max_rss: 2GiB, pidfile: /run/b.pid}}}"),
                ""},
        {SERVICE("probes: {p: {process: {max_open_files: 100%, cgroup: {max_memory: 100%, max_throttled: 100%}}}}"),
                "3:65 limit-never-trips: more than 100% is never reached\n"
                "3:92 limit-never-trips: more than 100% is never reached\n"
                "3:113 limit-never-trips: more than 100% is never reached\n"},
        {SERVICE("probes: {p: {pressure: {memory: {some: 100%, full: 90%}, io: {full: 100%}, max_swap: 100%}}}"),
                "3:58 limit-never-trips: more than 100% is never reached\n"
                "3:87 limit-never-trips: more than 100% is never reached\n"
                "3:111 limit-never-trips: more than 100% is never reached\n"},
};

static void limits_can_be_broken(void **state) {
        (void) state;
        run(limit_cases, ELEMENTSOF(limit_cases));
}

/* ---- between services ---- */

#define ONE(name, rest) "  " name ": {command: [/bin/a], " rest "}\n"
#define MANY(services) "version: 1\nservices:\n" services

static const struct lint_case service_cases[] = {
        {MANY(ONE("a", "probes: {p: {tcp: \"127.0.0.1:1\"}}")
                         ONE("b", "probes: {q: {tcp: {address: \"127.0.0.1:1\"}}}")),
                ""}, /* written in two ways */
        {MANY(ONE("a", "probes: {p: {tcp: \"127.0.0.1:1\"}}")
                         ONE("b", "probes: {q: {tcp: \"127.0.0.1:1\"}}")),
                "4:44 same-probe: the probe 'q' of 'b' asks what 'a' is asked as well: one failure has both restarted\n"},
        {MANY(ONE("a", "probes: {p: {tcp: \"127.0.0.1:1\"}}")
                         ONE("b", "probes: {q: {tcp: \"127.0.0.1:1\"}}, recover: [notify]")),
                ""},
        {MANY(ONE("a",
                 "probes: {p: {tcp: \"127.0.0.1:1\"}, q: {tcp: \"127.0.0.1:1\", interval: 1m}}")),
                ""},
        {MANY(ONE("a", "probes: {p: {process: {max_rss: 1MiB}}}")
                         ONE("b", "probes: {p: {process: {max_rss: 1MiB}}}")),
                ""},
        {MANY(ONE("a", "depends_on: d, backoff: {jitter: none}") ONE(
                 "b", "depends_on: d, backoff: {jitter: none}") ONE("d", "umask: \"022\"")),
                ""},
        {MANY(ONE("a", "depends_on: d, backoff: {jitter: none}") ONE(
                 "b", "depends_on: d, backoff: {jitter: none}") ONE("c",
                 "depends_on: d, backoff: {jitter: none}") ONE("d", "umask: \"022\"")),
                "3:59 no-jitter: 3 services that depend on 'd' wait without jitter: after its failure they are all restarted at the same moments\n"
                "4:59 no-jitter: 3 services that depend on 'd' wait without jitter: after its failure they are all restarted at the same moments\n"
                "5:59 no-jitter: 3 services that depend on 'd' wait without jitter: after its failure they are all restarted at the same moments\n"},
};

static void services_are_looked_at_together(void **state) {
        (void) state;
        run(service_cases, ELEMENTSOF(service_cases));
}

#define COORDINATOR(rest)                                                                          \
        "version: 1\nagent: {host: db1}\ncoordinator: {user: r, password_file: /p, " rest          \
        "}\nservices:\n  a: {command: [/bin/a]}\n"

static void passwords_on_the_network(void **state) {
        static const struct lint_case cases[] = {
                {COORDINATOR("kind: zookeeper, servers: [\"127.0.0.1:2181\", \"zk2:2181\"]"),
                        "3:69 plain-password: the password of 'r' crosses the network to zk2:2181 in "
                        "plain text\n"},
                {COORDINATOR("kind: zookeeper, servers: [\"localhost:2181\", \"[::1]:2181\"]"), ""},
                {COORDINATOR("kind: etcd, servers: [\"https://etcd1:2379\"]"), ""},
                {COORDINATOR("kind: etcd, servers: [\"http://127.0.0.1:2379\"]"), ""},
                {COORDINATOR("kind: etcd, servers: [\"http://etcd1:2379\"]"),
                        "3:64 plain-password: the password of 'r' crosses the network to etcd1:2379 in "
                        "plain text\n"},
                {"version: 1\ncoordinator: {kind: etcd, servers: [\"http://etcd1:2379\"]}\nservices:\n  "
                 "a: {command: [/bin/a]}\n",
                        ""},
        };
        size_t wrong = 0;
        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                wrong += !says(&cases[i]);
        }
        assert_int_equal(wrong, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(passwords_on_the_network),
                cmocka_unit_test(the_ladder_answers_what_probes_find),
                cmocka_unit_test(times_and_counts_fit_together),
                cmocka_unit_test(limits_can_be_broken),
                cmocka_unit_test(services_are_looked_at_together),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
