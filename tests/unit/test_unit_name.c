#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/unit_name.h"
#include "unit_test.h"

static const struct {
        const char *text;
        int result;
        const char *hint;
} cases[] = {
        {"nginx.service", 0, NULL},
        {"worker@main.service", 0, NULL},
        {"dev-disk-by\\x2dlabel-data.swap", 0, NULL},
        {"shop.slice.target", 0, NULL},
        {"nginx", -EINVAL, "did you mean 'nginx.service'?"},
        {"worker@7", -EINVAL, "did you mean 'worker@7.service'?"},
        {"nginx.conf", -EINVAL, NULL},
        {"worker@.service", -EINVAL, NULL},
        {"worker@", -EINVAL, NULL},
        {".service", -EINVAL, NULL},
        {"@.service", -EINVAL, NULL},
        {"@main.service", -EINVAL, NULL},
        {"", -EINVAL, NULL},
        {"a b.service", -EINVAL, NULL},
        {"../nginx.service", -EINVAL, NULL},
        {"nginx;reboot", -EINVAL, NULL},
        {"nginx.service\n", -EINVAL, NULL},
};

static void knows_names_of_units(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *expected = NULL;
                char hint[256];
                assert_int_equal(unit_name_check(cases[i].text, &expected), cases[i].result);
                assert_int_equal(expected != NULL, cases[i].result < 0);
                const char *said = unit_name_hint(cases[i].text, hint, sizeof(hint));
                if (cases[i].hint) {
                        assert_non_null(said);
                        assert_string_equal(said, cases[i].hint);
                } else {
                        assert_null(said);
                }
        }
}

/* A name of so many bytes. */
static const char *name_of(size_t length, char name[UNIT_NAME_MAX + 2]) {
        memset(name, 'a', length);
        memcpy(name + length - strlen(".service"), ".service", sizeof(".service"));
        return name;
}

static void bounds_the_length(void **state) {
        (void) state;
        char name[UNIT_NAME_MAX + 2];
        const char *expected;
        assert_int_equal(unit_name_check(name_of(UNIT_NAME_MAX, name), &expected), 0);
        assert_int_equal(unit_name_check(name_of(UNIT_NAME_MAX + 1, name), &expected), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_names_of_units),
                cmocka_unit_test(bounds_the_length),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
