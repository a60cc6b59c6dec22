/* What differs between two manifests, and a name for the difference. */

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "executor/checkpoint/tree_diff.h"
#include "unit_test.h"

static struct entry file(const char *path, unsigned char content) {
        return (struct entry){.path = path,
                .type = ENTRY_FILE,
                .mode = 0644,
                .size = 1,
                .hash = {{content}},
                .mtime_sec = 10,
                .identity = {.ctime_sec = 20}};
}

static void fill(struct manifest *manifest, const struct entry *entries, size_t count) {
        assert_int_equal(manifest_init(manifest), 0);
        for (size_t i = 0; i < count; i++) {
                assert_int_equal(manifest_add(manifest, &entries[i]), 0);
        }
}

static int note(void *cookie, const struct tree_change *change, struct error *err) {
        static const char signs[] = {[TREE_ADDED] = '+',
                [TREE_REMOVED] = '-',
                [TREE_CHANGED] = '!',
                [TREE_METADATA] = '~'};
        char *text = cookie;
        size_t length = strlen(text);
        (void) err;
        snprintf(text + length, 128 - length, "%c%s ", signs[change->kind],
                (change->to ? change->to : change->from)->path);
        return 0;
}

static struct tree_diff_result compare(const struct entry *from, size_t n_from,
        const struct entry *to, size_t n_to, const char *expected) {
        AUTO(manifest_done) struct manifest a = {0};
        AUTO(manifest_done) struct manifest b = {0};
        struct tree_diff_result result;
        char text[128] = "";
        struct error err = {0};
        fill(&a, from, n_from);
        fill(&b, to, n_to);
        assert_int_equal(tree_diff(&a, &b, note, text, &result, &err), 0);
        assert_string_equal(text, expected);
        return result;
}

static void test_each_kind_of_change(void **state) {
        const struct entry from[] = {file("/a", 1), file("/b", 1), file("/c", 1), file("/d", 1)};
        struct entry to[] = {file("/b", 2), file("/c", 1), file("/d", 1), file("/e", 1)};
        (void) state;
        to[1].mode = 0600;
        to[2].mtime_sec = 99; /* only touched */
        struct tree_diff_result result = compare(from, 4, to, 4, "-/a !/b ~/c +/e ");
        assert_int_equal(result.changes, 4);
}

static void test_the_same_difference_has_the_same_name(void **state) {
        const struct entry from[] = {file("/a", 1)};
        struct entry to[] = {file("/a", 2)};
        (void) state;
        struct tree_diff_result one = compare(from, 1, to, 1, "!/a ");
        to[0].mtime_sec = 99; /* deployed once more */
        struct tree_diff_result again = compare(from, 1, to, 1, "!/a ");
        assert_true(content_hash_equal(&one.hash, &again.hash));
        to[0].hash.bytes[0] = 3;
        struct tree_diff_result other = compare(from, 1, to, 1, "!/a ");
        assert_false(content_hash_equal(&one.hash, &other.hash));
}

static void test_the_newest_change_is_that_of_what_differs(void **state) {
        const struct entry from[] = {file("/a", 1), file("/b", 1)};
        struct entry to[] = {file("/a", 2), file("/b", 1)};
        (void) state;
        to[0].identity.ctime_sec = 30;
        to[1].identity.ctime_sec = 40; /* of one that is the same */
        struct tree_diff_result result = compare(from, 2, to, 2, "!/a ");
        assert_int_equal(result.newest / USEC_PER_SEC, 30);
}

static void test_nothing(void **state) {
        const struct entry one[] = {file("/a", 1)};
        (void) state;
        assert_int_equal(compare(one, 1, one, 1, "").changes, 0);
        assert_int_equal(compare(NULL, 0, NULL, 0, "").changes, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_kind_of_change),
                cmocka_unit_test(test_the_same_difference_has_the_same_name),
                cmocka_unit_test(test_the_newest_change_is_that_of_what_differs),
                cmocka_unit_test(test_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
