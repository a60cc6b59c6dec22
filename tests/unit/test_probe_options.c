/* What the loader makes of the keys of each probe type: standards, and the text of each refusal. */

#include <errno.h>

#include "probes/http_params.h"
#include "probes/tcp_params.h"
#include "probes/types.h"
#include "support/probe_rig.h"

static const struct rig_refused refused[] = {
        {"http: {}", "url"},
        {"http: ftp://example.org/", "a url begins with http:// or https://"},
        {"http: http://", "the host of the url is missing or malformed"},
        {"http: http:///path", "the host of the url is missing or malformed"},
        {"http: 'http://a b/'", "a url holds no blanks"},
        {"http: http://user:secret@host/", "secrets are never in policies"},
        {"http: http://host:0/", "the port of the url is malformed"},
        {"http: http://host:65536/", "the port of the url is malformed"},
        {"http: http://host:/", "the port of the url is malformed"},
        {"http: 'http://[::g]/'", "the host of the url is missing or malformed"},
        {"http: 'http://[::1/'", "the host of the url is missing or malformed"},
        {"http: {url: http://h/, method: 'GET /'}", "not a method of HTTP"},
        {"http: {url: http://h/, method: CONNECT}", "CONNECT is for proxies"},
        {"http: {url: http://h/, method: HEAD, expect: {body: ok}}",
                "the answer to HEAD has no body"},
        {"http: {url: http://h/, headers: {'A B': c}}", "'A B' is not the name of a header"},
        {"http: {url: http://h/, headers: {A: \"b\\r\\nC: d\"}}",
                "the value of A holds a line break"},
        {"http: {url: http://h/, headers: {authorization: x}}", "would hold a secret"},
        {"http: {url: http://h/, headers: {Content-Length: 5}}", "is set from the body"},
        {"http: {url: http://h/, tls: {verify: false}}",
                "tls needs a url that begins with https://"},
        {"http: {url: http://h/, expect: {certificate: 14d}}", "certificate needs a url"},
        {"http: {url: http://h/, expect: {status: 2xx}}",
                "expected a status such as 200 or a range"},
        {"http: {url: http://h/, expect: {status: 299-200}}", "expected a status such as 200"},
        {"http: {url: http://h/, expect: {status: 600}}", "expected a status such as 200"},
        {"http: {url: http://h/, expect: {status: [200, 99]}}", "expected a status such as 200"},
        {"http: {url: http://h/, expect: {body: {matches: '('}}}", "bad regular expression"},
        {"http: {url: http://h/, expect: {body: {contains: ''}}}",
                "an empty text is always contained"},
        {"http: {url: http://h/, expect: {headers: {A: {}}}}",
                "one of equals, contains and matches"},
        {"http: {url: http://h/, expect: {headers: {A: {matches: '['}}}}",
                "bad regular expression"},
        {"http: {url: http://h/, max_redirects: 100}", "max_redirects"},
        {"http: {url: http://h/, max_body: 1TB}", "max_body"},
        {"http: {url: http://h/, unix_socket: relative}", "absolute"},
        {"http: {url: http://h/, headers: {Authorization: 'Bearer ${T}'}}", "would hold a secret"},
        {"http: {url: http://h/, connect_to: h}", "expected host:port or [v6]:port"},
        {"http: {url: http://h/, connect_to: 'h:0'}", "expected host:port or [v6]:port"},
        {"http: {url: http://h/, connect_to: 'h:1', unix_socket: /x}", "not both"},
        {"http: {url: http://h/, basic_auth_file: /a, bearer_token_file: /b}", "not both"},
        {"http: {url: http://h/, basic_auth_file: a}", "absolute"},
        {"http: {url: http://h/, http_version: 2}", "over http:// it is 2-prior-knowledge"},
        {"http: {url: http://h/, http_version: 3}", "http_version"},
        {"http: {url: https://h/, tls: {key_file: /k}}", "a key needs its certificate"},
        {"http: {url: https://h/, tls: {verify: false, ca_file: /c}}", "nothing is verified"},
        {"http: {url: https://h/, tls: {server_name: 'a b'}}", "not the name of a host"},
        {"http: {url: http://h/, expect: {json: {status: UP}}}",
                "expected a JSON pointer such as /status"},
        {"http: {url: http://h/, expect: {json: {/a~b: 1}}}", "a ~ is written ~0"},
        {"http: {url: http://h/, expect: {json: {/a: '> x'}}}", "expected a number after"},
        {"http: {url: http://h/, method: HEAD, expect: {json: {/a: 1}}}", "has no body"},
        {"http: {url: http://h/, method: POST, steps: [{name: a, path: /}]}", "stand in each step"},
        {"http: {url: http://h/, steps: [{path: /}]}", "name"},
        {"http: {url: http://h/, steps: [{name: a}]}", "either url or path is needed"},
        {"http: {url: http://h/, steps: [{name: a, path: /, url: http://h/}]}",
                "either url or path"},
        {"http: {url: http://h/, steps: [{name: a, path: x}]}", "a path begins with /"},
        {"http: {url: http://h/, steps: [{name: a, path: '/x y'}]}", "no blanks"},
        {"http: {url: http://h/, steps: [{name: a, url: file:///etc/passwd}]}",
                "http:// or https://"},
        {"http: {url: http://h/, steps: [{name: a, path: /}, {name: a, path: /}]}",
                "two steps have the name a"},
        {"http: {url: http://h/, steps: [{name: a, path: /, capture: {CART: {json: /id}}}, "
         "{name: b, path: '/${CRAT}'}]}",
                "step b: no step before it captures ${CRAT}, did you mean ${CART}?"},
        {"http: {url: http://h/, steps: [{name: a, path: '/${A}', capture: {A: {json: /id}}}]}",
                "no step before it captures ${A}"},
        {"http: {url: http://h/, steps: [{name: a, path: '/${'}]}", "write $${ for a literal ${"},
        {"http: {url: http://h/, steps: [{name: a, path: /, capture: {1A: {json: /id}}}]}",
                "'1A' is not a name"},
        {"http: {url: http://h/, steps: [{name: a, path: /, capture: {A: {}}}]}",
                "exactly one of json"},
        {"http: {url: http://h/, steps: [{name: a, path: /, capture: {A: {json: x}}}]}",
                "expected a JSON pointer"},
        {"http: {url: http://h/, steps: [{name: a, path: /, capture: {A: {matches: abc}}}]}",
                "exactly one group"},
        {"http: {url: http://h/, steps: [{name: a, path: /, capture: {A: {header: 'a b'}}}]}",
                "not the name of a header"},
        {"http: {url: http://h/, steps: [{name: a, path: /, headers: {Authorization: secret}}]}",
                "would hold a secret"},
        {"http: {url: http://h/, steps: [{name: a, path: /, method: HEAD, capture: {A: {json: "
         "/x}}}]}",
                "has no body to search"},
        {"tcp: host", "expected host:port, [v6]:port or unix:/path"},
        {"tcp: 'host:'", "expected a port from 1 to 65535"},
        {"tcp: host:70000", "expected a port from 1 to 65535"},
        {"tcp: host:ssh", "expected a port from 1 to 65535"},
        {"tcp: ':80'", "the host is missing or malformed"},
        {"tcp: 'a b:80'", "the host is missing or malformed"},
        {"tcp: '::1:80'", "an IPv6 address is written in brackets"},
        {"tcp: '[host]:80'", "expected an IPv6 address in the brackets"},
        {"tcp: '[::1]80'", "expected host:port, [v6]:port or unix:/path"},
        {"tcp: unix:run/x", "expected an absolute path after unix:"},
        {"tcp: {address: 'h:1', send: 'a\\q'}", "expected one of \\r \\n \\t \\0 \\\\ \\xHH"},
        {"tcp: {address: 'h:1', send: 'a\\x4'}", "expected one of \\r \\n \\t \\0 \\\\ \\xHH"},
        {"tcp: {address: 'h:1', expect: ''}", "expected 1 to 1024 bytes"},
        {"tcp: {address: 'unix:/x', tls: true}", "a unix socket has no name to verify"},
        {"process: {max_cpu: 1GiB}", "max_cpu"},
        {"process: {max_rss: 5}", "max_rss"},
        {"process: {pidfile: run/x.pid}", "absolute"},
        {"process: {cpu_window: 1ms}", "cpu_window"},
        {"disk: {}", "path"},
        {"disk: {path: srv}", "absolute"},
        {"disk: {path: /, max_used: 101%}", "max_used"},
        {"disk: {path: /, max_write_latency: 1s}", "max_write_latency needs writable: true"},
};

