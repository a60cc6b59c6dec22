/* The token with a coordinator: what needs none. tests/integration has the rest, with real ones. */

#include <errno.h>

#include "base/cleanup.h"
#include "fence/fence_node.h"
#include "unit_test.h"

static void names(void **state) {
        static const struct {
                const char *name;
                int result;
        } cases[] = {{"volume7", 0}, {"a.b-c_D", 0}, {"", -EINVAL}, {".", -EINVAL}, {"..", -EINVAL},
                {".hidden", -EINVAL}, {"a/b", -EINVAL}, {"a b", -EINVAL}, {"\xc3\xa9", -EINVAL},
                {"aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddd", 0},
                {"aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddde", -EINVAL}};
        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(fence_check_name(cases[i].name), cases[i].result);
        }
}

static void a_host_of_its_own_has_no_coordinator(void **state) {
        const struct coordinator_spec spec = {.kind = COORDINATOR_LOCAL};
        uint64_t seen = 7;
        struct error err = {0};
        (void) state;
        assert_int_equal(fence_node_pass(&spec, "volume7", 3, 0, &seen, &err), -ENOENT);
        assert_string_equal(err.text, "it has no 'coordinator'");
        assert_int_equal(seen, 7);
}

static void the_folder_is_below_the_root(void **state) {
        (void) state;
        static const char *const cases[][2] = {{"/recoverd", "/recoverd/.fence"},
                {"/recoverd/", "/recoverd/.fence"}, {"/", "/.fence"}};
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char folder[FENCE_FOLDER_MAX];
                fence_folder(&(struct coordinator_spec){.root = cases[i][0]}, folder);
                assert_string_equal(folder, cases[i][1]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names),
                cmocka_unit_test(a_host_of_its_own_has_no_coordinator),
                cmocka_unit_test(the_folder_is_below_the_root),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
