#include "probes/disk_device.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/small_file.h"

enum {
        DEPTH_MAX = 8,
        MEMBERS_MAX = 64, /* of one RAID or volume */
        SYS_PATH_MAX = 512, /* each level keeps some, and a worker thread has a small stack */
};

/* False when it does not fit. */
static bool join(char to[SYS_PATH_MAX], const char *directory, const char *name) {
        return snprintf(to, SYS_PATH_MAX, "%s/%s", directory, name) < SYS_PATH_MAX;
}

/* Calls `visit` for each entry of a directory; none when it does not exist. */
static void for_each(const char *directory, struct disk_device *device, int depth,
        void (*visit)(const char *path, struct disk_device *device, int depth)) {
        DIR *entries = opendir(directory);
        struct dirent *entry;
        for (int i = 0; entries && i < MEMBERS_MAX && (entry = readdir(entries));) {
                char path[SYS_PATH_MAX];
                if (entry->d_name[0] != '.' && join(path, directory, entry->d_name)) {
                        visit(path, device, depth);
                        i++;
                }
        }
        if (entries) {
                closedir(entries);
        }
}

/* ---- disks, and what is made of disks ---- */

/* A counter of SCSI and ATA disks, in hexadecimal. Not inlined, for the sake of the stack. */
__attribute__((noinline)) static void add_scsi_errors(
        const char *directory, const char *name, struct disk_device *device) {
        char text[SMALL_FILE_MAX];
        if (small_file_read(directory, name, text) == 0) {
                device->errors += strtoull(text, NULL, 16);
                device->counts_errors = true;
        }
}

static void add_md_member(const char *path, struct disk_device *device, int depth) {
        uint64_t errors;
        (void) depth;
        if (str_starts(strrchr(path, '/') + 1, "dev-") &&
                small_file_number(path, "errors", &errors) == 0) {
                device->errors += errors;
                device->counts_errors = true;
        }
}

static bool is_partition(const char *path) {
        char file[SYS_PATH_MAX];
        return join(file, path, "partition") && access(file, F_OK) == 0;
}

/* Partitions, and volumes over several disks, end at disks. */
static void add_disk(const char *path, struct disk_device *device, int depth) {
        char members[SYS_PATH_MAX], slaves[SYS_PATH_MAX];
        uint64_t missing;
        if (depth >= DEPTH_MAX || !join(members, path, "md") || !join(slaves, path, "slaves")) {
                return;
        }
        add_scsi_errors(
                path, is_partition(path) ? "../device/ioerr_cnt" : "device/ioerr_cnt", device);
        if (small_file_number(members, "degraded", &missing) == 0) {
                device->missing += missing;
        }
        for_each(members, device, depth, add_md_member);
        for_each(slaves, device, depth + 1, add_disk);
}

/* Fields of block/stat, from 0: completed requests, and the milliseconds that they took. */
enum { STAT_READS = 0, STAT_READ_MSEC = 3, STAT_WRITES, STAT_WRITE_MSEC = 7, STAT_FIELDS };

static void read_times(const char *path, struct disk_device *device) {
        char text[SMALL_FILE_MAX];
        unsigned long long fields[STAT_FIELDS];
        if (small_file_read(path, "stat", text) < 0) {
                return;
        }
        char *at = text, *end;
        for (size_t i = 0; i < STAT_FIELDS; i++, at = end) {
                fields[i] = strtoull(at, &end, 10);
                if (end == at) {
                        return;
                }
        }
        device->requests = fields[STAT_READS] + fields[STAT_WRITES];
        device->busy_msec = fields[STAT_READ_MSEC] + fields[STAT_WRITE_MSEC];
}

/* ---- file systems ---- */

static void add_ext4(const char *sys, struct disk_device *device) {
        char all[SYS_PATH_MAX], directory[SYS_PATH_MAX];
        uint64_t errors;
        if (join(all, sys, "fs/ext4") && join(directory, all, device->name) &&
                small_file_number(directory, "errors_count", &errors) == 0) {
                device->damages = errors;
                device->counts_errors = true;
        }
}

/* "write_errs 0\nread_errs 0\nflush_errs 0\n..." */
static void add_btrfs_member(const char *path, struct disk_device *device, int depth) {
        static const char *const keys[] = {
                "write_errs", "read_errs", "flush_errs", "corruption_errs", "generation_errs"};
        char text[SMALL_FILE_MAX];
        uint64_t errors;
        (void) depth;
        if (small_file_read(path, "error_stats", text) < 0) {
                return;
        }
        device->counts_errors = true;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                device->errors += small_file_key(text, keys[i], &errors) ? errors : 0;
        }
}

/* A directory of /sys/fs/btrfs belongs to the file system that has our device. */
static void add_btrfs(const char *path, struct disk_device *device, int depth) {
        char devices[SYS_PATH_MAX], own[SYS_PATH_MAX], members[SYS_PATH_MAX];
        if (join(devices, path, "devices") && join(own, devices, device->name) &&
                access(own, F_OK) == 0 && join(members, path, "devinfo")) {
                for_each(members, device, depth, add_btrfs_member);
        }
}

/* ---- which device ---- */

/* What /dev/mapper/x and /dev/disk/by-uuid/y are links to. */
static dev_t device_of_source(const char *source) {
        struct stat st;
        return *source == '/' && stat(source, &st) == 0 && S_ISBLK(st.st_mode) ? st.st_rdev : 0;
}

static int locate(const char *sys, dev_t device, char ret[PATH_MAX]) {
        char name[64], path[SYS_PATH_MAX];
        snprintf(name, sizeof(name), "dev/block/%u:%u", major(device), minor(device));
        return join(path, sys, name) && realpath(path, ret) ? 0 : -ENODEV;
}

int disk_device_read(const char *sys, dev_t device, const char *source, struct disk_device *ret) {
        struct disk_device found = {0};
        char path[PATH_MAX], btrfs[SYS_PATH_MAX];
        int r = locate(sys, device, path);
        if (r < 0) {
                device = device_of_source(source);
                r = device ? locate(sys, device, path) : -ENODEV;
        }
        if (r < 0) {
                return r;
        }
        if (!str_copy(found.name, sizeof(found.name), strrchr(path, '/') + 1)) {
                return -ENAMETOOLONG;
        }
        add_disk(path, &found, 0);
        read_times(path, &found);
        add_ext4(sys, &found);
        if (join(btrfs, sys, "fs/btrfs")) {
                for_each(btrfs, &found, 0, add_btrfs);
        }
        *ret = found;
        return 0;
}

static bool has_line(const char *text, const char *wanted) {
        size_t length = strlen(wanted);
        for (; *text; text += *text == '\n') {
                size_t line = strcspn(text, "\n");
                if (line == length && memcmp(text, wanted, length) == 0) {
                        return true;
                }
                text += line;
        }
        return false;
}

bool disk_device_gave_up(const char *sys, const char *proc, dev_t device) {
        char path[PATH_MAX], all[SYS_PATH_MAX], directory[SYS_PATH_MAX], text[SMALL_FILE_MAX];
        return locate(sys, device, path) == 0 && join(all, proc, "fs/ext4") &&
               join(directory, all, strrchr(path, '/') + 1) &&
               small_file_read(directory, "options", text) == 0 &&
               (has_line(text, "emergency_ro") || has_line(text, "shutdown"));
}
