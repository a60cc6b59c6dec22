#include <signal.h>

#include "model/cause_kinds.h"
#include "model/observation.h"
#include "policy_cases.h"

#define P "probes: {p: {tcp: x}}"
#define SCRIPTS "{start: [/bin/s], stop: [/bin/s], status: [/bin/s]}"

static const struct policy_case cases[] = {
        {"version: 1\nservices:\n  a: {}\n",
                "3:3 the service 'a' has nothing to watch [no-probes] (add 'probes', or say what to "
                "run: a 'command', a 'unit' or 'scripts')\n"},
        {"version: 1\nservices:\n  -a: {" P "}\n  b c: {" P "}\n",
                "3:3 '-a' cannot be the name of a service [bad-name] (names begin with a letter or digit and go "
                "on with letters, digits and _ . @ -)\n"
                "4:3 'b c' cannot be the name of a service [bad-name] (names begin with a letter or digit and go "
                "on with letters, digits and _ . @ -)\n"},
        {"version: 1\nservices:\n  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {" P
         "}\n",
                "3:3 the name of a service has at most 64 bytes, this one has 69 [bad-name]\n"},
        {"version: 1\nservices:\n  a: {probes: {p/q: {tcp: x}}}\n",
                "3:16 'p/q' cannot be the name of a probe [bad-name] (names begin with a letter or digit and go "
                "on with letters, digits and _ . @ -)\n"},
        {"version: 1\ngroups: {shop: {}, -x: {}}\nservices:\n  a: {" P ", member_of: shpo}\n",
                "2:20 '-x' cannot be the name of a group [bad-name] (names begin with a letter or digit and go "
                "on with letters, digits and _ . @ -)\n"
                "4:41 there is no group 'shpo' [unknown-group] (did you mean 'shop'?)\n"},
        {"version: 1\nservices:\n  a: {" P ", member_of: shop}\n",
                "3:41 there is no group 'shop' [unknown-group] (define it below 'groups')\n"},
        {"version: 1\ngroups: {shop: {budget: 4}}\nservices:\n  a: {" P "}\n",
                "2:25 group budget: expected a mapping, found '4' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/a], recover: [restart: {budget: {actions: 40}}, "
         "start: {budget: {actions: 40}}]}\n",
                "3:35 the budgets of the steps allow 80 actions together, at most 64 [too-large]\n"},
        {"version: 1\nservices:\n  a: {" P ", require: 2}\n",
                "3:39 'require' asks for 2 liveness probes, there are 1 [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x, role: warning}}}\n",
                "3:15 the service 'a' has nothing but warnings, and nothing says whether it lives [no-probes] "
                "(give one of them 'role: liveness')\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x, role: ready}}}\n",
                "3:34 'role': expected liveness, readiness or warning, found 'ready' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {" P ", require: 0}\n",
                "3:39 'require': expected all, any, or a number of probes from 1, found '0' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {" P ", recover: [notify, restart]}\n",
                "3:48 'restart' cannot be done for the service 'a': it is only watched, nobody here starts or "
                "stops it [no-manager] (give it a 'command', a 'unit' or 'scripts', or use exec and notify "
                "steps)\n"},
        {"version: 1\ndefaults: {recover: [start: {}]}\nservices:\n  a: {" P "}\n",
                "2:22 'start' cannot be done for the service 'a': it is only watched, nobody here starts or "
                "stops it [no-manager] (give it a 'command', a 'unit' or 'scripts', or use exec and notify "
                "steps)\n"},
        {"version: 1\nservices:\n  a: {" P ", recover: [signal: HUP]}\n",
                "3:40 'signal' cannot be done for the service 'a': it is only watched, nobody here starts or "
                "stops it [no-manager] (give it a 'command', a 'unit' or 'scripts', or use exec and notify "
                "steps)\n"},
        {"version: 1\nservices:\n  a: {scripts: " SCRIPTS ", recover: [signal: HUP]}\n",
                "3:79 'signal' cannot be done for the service 'a': nobody here knows the processes that its "
                "scripts start [impossible-step] (use reload, restart or exec)\n"},
        {"version: 1\nservices:\n  a: {scripts: " SCRIPTS ", recover: [reload, restart]}\n",
                "3:79 'reload' cannot be done for the service 'a': its scripts have no 'reload' "
                "[impossible-step] (add 'reload: [/path/to/program]' to 'scripts', or use restart)\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/a], unit: a.service}\n",
                "3:7 'command' and 'unit' exclude each other [inconsistent] (a service is managed in one way)\n"},
        {"version: 1\nservices:\n  a: {scripts: " SCRIPTS ", unit: a.service, command: [/bin/a]}\n",
                "3:69 'unit' and 'scripts' exclude each other [inconsistent] (a service is managed in one way)\n"
                "3:86 'command' and 'scripts' exclude each other [inconsistent] (a service is managed in one way)\n"},
        {"version: 1\nservices:\n  a: {unit: nginx}\n",
                "3:13 'unit': expected the name of a unit with its suffix, such as nginx.service, found 'nginx' "
                "[bad-value] (did you mean 'nginx.service'?)\n"},
        {"version: 1\nservices:\n  a: {unit: worker@.service}\n",
                "3:13 'unit': expected an instance of the template, such as worker@main.service, found "
                "'worker@.service' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {unit: a.service, recover: [signal: {signal: NIX, to: all}]}\n",
                "3:51 'signal': expected a signal: TERM, QUIT, INT, HUP, USR1, USR2, WINCH, KILL or ABRT, found "
                "'NIX' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {unit: a.service, recover: [signal: {signal: HUP, to: group}]}\n",
                "3:60 'to': expected main or all, found 'group' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {unit: a.service, recover: [signal]}\n",
                "3:34 signal step: the key 'signal' is missing [missing-key]\n"},
        {"version: 1\nservices:\n  a: {scripts: {start: [/bin/s], stop: [/bin/s]}}\n",
                "3:16 scripts: the key 'status' is missing: it takes start, stop and status, or 'ocf' "
                "[inconsistent]\n"},
        {"version: 1\nservices:\n  a: {scripts: {ocf: heartbeat:redis, status: [/bin/s]}}\n",
                "3:47 'status' and 'ocf' exclude each other: the resource agent does it [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {scripts: {ocf: \"ocf:heartbeat:redis\"}}\n",
                "3:22 'ocf': expected PROVIDER:TYPE of a resource agent, such as heartbeat:redis, found "
                "'ocf:heartbeat:redis' [bad-value] (did you mean 'heartbeat:redis'?)\n"},
        {"version: 1\nservices:\n  a: {scripts: {ocf: ../../bin/sh}}\n",
                "3:22 'ocf': expected PROVIDER:TYPE of a resource agent, such as heartbeat:redis, found "
                "'../../bin/sh' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {scripts: {ocf: heartbeat:redis, parameters: {\"a b\": x}}}\n",
                "3:51 'a b' cannot be the name of a parameter: letters, digits and _ only [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {scripts: {start: [/bin/s], stop: [/bin/s], status: [/bin/s], parameters: "
         "{a: x}}}\n",
                "3:80 'parameters' is only for a resource agent, 'ocf' [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {scripts: {start: run.sh, stop: [stop.sh], status: [/bin/s]}}\n",
                "3:24 'start': expected a list of words, found 'run.sh' [bad-value] (programs run without a "
                "shell: [/usr/bin/program, argument])\n"
                "3:39 'stop': expected the absolute path of a program, beginning with '/', found 'stop.sh' "
                "[bad-value]\n"},
        {"version: 2\nagent: {slak: 1s}\nservices:\n  a: {" P "}\n",
                "1:10 'version': expected 1, found '2' [bad-value]\n"
                "2:9 agent: unknown key 'slak' [unknown-key] (did you mean 'slack'?)\n"},
        {"version: 1\nservice: {}\n",
                "2:1 unknown key 'service' at the top of the file [unknown-key] (did you mean 'services'?)\n"},
        {"- a\n",
                "1:1 expected a mapping with the keys version, defaults, templates and services, found a list "
                "[bad-value]\n"},
        {"version: 1\nservices: [a]\n",
                "2:11 'services': expected a mapping, found a list [bad-value]\n"},
};

