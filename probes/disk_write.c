#include "probes/disk_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "base/str.h"
#include "probes/offload.h"

enum { NAME_LENGTH = sizeof(DISK_WRITE_PREFIX) - 1 + 16 };

/* A test under way. */
struct writing {
        int directory, file;
        char name[NAME_LENGTH + 1];
        uint64_t seed;
        struct offload *call;
        struct disk_write_result *result;
};

static void enter(struct writing *w, const char *step) {
        w->result->step = step;
        if (w->call) {
                offload_step(w->call, step);
        }
}

/* The pattern differs from run to run, so that a block that was never written does not compare
 * equal. */
static void fill_pattern(uint64_t seed, unsigned char pattern[DISK_WRITE_BYTES]) {
        struct rng rng;
        rng_seed(&rng, seed);
        for (size_t i = 0; i < DISK_WRITE_BYTES; i += sizeof(uint64_t)) {
                uint64_t word = rng_next(&rng);
                memcpy(pattern + i, &word, sizeof(word));
        }
}

/* The lock tells the sweep of another run that the file is in use; a file system without locks gets
 * no sweep either. */
static int create_file(struct writing *w) {
        enter(w, "creating a file");
        if (getrandom(&w->seed, sizeof(w->seed), 0) != sizeof(w->seed)) {
                return -EIO;
        }
        snprintf(w->name, sizeof(w->name), DISK_WRITE_PREFIX "%016llx",
                (unsigned long long) w->seed);
        w->file = openat(w->directory, w->name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC,
                S_IRUSR | S_IWUSR);
        if (w->file < 0) {
                return -errno;
        }
        (void) flock(w->file, LOCK_EX | LOCK_NB);
        return 0;
}

static int write_pattern(struct writing *w) {
        unsigned char pattern[DISK_WRITE_BYTES];
        enter(w, "writing");
        fill_pattern(w->seed, pattern);
        for (size_t done = 0; done < sizeof(pattern);) {
                ssize_t n = pwrite(w->file, pattern + done, sizeof(pattern) - done, (off_t) done);
                if (n <= 0) {
                        return n < 0 ? -errno : -ENOSPC;
                }
                done += (size_t) n;
        }
        return 0;
}

static int sync_file(struct writing *w) {
        enter(w, "fsync");
        return fsync(w->file) < 0 ? -errno : 0;
}

/* Past the page cache where the file system can do that. */
static ssize_t read_direct(const struct writing *w, unsigned char *to) {
        AUTO_CLOSE int fd =
                openat(w->directory, w->name, O_RDONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -1 : pread(fd, to, DISK_WRITE_BYTES, 0);
}

static int read_back(struct writing *w) {
        unsigned char pattern[DISK_WRITE_BYTES];
        _Alignas(DISK_WRITE_BYTES) unsigned char found[DISK_WRITE_BYTES];
        enter(w, "reading back");
        fill_pattern(w->seed, pattern);
        ssize_t n = read_direct(w, found);
        if (n < 0 && errno == EINVAL) {
                (void) posix_fadvise(w->file, 0, 0, POSIX_FADV_DONTNEED);
                n = pread(w->file, found, sizeof(found), 0);
        }
        if (n < 0) {
                return -errno;
        }
        w->result->differs = n != sizeof(found) || memcmp(found, pattern, sizeof(found)) != 0;
        return 0;
}

/* Somebody else's sweep of a file system without working locks may have been faster. */
static int remove_file(const struct writing *w) {
        return unlinkat(w->directory, w->name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int write_and_compare(struct writing *w, usec_t started) {
        int r = write_pattern(w);
        if (r >= 0) {
                r = sync_file(w);
        }
        w->result->latency = usec_sub(clock_now().mono, started);
        return r < 0 ? r : read_back(w);
}

void disk_write_test(int directory, struct offload *call, struct disk_write_result *ret) {
        struct writing w = {.directory = directory, .file = -1, .call = call, .result = ret};
        *ret = (struct disk_write_result){0};
        usec_t started = clock_now().mono;
        int r = create_file(&w);
        if (r >= 0) {
                r = write_and_compare(&w, started);
                int removed = remove_file(&w);
                if (r >= 0 && removed < 0) {
                        r = removed;
                        ret->step = "removing the file";
                }
                close(w.file);
        }
        ret->error = -r;
}

static bool is_leftover(int directory, const char *name) {
        struct stat st;
        return strlen(name) == NAME_LENGTH && str_starts(name, DISK_WRITE_PREFIX) &&
               fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
               st.st_uid == geteuid() && st.st_size <= DISK_WRITE_BYTES;
}

static void remove_leftover(int directory, const char *name) {
        AUTO_CLOSE int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
                (void) unlinkat(directory, name, 0);
        }
}

void disk_write_sweep(int directory) {
        int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *entries = fd < 0 ? NULL : fdopendir(fd);
        if (!entries) {
                if (fd >= 0) {
                        close(fd);
                }
                return;
        }
        struct dirent *entry;
        for (int i = 0; i < DISK_WRITE_SWEEP_MAX && (entry = readdir(entries)); i++) {
                if (is_leftover(directory, entry->d_name)) {
                        remove_leftover(directory, entry->d_name);
                }
        }
        closedir(entries);
}