static void test_refused(void **state) {
        (void) state;
        rig_refuses(refused, sizeof(refused) / sizeof(refused[0]));
}

static struct policy *load(const char *probe) {
        struct policy *policy = NULL;
        struct problems problems = {0};
        struct strbuf text = {0};
        if (rig_parse(probe, &policy, &problems) < 0) {
                problems_format(&problems, &text);
                fail_msg("%s: %s", probe, strbuf_text(&text));
        }
        problems_done(&problems);
        return policy;
}

static const void *params_of(const struct policy *policy) {
        return policy->services[0].probes[0].params;
}

static void test_http_standards(void **state) {
        (void) state;
        struct policy *policy = load("http: http://127.0.0.1/");
        const struct http_params *params = params_of(policy);
        assert_string_equal(params->exchange.method, "GET");
        assert_int_equal(params->max_body, 1024 * 1024);
        assert_false(params->follow_redirects);
        assert_null(params->exchange.expect);
        assert_null(params->tls);
        policy_free(policy);

        policy = load(
                "http: {url: 'https://h/', tls: {ca_file: /ca.pem}, expect: {max_latency: 1s}}");
        params = params_of(policy);
        assert_true(params->tls->verify);
        assert_true(params->exchange.expect->status.bits[1] & UINT64_C(1) << (200 - 100 - 64));
        policy_free(policy);
        assert_true(sizeof(struct http_params) <= 128); /* there may be 10,000 of them */
}

