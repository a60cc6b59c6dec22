/* JSON conditions of the HTTP probe. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/http_json.h"
#include "unit_test.h"

static const char document[] =
        "{\"status\": \"UP\", \"queue\": {\"length\": 17, \"load\": 0.5, \"a/b\": 1, \"m~n\": 2, \"\": 3},"
        " \"nodes\": [\"a\", {\"up\": true}, null], \"id\": 9007199254740993, \"text\": \"5\","
        " \"nul\": \"UP\\u0000x\"}";

static const struct {
        const char *pointer, *condition, *found; /* NULL: it holds */
} cases[] = {
        {"/status", "UP", NULL},
        {"/status", "== UP", NULL},
        {"/status", "DOWN", "is \"UP\""},
        {"/status", "!= DOWN", NULL},
        {"/status", "!= UP", "is \"UP\""},
        {"/status", "> 5", "is \"UP\""},
        {"/status", "exists", NULL},
        {"/status", "absent", "is \"UP\""},
        {"/missing", "absent", NULL},
        {"/missing", "exists", "is missing"},
        {"/missing", "!= 1", "is missing"},
        {"/queue/length", "17", NULL},
        {"/queue/length", "17.0", NULL},
        {"/queue/length", "== 18", "is 17"},
        {"/queue/length", "< 17", "is 17"},
        {"/queue/length", "<= 17", NULL},
        {"/queue/length", ">17", "is 17"},
        {"/queue/length", ">= 17", NULL},
        {"/queue/length", "> -1e3", NULL},
        {"/queue/load", "0.5", NULL},
        {"/queue/load", "< 0.4", "is 0.5"},
        {"/queue/a~1b", "1", NULL},
        {"/queue/m~0n", "2", NULL},
        {"/queue/", "3", NULL},
        {"/queue", "UP", "is an object"},
        {"/nodes", "a", "is an array"},
        {"/nodes/0", "a", NULL},
        {"/nodes/1/up", "true", NULL},
        {"/nodes/1/up", "false", "is true"},
        {"/nodes/2", "null", NULL},
        {"/nodes/2", "exists", NULL},
        {"/nodes/2", "a", "is null"},
        {"/nodes/3", "a", "is missing"},
        {"/nodes/x", "a", "is missing"},
        {"/status/x", "a", "is missing"},
        {"/id", "9007199254740993", NULL},
        {"/id", "9007199254740992", "is 9007199254740993"},
        {"/text", "5", NULL},
        {"/text", "> 4", NULL},
        {"/nul", "UP", "is \"UP"},
};

static void test_conditions(void **state) {
        (void) state;
        struct json_object *json;
        char why[HTTP_JSON_WHY_MAX], refusal[SCHEMA_WHY_MAX];
        assert_int_equal(http_json_parse(document, strlen(document), &json, why), 0);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char found[HTTP_JSON_WHY_MAX] = "";
                assert_int_equal(http_json_check_pointer(cases[i].pointer, refusal), 0);
                assert_int_equal(http_json_check_condition(cases[i].condition, refusal), 0);
                bool holds = http_json_holds(json, cases[i].pointer, cases[i].condition, found);
                if (holds != !cases[i].found || (!holds && !strstr(found, cases[i].found))) {
                        fail_msg(
                                "%s %s: %d %s", cases[i].pointer, cases[i].condition, holds, found);
                }
        }
        http_json_free(json);
}

static void test_the_whole_document(void **state) {
        (void) state;
        struct json_object *json;
        char why[HTTP_JSON_WHY_MAX];
        assert_int_equal(http_json_parse("42", 2, &json, why), 0);
        assert_true(http_json_holds(json, "", "> 41", why));
        http_json_free(json);
        assert_int_equal(http_json_parse(" null ", 6, &json, why), 0);
        assert_null(json);
        assert_true(http_json_holds(json, "", "null", why));
        assert_false(http_json_holds(json, "/x", "null", why));
}

static void test_refused_documents(void **state) {
        (void) state;
        static const struct {
                const char *body, *why;
        } bad[] = {{"", "the body is not JSON: it is empty"}, {"{", "the body is not JSON"},
                {"{\"a\": 1} x", "the body is not JSON"}, {"<html>", "the body is not JSON"},
                {"[1,]", "the body is not JSON"}};
        struct json_object *json = NULL;
        char why[HTTP_JSON_WHY_MAX];
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(
                        http_json_parse(bad[i].body, strlen(bad[i].body), &json, why), -EINVAL);
                assert_non_null(strstr(why, bad[i].why));
        }
        assert_int_equal(http_json_parse("1\0002", 3, &json, why), -EINVAL);
        assert_null(json);
}

/* A stack frame a bracket would end the process. */
static void test_depth(void **state) {
        (void) state;
        size_t length = HTTP_JSON_BYTES;
        char *deep = malloc(length + 1), why[HTTP_JSON_WHY_MAX];
        struct json_object *json = NULL;
        assert_non_null(deep);
        memset(deep, '[', length);
        deep[length] = '\0';
        assert_int_equal(http_json_parse(deep, length, &json, why), -EINVAL);
        assert_non_null(strstr(why, "nesting too deep"));
        assert_int_equal(http_json_parse(deep, length + 1, &json, why), -EINVAL);
        assert_string_equal(why, "the body is larger than 256KiB, so it was not read as JSON");
        free(deep);
}

static void test_texts(void **state) {
        (void) state;
        struct json_object *json, *value;
        char why[HTTP_JSON_WHY_MAX];
        assert_int_equal(http_json_parse("{\"a\": \"x y\", \"n\": 7, \"o\": {\"k\": [1, 2]}}", 39,
                                 &json, why),
                0);
        assert_true(http_json_find(json, "/a", &value));
        assert_string_equal(http_json_text(value), "x y");
        assert_true(http_json_find(json, "/n", &value));
        assert_string_equal(http_json_text(value), "7");
        assert_true(http_json_find(json, "/o", &value));
        assert_string_equal(http_json_text(value), "{\"k\":[1,2]}");
        http_json_free(json);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conditions),
                cmocka_unit_test(test_the_whole_document),
                cmocka_unit_test(test_refused_documents),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_texts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
