/* ${NAME} in the texts of steps. */

#include <errno.h>
#include <stdlib.h>

#include "probes/http_template.h"
#include "unit_test.h"

static struct http_values values;

static int setup(void **state) {
        static const char nasty[] = "a b/\"\\\r\nX: y&=\xc3\xbc";
        (void) state;
        assert_int_equal(http_values_set(&values, "ID", "4", 1), 0);
        assert_int_equal(http_values_set(&values, "ID", "42", 2), 0);
        assert_int_equal(http_values_set(&values, "NASTY", nasty, sizeof(nasty) - 1), 0);
        assert_int_equal(http_values_set(&values, "NUL", "a\0b", 3), 0);
        return 0;
}

static int teardown(void **state) {
        (void) state;
        http_values_done(&values);
        return 0;
}

static const struct {
        const char *text;
        enum http_place place;
        const char *expanded; /* NULL: refused */
} cases[] = {
        {"/carts/${ID}/x", HTTP_PLACE_URL, "/carts/42/x"},
        {"${ID}${ID}", HTTP_PLACE_TEXT, "4242"},
        {"no names, $ and $$ and {ID}", HTTP_PLACE_TEXT, "no names, $ and $$ and {ID}"},
        {"$${ID} is ${ID}", HTTP_PLACE_TEXT, "${ID} is 42"},
        {"$$${ID}", HTTP_PLACE_TEXT, "$${ID}"},
        {"${OTHER} ${", HTTP_PLACE_TEXT, "${OTHER} ${"},
        {"/${NASTY}?", HTTP_PLACE_URL, "/a%20b%2F%22%5C%0D%0AX%3A%20y%26%3D%C3%BC?"},
        {"x=${NASTY}&y", HTTP_PLACE_FORM, "x=a%20b%2F%22%5C%0D%0AX%3A%20y%26%3D%C3%BC&y"},
        {"{\"v\": \"${NASTY}\"}", HTTP_PLACE_JSON,
                "{\"v\": \"a b/\\\"\\\\\\u000d\\u000aX: y&=\xc3\xbc\"}"},
        {"Bearer ${ID}", HTTP_PLACE_HEADER, "Bearer 42"},
        {"Bearer ${NASTY}", HTTP_PLACE_HEADER, NULL},
        {"Bearer ${NUL}", HTTP_PLACE_HEADER, NULL},
        {"/${NUL}", HTTP_PLACE_URL, "/a%00b"},
        {"${NUL}", HTTP_PLACE_JSON, "a\\u0000b"},
};

static void test_expand(void **state) {
        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct strbuf to = {0};
                const char *name = NULL;
                int r = http_template_expand(cases[i].text, cases[i].place, &values, &to, &name);
                assert_int_equal(r, cases[i].expanded ? 0 : -EINVAL);
                if (cases[i].expanded) {
                        assert_string_equal(strbuf_text(&to), cases[i].expanded);
                } else {
                        assert_true(http_is_name(name));
                }
                strbuf_done(&to);
        }
}

/* 16 KiB of names times a long value is not what anybody meant. */
static void test_expand_has_a_limit(void **state) {
        (void) state;
        struct strbuf text = {0}, to = {0};
        char *large = calloc(1, HTTP_VALUE_MAX);
        const char *name;
        assert_non_null(large);
        memset(large, 'x', HTTP_VALUE_MAX);
        assert_int_equal(http_values_set(&values, "L", large, HTTP_VALUE_MAX), 0);
        for (int i = 0; i < 4096; i++) {
                strbuf_add(&text, "${L}");
        }
        assert_int_equal(
                http_template_expand(strbuf_text(&text), HTTP_PLACE_TEXT, &values, &to, &name),
                -E2BIG);
        assert_true(to.length < 2 * HTTP_EXPANDED_MAX);
        strbuf_done(&text);
        strbuf_done(&to);
        free(large);
}

static void test_number_of_values_is_limited(void **state) {
        static const char *const names[] = {
                "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"};
        (void) state;
        struct http_values many = {0};
        for (unsigned i = 0; i < HTTP_VALUES_MAX; i++) {
                assert_int_equal(http_values_set(&many, names[i], "x", 1), 0);
        }
        assert_int_equal(http_values_set(&many, "q", "x", 1), -ENOBUFS);
        assert_int_equal(http_values_set(&many, "p", "y", 1), 0);
        http_values_done(&many);
}

static void test_names(void **state) {
        (void) state;
        assert_true(http_is_name("_a1"));
        assert_false(http_is_name(""));
        assert_false(http_is_name("1a"));
        assert_false(http_is_name("a-b"));
        assert_false(http_is_name("a2345678901234567890123456789012345"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_expand, setup, teardown),
                cmocka_unit_test_setup_teardown(test_expand_has_a_limit, setup, teardown),
                cmocka_unit_test(test_number_of_values_is_limited),
                cmocka_unit_test(test_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
