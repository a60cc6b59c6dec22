#include <json-c/json.h>

#include "policy/policy_tables.h"
#include "policy/reference.h"
#include "policy_cases.h"

/* One service that is complete, so that a key can be tried by adding it. */
#define SERVICE_ALONE "services:\n  a:\n    command: [/bin/a]\n"
#define SERVICE "version: 1\n" SERVICE_ALONE
#define MEMBER                                                                                     \
        "version: 1\ngroups: {g: {mode: active-standby, members: {a: {}, b: {}}}}\nservices:\n"    \
        "  b: {command: [/bin/b], member_of: g}\n  a:\n    command: [/bin/a]\n    member_of: g\n"

static void try_text(const struct strbuf *text) {
        struct problems problems = {0};
        struct policy *policy = NULL;
        AUTO_STRBUF struct strbuf said = {0};
        int r = policy_load_text("t", text->data, text->length, fake_probes, &policy, &problems);
        render_problems(&problems, &said);
        if (r < 0) {
                print_error("%s\n%s", strbuf_text(text), strbuf_text(&said));
        }
        assert_int_equal(r, 0);
        policy_free(policy);
        problems_done(&problems);
}

/* Every key has a sentence and an example that loads within `format`, in which %s is "key:
 * example". */
__attribute__((format(printf, 2, 0))) static void try_fields(
        const struct schema *schema, const char *format) {
        for (const struct schema_field *field = schema->fields; field && field->key; field++) {
                AUTO_STRBUF struct strbuf text = {0}, pair = {0};
                assert_non_null(field->help);
                assert_non_null(field->example);
                assert_true(field->kind != SCHEMA_CUSTOM || field->pattern);
                strbuf_addf(&pair, "%s%s%s: %s", field->with ? field->with : "",
                        field->with ? ", " : "", field->key, field->example);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                strbuf_addf(&text, format, strbuf_text(&pair));
#pragma GCC diagnostic pop
                try_text(&text);
        }
}

static const struct schema *object_of(const struct schema *schema, const char *key) {
        for (const struct schema_field *field = schema->fields; field->key; field++) {
                if (str_eq(field->key, key)) {
                        return field->object;
                }
        }
        fail();
        return NULL;
}

static void examples_of_a_service_load(void **state) {
        (void) state;
        struct policy_tables tables;
        policy_tables_init(&tables, fake_probes);
        for (const struct schema_field *field = tables.service_fields; field->key; field++) {
                AUTO_STRBUF struct strbuf text = {0};
                strbuf_add(&text, "version: 1\ngroups: {shop: {}}\nservices:\n  a:\n");
                strbuf_add(
                        &text, policy_is_manager_key(field->key) ? "" : "    command: [/bin/a]\n");
                strbuf_add(&text, str_eq(field->key, "start_grace") ? "    verify: 1h\n" : "");
                strbuf_addf(&text, "    %s: %s\n", field->key, field->example);
                try_text(&text);
        }
        try_fields(&tables.probe,
                "version: 1\nservices:\n  a:\n    interval: 1m\n    verify: 1h\n    probes: {p: {tcp: x, %s}}\n");
}

static void examples_of_nested_objects_load(void **state) {
        (void) state;
        struct policy_tables tables;
        policy_tables_init(&tables, fake_probes);
        try_fields(object_of(&tables.service, "backoff"), SERVICE "    backoff: {%s}\n");
        try_fields(object_of(&tables.service, "budget"), SERVICE "    budget: {%s}\n");
        try_fields(object_of(&tables.service, "limits"), SERVICE "    limits: {%s}\n");
        try_fields(object_of(&agent_schema, "budget"), "version: 1\nagent: {budget: {%s}}\n");
        try_fields(&agent_schema, "version: 1\nagent: {%s}\n");
        try_fields(&coordinator_schema, "version: 1\ncoordinator: {%s}\n");
        try_fields(&group_schema, "version: 1\ngroups: {g: {%s}}\n" SERVICE_ALONE);
        try_fields(&step_budget_schema, SERVICE "    recover: [restart: {budget: {%s}}]\n");
}

/* What else an object with this key needs, before it: its required keys. */
static void add_required(
        struct strbuf *text, const struct schema_field *fields, const struct schema_field *but) {
        for (const struct schema_field *field = fields; field->key; field++) {
                if (field->required && field != but) {
                        strbuf_addf(text, "%s: %s, ", field->key, field->example);
                }
        }
}

