/* Mounts by their text. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "io/mount_table.h"
#include "unit_test.h"

static const char *const table =
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n"
        "not a line\n"
        "30 22 0:40 / /srv rw,relatime shared:2 master:1 - nfs4 host:/srv rw,hard\n"
        "31 22 8:1 /part /srv/a\\040b rw - ext4 /dev/sda1 ro\n"
        "32 22 8:2 / /mnt ro,noatime - xfs /dev/sdb rw\n"
        "33 22 8:3 / /mnt rw - xfs /dev/sdc rw,ro_looks_like\n"
        "34 22 8:4 / /cut rw - xfs";

static void find(const char *path, int id) {
        struct mount_entry entry;
        assert_int_equal(mount_table_find(table, path, &entry), 0);
        assert_int_equal(entry.id, id);
}

static void test_find(void **state) {
        (void) state;
        find("/", 22);
        find("/var/lib", 22);
        find("/srv", 30);
        find("/srv/", 30);
        find("/srvs", 22);
        find("/srv/a b/c", 31);
        find("/mnt/x", 33); /* the later covers the earlier */
        find("/cut", 22);
        struct mount_entry entry;
        assert_int_equal(mount_table_find("", "/", &entry), -ENOENT);
        assert_int_equal(mount_table_find(table, "relative", &entry), -ENOENT);
}

static void test_entries(void **state) {
        (void) state;
        static const struct {
                unsigned major, minor;
                const char *root, *point, *type;
                bool read_only, file_system_read_only;
        } expected[] = {
                {254, 0, "/", "/", "ext4", false, false},
                {0, 40, "/", "/srv", "nfs4", false, false},
                {8, 1, "/part", "/srv/a b", "ext4", true, true},
                {8, 2, "/", "/mnt", "xfs", true, false},
                {8, 3, "/", "/mnt", "xfs", false, false},
        };
        const char *text = table;
        struct mount_entry entry;
        size_t i = 0;
        for (; mount_table_next(&text, &entry); i++) {
                assert_int_equal(entry.device, makedev(expected[i].major, expected[i].minor));
                assert_string_equal(entry.root, expected[i].root);
                assert_string_equal(entry.point, expected[i].point);
                assert_string_equal(entry.type, expected[i].type);
                assert_int_equal(entry.read_only, expected[i].read_only);
                assert_int_equal(entry.file_system_read_only, expected[i].file_system_read_only);
        }
        assert_int_equal(i, sizeof(expected) / sizeof(expected[0]));
}

/* Whatever the kernel of this machine says. */
static void test_own(void **state) {
        (void) state;
        char *text = NULL;
        struct mount_entry entry;
        assert_int_equal(mount_table_read(&text), 0);
        assert_int_equal(mount_table_find(text, "/proc/self", &entry), 0);
        assert_string_equal(entry.type, "proc");
        assert_int_equal(mount_table_find(table, "/srv/x", &entry), 0);
        assert_string_equal(entry.source, "host:/srv");
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_entries),
                cmocka_unit_test(test_own),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
