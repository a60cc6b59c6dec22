#include "policy_cases.h"

static void layers_from_weak_to_strong(void **state) {
        (void) state;
        struct policy *policy =
                load_clean("version: 1\n"
                           "defaults: {interval: 20s, fall: 4, rise: 4, settle: 1s}\n"
                           "templates:\n"
                           "  one: {fall: 5, rise: 5, settle: 2s}\n"
                           "  two: {rise: 6, settle: 3s}\n"
                           "services:\n"
                           "  a:\n"
                           "    extends: [one, two]\n"
                           "    settle: 4s\n"
                           "    probes: {p: {tcp: x}}\n"
                           "  b:\n"
                           "    extends: [two, one]\n"
                           "    probes: {p: {tcp: x}}\n");
        const struct probe_spec *a = probe_of(service_of(policy, "a"), "p");
        assert_int_equal(a->interval, 20 * USEC_PER_SEC);
        assert_int_equal(a->fall, 5);
        assert_int_equal(a->rise, 6);
        assert_int_equal(service_of(policy, "a")->settle, 4 * USEC_PER_SEC);
        assert_int_equal(probe_of(service_of(policy, "b"), "p")->rise, 5);
        assert_int_equal(service_of(policy, "b")->settle, 2 * USEC_PER_SEC);
        policy_free(policy);
}

static void mappings_merge_and_lists_replace(void **state) {
        (void) state;
        struct policy *policy =
                load_clean("version: 1\n"
                           "templates:\n"
                           "  web:\n"
                           "    environment: {A: a, B: b}\n"
                           "    recover: [restart, notify]\n"
                           "    probes:\n"
                           "      health: {http: {url: x, expect: {status: 204}}, fall: 7}\n"
                           "      data: {disk: /srv}\n"
                           "services:\n"
                           "  a:\n"
                           "    extends: web\n"
                           "    command: [/bin/a]\n"
                           "    environment: {B: bb, C: c}\n"
                           "    recover: [restart]\n"
                           "    probes:\n"
                           "      health: {http: {url: y}}\n");
        const struct service *a = service_of(policy, "a");
        const struct pairs *environment = &a->command->environment;
        assert_int_equal(environment->count, 3);
        assert_string_equal(environment->items[0].value, "a");
        assert_string_equal(environment->items[1].value, "bb");
        assert_string_equal(environment->items[2].key, "C");
        assert_int_equal(a->n_steps, 1);
        const struct probe_spec *health = probe_of(a, "health");
        const struct fake_http *http = health->params;
        assert_string_equal(http->url, "y");
        assert_int_equal(http->expect.status, 204);
        assert_int_equal(health->fall, 7);
        assert_int_equal(a->n_probes, 3);
        policy_free(policy);
}

static void a_later_type_drives_out_the_earlier(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "templates:\n"
                                           "  web:\n"
                                           "    backoff: {initial: 3s, factor: 3, jitter: none}\n"
                                           "    probes: {health: {http: {url: x}, fall: 7}}\n"
                                           "services:\n"
                                           "  a:\n"
                                           "    extends: web\n"
                                           "    backoff: {delays: [1s, 2s]}\n"
                                           "    probes: {health: {tcp: y}}\n");
        const struct service *a = service_of(policy, "a");
        assert_int_equal(probe_of(a, "health")->type, FAKE_TCP);
        assert_int_equal(probe_of(a, "health")->fall, 7);
        assert_int_equal(a->backoff.delays.count, 2);
        assert_int_equal(a->backoff.jitter, JITTER_NONE);
        policy_free(policy);
}

static void templates_extend_templates(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "templates:\n"
                                           "  child: {extends: [parent], fall: 8}\n"
                                           "  parent: {fall: 9, rise: 9, probes: {p: {tcp: x}}}\n"
                                           "services:\n"
                                           "  a: {extends: child}\n");
        assert_int_equal(probe_of(service_of(policy, "a"), "p")->fall, 8);
        assert_int_equal(probe_of(service_of(policy, "a"), "p")->rise, 9);
        policy_free(policy);
}

static void an_empty_value_keeps_a_mapping(void **state) {
        (void) state;
        policy_free(load_clean("version: 1\n"
                               "templates:\n"
                               "  web: {probes: {p: {tcp: x}}}\n"
                               "services:\n"
                               "  a:\n"
                               "    extends: web\n"
                               "    probes:\n"));
}

static void the_later_manager_drives_the_earlier_out(void **state) {
        (void) state;
        struct policy *policy = load_clean(
                "version: 1\n"
                "templates:\n"
                "  program: {command: [/bin/a], user: root, recover: [reload, restart]}\n"
                "  agent: {scripts: {ocf: heartbeat:redis, parameters: {a: x, b: y}}}\n"
                "services:\n"
                "  a: {extends: program, unit: a.service}\n"
                "  b: {extends: [program, agent]}\n"
                "  c: {extends: agent, scripts: {parameters: {b: z}}}\n");
        assert_int_equal(service_of(policy, "a")->manager, MANAGER_UNIT);
        assert_int_equal(service_of(policy, "b")->manager, MANAGER_SCRIPTS);
        const struct scripts_spec *c = service_of(policy, "c")->scripts;
        assert_string_equal(c->ocf, "heartbeat:redis");
        assert_string_equal(c->parameters.items[0].value, "x");
        assert_string_equal(c->parameters.items[1].value, "z");
        policy_free(policy);
}