static void refuses_services_that_cannot_be(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

static void a_command_is_always_watched(void **state) {
        (void) state;
        struct policy *policy =
                load_clean("version: 1\n"
                           "services:\n"
                           "  plain: {command: [/bin/a], interval: 3s}\n"
                           "  own: {command: [/bin/a], probes: {rss: {process: {max_rss: 1GiB}}}}\n"
                           "  clash: {command: [/bin/a], probes: {process: {tcp: x}}}\n"
                           "  watched: {probes: {p: {tcp: x}}}\n");
        const struct service *plain = service_of(policy, "plain");
        assert_int_equal(plain->n_probes, 1);
        assert_string_equal(plain->probes[0].name, "process");
        assert_true(plain->probes[0].implied);
        assert_non_null(plain->probes[0].params);
        assert_int_equal(plain->probes[0].type, FAKE_PROCESS);
        assert_int_equal(plain->probes[0].interval, 3 * USEC_PER_SEC);
        assert_int_equal(plain->manager, MANAGER_COMMAND);
        assert_int_equal(service_of(policy, "own")->n_probes, 1);
        assert_false(service_of(policy, "own")->probes[0].implied);
        const struct service *clash = service_of(policy, "clash");
        assert_int_equal(clash->n_probes, 2);
        assert_true(probe_of(clash, "process-alive")->implied);
        assert_int_equal(service_of(policy, "watched")->n_probes, 1);
        assert_int_equal(service_of(policy, "watched")->manager, MANAGER_NONE);
        assert_null(service_of(policy, "watched")->command);
        assert_int_equal(policy->n_probes, 5);
        policy_free(policy);
}

static void each_manager_has_its_implied_probe(void **state) {
        (void) state;
        struct policy *policy = load_clean(
                "version: 1\n"
                "services:\n"
                "  unit: {unit: a.service}\n"
                "  scripts: {scripts: " SCRIPTS "}\n"
                "  agent: {scripts: {ocf: heartbeat:redis, parameters: {bin: /usr/bin/redis-server}}, "
                "recover: [reload, restart]}\n"
                "  clash: {unit: a.service, probes: {unit: {tcp: x}}}\n");
        const struct service *unit = service_of(policy, "unit");
        assert_int_equal(unit->manager, MANAGER_UNIT);
        assert_string_equal(unit->unit->name, "a.service");
        assert_int_equal(unit->n_probes, 1);
        assert_int_equal(unit->probes[0].type, FAKE_UNIT);
        assert_string_equal(unit->probes[0].name, "unit");
        assert_int_equal(unit->steps[0].action, ACTION_RESTART);
        const struct service *scripts = service_of(policy, "scripts");
        assert_int_equal(scripts->manager, MANAGER_SCRIPTS);
        assert_string_equal(scripts->scripts->start.items[0], "/bin/s");
        assert_int_equal(scripts->probes[0].type, FAKE_STATUS);
        assert_true(scripts->probes[0].implied);
        assert_string_equal(service_of(policy, "agent")->scripts->ocf, "heartbeat:redis");
        assert_string_equal(service_of(policy, "agent")->scripts->parameters.items[0].value,
                "/usr/bin/redis-server");
        assert_true(probe_of(service_of(policy, "clash"), "unit-alive")->implied);
        policy_free(policy);
}

static void what_needs_a_running_service_cures_no_exit(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "services:\n"
                                           "  a:\n"
                                           "    command: [/bin/a]\n"
                                           "    reload_signal: USR2\n"
                                           "    recover:\n"
                                           "      - reload\n"
                                           "      - signal: HUP\n"
                                           "      - signal: {signal: SIGUSR1, to: all, for: slow}\n"
                                           "      - restart\n");
        const struct service *a = service_of(policy, "a");
        uint32_t exited = 1U << CAUSE_EXITED, slow = 1U << CAUSE_SLOW;
        assert_int_equal(a->command->reload_signal, SIGUSR2);
        assert_int_equal(a->steps[0].attempts, 1);
        assert_int_equal(a->steps[0].causes & (exited | slow), slow);
        assert_int_equal(a->steps[1].signal.number, SIGHUP);
        assert_int_equal(a->steps[1].signal.to, SIGNAL_TO_MAIN);
        assert_int_equal(a->steps[2].signal.number, SIGUSR1);
        assert_int_equal(a->steps[2].signal.to, SIGNAL_TO_ALL);
        assert_int_equal(a->steps[2].causes, slow);
        assert_int_equal(a->steps[3].causes, 0);
        policy_free(policy);
}

