#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "io/mount_table.h"
#include "probes/disk_params.h"

static int read_usage(const char *path, struct disk_usage *ret) {
        struct statvfs fs;
        if (statvfs(path, &fs) < 0) {
                return -errno;
        }
        *ret = (struct disk_usage){
                .used_bytes = (uint64_t) (fs.f_blocks - fs.f_bfree) * fs.f_frsize,
                .free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize,
                .used_inodes = fs.f_files - fs.f_ffree,
                .free_inodes = fs.f_favail,
                .read_only = fs.f_flag & ST_RDONLY,
        };
        return 0;
}

static int test_writing(struct offload *call, struct disk_job *job) {
        offload_step(call, job->step = "opening the directory");
        AUTO_CLOSE int directory = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0) {
                return -errno;
        }
        if (job->sweep) {
                offload_step(call, "looking for old test files");
                disk_write_sweep(directory);
        }
        disk_write_test(directory, call, &job->written);
        return 0;
}

static void read_source(const char *path, char source[MOUNT_SOURCE_MAX]) {
        AUTO_FREE char *table = NULL;
        struct mount_entry entry;
        AUTO_FREE char *resolved = realpath(path, NULL);
        *source = '\0';
        if (resolved && mount_table_read(&table) == 0 &&
                mount_table_find(table, resolved, &entry) == 0) {
                memcpy(source, entry.source, MOUNT_SOURCE_MAX);
        }
}

static bool is_view(const char *table, const char *path) {
        struct mount_entry entry;
        return mount_table_find(table, path, &entry) == 0 && entry.read_only &&
               !entry.file_system_read_only;
}

/* A sandbox (ProtectSystem=strict of the agent's unit) shows all file systems as read-only, the
 * root with them. Whether others may write says the file system alone then. */
static bool is_read_only_to_us_alone(const char *path) {
        AUTO_FREE char *table = NULL;
        AUTO_FREE char *resolved = realpath(path, NULL);
        return resolved && mount_table_read(&table) == 0 && is_view(table, "/") &&
               is_view(table, resolved);
}

static int read_device(struct offload *call, struct disk_job *job) {
        char source[MOUNT_SOURCE_MAX];
        struct stat st;
        offload_step(call, job->step = "stat");
        if (stat(job->path, &st) < 0) {
                return -errno;
        }
        job->usage.read_only |= disk_device_gave_up("/sys", "/proc", st.st_dev);
        if (job->wants_device) {
                read_source(job->path, source);
                job->device_error = disk_device_read("/sys", st.st_dev, source, &job->device);
        }
        return 0;
}

void disk_measure(struct offload *call, void *data) {
        struct disk_job *job = data;
        offload_step(call, job->step = "statvfs");
        int r = read_usage(job->path, &job->usage);
        if (r >= 0 && job->usage.read_only && !job->writable) {
                offload_step(call, job->step = "looking at the mount");
                job->usage.read_only = !is_read_only_to_us_alone(job->path);
        }
        if (r >= 0) {
                r = read_device(call, job);
        }
        if (r >= 0 && job->writable && !job->usage.read_only) {
                r = test_writing(call, job);
        }
        job->error = -r;
}
