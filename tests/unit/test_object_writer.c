/* Contents go into the store and come out as they were, whatever their size and kind. */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "depot_fixture.h"
#include "executor/checkpoint/object_reader.h"
#include "executor/checkpoint/object_writer.h"

enum { LARGE = 700 * 1000 };

static struct depot_fixture fixture;
static struct object_writer writer;

static int setup(void **state) {
        struct error err = {0};
        (void) state;
        int r = depot_setup(&fixture);
        return r < 0 ? r : object_writer_init(&writer, &fixture.depot, &err);
}

static int teardown(void **state) {
        (void) state;
        object_writer_done(&writer);
        return depot_teardown(&fixture);
}

static struct content_hash add(const void *data, size_t size) {
        AUTO_CLOSE int fd = file_of(&fixture, data, size);
        struct content_hash hash = {0}, wanted;
        struct error err = {0};
        uint64_t read = 0;
        assert_int_equal(object_writer_add(&writer, fd, size, &hash, &read, &err), 0);
        assert_int_equal(read, size);
        assert_int_equal(content_hash_of(data, size, &wanted), 0);
        assert_true(content_hash_equal(&hash, &wanted));
        return hash;
}

struct expected {
        const char *data;
        size_t size, seen;
};

static int compare(
        void *cookie, const void *data, size_t size, uint64_t offset, struct error *err) {
        struct expected *expected = cookie;
        (void) err;
        assert_int_equal(offset, expected->seen);
        assert_true(offset + size <= expected->size);
        assert_memory_equal(data, expected->data + offset, size);
        expected->seen += size;
        return 0;
}

static void check(const struct content_hash *hash, const char *data, size_t size) {
        struct expected expected = {data, size, 0};
        struct error err = {0};
        assert_int_equal(object_read(&fixture.depot, hash, compare, &expected, &err), 0);
        assert_int_equal(expected.seen, size);
}

static bool is_packed(const struct content_hash *hash) {
        char name[DEPOT_NAME_MAX];
        assert_int_equal(object_find(&fixture.depot, hash, name, NULL), 0);
        return object_is_compressed(name);
}

static char *make(size_t size, bool random) {
        char *data = malloc(size);
        struct rng rng;
        rng_seed(&rng, 7);
        for (size_t i = 0; i < size; i++) {
                data[i] = random ? (char) rng_next(&rng) : "shop\n"[i % 5];
        }
        return data;
}

static void test_sizes(void **state) {
        static const size_t sizes[] = {1, 4096, 256 * 1024 - 1, 256 * 1024, LARGE};
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                for (int random = 0; random < 2; random++) {
                        struct error err = {0};
                        AUTO_FREE char *data = make(sizes[i], random);
                        struct content_hash hash = add(data, sizes[i]);
                        assert_int_equal(object_writer_flush(&writer, &err), 0);
                        check(&hash, data, sizes[i]);
                        bool shared = !writer.no_clones && sizes[i] > 100 * 1024;
                        assert_int_equal(is_packed(&hash), !random && sizes[i] > 1 && !shared);
                }
        }
}

static void test_nothing_has_no_object(void **state) {
        struct content_hash hash = add("", 0);
        struct error err = {0};
        (void) state;
        assert_int_equal(object_writer_flush(&writer, &err), 0);
        assert_int_equal(object_find(&fixture.depot, &hash, NULL, NULL), -ENOENT);
}

static void test_the_same_is_stored_once(void **state) {
        struct error err = {0};
        (void) state;
        add("same", 4);
        add("same", 4);
        assert_int_equal(writer.n_pending, 1);
        assert_int_equal(writer.stored_bytes, 4);
        assert_int_equal(object_writer_flush(&writer, &err), 0);
        add("same", 4);
        assert_int_equal(writer.n_pending, 0);
}

static void test_nothing_has_a_name_before_it_is_durable(void **state) {
        struct content_hash hash = add("pending", 7);
        struct error err = {0};
        (void) state;
        assert_int_equal(object_find(&fixture.depot, &hash, NULL, NULL), -ENOENT);
        assert_int_equal(object_writer_flush(&writer, &err), 0);
        assert_int_equal(object_find(&fixture.depot, &hash, NULL, NULL), 0);
}

/* More than are synced one by one. */
static void test_many_together(void **state) {
        struct content_hash hashes[40];
        struct error err = {0};
        (void) state;
        for (unsigned i = 0; i < ELEMENTSOF(hashes); i++) {
                hashes[i] = add(&i, sizeof(i));
        }
        assert_int_equal(writer.n_pending, ELEMENTSOF(hashes));
        assert_int_equal(object_writer_flush(&writer, &err), 0);
        assert_int_equal(writer.n_pending, 0);
        for (unsigned i = 0; i < ELEMENTSOF(hashes); i++) {
                check(&hashes[i], (const char *) &i, sizeof(i));
        }
}

static void test_damage_is_noticed(void **state) {
        AUTO_FREE char *data = make(LARGE, false);
        struct content_hash hash = add(data, LARGE);
        char name[DEPOT_NAME_MAX];
        struct error err = {0};
        uint64_t size;
        (void) state;
        assert_int_equal(object_writer_flush(&writer, &err), 0);
        assert_int_equal(object_find(&fixture.depot, &hash, name, &size), 0);
        AUTO_CLOSE int fd = openat(fixture.depot.fd, name, O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, (off_t) size - 1), 0);
        assert_int_equal(object_read(&fixture.depot, &hash, NULL, NULL, &err), -EBADMSG);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(object_read(&fixture.depot, &hash, NULL, NULL, &err), -EBADMSG);
        assert_int_equal(unlinkat(fixture.depot.fd, name, 0), 0);
        assert_int_equal(object_read(&fixture.depot, &hash, NULL, NULL, &err), -EBADMSG);
}

static int refuse(void *cookie, const void *data, size_t size, uint64_t offset, struct error *err) {
        (void) cookie;
        (void) data;
        (void) size;
        (void) offset;
        return error_set(err, ENOSPC, "no more");
}

static void test_who_takes_it_can_end_it(void **state) {
        struct content_hash hash = add("something", 9);
        struct error err = {0};
        (void) state;
        assert_int_equal(object_writer_flush(&writer, &err), 0);
        assert_int_equal(object_read(&fixture.depot, &hash, refuse, NULL, &err), -ENOSPC);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_sizes),
                T(test_nothing_has_no_object),
                T(test_the_same_is_stored_once),
                T(test_nothing_has_a_name_before_it_is_durable),
                T(test_many_together),
                T(test_damage_is_noticed),
                T(test_who_takes_it_can_end_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
