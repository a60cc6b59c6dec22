#pragma once
/* What the kernel counts of a disk below a file system: errors, missing members, and how long
 * requests take. Read from sysfs (the kernel's Documentation/ABI/testing/sysfs-fs-ext4, block/stat,
 * admin-guide/md; btrfs: its sysfs interface). Runs in a worker thread. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { DISK_DEVICE_NAME_MAX = 64 };

struct disk_device {
        char name[DISK_DEVICE_NAME_MAX]; /* "sda1" */
        bool counts_errors; /* something below counts them */
        uint64_t errors; /* of the disks, and of btrfs: counters that only rise */
        uint64_t damages; /* that ext4 found in itself; kept on the disk until it is repaired */
        uint64_t missing; /* members that a RAID of md lacks */
        uint64_t requests, busy_msec; /* completed reads and writes, and the time that they took */
};

/* Whether ext4 writes no more since it found itself damaged. Since Linux 6.15 it does not show as a
 * read-only mount for that; only its options tell. `proc` is where proc(5) is mounted. */
bool disk_device_gave_up(const char *sys, const char *proc, dev_t device);

/* The device of the file system with this st_dev. `source` is its source in the mount table: btrfs
 * has no device of its own. `sys` is where sysfs is mounted. -ENODEV: it is on no disk, as network
 * file systems and those in memory. */
int disk_device_read(const char *sys, dev_t device, const char *source, struct disk_device *ret);
