/* Kinds of causes, and sets of causes in words. */

#include <string.h>

#include "base/str.h"
#include "model/cause_kinds.h"
#include "unit_test.h"

/* Each word with a dot is of the kind in front of it, and no other is. */
static void test_words_tell_the_kind(void **state) {
        (void) state;
        int n = 0;
        for (const struct enum_text *row = cause_texts; row->text; row++, n++) {
                char word[32];
                assert_true(str_copy(word, sizeof(word), row->text));
                char *dot = strchr(word, '.');
                if (dot) {
                        *dot = '\0';
                }
                assert_string_equal(cause_text(cause_kind(row->value)), word);
                assert_in_range(row->value, 0, CAUSE_COUNT - 1);
        }
        assert_int_equal(n, CAUSE_COUNT);
        assert_true(CAUSE_COUNT <= 32); /* bits of a set */
}

static void test_a_kind_stands_for_all_of_it(void **state) {
        (void) state;
        assert_int_equal(causes_widen(CAUSE_BIT(CAUSE_EXITED)), CAUSES_OF_EXITED);
        assert_int_equal(causes_widen(CAUSE_BIT(CAUSE_RESOURCE)), CAUSES_OF_RESOURCE);
        assert_int_equal(causes_widen(CAUSE_BIT(CAUSE_EXITED_OOM)), CAUSE_BIT(CAUSE_EXITED_OOM));
        assert_int_equal(causes_widen(CAUSE_BIT(CAUSE_SLOW)), CAUSE_BIT(CAUSE_SLOW));
}

static void test_sets_in_words(void **state) {
        static const struct {
                uint32_t causes;
                const char *words;
        } rows[] = {
                {0, NULL},
                {CAUSES_OF_EXITED, "exited"},
                {CAUSES_OF_ABSENCE | CAUSE_BIT(CAUSE_SLOW), "exited, slow, unit-state"},
                {CAUSE_BIT(CAUSE_EXITED), "exited"},
                {CAUSE_BIT(CAUSE_EXITED_OOM) | CAUSE_BIT(CAUSE_RESOURCE_DISK),
                        "exited.oom, resource.disk"},
                {CAUSES_OF_RESOURCE & ~CAUSE_BIT(CAUSE_RESOURCE_IO),
                        "resource, resource.memory, resource.cpu, resource.disk, resource.inodes, "
                        "resource.descriptors, resource.threads, resource.connections"},
        };
        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct strbuf text = {0};
                causes_add(&text, rows[i].causes);
                if (rows[i].words) {
                        assert_string_equal(strbuf_text(&text), rows[i].words);
                } else {
                        assert_int_equal(text.length, 0);
                }
                strbuf_done(&text);
        }
}

static void test_the_memory_keeps_apart_what_is_cured_apart(void **state) {
        (void) state;
        assert_int_equal(cause_memory(CAUSE_EXITED_CODE), CAUSE_EXITED);
        assert_int_equal(cause_memory(CAUSE_EXITED_SIGNAL), CAUSE_EXITED);
        assert_int_equal(cause_memory(CAUSE_EXITED_OOM), CAUSE_EXITED_OOM);
        assert_int_equal(cause_memory(CAUSE_RESOURCE_DISK), CAUSE_RESOURCE_DISK);
        assert_int_equal(cause_memory(CAUSE_CHANGED), CAUSE_CHANGED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_tell_the_kind),
                cmocka_unit_test(test_a_kind_stands_for_all_of_it),
                cmocka_unit_test(test_sets_in_words),
                cmocka_unit_test(test_the_memory_keeps_apart_what_is_cured_apart),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
