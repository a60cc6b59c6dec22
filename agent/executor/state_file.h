#pragma once
/* What outlives the executor: one small file a service below the runtime directory, which is in
 * memory and empty after a boot. Written by rename, so that it is always whole; never synced to a
 * disk. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/control_group.h"
#include "executor/process_scan.h"
#include "io/unit_snapshot.h"
#include "model/policy.h"
#include "model/wire.h"

enum { STATE_FILE_VERSION = 1, STATE_FILE_SIZE = 4096, STATE_PATH_MAX = 512 };

struct service_state {
        uint32_t version;
        char service[POLICY_NAME_MAX + 1];
        char boot_id[BOOT_ID_MAX];

        /* The process group, as it was started last. */
        char invocation[INVOCATION_ID_SIZE]; /* "": never started */
        char cgroup[CONTROL_GROUP_PATH_MAX]; /* "": none */
        char unit[UNIT_ID_SIZE]; /* transient unit that it is; "": a child of an executor */
        bool unit_unclear; /* systemd may still be about to start it */
        bool starting; /* an intent: the process may exist, though its pid is not here yet */
        bool running;
        bool leftovers; /* processes may be there, or left of the last run */
        bool core_dumped, out_of_memory; /* how it ended, besides exit_kind */
        bool expected;
        bool by_person; /* somebody had systemd stop its unit */
        bool drained; /* its traffic was taken away, see traffic.h */
        bool result_ok, result_refused; /* see result_request */
        bool whole; /* the file's own, see state_file_load */
        pid_t pid; /* of the main process; stays after its end */
        enum wire_exit exit_kind;
        int exit_code;
        int stop_signal;
        usec_t stop_timeout;
        uint64_t start_time; /* field 22 of /proc/PID/stat */
        wall_usec_t since; /* running or stopped since */

        /* What it is in its group, see lease_guard.h; moments on CLOCK_BOOTTIME. */
        enum member_role role;
        uint64_t token; /* under which it was promoted, or may be; 0: none since this boot */
        uint64_t follows; /* token of the lease of the active member that it is proven to follow,
                             running as its standby; 0: none */
        usec_t guard_begin; /* its demotion begins then, */
        usec_t guard_deadline; /* and is over by then */
        char address[80]; /* that it has, or is about to take: "192.0.2.10/24 dev eth0"; "": none */

        /* The action under way; request 0: none. */
        uint64_t request;
        int action; /* enum action */

        /* How the last one ended; request 0: there was none. */
        char result_text[sizeof(((struct wire_message *) 0)->text)];
        uint64_t result_request;
};

/* Writes DIRECTORY/SERVICE.state. */
int state_file_save(const char *directory, const struct service_state *state, struct error *err);

/* -EBADMSG: not a state file, or not whole, or another service's. */
int state_file_load(
        const char *directory, const char *service, struct service_state *ret, struct error *err);

/* Accepts one that is not there. */
void state_file_remove(const char *directory, const char *service);

/* Calls back for each whole file, at most POLICY_SERVICES_MAX; what cannot be read is logged and
 * removed. Returns negative errno when the directory cannot be read. */
int state_files_load(const char *directory,
        void (*loaded)(void *cookie, const struct service_state *state), void *cookie);