static void require_counts_the_implied_probe_on_top(void **state) {
        (void) state;
        struct policy *policy =
                load_clean("version: 1\n"
                           "defaults: {probes: {p: {tcp: x}, q: {tcp: y}, r: {tcp: z}}}\n"
                           "services:\n"
                           "  all: {command: [/bin/a]}\n"
                           "  any: {command: [/bin/a], require: any}\n"
                           "  two: {command: [/bin/a], require: 2}\n"
                           "  watched: {require: any}\n"
                           "  every: {}\n");
        assert_int_equal(service_of(policy, "all")->require, 4);
        assert_int_equal(service_of(policy, "any")->require, 2);
        assert_int_equal(service_of(policy, "two")->require, 3);
        assert_int_equal(service_of(policy, "watched")->require, 1);
        assert_int_equal(service_of(policy, "every")->require, 3);
        policy_free(policy);
}

static void require_counts_liveness(void **state) {
        (void) state;
        struct policy *policy =
                load_clean("version: 1\n"
                           "defaults: {probes: {p: {tcp: x}, q: {tcp: y, role: readiness},\n"
                           "                    r: {tcp: z, role: warning}}}\n"
                           "services:\n"
                           "  all: {command: [/bin/a]}\n"
                           "  any: {command: [/bin/a], require: any}\n"
                           "  watched: {}\n"
                           "  ready: {probes: {p: {role: readiness}}, require: any}\n");
        assert_int_equal(service_of(policy, "all")->require, 2);
        assert_int_equal(service_of(policy, "any")->require, 2);
        assert_int_equal(service_of(policy, "watched")->require, 1);
        assert_int_equal(service_of(policy, "ready")->require, 0);
        assert_int_equal(service_of(policy, "all")->probes[1].role, ROLE_READINESS);
        policy_free(policy);
}

