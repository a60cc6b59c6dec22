/* The policies that are shipped, and the examples of the reference, with the real probe types. */

#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/manager.h"
#include "policy/load.h"
#include "policy/policy_tables.h"
#include "probes/probe.h"
#include "unit_test.h"

static bool is_about_this_host(const struct problem *problem) {
        return str_eq(problem->code, "missing-user") || str_eq(problem->code, "missing-group");
}

static void expect_silence(const struct problems *problems, int r) {
        AUTO_STRBUF struct strbuf said = {0};
        size_t others = 0;
        for (size_t i = 0; i < problems->count; i++) {
                others += !is_about_this_host(&problems->items[i]);
        }
        if (others > 0) {
                problems_format(problems, &said);
                print_error("%s", strbuf_text(&said));
        }
        assert_int_equal(others, 0);
        assert_int_equal(r, 0);
}

static void load_shipped(const char *const *paths, size_t n) {
        struct problems problems = {0};
        struct policy *policy = NULL;
        struct policy_sources sources = {.paths = paths, .n_paths = n, .probes = probe_variants};
        int r = policy_load(&sources, &policy, &problems);
        expect_silence(&problems, r);
        assert_true(policy->n_services > 0);
        policy_free(policy);
        problems_done(&problems);
}

static void each_loads_alone(void **state) {
        (void) state;
        static const char *const names[] = {"cassandra", "hadoop-datanode", "hadoop-namenode",
                "haproxy", "kafka", "mariadb", "nginx", "pairs/postgresql", "pairs/redis",
                "postgresql", "rabbitmq", "redis", "templates", "zookeeper"};
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                AUTO_STRBUF struct strbuf path = {0};
                strbuf_addf(&path, SOURCE_DIR "/policies/%s.yaml", names[i]);
                const char *file = strbuf_text(&path);
                load_shipped(&file, 1);
        }
}

static void all_load_together(void **state) {
        (void) state;
        static const char *const directory = SOURCE_DIR "/policies";
        load_shipped(&directory, 1);
}

static void try_text(const struct strbuf *text) {
        struct problems problems = {0};
        struct policy *policy = NULL;
        int r = policy_load_text(
                "example", text->data, text->length, probe_variants, &policy, &problems);
        if (r < 0) {
                print_error("%s", strbuf_text(text));
        }
        expect_silence(&problems, r);
        policy_free(policy);
        problems_done(&problems);
}

/* Keys of TLS and certificates make sense only with https. */
static const char *companion(const struct schema_field *field) {
        return str_eq(field->key, "url") ? "https://127.0.0.1/" : field->example;
}

/* The keys that an object cannot do without, and the field's own companions. */
static void add_needed(
        struct strbuf *out, const struct schema *schema, const struct schema_field *tried) {
        for (const struct schema_field *field = schema->fields; field->key; field++) {
                if (field->required && field != tried) {
                        strbuf_addf(out, "%s: %s, ", field->key, companion(field));
                }
        }
        if (tried->with) {
                strbuf_addf(out, "%s, ", tried->with);
        }
}

/* What stands around an object within: in a list, in a mapping, or by itself. */
static const char *opening(const struct schema_field *field) {
        switch (field->kind) {
        case SCHEMA_OBJECT:
        case SCHEMA_OBJECT_PTR:
                return "";
        case SCHEMA_OBJECTS:
                return "[";
        case SCHEMA_OBJECT_MAP:
                return "{ONE: ";
        default:
                return NULL;
        }
}

static const char *closing(const struct schema_field *field) {
        return field->kind == SCHEMA_OBJECTS ? "]" : field->kind == SCHEMA_OBJECT_MAP ? "}" : "";
}

/* `before` and `after` stand around the object; objects within are tried, too. */
static void try_examples(const struct schema *schema, const char *before, const char *after) {
        for (const struct schema_field *field = schema->fields; field && field->key; field++) {
                AUTO_STRBUF struct strbuf text = {0}, within = {0}, behind = {0};
                if (!field->help || !field->example) {
                        print_error("%s: %s\n", schema->name, field->key);
                }
                assert_non_null(field->help);
                assert_non_null(field->example);
                strbuf_addf(&text, "%s{", before);
                add_needed(&text, schema, field);
                strbuf_addf(&within, "%s%s: ", strbuf_text(&text), field->key);
                strbuf_addf(&text, "%s: %s}%s", field->key, field->example, after);
                try_text(&text);
                if (opening(field)) {
                        strbuf_add(&within, opening(field));
                        strbuf_addf(&behind, "%s}%s", closing(field), after);
                        try_examples(field->object, strbuf_text(&within), strbuf_text(&behind));
                }
        }
}

static void examples_of_the_probes_load(void **state) {
        (void) state;
        for (const struct schema_variant *type = probe_variants; type->key; type++) {
                AUTO_STRBUF struct strbuf before = {0};
                bool of_scripts = str_eq(type->key, manager_traits(MANAGER_SCRIPTS)->probe);
                strbuf_addf(&before,
                        "version: 1\nservices:\n  a:\n    %s\n    probes:\n      p:\n        %s: ",
                        of_scripts ? "scripts: {ocf: heartbeat:redis}"
                                   : "command: [/bin/a]\n    recover: [notify]",
                        type->key);
                try_examples(type->object, strbuf_text(&before), "\n");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_loads_alone),
                cmocka_unit_test(all_load_together),
                cmocka_unit_test(examples_of_the_probes_load),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
