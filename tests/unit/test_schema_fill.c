#include "policy_cases.h"

#define PROBE(body) "version: 1\nservices:\n  a:\n    probes:\n      p: " body "\n"

static const struct policy_case value_cases[] = {
        {PROBE("{http: {url: x}, interval: 5}"),
                "5:37 'interval': expected a duration such as 500ms, 2s or 5m, found '5' [bad-value] (the "
                "unit is missing: 5s?)\n"},
        {PROBE("{http: {url: x}, interval: fast}"),
                "5:37 'interval': expected a duration such as 500ms, 2s or 5m, found 'fast' [bad-value]\n"},
        {PROBE("{http: {url: x}, interval: 1ms}"),
                "5:37 'interval' must be at least 10ms [out-of-range]\n"},
        {PROBE("{http: {url: x}, interval: 2d}"),
                "5:37 'interval' must be at most 1d [out-of-range]\n"},
        {PROBE("{http: {url: x}, interval: [1s]}"),
                "5:37 'interval': expected a single value, found a list [bad-value]\n"},
        {PROBE("{http: {url: x}, interval: }"), "5:37 'interval' has no value [bad-value]\n"},
        {PROBE("{http: {url: x}, fall: 0}"), "5:33 'fall' must be at least 1 [out-of-range]\n"},
        {PROBE("{http: {url: x}, rise: 0}"), "5:33 'rise' must be at least 1 [out-of-range]\n"},
        {PROBE("{http: {url: x}, fall: -1}"),
                "5:33 'fall': expected a whole number such as 3, found '-1' [bad-value]\n"},
        {PROBE("{http: {url: x}, fall: 99999999999999999999}"),
                "5:33 'fall': the number is too large, found '99999999999999999999' [bad-value]\n"},
        {PROBE("{http: {url: x, follow: yes}}"),
                "5:34 'follow': expected true or false, found 'yes' [bad-value] (write true)\n"},
        {PROBE("{http: {url: x, max_body: 5}}"),
                "5:36 'max_body': expected a size such as 512MiB or 2GB, found '5' [bad-value] (the unit is "
                "missing: 5MiB?)\n"},
        {PROBE("{http: {url: x, max_body: 1GiB}}"),
                "5:36 'max_body' must be at most 16MiB [out-of-range]\n"},
        {PROBE("{http: {url: x, expect: {status: [200, 99]}}}"),
                "5:49 'status': expected a status such as 200, found '99' [bad-value]\n"},
        {PROBE("{http: {url: x, expect: {words: {a: b}}}}"),
                "5:42 'words': expected a single value, found a mapping [bad-value]\n"},
        {PROBE("{http: {url: x, headers: [a]}}"),
                "5:35 'headers': expected a mapping of names to texts, found a list [bad-value]\n"},
        {PROBE("{http: {url: x, expect: 200}}"),
                "5:34 http expect: expected a mapping, found '200' [bad-value]\n"},
        {PROBE("{process: {max_rss: 80%}}"),
                "5:30 'max_rss': expected a size such as 512MiB, found '80%' [bad-value]\n"},
        {PROBE("{process: {max_rss: 10B}}"),
                "5:30 'max_rss' must be at least 1MiB [out-of-range]\n"},
        {PROBE("{process: {max_cpu: 80}}"),
                "5:30 'max_cpu': expected a percentage such as 90%, found '80' [bad-value] (the unit is "
                "missing: 80%?)\n"},
        {PROBE("{disk: srv}"),
                "5:17 'path': expected an absolute path, beginning with '/', found 'srv' [bad-value]\n"},
        {PROBE("{disk: {path: /srv, max_used: 101%}}"),
                "5:40 'max_used' must be at most 100% [out-of-range]\n"},
};