static void examples_of_scripts_load(void **state) {
        (void) state;
        static const char *const programs[] = {"start", "stop", "status"};
        for (const struct schema_field *field = scripts_schema.fields; field->key; field++) {
                AUTO_STRBUF struct strbuf text = {0};
                bool of_agent = str_eq(field->key, "ocf") || str_eq(field->key, "parameters");
                strbuf_add(&text, "version: 1\nservices:\n  a: {scripts: {");
                strbuf_add(&text, str_eq(field->key, "parameters") ? "ocf: heartbeat:redis, " : "");
                for (size_t i = 0; !of_agent && i < ELEMENTSOF(programs); i++) {
                        if (!str_eq(field->key, programs[i])) {
                                strbuf_addf(&text, "%s: [/bin/b], ", programs[i]);
                        }
                }
                strbuf_addf(&text, "%s: %s}}\n", field->key, field->example);
                try_text(&text);
        }
}

/* What an example needs beside it: what its row says, and, to roll back, something to go back to.
 */
static void add_company(
        struct strbuf *text, const struct schema_variant *step, const struct schema_field *field) {
        bool says_itself = str_eq(field->key, "release") || str_eq(field->key, "package");
        if (field->with) {
                strbuf_addf(text, "%s, ", field->with);
        } else if (step->tag == ACTION_ROLLBACK && !says_itself) {
                strbuf_add(text, "package: nginx, ");
        }
}

static void examples_of_steps_load(void **state) {
        (void) state;
        for (const struct schema_variant *step = step_variants; step->key; step++) {
                for (const struct schema_field *field = step->object->fields; field->key; field++) {
                        AUTO_STRBUF struct strbuf text = {0};
                        strbuf_add(&text, step->tag == ACTION_FAILOVER ? MEMBER : SERVICE);
                        strbuf_addf(&text, "    recover: [%s: {", step->key);
                        add_required(&text, step->object->fields, field);
                        add_company(&text, step, field);
                        strbuf_addf(&text, "%s: %s}]\n", field->key, field->example);
                        try_text(&text);
                }
        }
}

static void the_reference_names_every_key(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        assert_int_equal(reference_write(fake_probes, &out), 0);
        static const char *const lines[] = {
                "# Policy reference\n",
                "| `services` | The services by name. |\n",
                "## service\n",
                "| `fall` | number | `3` | from `1` to `64` | Failures in a row that make the probe failed. | `2` |\n",
                "| `fall` | number | the service's | from `1` to `64` | Failures in a row that make the probe failed. | "
                "`2` |\n",
                "| `url` | text | required |  | Where to ask. | `http://127.0.0.1:8080/` |\n",
                "| `max_open_files` | percentage or number |  |  | Most open files. | `80%` |\n",
                "| `backoff` | [backoff](#backoff) |  |  | How long to wait before each attempt. | `{initial: 500ms, "
                "factor: 3, max: 10m}` |\n",
                "| [`http`](#http-probe) | Asks a web server. |\n",
                "### exec step\n",
                "## agent\n",
                "| `decorrelated` | Anything between",
        };
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                if (!strstr(strbuf_text(&out), lines[i])) {
                        print_error("missing: %s", lines[i]);
                        fail();
                }
        }
        assert_int_equal(out.data[out.length - 1], '\n');
        assert_int_not_equal(out.data[out.length - 2], '\n');
}

static struct json_object *walk(struct json_object *object, const char *const *keys) {
        for (; *keys; keys++) {
                assert_true(json_object_object_get_ex(object, *keys, &object));
        }
        return object;
}

static void the_json_schema_is_closed_and_typed(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        assert_int_equal(json_schema_write(fake_probes, &out), 0);
        struct json_object *root = json_tokener_parse(strbuf_text(&out));
        assert_non_null(root);
        const char *const schema[] = {"$schema", NULL};
        const char *const closed[] = {"$defs", "service", "additionalProperties", NULL};
        const char *const interval[] = {"$defs", "service", "properties", "interval", "$ref", NULL};
        assert_string_equal(json_object_get_string(walk(root, schema)),
                "https://json-schema.org/draft/2020-12/schema");
        assert_false(json_object_get_boolean(walk(root, closed)));
        assert_string_equal(json_object_get_string(walk(root, interval)), "#/$defs/duration");
        json_object_put(root);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(examples_of_a_service_load),
                cmocka_unit_test(examples_of_nested_objects_load),
                cmocka_unit_test(examples_of_scripts_load),
                cmocka_unit_test(examples_of_steps_load),
                cmocka_unit_test(the_reference_names_every_key),
                cmocka_unit_test(the_json_schema_is_closed_and_typed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
