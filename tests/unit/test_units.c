/* Durations, sizes, percents and amounts: text to number and back. */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "base/units.h"
#include "unit_test.h"

struct number_case {
        const char *text;
        int result;
        uint64_t value;
};

static const struct number_case duration_cases[] = {
        {"0", 0, 0},
        {"0s", 0, 0},
        {"1us", 0, 1},
        {"500ms", 0, 500000},
        {"2s", 0, 2 * USEC_PER_SEC},
        {"1.5s", 0, 1500000},
        {"0.25ms", 0, 250},
        {"5m", 0, 5 * USEC_PER_MINUTE},
        {"1h", 0, USEC_PER_HOUR},
        {"7d", 0, 7 * USEC_PER_DAY},
        {"2w", 0, 14 * USEC_PER_DAY},
        {"1h30m", 0, 90 * USEC_PER_MINUTE},
        {"1d12h30m15.5s", 0, 36 * USEC_PER_HOUR + 30 * USEC_PER_MINUTE + 15500000},
        {"1m1ms", 0, USEC_PER_MINUTE + 1000},
        {"", -EINVAL, 0},
        {"5", -EINVAL, 0},
        {"s", -EINVAL, 0},
        {"-1s", -EINVAL, 0},
        {"+1s", -EINVAL, 0},
        {" 1s", -EINVAL, 0},
        {"1s ", -EINVAL, 0},
        {"1 s", -EINVAL, 0},
        {"1.s", -EINVAL, 0},
        {".5s", -EINVAL, 0},
        {"1S", -EINVAL, 0},
        {"1sec", -EINVAL, 0},
        {"1e3s", -EINVAL, 0},
        {"0x10s", -EINVAL, 0},
        {"nan", -EINVAL, 0},
        {"30m1h", -EINVAL, 0},
        {"1s1s", -EINVAL, 0},
        {"1s5", -EINVAL, 0},
        {"1.0000001s", -EINVAL, 0},
        {"0.1us", -ERANGE, 0},
        {"99999999999999999999s", -ERANGE, 0},
        {"18446744073709551615us", -ERANGE, 0},
        {"18446744073709551614us", 0, UINT64_MAX - 1},
        {"30500569w", -ERANGE, 0},
        {"30500568w30500568d", -ERANGE, 0},
};

static const struct number_case size_cases[] = {
        {"0", 0, 0},
        {"1B", 0, 1},
        {"1kB", 0, 1000},
        {"1KiB", 0, 1024},
        {"512MiB", 0, UINT64_C(512) << 20},
        {"2GB", 0, 2000000000},
        {"1.5GiB", 0, UINT64_C(3) << 29},
        {"1TiB", 0, UINT64_C(1) << 40},
        {"3TB", 0, 3000000000000},
        {"1.5B", 0, 1},
        {"", -EINVAL, 0},
        {"5", -EINVAL, 0},
        {"5M", -EINVAL, 0},
        {"5mib", -EINVAL, 0},
        {"5KB", -EINVAL, 0},
        {"1MiB1KiB", -EINVAL, 0},
        {"-1B", -EINVAL, 0},
        {"1 GiB", -EINVAL, 0},
        {"0.5B", -ERANGE, 0},
        {"16777215TiB", 0, UINT64_MAX - (UINT64_C(1) << 40) + 1},
        {"16777216TiB", -ERANGE, 0},
};

static void check_numbers(
        const struct number_case *cases, size_t n, int (*parse)(const char *text, uint64_t *ret)) {
        for (size_t i = 0; i < n; i++) {
                uint64_t value = 4711;
                int r = parse(cases[i].text, &value);
                uint64_t expected = cases[i].result < 0 ? 4711 : cases[i].value;
                if (r != cases[i].result || value != expected) {
                        fail_msg("'%s': result %d, value %llu", cases[i].text, r,
                                (unsigned long long) value);
                }
        }
}

static void test_parse_duration(void **state) {
        (void) state;
        check_numbers(duration_cases, ELEMENTSOF(duration_cases), units_parse_duration);
}

static void test_parse_size(void **state) {
        (void) state;
        check_numbers(size_cases, ELEMENTSOF(size_cases), units_parse_size);
}

static void test_parse_percent(void **state) {
        double percent = -1;

        (void) state;
        assert_int_equal(units_parse_percent("90%", &percent), 0);
        assert_true(percent == 90);
        assert_int_equal(units_parse_percent("12.5%", &percent), 0);
        assert_true(percent == 12.5);
        assert_int_equal(units_parse_percent("100000%", &percent), 0);
        assert_int_equal(units_parse_percent("100000.1%", &percent), -ERANGE);
        assert_int_equal(units_parse_percent("90", &percent), -EINVAL);
        assert_int_equal(units_parse_percent("%", &percent), -EINVAL);
        assert_int_equal(units_parse_percent("90%%", &percent), -EINVAL);
        assert_int_equal(units_parse_percent("-1%", &percent), -EINVAL);
        assert_true(percent == 100000);
}