static const struct policy_case key_cases[] = {
        {PROBE("{http: {ur: x}}"),
                "5:18 http probe: unknown key 'ur' [unknown-key] (did you mean 'url'?)\n"},
        {PROBE("{http: {url: x, interval: 3s}}"),
                "5:26 http probe: unknown key 'interval' [unknown-key] ('interval' belongs to the probe "
                "around it)\n"},
        {PROBE("{http: {url: x, status: 200}}"),
                "5:26 http probe: unknown key 'status' [unknown-key] ('status' belongs into 'expect')\n"},
        {PROBE("{http: {url: x}, quite_another: 1}"),
                "5:27 probe: unknown key 'quite_another' [unknown-key]\n"},
        {PROBE("{http: {}}"), "5:11 http probe: the key 'url' is missing [missing-key]\n"},
        {PROBE("{http: }"), "5:11 http probe: the key 'url' is missing [missing-key]\n"},
        {PROBE("{}"),
                "5:7 probe: expected one of http, tcp, process, disk, unit or status [missing-key]\n"},
        {PROBE("{htp: {url: x}}"),
                "5:11 probe: unknown key 'htp' [unknown-key] (did you mean 'http'?)\n"},
        {PROBE("{http: {url: x}, tcp: x}"),
                "5:27 probe: 'http' and 'tcp' exclude each other [inconsistent]\n"},
        {PROBE("[http]"), "5:10 probe: expected a mapping, found a list [bad-value]\n"},
        {PROBE("htp"),
                "5:10 probe: expected a mapping, found 'htp' [bad-value] (did you mean 'http'?)\n"},
        {"version: 1\nservices:\n  a:\n    probes: [x]\n",
                "4:13 'probes': expected a mapping of names, found a list [bad-value]\n"},
        {"version: 1\nservices:\n  a: word\n",
                "3:6 service: expected a mapping, found 'word' [bad-value]\n"},
};

static const struct policy_case command_cases[] = {
        {"version: 1\nservices:\n  a: {command: /bin/x -v}\n",
                "3:16 'command': expected a list of words, found '/bin/x -v' [bad-value] (programs run "
                "without a shell: [/usr/bin/program, argument])\n"},
        {"version: 1\nservices:\n  a: {command: [x]}\n",
                "3:17 'command': expected the absolute path of a program, beginning with '/', found 'x' "
                "[bad-value]\n"},
        {"version: 1\nservices:\n  a: {command: []}\n", "3:16 'command' is empty [bad-value]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], umask: 999}\n",
                "3:33 'umask': expected an octal number such as 022, found '999' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], stop_signal: [TERM, INT]}\n",
                "3:39 'stop_signal': expected a single value, found a list [bad-value]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], log: {to: file}}\n",
                "3:36 'to: file' needs the key 'file' [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], log: {to: journal, file: /x}}\n",
                "3:51 'file' is only for 'to: file' [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], recover: restart}\n",
                "3:35 'recover': expected a list, found 'restart' [bad-value] (begin each entry with '- ')\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], recover: [exec: {}]}\n",
                "3:36 exec step: the key 'command' is missing [missing-key]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], recover: [restart: {for: [none]}]}\n",
                "3:52 'for': expected exited, unresponsive, wrong-answer, slow, resource, dependency, changed, unit-state, exited.code, exited.signal, exited.oom, resource.memory, resource.cpu, resource.disk, resource.inodes, resource.descriptors, resource.threads, resource.io or resource.connections, found 'none' "
                "[bad-value]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], backoff: {initial: 2m, max: 1m}}\n",
                "3:54 'max' is less than 'initial' [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], backoff: {factor: 0.5}}\n",
                "3:44 'factor': expected a number from 1 to 100, found '0.5' [bad-value]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], backoff: {jitter: ful}}\n",
                "3:44 'jitter': expected none, full, equal or decorrelated, found 'ful' [bad-value] (did you "
                "mean 'full'?)\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/x], budget: {actions: 257}}\n",
                "3:44 'actions' must be at most 256 [out-of-range]\n"},
        {"version: 1\nagent: {listen: example.org}\nservices:\n  a: {command: [/bin/x]}\n",
                "2:17 'listen': expected an address and a port such as 127.0.0.1:7790 or [::1]:7790, or none, "
                "found 'example.org' [bad-value]\n"},
};

static void refuses_wrong_values(void **state) {
        (void) state;
        run_cases(value_cases, ELEMENTSOF(value_cases));
}

static void refuses_wrong_keys(void **state) {
        (void) state;
        run_cases(key_cases, ELEMENTSOF(key_cases));
}

static void refuses_wrong_commands(void **state) {
        (void) state;
        run_cases(command_cases, ELEMENTSOF(command_cases));
}

static void reports_all_errors_of_an_object(void **state) {
        (void) state;
        policy_free(load_expecting(
                PROBE("{http: {url: x, follow: 1, max_body: 2}, fall: 0, rise: x}"),
                "5:34 'follow': expected true or false, found '1' [bad-value]\n"
                "5:47 'max_body': expected a size such as 512MiB or 2GB, found '2' [bad-value] (the unit is "
                "missing: 2MiB?)\n"
                "5:57 'fall' must be at least 1 [out-of-range]\n"
                "5:66 'rise': expected a whole number such as 3, found 'x' [bad-value]\n"));
}

