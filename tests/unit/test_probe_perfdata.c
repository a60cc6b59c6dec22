/* Performance data of plug-ins: what the guidelines allow, and what programs write instead. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/perfdata.h"
#include "unit_test.h"

static struct perfdata parse(const char *text) {
        struct perfdata data = {0};
        size_t length = strlen(text);
        char *exact = malloc(length + 1); /* so that the sanitizer sees a byte too far */
        assert_non_null(exact);
        memcpy(exact, text, length);
        perfdata_parse(&data, exact, length);
        free(exact);
        return data;
}

static void assert_value(
        const struct perfdata *data, const char *label, double value, const char *unit) {
        const struct measurement *found = perfdata_find(data, label);
        if (!found) {
                fail_msg("there is no '%s'", label);
                return;
        }
        assert_true(fabs(found->value - value) <= 1e-12 * fabs(value));
        assert_string_equal(found->unit, unit);
}

static void test_plain(void **state) {
        (void) state;
        struct perfdata data = parse("time=0.012s;1.000;2.000;0.000;10.000 size=1949B;;;0");
        assert_int_equal(data.count, 2);
        assert_int_equal(data.left_out, 0);
        assert_value(&data, "time", 0.012, "seconds");
        assert_value(&data, "size", 1949, "bytes");
}

static void test_units(void **state) {
        (void) state;
        static const struct {
                const char *text, *unit;
                double value;
        } cases[] = {
                {"a=5", "", 5},
                {"a=-5.25", "", -5.25},
                {"a=+.5", "", 0.5},
                {"a=5.", "", 5},
                {"a=1.5e3", "", 1500},
                {"a=2e-3s", "seconds", 0.002},
                {"a=250ms", "seconds", 0.25},
                {"a=250us", "seconds", 0.00025},
                {"a=250\xc2\xb5s", "seconds", 0.00025},
                {"a=90%", "ratio", 0.9},
                {"a=4c", "count", 4},
                {"a=4KB", "bytes", 4000},
                {"a=4KiB", "bytes", 4096},
                {"a=4MB", "bytes", 4e6},
                {"a=78198MiB", "bytes", 78198.0 * 1048576},
                {"a=2TB", "bytes", 2e12},
                {"a=21.5\xc2\xb0"
                 "C",
                        "\xc2\xb0"
                        "C",
                        21.5},
                {"a=7req/s", "req/s", 7},
                {"a=3e", "e", 3},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct perfdata data = parse(cases[i].text);
                assert_value(&data, "a", cases[i].value, cases[i].unit);
        }
}

static void test_labels(void **state) {
        (void) state;
        struct perfdata data = parse("'free space'=5MB 'it''s'=1 /var/log=2%\t'a=b'=3\n'|'=4");
        assert_int_equal(data.left_out, 0);
        assert_value(&data, "free space", 5e6, "bytes");
        assert_value(&data, "it's", 1, "");
        assert_value(&data, "/var/log", 0.02, "ratio");
        assert_value(&data, "a=b", 3, "");
        assert_value(&data, "|", 4, "");
        assert_null(perfdata_find(&data, "free"));
}

/* Each of these is passed over, and what stands behind it is still read. */
static void test_lies(void **state) {
        (void) state;
        static const char *const lies[] = {
                "a=U",
                "a=U;1;2",
                "a=",
                "a=;1;2",
                "a=nan",
                "a=NaN",
                "a=-nan",
                "a=inf",
                "a=-Infinity",
                "a=1e999",
                "a=-1e999s",
                "a=1e308TB",
                "a=0x10",
                "a=1,5",
                "a=1,5ms",
                "a=1.5.2",
                "a=--5",
                "a=-",
                "a=.",
                "a=e5",
                "a=5ms5",
                "a=5 5",
                "a=unknown",
                "a=5verylongunitofmine",
                "=5",
                "''=5",
                "'a'5",
                "'a' =5",
                "a",
                "a==5",
                "a=00000000000000000000000000000000000000000000000000000000000000001",
        };
        for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
                char text[160];
                snprintf(text, sizeof(text), "%s good=1s", lies[i]);
                struct perfdata data = parse(text);
                const struct measurement *a = perfdata_find(&data, "a");
                if (data.left_out == 0 || (a && strcmp(lies[i], "a=5 5") != 0)) {
                        fail_msg("%s was believed", lies[i]);
                }
                assert_value(&data, "good", 1, "seconds");
        }
}

static void test_a_quote_without_end_takes_the_rest(void **state) {
        (void) state;
        struct perfdata data = parse("a=1 'b=2 c=3");
        assert_int_equal(data.count, 1);
        assert_int_equal(data.left_out, 1);
        data = parse("a=1 '");
        assert_int_equal(data.count, 1);
        assert_int_equal(parse("'''").count, 0);
        assert_int_equal(parse("'a'").left_out, 1);
}

/* Two series of one name would break the whole page of metrics. */
static void test_the_first_of_a_name_counts(void **state) {
        (void) state;
        struct perfdata data = parse("a=1 a=2 'a'=3");
        assert_int_equal(data.count, 1);
        assert_int_equal(data.left_out, 2);
        assert_value(&data, "a", 1, "");

        char text[256], long_name[101];
        memset(long_name, 'x', 100);
        long_name[100] = '\0';
        snprintf(text, sizeof(text), "%sy=1 %sz=2", long_name, long_name); /* the same once cut */
        data = parse(text);
        assert_int_equal(data.count, 1);
        assert_int_equal(strlen(data.values[0].label), MEASUREMENT_LABEL_MAX - 1);
}

static void test_no_more_than_so_many(void **state) {
        (void) state;
        char text[1024] = "";
        for (int i = 0; i < 100; i++) {
                snprintf(text + strlen(text), 16, "v%d=%d ", i, i);
        }
        struct perfdata data = parse(text);
        assert_int_equal(data.count, MEASUREMENTS_MAX);
        assert_int_equal(data.left_out, 100 - MEASUREMENTS_MAX);
        assert_value(&data, "v15", 15, "");
}

static void test_bytes_that_are_no_text(void **state) {
        (void) state;
        struct perfdata data = {0};
        static const char text[] = "a\xff=1\xfe b=2\0c=3 '\x1b[31m'=4";
        perfdata_parse(&data, text, sizeof(text) - 1);
        assert_value(&data, "a?", 1, "?");
        assert_value(&data, "b", 2, "");
        assert_value(&data, "c", 3, "");
        assert_value(&data, "?[31m", 4, "");
}

static void test_writing_and_reading_again(void **state) {
        (void) state;
        char text[1024];
        struct perfdata data = parse("'it''s'=0.1s 'a b'=33.3% c=7req/s d=-1e-300 e=4KiB");
        perfdata_format(data.values, data.count, text, sizeof(text));
        struct perfdata again = parse(text);
        assert_int_equal(again.count, data.count);
        assert_memory_equal(again.values, data.values, data.count * sizeof(data.values[0]));

        perfdata_format(data.values, data.count, text, 40); /* whole values only */
        again = parse(text);
        assert_in_range(again.count, 1, 2);
        assert_int_equal(again.left_out, 0);
        assert_string_equal(perfdata_format(NULL, 0, text, sizeof(text)), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_units),
                cmocka_unit_test(test_labels),
                cmocka_unit_test(test_lies),
                cmocka_unit_test(test_a_quote_without_end_takes_the_rest),
                cmocka_unit_test(test_the_first_of_a_name_counts),
                cmocka_unit_test(test_no_more_than_so_many),
                cmocka_unit_test(test_bytes_that_are_no_text),
                cmocka_unit_test(test_writing_and_reading_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