static void test_parse_amount(void **state) {
        struct amount amount = {0};

        (void) state;
        assert_int_equal(units_parse_amount("80%", &amount), 0);
        assert_int_equal(amount.unit, AMOUNT_PERCENT);
        assert_true(amount.value == 80);
        assert_int_equal(units_parse_amount("1KiB", &amount), 0);
        assert_int_equal(amount.unit, AMOUNT_BYTES);
        assert_true(amount.value == 1024);
        assert_int_equal(units_parse_amount("42", &amount), 0);
        assert_int_equal(amount.unit, AMOUNT_COUNT);
        assert_true(amount.value == 42);
        assert_int_equal(units_parse_amount("42x", &amount), -EINVAL);
        assert_int_equal(units_parse_amount("", &amount), -EINVAL);
        assert_true(amount.value == 42);
}

struct text_case {
        uint64_t value;
        const char *text, *reading; /* exact, and short */
};

static const struct text_case duration_texts[] = {
        {0, "0s", "0s"},
        {1, "1us", "1us"},
        {999, "999us", "999us"},
        {1234, "1.234ms", "1.23ms"},
        {9996, "9.996ms", "10ms"},
        {12345, "12.345ms", "12.3ms"},
        {250 * USEC_PER_MSEC, "250ms", "250ms"},
        {850400, "850.4ms", "850ms"},
        {999600, "999.6ms", "1s"},
        {1500 * USEC_PER_MSEC, "1.5s", "1.5s"},
        {12345678, "12.345678s", "12.3s"},
        {59960 * USEC_PER_MSEC, "59.96s", "1m"},
        {90 * USEC_PER_SEC, "1m30s", "1m30s"},
        {90500 * USEC_PER_MSEC, "1m30.5s", "1m31s"},
        {USEC_PER_HOUR, "1h", "1h"},
        {2 * USEC_PER_HOUR + 5 * USEC_PER_MINUTE + 10 * USEC_PER_SEC, "2h5m10s", "2h5m"},
        {36 * USEC_PER_HOUR, "1d12h", "1d12h"},
        {7 * USEC_PER_DAY, "7d", "7d"},
        {USEC_INFINITY, "never", "never"},
};

static void test_format_duration(void **state) {
        char text[UNITS_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(duration_texts); i++) {
                const struct text_case *c = &duration_texts[i];
                assert_string_equal(units_format_duration(c->value, text), c->text);
                assert_string_equal(units_format_duration_short(c->value, text), c->reading);
        }
}

static const struct text_case size_texts[] = {
        {0, "0B", "0B"},
        {1023, "1023B", "1023B"},
        {1024, "1KiB", "1KiB"},
        {UINT64_C(512) << 20, "512MiB", "512MiB"},
        {2000000000, "2GB", "1.86GiB"},
        {1234567, "1234567B", "1.18MiB"},
        {1299227607, "1299227607B", "1.21GiB"},
        {UINT64_C(15) << 26, "960MiB", "960MiB"},
        {1048064, "1023.5", "1MiB"},
        {UINT64_MAX, "18446744073709551615B", "16777216TiB"},
};

static void test_format_size(void **state) {
        char text[UNITS_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(size_texts); i++) {
                const struct text_case *c = &size_texts[i];
                if (!strchr(c->text, '.')) { /* an exact form has no fraction */
                        assert_string_equal(units_format_size(c->value, text), c->text);
                }
                assert_string_equal(units_format_size_short(c->value, text), c->reading);
        }
}

static void test_format_amount(void **state) {
        char text[UNITS_TEXT_MAX];

        (void) state;
        assert_string_equal(units_format_amount(&(struct amount){80, AMOUNT_PERCENT}, text), "80%");
        assert_string_equal(
                units_format_amount(&(struct amount){12.5, AMOUNT_PERCENT}, text), "12.5%");
        assert_string_equal(
                units_format_amount(&(struct amount){1024, AMOUNT_BYTES}, text), "1KiB");
        assert_string_equal(
                units_format_amount(&(struct amount){65536, AMOUNT_COUNT}, text), "65536");
        assert_string_equal(units_format_amount(&(struct amount){0}, text), "-");
}

/* Whatever is printed exactly is read back as the same number. */
static void test_round_trip(void **state) {
        uint64_t seed = 20260301;
        char text[UNITS_TEXT_MAX];
        struct rng rng;

        (void) state;
        rng_seed(&rng, seed);
        for (int i = 0; i < 5000; i++) {
                uint64_t value = rng_next(&rng) >> rng_below(&rng, 64), back = 1;
                if (units_parse_duration(units_format_duration(value, text), &back) != 0 ||
                        back != value) {
                        fail_msg("seed %llu: %s", (unsigned long long) seed, text);
                }
                if (units_parse_size(units_format_size(value, text), &back) != 0 || back != value) {
                        fail_msg("seed %llu: %s", (unsigned long long) seed, text);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_duration),
                cmocka_unit_test(test_parse_size),
                cmocka_unit_test(test_parse_percent),
                cmocka_unit_test(test_parse_amount),
                cmocka_unit_test(test_format_duration),
                cmocka_unit_test(test_format_size),
                cmocka_unit_test(test_format_amount),
                cmocka_unit_test(test_round_trip),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