static const struct policy_case cases[] = {
        {"version: 1\ntemplates:\n  web: {probes: {p: {tcp: x}}}\nservices:\n  a: {extends: wep}\n",
                "warning 3:3 no service uses the template 'web' [unused-template]\n"
                "5:16 there is no template 'wep' in this file or in recoverd.yaml [unknown-template] (did you "
                "mean 'web'?)\n"},
        {"version: 1\ntemplates:\n  a: {extends: b}\n  b: {extends: [c]}\n  c: {extends: a}\nservices:\n  s: {extends: a, "
         "probes: {p: {tcp: x}}}\n",
                "5:16 templates extend each other: a -> b -> c -> a [cycle]\n"},
        {"version: 1\ntemplates:\n  a: {extends: a, probes: {p: {tcp: x}}}\nservices:\n  s: {extends: a}\n",
                "3:16 templates extend each other: a -> a [cycle]\n"},
        /* an error in a template is said once, where it is written, however many services use it */
        {"version: 1\ntemplates:\n  t: {fall: 0, probes: {p: {tcp: x}}}\nservices:\n  a: {extends: t}\n  b: "
         "{extends: t}\n",
                "3:13 'fall' must be at least 1 [out-of-range]\n"},
        /* also when nobody uses it */
        {"version: 1\ntemplates:\n  t: {fal: 1, rise: 0}\nservices:\n  a: {probes: {p: {tcp: x}}}\n",
                "warning 3:3 no service uses the template 't' [unused-template]\n"
                "3:7 service: unknown key 'fal' [unknown-key] (did you mean 'fall'?)\n"
                "3:21 'rise' must be at least 1 [out-of-range]\n"},
        {"version: 1\ndefaults: {command: [/bin/x], interval: 1}\nservices:\n  a: {probes: {p: {tcp: x}}}\n",
                "2:12 'command' belongs to one service, not into 'defaults' [misplaced-key]\n"
                "2:41 'interval': expected a duration such as 500ms, 2s or 5m, found '1' [bad-value] (the unit "
                "is missing: 1s?)\n"},
        /* what is missing in a template may come from the service */
        {"version: 1\ntemplates:\n  t: {probes: {p: {http: {follow: true}}}}\nservices:\n  a: {extends: t, probes: "
         "{p: {http: {url: x}}}}\n",
                ""},
        {"version: 1\nservices:\n  a: {extends: {b: c}, probes: {p: {tcp: x}}}\n",
                "3:16 'extends': expected a single value, found a mapping [bad-value]\n"},
};

static void reports_templates_where_they_are_written(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

static void refuses_endless_chains(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        struct policy *policy;
        strbuf_add(&text,
                "version: 1\nservices:\n  a: {extends: t0, probes: {p: {tcp: x}}}\ntemplates:\n");
        for (int i = 0; i < 40; i++) {
                strbuf_addf(&text, "  t%d: {extends: t%d}\n", i, i + 1);
        }
        strbuf_add(&text, "  t40: {fall: 2}\n");
        assert_true(load_says(strbuf_text(&text),
                "36:18 templates extend each other more than 32 levels deep [too-deep]\n",
                &policy));
}

/* Each of many templates that extend the one before copies all that came before. */
static void refuses_merges_that_explode(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        strbuf_add(&text, "version: 1\ntemplates:\n  t:\n    environment:\n");
        for (int i = 0; i < 4000; i++) {
                strbuf_addf(&text, "      V%d: x\n", i);
        }
        strbuf_add(&text, "  u: {environment: {A: b}}\nservices:\n");
        for (int i = 0; i < 520; i++) {
                strbuf_addf(&text,
                        "  s%d: {extends: [t, u], command: [/bin/s], environment: {C: d}}\n", i);
        }
        assert_int_equal(
                policy_load_text("t.yaml", text.data, text.length, fake_probes, &policy, &problems),
                -EINVAL);
        assert_true(problems.count > 0);
        assert_string_equal(problems.items[0].message,
                "defaults and templates unfold to more than 4000000 entries");
        problems_done(&problems);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_later_manager_drives_the_earlier_out),
                cmocka_unit_test(layers_from_weak_to_strong),
                cmocka_unit_test(mappings_merge_and_lists_replace),
                cmocka_unit_test(a_later_type_drives_out_the_earlier),
                cmocka_unit_test(templates_extend_templates),
                cmocka_unit_test(an_empty_value_keeps_a_mapping),
                cmocka_unit_test(reports_templates_where_they_are_written),
                cmocka_unit_test(refuses_endless_chains),
                cmocka_unit_test(refuses_merges_that_explode),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