/* A warning about its memory does not stand for the life of the process. */
static void only_liveness_replaces_the_implied_probe(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "services:\n"
                                           "  a: {command: [/bin/a], probes: {process: {process: "
                                           "{max_rss: 1GiB}, role: warning}}}\n");
        const struct service *a = service_of(policy, "a");
        assert_int_equal(a->n_probes, 2);
        assert_true(a->probes[1].implied);
        assert_int_equal(a->require, 1);
        policy_free(policy);
}

static void ladders_have_standards(void **state) {
        (void) state;
        struct policy *policy = load_clean(
                "version: 1\n"
                "services:\n"
                "  a: {command: [/bin/a], verify: 40s}\n"
                "  none: {command: [/bin/a], recover: []}\n"
                "  watched: {probes: {p: {tcp: x}}}\n"
                "  steps:\n"
                "    command: [/bin/a]\n"
                "    recover:\n"
                "      - exec: {command: [/bin/clear], user: nobody, timeout: 5s}\n"
                "      - restart: {attempts: 2, for: [exited, slow], verify: 1m, backoff: "
                "{initial: 0}}\n"
                "      - stop: {}\n"
                "      - notify: {message: help}\n");
        const struct service *a = service_of(policy, "a"), *steps = service_of(policy, "steps");
        assert_int_equal(a->n_steps, 1);
        assert_int_equal(a->steps[0].action, ACTION_RESTART);
        assert_int_equal(a->steps[0].attempts, 5);
        assert_int_equal(service_of(policy, "none")->n_steps, 0);
        assert_int_equal(service_of(policy, "watched")->n_steps, 0);
        assert_int_equal(steps->n_steps, 4);
        assert_int_equal(steps->steps[0].action, ACTION_EXEC);
        assert_string_equal(steps->steps[0].exec.command.items[0], "/bin/clear");
        assert_string_equal(steps->steps[0].exec.user, "nobody");
        assert_int_equal(steps->steps[0].timeout, 5 * USEC_PER_SEC);
        assert_int_equal(
                steps->steps[1].causes, causes_widen(1 << CAUSE_EXITED) | (1 << CAUSE_SLOW));
        assert_int_equal(steps->steps[1].verify, USEC_PER_MINUTE);
        assert_int_equal(steps->steps[1].backoff->initial, 0);
        assert_int_equal(steps->steps[0].verify, 30 * USEC_PER_SEC);
        assert_null(steps->steps[2].backoff);
        assert_string_equal(steps->steps[3].message, "help");
        policy_free(policy);
}