static void fills_every_kind(void **state) {
        (void) state;
        struct policy *policy = load_clean(PROBE("\n"
                                                 "        http:\n"
                                                 "          url: http://x/\n"
                                                 "          follow: true\n"
                                                 "          max_latency: 1h\n"
                                                 "          max_body: 64KiB\n"
                                                 "          headers: {Host: shop, X: \"1\"}\n"
                                                 "          expect:\n"
                                                 "            status: [200, 204]\n"
                                                 "            words: [ready, ok]\n"
                                                 "            headers: {Server: {equals: nginx}}"));
        const struct probe_spec *probe = probe_of(service_of(policy, "a"), "p");
        const struct fake_http *http = probe->params;
        assert_int_equal(probe->type, FAKE_HTTP);
        assert_string_equal(http->url, "http://x/");
        assert_true(http->follow);
        assert_int_equal(http->max_latency, USEC_PER_HOUR);
        assert_int_equal(http->max_body, 64 << 10);
        assert_int_equal(http->headers.count, 2);
        assert_string_equal(http->headers.items[1].key, "X");
        assert_string_equal(http->headers.items[1].value, "1");
        assert_int_equal(http->expect.status, 404);
        assert_int_equal(http->expect.words.count, 2);
        assert_string_equal(http->expect.words.items[1], "ok");
        assert_null(http->expect.words.items[2]);
        const struct fake_header *header = http->expect.headers.items;
        assert_int_equal(http->expect.headers.count, 1);
        assert_string_equal(header->name, "Server");
        assert_string_equal(header->equals, "nginx");
        policy_free(policy);
}

static void fills_standards_and_inherits(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "services:\n"
                                           "  a:\n"
                                           "    interval: 7s\n"
                                           "    fall: 5\n"
                                           "    probes:\n"
                                           "      p: {http: {url: x}}\n"
                                           "      q: {tcp: {address: y}, fall: 1}\n");
        const struct service *service = service_of(policy, "a");
        const struct probe_spec *p = probe_of(service, "p"), *q = probe_of(service, "q");
        const struct fake_http *http = p->params;
        assert_int_equal(http->max_body, 1 << 20);
        assert_int_equal(http->expect.status, 200);
        assert_false(http->follow);
        assert_int_equal(p->interval, 7 * USEC_PER_SEC);
        assert_int_equal(p->fast_interval, USEC_PER_SEC);
        assert_int_equal(p->down_interval, 7 * USEC_PER_SEC);
        assert_int_equal(p->timeout, 2 * USEC_PER_SEC);
        assert_int_equal(p->fall, 5);
        assert_int_equal(q->fall, 1);
        assert_int_equal(p->rise, 2);
        policy_free(policy);
}

static void takes_shorthands(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "services:\n"
                                           "  a:\n"
                                           "    command: [/bin/a]\n"
                                           "    log: none\n"
                                           "    recover: [restart, notify]\n"
                                           "    probes:\n"
                                           "      d: {disk: /srv}\n"
                                           "      alive: process\n");
        const struct service *service = service_of(policy, "a");
        const struct fake_disk *disk = probe_of(service, "d")->params;
        assert_string_equal(disk->path, "/srv");
        assert_true(disk->max_used > 89 && disk->max_used < 91);
        assert_int_equal(service->command->log.target, LOG_TARGET_NONE);
        assert_int_equal(service->n_steps, 2);
        assert_int_equal(service->steps[0].action, ACTION_RESTART);
        assert_int_equal(service->steps[0].attempts, 3);
        assert_int_equal(service->steps[1].action, ACTION_NOTIFY);
        assert_int_equal(service->steps[1].attempts, 1);
        assert_int_equal(probe_of(service, "alive")->type, FAKE_PROCESS);
        assert_int_equal(service->n_probes, 2);
        policy_free(policy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_wrong_values),
                cmocka_unit_test(refuses_wrong_keys),
                cmocka_unit_test(refuses_wrong_commands),
                cmocka_unit_test(reports_all_errors_of_an_object),
                cmocka_unit_test(fills_every_kind),
                cmocka_unit_test(fills_standards_and_inherits),
                cmocka_unit_test(takes_shorthands),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
