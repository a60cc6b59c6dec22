#pragma once
/* A store in a folder of the test's own, and files to be kept. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/checkpoint/depot.h"
#include "support/scratch.h"
#include "unit_test.h"

struct depot_fixture {
        char directory[64], store[96];
        struct depot depot;
};

static inline int depot_setup(struct depot_fixture *fixture) {
        struct error err = {0};
        int r = scratch_make(fixture->directory, sizeof(fixture->directory), "test_depot");
        snprintf(fixture->store, sizeof(fixture->store), "%s/store", fixture->directory);
        return r < 0 ? r : depot_open(&fixture->depot, fixture->store, DEPOT_WRITE, 0, &err);
}

static inline int depot_teardown(struct depot_fixture *fixture) {
        depot_close(&fixture->depot);
        return scratch_remove(fixture->directory);
}

/* Open for reading and writing, at its beginning. */
static inline int file_of(const struct depot_fixture *fixture, const void *data, size_t size) {
        char path[128];
        snprintf(path, sizeof(path), "%s/file", fixture->directory);
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(depot_write_all(fd, data, size), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}
