/* Unified diffs; whole-program tests let patch(1) apply random ones. */

#include <stdlib.h>

#include "base/cleanup.h"
#include "executor/checkpoint/text_diff.h"
#include "unit_test.h"

static void check(const char *from, const char *to, const char *hunks) {
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_STRBUF struct strbuf wanted = {0};
        text_diff(&out, "a", "b", from, to);
        strbuf_addf(&wanted, "%s%s", *hunks ? "--- a\n+++ b\n" : "", hunks);
        assert_string_equal(strbuf_text(&out), strbuf_text(&wanted));
}

static void test_texts(void **state) {
        (void) state;
        check("same\n", "same\n", "");
        check("", "one\n", "@@ -0,0 +1,1 @@\n+one\n");
        check("one\n", "", "@@ -1,1 +0,0 @@\n-one\n");
        check("1\n2\n3\n", "1\nx\n3\n", "@@ -1,3 +1,3 @@\n 1\n-2\n+x\n 3\n");
        check("1\n2\n", "1\n2", "@@ -1,2 +1,2 @@\n 1\n-2\n+2\n\\ No newline at end of file\n");
}

static void test_hunks_apart_and_together(void **state) {
        (void) state;
        check("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
                "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
        check("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
                "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
}

static char *lines(const char *word, int count) {
        struct strbuf text = {0};
        for (int i = 0; i < count; i++) {
                strbuf_addf(&text, "%s%d\n", word, i);
        }
        return strbuf_take(&text);
}

/* Nothing in common, and more of it than is worth comparing. */
static void test_too_different(void **state) {
        AUTO_FREE char *from = lines("a", 2000);
        AUTO_FREE char *to = lines("b", 2000);
        AUTO_STRBUF struct strbuf out = {0};
        (void) state;
        text_diff(&out, "a", "b", from, to);
        assert_non_null(strstr(strbuf_text(&out), "@@ -1,2000 +1,2000 @@\n-a0\n-a1\n"));
        assert_non_null(strstr(strbuf_text(&out), "-a1999\n+b0\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_hunks_apart_and_together),
                cmocka_unit_test(test_too_different),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
