#pragma once
/* Where the output of a service goes. The service itself holds the descriptor, so that its log
 * outlives the executor; a file is kept below a size by copying it aside and cutting it. Files and
 * the journal can hang: all but service_log_plan is for worker threads. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/policy.h"

enum { SERVICE_LOG_PATH_MAX = 1024 };

struct service_log {
        enum log_target target; /* never LOG_TARGET_AUTO */
        char service[POLICY_NAME_MAX + 1];
        char path[SERVICE_LOG_PATH_MAX]; /* LOG_TARGET_FILE only */
        uint64_t max_size; /* 0: without limit */
        uint32_t keep;
};

/* Decides between journal and file, and on the file: STATE_DIR/log/SERVICE.log unless the policy
 * names one. -ENAMETOOLONG. */
int service_log_plan(struct service_log *log, const struct service *service, const char *state_dir,
        struct error *err);

/* Returns a descriptor to write to; for LOG_TARGET_NONE that of /dev/null. A file is appended to;
 * anything but a regular file is refused. */
int service_log_open(const struct service_log *log, struct error *err);

/* Cuts a file that has outgrown its limit: SERVICE.log is copied to SERVICE.log.1, the older pieces
 * move up, and the oldest goes. Returns 1 when it was cut, 0 when it was not needed. What is
 * written between the copy and the cut is lost. */
int service_log_trim(const struct service_log *log, struct error *err);
