#pragma once
/* What a member reads before it says its first word to etcd: the files of the settings, and the
 * number by which it knows its keys. A job for a thread, because reading can hang. */

#include <limits.h>

#include "coordinator/coordinator_files.h"
#include "coordinator/seat.h"

enum { ETCD_GUID_MAX = 33 };

struct etcd_prelude {
        char *paths[4]; /* copies: a job that hangs outlives the coordinator */
        char folder[PATH_MAX], guid_file[PATH_MAX];

        struct coordinator_files files;
        char guid[ETCD_GUID_MAX];
        struct error err; /* why the files could not be read */
};

/* NULL: out of memory. */
struct etcd_prelude *etcd_prelude_new(const struct seat *seat);
/* Both as a worker job wants them, with the struct as data. */
int etcd_prelude_run(void *data);
void etcd_prelude_free(void *data); /* accepts NULL */
