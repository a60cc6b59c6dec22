#pragma once
/* The folder that keeps checkpoints, and how anything gets into it: written aside, fsynced,
 * renamed, so that whatever has its final name is whole. docs/checkpoints.md has the layout. */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

#define DEPOT_VERSION "recoverd checkpoint store 1\n"

enum {
        DEPOT_NAME_MAX = 128, /* of a file in tmp/ or of an object from the root on */
        DEPOT_SERVICE_MAX = 200, /* bytes of a service's name */
        DEPOT_RECORD_MAX = 4 * 1024 * 1024, /* bytes of a file that is read whole */
};

enum depot_access {
        DEPOT_READ, /* must be there */
        DEPOT_WRITE, /* is made when it is not there */
        DEPOT_ALONE, /* the same, and nobody else may be writing */
};

struct depot {
        int fd; /* of its root */
        int lock_fd;
        usec_t lock_wait;
        char path[4096];
};

#define DEPOT_CLOSED ((struct depot){.fd = -1, .lock_fd = -1})

/* `lock_wait`: how long to wait for others who have locked what is asked for; 0: not at all.
 * -ESRCH: it is not there; -ECANCELED: it belongs to somebody else, or is something else;
 * -EWOULDBLOCK: another works in it, and one of the two has to be alone; otherwise negative errno.
 */
int depot_open(struct depot *depot, const char *path, enum depot_access access, usec_t lock_wait,
        struct error *err);
void depot_close(struct depot *depot);

/* services/NAME; `make`: when it is not there. A descriptor, or -ESRCH, or negative errno. */
int depot_open_service(
        const struct depot *depot, const char *service, bool make, struct error *err);

/* One change of a service at a time: a descriptor to be closed at its end, or -EWOULDBLOCK. */
int depot_lock_service(
        const struct depot *depot, int service_fd, const char *service, struct error *err);

/* A new file in tmp/, open for reading and writing. */
int depot_temporary(const struct depot *depot, char ret_name[DEPOT_NAME_MAX], struct error *err);
/* Removes one of tmp/; what it is about has failed already. */
void depot_discard(const struct depot *depot, const char *name);

/* Gives a file of tmp/ its name, durably, in a folder that is made when it is not there
 * ("objects/ab/..."). -1 and errno. */
int depot_place(const struct depot *depot, int fd, const char *temporary, const char *name);

/* Writes all of it, or says why not. */
int depot_write_all(int fd, const void *data, size_t size);
/* Replaces `name` in the folder, durably. The temporary file lies beside it. */
int depot_replace_file(
        int folder_fd, const char *name, const void *data, size_t size, struct error *err);
/* The same of what is checked when it is read, and may be lost: nothing is waited for. */
int depot_replace_cache(
        int folder_fd, const char *name, const void *data, size_t size, struct error *err);
/* Removes `name` durably; that it is not there is no error. */
int depot_remove_file(int folder_fd, const char *name, struct error *err);
/* Adds what the file holds to `out`. -ENOENT without a text; -EFBIG. */
int depot_read_file(int folder_fd, const char *name, struct strbuf *out, struct error *err);

/* Calls `each` for each name in the folder, in no order, until it returns something else than 0,
 * which is returned. That there is no such folder is no error. */
int depot_each(int folder_fd, const char *name,
        int (*each)(void *cookie, int fd, const char *name, struct error *err), void *cookie,
        struct error *err);