static void everything_has_a_standard(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\nservices: {a: {command: [/bin/a]}}\n");
        const struct service *a = service_of(policy, "a");
        assert_int_equal(a->start_grace, 10 * USEC_PER_SEC);
        assert_int_equal(a->settle, 5 * USEC_PER_SEC);
        assert_int_equal(a->verify, 30 * USEC_PER_SEC);
        assert_int_equal(a->backoff.initial, USEC_PER_SEC);
        assert_int_equal(a->backoff.max, 5 * USEC_PER_MINUTE);
        assert_true(a->backoff.factor > 1.99 && a->backoff.factor < 2.01);
        assert_int_equal(a->backoff.jitter, JITTER_EQUAL);
        assert_int_equal(a->backoff.reset_after, 10 * USEC_PER_MINUTE);
        assert_int_equal(a->budget.actions, 10);
        assert_int_equal(a->budget.per, USEC_PER_HOUR);
        assert_int_equal(a->command->umask, 022);
        assert_int_equal(a->command->stop_signal, 15);
        assert_int_equal(a->command->stop_timeout, 10 * USEC_PER_SEC);
        assert_int_equal(a->command->log.target, LOG_TARGET_AUTO);
        assert_int_equal(a->command->log.max_size, 10 << 20);
        assert_string_equal(policy->agent.listen, "127.0.0.1:7790");
        assert_int_equal(policy->agent.budget.actions, 60);
        assert_int_equal(policy->agent.slack, 50 * USEC_PER_MSEC);
        assert_int_equal(policy->agent.max_in_flight, 2048);
        assert_int_equal(policy->agent.store_timeout, USEC_PER_SEC);
        assert_int_equal(policy->agent.log_level, 6);
        assert_int_equal(policy->agent.keep_incidents, 1000);
        assert_null(policy->agent.operators_group);
        policy_free(policy);
}

static void takes_the_whole_of_a_command(void **state) {
        (void) state;
        struct policy *policy =
                load_clean("version: 1\n"
                           "services:\n"
                           "  a:\n"
                           "    command: [/bin/a, --port, 80]\n"
                           "    user: \"33\"\n"
                           "    group: www\n"
                           "    directory: /srv\n"
                           "    umask: 0077\n"
                           "    limits: {open_files: 100, processes: 7, core: 1GiB, memory: 2GiB}\n"
                           "    stop_signal: SIGQUIT\n"
                           "    log: {file: /var/log/a.log, max_size: 1MiB, keep: 0}\n");
        const struct command_spec *command = service_of(policy, "a")->command;
        assert_int_equal(command->command.count, 3);
        assert_string_equal(command->command.items[2], "80");
        assert_string_equal(command->user, "33");
        assert_string_equal(command->group, "www");
        assert_string_equal(command->directory, "/srv");
        assert_int_equal(command->umask, 077);
        assert_int_equal(command->limits.open_files, 100);
        assert_int_equal(command->limits.processes, 7);
        assert_int_equal(command->limits.core, 1 << 30);
        assert_int_equal(command->stop_signal, 3);
        assert_int_equal(command->log.target, LOG_TARGET_FILE);
        assert_string_equal(command->log.file, "/var/log/a.log");
        assert_int_equal(command->log.keep, 0);
        policy_free(policy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_services_that_cannot_be),
                cmocka_unit_test(a_command_is_always_watched),
                cmocka_unit_test(each_manager_has_its_implied_probe),
                cmocka_unit_test(what_needs_a_running_service_cures_no_exit),
                cmocka_unit_test(require_counts_the_implied_probe_on_top),
                cmocka_unit_test(require_counts_liveness),
                cmocka_unit_test(only_liveness_replaces_the_implied_probe),
                cmocka_unit_test(ladders_have_standards),
                cmocka_unit_test(everything_has_a_standard),
                cmocka_unit_test(takes_the_whole_of_a_command),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
