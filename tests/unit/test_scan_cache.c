/* The cache of a scan: what was saved is known again, and whatever is wrong with it is no cache. */

#include <errno.h>

#include "base/cleanup.h"
#include "depot_fixture.h"
#include "executor/checkpoint/scan_cache.h"

static struct depot_fixture fixture;
static const struct content_hash name = {{1, 2, 3}};

static int setup(void **state) {
        (void) state;
        return depot_setup(&fixture);
}

static int teardown(void **state) {
        (void) state;
        return depot_teardown(&fixture);
}

static void fill(struct manifest *manifest, size_t count) {
        static const char *const paths[] = {"/srv", "/srv/a", "/srv/b"};
        assert_int_equal(manifest_init(manifest), 0);
        for (size_t i = 0; i < count; i++) {
                const struct entry entry = {.path = paths[i],
                        .type = i ? ENTRY_FILE : ENTRY_DIRECTORY,
                        .identity = {
                                .device = 7, .inode = 100 + i, .ctime_sec = 5, .mtime_nsec = 9}};
                assert_int_equal(manifest_add(manifest, &entry), 0);
        }
}

static void save(size_t count) {
        AUTO(manifest_done) struct manifest manifest = {0};
        struct error err = {0};
        fill(&manifest, count);
        assert_int_equal(scan_cache_save(fixture.depot.fd, &manifest, &name, &err), 0);
}

static int load(size_t count, uint64_t *ret_inode) {
        AUTO(manifest_done) struct manifest manifest = {0};
        fill(&manifest, count);
        for (size_t i = 0; i < count; i++) {
                manifest.entries[i].identity = (struct file_identity){0};
        }
        int r = scan_cache_load(fixture.depot.fd, &manifest);
        *ret_inode = manifest.entries[count - 1].identity.inode;
        return r;
}

static void test_there_and_back(void **state) {
        struct content_hash found;
        uint64_t inode;
        (void) state;
        assert_int_equal(scan_cache_of(fixture.depot.fd, &found), -ENOENT);
        save(3);
        assert_int_equal(scan_cache_of(fixture.depot.fd, &found), 0);
        assert_true(content_hash_equal(&found, &name));
        assert_int_equal(load(3, &inode), 0);
        assert_int_equal(inode, 102);
}

static void test_of_another_manifest(void **state) {
        uint64_t inode;
        (void) state;
        save(3);
        assert_int_equal(load(2, &inode), -ENOENT);
        assert_int_equal(inode, 0);
}

/* It is not synced, so that after a crash it may hold anything. */
static void test_cut_or_damaged(void **state) {
        uint64_t inode;
        (void) state;
        for (off_t at = 0; at < 200; at += 40) {
                save(3);
                AUTO_CLOSE int fd = openat(fixture.depot.fd, SCAN_CACHE_NAME, O_RDWR | O_CLOEXEC);
                assert_true(fd >= 0);
                assert_int_equal(ftruncate(fd, at), 0);
                assert_int_equal(load(3, &inode), -ENOENT);
        }
        save(3);
        AUTO_CLOSE int fd = openat(fixture.depot.fd, SCAN_CACHE_NAME, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "!", 1, lseek(fd, 0, SEEK_END) - 20), 1);
        assert_int_equal(load(3, &inode), -ENOENT);
        assert_int_equal(inode, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_of_another_manifest, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cut_or_damaged, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
