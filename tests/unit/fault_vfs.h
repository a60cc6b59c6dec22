#pragma once
/* A file system for SQLite that fails or hangs on demand: it wraps the default one, and is
 * registered as the default. */

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unit_test.h"

enum fault {
        FAULT_NONE = 0,
        FAULT_HANG, /* writes, syncs and opening wait until the fault changes */
        FAULT_FULL, /* writes: no space left */
        FAULT_EIO, /* writes and syncs */
};

static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        enum fault fault;
        int hanging; /* calls that wait now */
        sqlite3_vfs *real;
} fault_state = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, FAULT_NONE, 0, NULL};

static inline void fault_set(enum fault fault) {
        pthread_mutex_lock(&fault_state.lock);
        fault_state.fault = fault;
        pthread_cond_broadcast(&fault_state.changed);
        pthread_mutex_unlock(&fault_state.lock);
}

/* How many calls hang now. */
static inline int fault_hanging(void) {
        pthread_mutex_lock(&fault_state.lock);
        int hanging = fault_state.hanging;
        pthread_mutex_unlock(&fault_state.lock);
        return hanging;
}

static inline enum fault fault_meet(void) {
        pthread_mutex_lock(&fault_state.lock);
        fault_state.hanging++;
        while (fault_state.fault == FAULT_HANG) {
                pthread_cond_wait(&fault_state.changed, &fault_state.lock);
        }
        fault_state.hanging--;
        enum fault fault = fault_state.fault;
        pthread_mutex_unlock(&fault_state.lock);
        return fault;
}

/* ---- Files ---------------------------------------------------------------------------------- */

struct fault_file {
        sqlite3_file base;
        sqlite3_file *real; /* in the memory behind */
};

static inline sqlite3_file *fault_real(sqlite3_file *file) {
        return ((struct fault_file *) file)->real;
}

#define FAULT_FORWARD(name, parameters, ...)                                                       \
        static inline int fault_##name parameters {                                                \
                sqlite3_file *real = fault_real(file);                                             \
                return real->pMethods->name(real, ##__VA_ARGS__);                                  \
        }

static inline int fault_xClose(sqlite3_file *file) {
        sqlite3_file *real = fault_real(file);
        int result = real->pMethods->xClose(real);
        free(real);
        return result;
}

static inline int fault_xWrite(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 offset) {
        enum fault fault = fault_meet();
        sqlite3_file *real = fault_real(file);
        if (fault == FAULT_FULL) {
                return SQLITE_FULL;
        }
        if (fault == FAULT_EIO) {
                errno = EIO;
                return SQLITE_IOERR_WRITE;
        }
        return real->pMethods->xWrite(real, bytes, n, offset);
}

static inline int fault_xSync(sqlite3_file *file, int flags) {
        sqlite3_file *real = fault_real(file);
        if (fault_meet() == FAULT_EIO) {
                errno = EIO;
                return SQLITE_IOERR_FSYNC;
        }
        return real->pMethods->xSync(real, flags);
}

FAULT_FORWARD(xRead, (sqlite3_file * file, void *to, int n, sqlite3_int64 at), to, n, at)
FAULT_FORWARD(xTruncate, (sqlite3_file * file, sqlite3_int64 size), size)
FAULT_FORWARD(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), size)
FAULT_FORWARD(xLock, (sqlite3_file * file, int level), level)
FAULT_FORWARD(xUnlock, (sqlite3_file * file, int level), level)
FAULT_FORWARD(xCheckReservedLock, (sqlite3_file * file, int *out), out)
FAULT_FORWARD(xFileControl, (sqlite3_file * file, int op, void *arg), op, arg)
FAULT_FORWARD(xSectorSize, (sqlite3_file * file))
FAULT_FORWARD(xDeviceCharacteristics, (sqlite3_file * file))
FAULT_FORWARD(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **to),
        page, size, extend, to)
FAULT_FORWARD(xShmLock, (sqlite3_file * file, int offset, int n, int flags), offset, n, flags)
FAULT_FORWARD(xShmUnmap, (sqlite3_file * file, int remove), remove)

static inline void fault_xShmBarrier(sqlite3_file *file) {
        sqlite3_file *real = fault_real(file);
        real->pMethods->xShmBarrier(real);
}

static const sqlite3_io_methods fault_methods = {
        .iVersion = 2,
        .xClose = fault_xClose,
        .xRead = fault_xRead,
        .xWrite = fault_xWrite,
        .xTruncate = fault_xTruncate,
        .xSync = fault_xSync,
        .xFileSize = fault_xFileSize,
        .xLock = fault_xLock,
        .xUnlock = fault_xUnlock,
        .xCheckReservedLock = fault_xCheckReservedLock,
        .xFileControl = fault_xFileControl,
        .xSectorSize = fault_xSectorSize,
        .xDeviceCharacteristics = fault_xDeviceCharacteristics,
        .xShmMap = fault_xShmMap,
        .xShmLock = fault_xShmLock,
        .xShmBarrier = fault_xShmBarrier,
        .xShmUnmap = fault_xShmUnmap,
};

static inline int fault_xOpen(
        sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags) {
        struct fault_file *wrapper = (struct fault_file *) file;
        (void) vfs;
        (void) fault_meet();
        wrapper->base.pMethods = NULL; /* not open */
        wrapper->real = calloc(1, (size_t) fault_state.real->szOsFile);
        if (!wrapper->real) {
                return SQLITE_NOMEM;
        }
        int result =
                fault_state.real->xOpen(fault_state.real, name, wrapper->real, flags, ret_flags);
        if (result == SQLITE_OK) {
                wrapper->base.pMethods = &fault_methods;
        } else {
                free(wrapper->real);
        }
        return result;
}

/* Once for the program. */
static inline void fault_vfs_install(void) {
        static sqlite3_vfs vfs;
        fault_state.real = sqlite3_vfs_find("unix");
        assert_non_null(fault_state.real);
        vfs = *fault_state.real;
        vfs.zName = "fault";
        vfs.szOsFile = sizeof(struct fault_file);
        vfs.xOpen = fault_xOpen;
        assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}
