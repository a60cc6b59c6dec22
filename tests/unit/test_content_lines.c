#include "base/cleanup.h"
#include "base/str.h"
#include "executor/content_lines.h"
#include "unit_test.h"

static const char text[] =
        "{\"from\": \"aa\", \"to\": \"now\", \"same\": false, \"newest_change\": \"1970-01-02T00:00:01.250Z\", \"more\": 0,"
        " \"added\": [{\"path\": \"/etc/a/new\"}],"
        " \"removed\": [],"
        " \"changed\": [{\"path\": \"/etc/a/a.conf\", \"what\": [\"content\", \"mode\"],"
        "   \"diff\": \"--- x\\n+++ y\\n@@ -1 +1 @@\\n-port 1\\n+port 2\\n\"}],"
        " \"metadata\": [{\"path\": \"/etc/a/b\", \"what\": [\"owner\"]}]}";

static struct json_object *parse(const char *json) {
        struct json_object *object = json_tokener_parse(json);
        assert_non_null(object);
        return object;
}

static void what_changed_comes_first_with_its_lines(void **state) {
        (void) state;
        char lines[256], summary[128];
        struct json_object *diff = parse(text);
        content_lines_of(diff, lines, sizeof(lines));
        assert_string_equal(lines, "changed /etc/a/a.conf (content, mode)\n"
                                   "@@ -1 +1 @@\n"
                                   "-port 1\n"
                                   "+port 2\n"
                                   "added /etc/a/new\n"
                                   "changed /etc/a/b (owner)\n");
        content_lines_summary(diff, summary, sizeof(summary));
        assert_string_equal(summary, "/etc/a/a.conf and 2 more changed");
        assert_int_equal(content_lines_since(diff), USEC_PER_DAY + 1250 * USEC_PER_MSEC);
        json_object_put(diff);
}

static void what_does_not_fit_ends_with_a_whole_line(void **state) {
        (void) state;
        char lines[64];
        struct json_object *diff = parse(text);
        content_lines_of(diff, lines, sizeof(lines));
        assert_string_equal(lines, "changed /etc/a/a.conf (content, mode)\n@@ -1 +1 @@\n-port 1\n");
        json_object_put(diff);
}

static void nothing_and_nonsense_are_no_difference(void **state) {
        (void) state;
        static const char *const texts[] = {"{}", "[]", "{\"changed\": 7, \"more\": \"x\"}",
                "{\"added\": [], \"newest_change\": \"yesterday\"}"};
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char lines[64] = "x", summary[64] = "x";
                struct json_object *diff = parse(texts[i]);
                content_lines_of(diff, lines, sizeof(lines));
                content_lines_summary(diff, summary, sizeof(summary));
                assert_string_equal(lines, "");
                assert_string_equal(summary, "");
                assert_int_equal(content_lines_since(diff), 0);
                json_object_put(diff);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_changed_comes_first_with_its_lines),
                cmocka_unit_test(what_does_not_fit_ends_with_a_whole_line),
                cmocka_unit_test(nothing_and_nonsense_are_no_difference),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
