#include "coordinator/etcd_prelude.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

struct etcd_prelude *etcd_prelude_new(const struct seat *seat) {
        const struct coordinator *coordinator = seat->coordinator;
        const char *const paths[] = {coordinator->ca_file, coordinator->cert_file,
                coordinator->key_file, coordinator->password_file};
        char name[COORDINATION_MEMBER_MAX];
        struct etcd_prelude *prelude = calloc(1, sizeof(*prelude));
        for (size_t i = 0; prelude && i < ELEMENTSOF(paths); i++) {
                prelude->paths[i] = paths[i] ? strdup(paths[i]) : NULL;
                if (paths[i] && !prelude->paths[i]) {
                        etcd_prelude_free(prelude);
                        return NULL;
                }
        }
        if (prelude) {
                member_path_name(seat->member, name);
                (void) snprintf(prelude->folder, sizeof(prelude->folder), "%s/coordination",
                        coordinator->runtime);
                (void) snprintf(prelude->guid_file, sizeof(prelude->guid_file),
                        "%s/coordination/%s.%s.guid", coordinator->runtime, seat->group, name);
        }
        return prelude;
}

void etcd_prelude_free(void *data) {
        struct etcd_prelude *prelude = data;
        for (size_t i = 0; prelude && i < ELEMENTSOF(prelude->paths); i++) {
                free(prelude->paths[i]);
        }
        if (prelude) {
                coordinator_files_done(&prelude->files);
        }
        free(prelude);
}

/* It outlives the agent, not the boot: a new agent knows its keys by it. */
static void load_guid(struct etcd_prelude *prelude) {
        uint64_t number[2] = {clock_now().mono, (uint64_t) (uintptr_t) prelude};
        (void) mkdir(prelude->folder, 0700);
        AUTO_CLOSE int fd =
                open(prelude->guid_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 && read(fd, prelude->guid, ETCD_GUID_MAX - 1) == ETCD_GUID_MAX - 1 &&
                strspn(prelude->guid, "0123456789abcdef") == ETCD_GUID_MAX - 1) {
                return;
        }
        (void) getrandom(number, sizeof(number), 0);
        (void) snprintf(prelude->guid, sizeof(prelude->guid), "%016" PRIx64 "%016" PRIx64,
                number[0], number[1]);
        if (fd >= 0) { /* without it a new agent has to wait until its lease has run out */
                (void) !pwrite(fd, prelude->guid, ETCD_GUID_MAX - 1, 0);
        }
}

int etcd_prelude_run(void *data) {
        struct etcd_prelude *prelude = data;
        const struct coordinator_spec spec = {.ca_file = prelude->paths[0],
                .cert_file = prelude->paths[1],
                .key_file = prelude->paths[2],
                .password_file = prelude->paths[3]};
        int r = coordinator_files_read(&prelude->files, &spec, &prelude->err);
        if (r == 0) {
                load_guid(prelude);
        }
        return r;
}
