/* What sysfs tells of devices, from trees that look like it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probes/disk_device.h"
#include "support/tmpdir.h"

struct fixture {
        struct tmpdir dir;
        struct disk_device device;
};

static void make_directories(const struct fixture *f, const char *path) {
        char part[128];
        for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
                snprintf(part, sizeof(part), "%.*s", (int) (slash - path), path);
                (void) mkdir(tmpdir_file(&f->dir, part), 0755);
        }
}

static void put(const struct fixture *f, const char *path, const char *text) {
        make_directories(f, path);
        tmpdir_write(&f->dir, path, text);
}

static void link_to(const struct fixture *f, const char *path, const char *target) {
        make_directories(f, path);
        assert_int_equal(symlink(target, tmpdir_file(&f->dir, path)), 0);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static int look(struct fixture *f, unsigned major, unsigned minor) {
        return disk_device_read(f->dir.path, makedev(major, minor), "none", &f->device);
}

/* sda with its first partition, as of a SATA disk. */
static void put_sda(const struct fixture *f) {
        put(f, "devices/sda/device/ioerr_cnt", "0x1f\n");
        put(f, "devices/sda/stat", "1 0 0 1 1 0 0 1 0 0 0\n");
        put(f, "devices/sda/sda1/partition", "1\n");
        put(f, "devices/sda/sda1/stat", "  100  5  800  250  40 6 320  150 0 90 400 0 0 0 0 0 0\n");
        link_to(f, "dev/block/8:1", "../../devices/sda/sda1");
        link_to(f, "dev/block/8:0", "../../devices/sda");
}

static void test_partition(void **state) {
        struct fixture *f = *state;
        put_sda(f);
        put(f, "fs/ext4/sda1/errors_count", "3\n");
        assert_int_equal(look(f, 8, 1), 0);
        assert_string_equal(f->device.name, "sda1");
        assert_true(f->device.counts_errors);
        assert_int_equal(f->device.errors, 31);
        assert_int_equal(f->device.damages, 3);
        assert_int_equal(f->device.requests, 140);
        assert_int_equal(f->device.busy_msec, 400);
        assert_int_equal(f->device.missing, 0);
}

static void test_disk_without_counters(void **state) {
        struct fixture *f = *state;
        put(f, "devices/vda/stat", "9 0 0 9 0 0 0 0 0 0 0\n");
        link_to(f, "dev/block/254:0", "../../devices/vda");
        assert_int_equal(look(f, 254, 0), 0);
        assert_false(f->device.counts_errors);
        assert_int_equal(f->device.requests, 9);
}

/* LVM over a RAID over two disks, one of which is gone. */
static void test_volumes(void **state) {
        struct fixture *f = *state;
        put_sda(f);
        put(f, "devices/md0/md/degraded", "1\n");
        put(f, "devices/md0/md/dev-sda1/errors", "4\n");
        put(f, "devices/md0/md/array_state", "clean\n");
        link_to(f, "devices/md0/slaves/sda1", "../../sda/sda1");
        put(f, "devices/dm-0/stat", "5 0 0 5 5 0 0 5 0 0 0\n");
        link_to(f, "devices/dm-0/slaves/md0", "../../md0");
        link_to(f, "dev/block/253:0", "../../devices/dm-0");
        assert_int_equal(look(f, 253, 0), 0);
        assert_string_equal(f->device.name, "dm-0");
        assert_int_equal(f->device.errors, 31 + 4);
        assert_int_equal(f->device.missing, 1);
        assert_int_equal(f->device.requests, 10);
}

/* A circle of links ends. */
static void test_circle(void **state) {
        struct fixture *f = *state;
        put(f, "devices/dm-0/stat", "5 0 0 5 5 0 0 5 0 0 0\n");
        link_to(f, "devices/dm-0/slaves/dm-0", "../../dm-0");
        link_to(f, "dev/block/253:0", "../../devices/dm-0");
        assert_int_equal(look(f, 253, 0), 0);
}

static void test_btrfs(void **state) {
        struct fixture *f = *state;
        put_sda(f);
        link_to(f, "fs/btrfs/UUID/devices/sda1", "../../../../devices/sda/sda1");
        put(f, "fs/btrfs/UUID/devinfo/1/error_stats",
                "write_errs 1\nread_errs 2\nflush_errs 0\ncorruption_errs 4\ngeneration_errs 0\n");
        put(f, "fs/btrfs/UUID/devinfo/2/error_stats", "write_errs 8\n");
        put(f, "fs/btrfs/OTHER/devinfo/1/error_stats", "write_errs 1000\n");
        put(f, "fs/btrfs/features/acl", "0\n");
        assert_int_equal(look(f, 8, 1), 0);
        assert_int_equal(f->device.errors, 31 + 1 + 2 + 4 + 8);
}

static void test_no_disk(void **state) {
        struct fixture *f = *state;
        assert_int_equal(look(f, 0, 42), -ENODEV);
        assert_int_equal(
                disk_device_read(f->dir.path, makedev(0, 42), "/dev/null", &f->device), -ENODEV);
        assert_int_equal(
                disk_device_read(f->dir.path, makedev(0, 42), "host:/srv", &f->device), -ENODEV);
}

static void test_gave_up(void **state) {
        struct fixture *f = *state;
        const char *root = f->dir.path;
        put_sda(f);
        assert_false(disk_device_gave_up(root, root, makedev(8, 1)));
        put(f, "fs/ext4/sda1/options", "rw\nerrors=remount-ro\nnot_emergency_ro\n");
        assert_false(disk_device_gave_up(root, root, makedev(8, 1)));
        put(f, "fs/ext4/sda1/options", "rw\nprefetch_block_bitmaps\nemergency_ro");
        assert_true(disk_device_gave_up(root, root, makedev(8, 1)));
        assert_false(disk_device_gave_up(root, root, makedev(0, 42)));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_partition),
                TEST(test_disk_without_counters),
                TEST(test_volumes),
                TEST(test_circle),
                TEST(test_btrfs),
                TEST(test_no_disk),
                TEST(test_gave_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
