/* Where the cgroup v2 hierarchy is, on the hosts that there are. */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/cgroup_path.h"
#include "unit_test.h"

static const struct {
        const char *mountinfo, *membership, *path; /* path NULL: there is none */
} places[] = {
        /* One hierarchy, as on today's distributions. */
        {"30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
                "0::/system.slice/recoverd-executor.service\n",
                "/sys/fs/cgroup/system.slice/recoverd-executor.service"},
        /* Hybrid: the second one beside those of version 1. */
        {"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
         "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
         "41 31 0:38 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n",
                "4:memory:/a\n0::/\n", "/sys/fs/cgroup/unified"},
        /* A container sees a part of it as its root. */
        {"30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/docker/abc/inner\n",
                "/sys/fs/cgroup/inner"},
        {"30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/docker/abc\n",
                "/sys/fs/cgroup"},
        /* A bind mount of another part does not help. */
        {"30 23 0:26 /other /mnt rw - cgroup2 cgroup rw\n"
         "31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
                "0::/docker\n", "/sys/fs/cgroup/docker"},
        {"30 23 0:26 /dock /mnt rw - cgroup2 cgroup rw\n", "0::/docker\n", NULL},
        /* Mount points may hold anything. */
        {"30 23 0:26 / /a\\040b rw - cgroup2 cgroup rw\n", "0::/x\n", "/a b/x"},
        /* None. */
        {"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "0::/\n", NULL},
        {"30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "4:memory:/a\n", NULL},
        {"", "", NULL},
        {"garbage\n - cgroup2 \n", "0::/\n", NULL},
};

static void test_places(void **state) {
        char path[CGROUP_PATH_MAX];
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                int r = cgroup_locate(places[i].mountinfo, places[i].membership, path);
                assert_int_equal(r, places[i].path ? 0 : -ENOENT);
                if (places[i].path) {
                        assert_string_equal(path, places[i].path);
                }
        }
}

static void test_a_path_that_is_too_long(void **state) {
        char membership[CGROUP_PATH_MAX + 16], path[CGROUP_PATH_MAX];
        (void) state;
        memset(membership, 'x', sizeof(membership));
        memcpy(membership, "0::/", 4);
        membership[sizeof(membership) - 1] = '\0';
        assert_int_equal(cgroup_locate("", membership, path), -ENAMETOOLONG);
        membership[CGROUP_PATH_MAX - 2] = '\0';
        assert_int_equal(cgroup_locate("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                                 membership, path),
                -ENAMETOOLONG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_a_path_that_is_too_long),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
