/* Which mount a path is meant to lie on, by tables of a test. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mount_promise.h"
#include "unit_test.h"

struct tables {
        char promised[32], present[32];
};

static void write_file(char path[32], const char *text) {
        snprintf(path, 32, "/tmp/mounts-XXXXXX");
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static void set(struct tables *tables, const char *promised, const char *present) {
        write_file(tables->promised, promised);
        write_file(tables->present, present);
}

static void done(const struct tables *tables) {
        unlink(tables->promised);
        unlink(tables->present);
}

#define ROOT "/dev/sda1 / ext4 defaults 0 1\n"
#define BACKUP "/dev/sdb1 /mnt/backup ext4 noauto 0 2\n"

static void test_a_mount_that_is_absent_is_named(void **state) {
        (void) state;
        struct tables tables;
        char missing[64] = "";
        set(&tables, "# disks\n" ROOT BACKUP "/dev/sda2 none swap sw 0 0\n", ROOT);
        assert_true(mount_is_missing(
                tables.promised, tables.present, "/mnt/backup/recoverd", missing, sizeof(missing)));
        assert_string_equal(missing, "/mnt/backup");
        assert_true(mount_is_missing(
                tables.promised, tables.present, "/mnt/backup", missing, sizeof(missing)));
        /* A name that only begins in the same way. */
        assert_false(mount_is_missing(
                tables.promised, tables.present, "/mnt/backups", missing, sizeof(missing)));
        done(&tables);
}

static void test_one_that_is_there_is_not(void **state) {
        (void) state;
        struct tables tables;
        char missing[64] = "";
        set(&tables, ROOT BACKUP, ROOT BACKUP);
        assert_false(mount_is_missing(
                tables.promised, tables.present, "/mnt/backup/x", missing, sizeof(missing)));
        /* Something else is mounted further down. */
        done(&tables);
        set(&tables, ROOT BACKUP, ROOT "nas:/x /mnt/backup/x nfs rw 0 0\n");
        assert_false(mount_is_missing(
                tables.promised, tables.present, "/mnt/backup/x/y", missing, sizeof(missing)));
        done(&tables);
}

static void test_names_with_blanks(void **state) {
        (void) state;
        struct tables tables;
        char missing[64] = "";
        set(&tables, "/dev/sdb1 /mnt/my\\040disk ext4 defaults 0 2\n", ROOT);
        assert_true(mount_is_missing(
                tables.promised, tables.present, "/mnt/my disk/x", missing, sizeof(missing)));
        assert_string_equal(missing, "/mnt/my disk");
        done(&tables);
}

static void test_what_cannot_be_read_promises_nothing(void **state) {
        (void) state;
        char missing[64] = "";
        assert_false(
                mount_is_missing("/nonexistent", MOUNTS_PRESENT, "/x", missing, sizeof(missing)));
        assert_false(mount_is_shared("/nonexistent", "/x", "/y"));
}

static void test_shared(void **state) {
        (void) state;
        struct tables tables;
        set(&tables, "", ROOT BACKUP);
        assert_true(mount_is_shared(tables.present, "/etc/shop", "/var/backup"));
        assert_true(mount_is_shared(tables.present, "/mnt/backup/a", "/mnt/backup/b"));
        assert_false(mount_is_shared(tables.present, "/mnt/backup/a", "/mnt/a"));
        done(&tables);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_mount_that_is_absent_is_named),
                cmocka_unit_test(test_one_that_is_there_is_not),
                cmocka_unit_test(test_names_with_blanks),
                cmocka_unit_test(test_what_cannot_be_read_promises_nothing),
                cmocka_unit_test(test_shared),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
