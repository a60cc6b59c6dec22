#pragma once
/* The disk probe in its parts: disk.c knows the policy and the run, disk_measure.c asks the file
 * system in a worker thread, disk_judge.c says what the answers mean. */

#include "base/units.h"
#include "probes/counter_history.h"
#include "probes/disk_device.h"
#include "probes/disk_write.h"
#include "probes/forecast.h"
#include "probes/offload_run.h"
#include "probes/probe.h"

struct disk_params {
        const char *path;
        double max_used, max_inodes; /* percent; 0: no limit */
        struct amount min_free;
        bool writable;
        usec_t max_write_latency; /* 0: no limit */
        usec_t full_within, window; /* full_within 0: no forecast */
        struct amount max_io_errors;
        usec_t error_window;
        usec_t max_latency; /* 0: no limit */
};

/* What df(1) shows: space for the superuser counts as neither used nor free. */
struct disk_usage {
        uint64_t used_bytes, free_bytes;
        uint64_t used_inodes, free_inodes;
        bool read_only;
};

/* One measurement; lives as long as its thread, which may be longer than the policy. */
struct disk_job {
        bool writable, sweep, wants_device;
        int error; /* positive errno of statvfs or open */
        const char *step;
        struct disk_usage usage;
        struct disk_write_result written;
        int device_error; /* negative errno of disk_device_read */
        struct disk_device device;
        char path[]; /* terminated */
};

struct disk_forecasts {
        struct forecast free_bytes, free_inodes;
};

struct disk_state {
        struct offload_run work;
        bool swept; /* files that a killed agent left behind are looked for once */
        bool was_writable; /* the mount was not read-only when it was looked at last */
        struct disk_forecasts *forecasts; /* with full_within only */
        struct counter_history *errors; /* with max_io_errors only */
        struct disk_device before; /* of the last run; a name of "": none */
};

/* In a worker thread; data is a struct disk_job, here and below. */
void disk_measure(struct offload *call, void *data);

/* In the loop. */
void disk_judge(struct probe_run *run, void *data, struct probe_result *result);