static void test_tcp_forms(void **state) {
        (void) state;
        struct policy *policy = load("tcp: '[2001:db8::1]:6379'");
        const struct tcp_params *params = params_of(policy);
        assert_string_equal(params->address.host, "2001:db8::1");
        assert_int_equal(params->address.port, 6379);
        assert_null(params->tls);
        policy_free(policy);

        policy = load("tcp: unix:/run/redis.sock");
        params = params_of(policy);
        assert_string_equal(params->address.unix_path, "/run/redis.sock");
        policy_free(policy);

        policy = load(
                "tcp: {address: 'db.example:5432', tls: true, send: 'a\\r\\n\\0\\x41\\\\\\t'}");
        params = params_of(policy);
        assert_true(params->tls->enabled && params->tls->verify);
        assert_int_equal(params->send.length, 7);
        assert_memory_equal(params->send.data, "a\r\n\0A\\\t", 8);
        policy_free(policy);
}

/* The table and the variants agree, since a policy stores indices. */
static void test_tables_agree(void **state) {
        (void) state;
        size_t i;
        for (i = 0; probe_types[i]; i++) {
                assert_string_equal(probe_variants[i].key, probe_types[i]->name);
                assert_int_equal(probe_variants[i].tag, i);
                assert_ptr_equal(probe_variants[i].object, probe_types[i]->schema);
                assert_non_null(probe_types[i]->help);
        }
        assert_null(probe_variants[i].key);
}

/* ---- the examples of docs/probes.md ---- */

/* The next block of YAML as a policy: whole services, or what stands in one. NULL: there is none.
 * The caller frees it. */
static char *next_block(FILE *f) {
        char line[512];
        struct strbuf text = {0};
        bool inside = false, whole = false;
        while (fgets(line, sizeof(line), f)) {
                if (inside && strcmp(line, "```\n") == 0) {
                        return strbuf_take(&text);
                }
                if (inside && text.length == 0) {
                        whole = strcmp(line, "services:\n") == 0;
                        strbuf_addf(&text, "version: 1\n%s", whole ? "" : "services:\n  shop:\n");
                }
                if (inside) {
                        strbuf_addf(&text, "%s%s", whole ? "" : "    ", line);
                }
                inside |= strcmp(line, "```yaml\n") == 0;
        }
        return NULL;
}

static void test_documented_examples_load(void **state) {
        (void) state;
        unsigned blocks = 0;
        FILE *f = fopen(SOURCE_DIR "/docs/probes.md", "re");
        assert_non_null(f);
        for (char *text; (text = next_block(f)); blocks++) {
                struct policy *policy = NULL;
                struct problems problems = {0};
                struct strbuf why = {0};
                if (policy_load_text("probes.md", text, strlen(text), probe_variants, &policy,
                            &problems) < 0) {
                        problems_format(&problems, &why);
                        fail_msg("%s: %s", text, strbuf_text(&why));
                }
                problems_done(&problems);
                policy_free(policy);
                free(text);
        }
        (void) fclose(f);
        assert_true(blocks >= 4); /* the page and its marks of code were read */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_http_standards),
                cmocka_unit_test(test_tcp_forms),
                cmocka_unit_test(test_tables_agree),
                cmocka_unit_test(test_documented_examples_load),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
