#pragma once
/* Scope-bound release of resources: declare with AUTO_x, hand over with TAKE_PTR or TAKE_FD. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(fn) __attribute__((cleanup(fn)))
#define AUTO_FREE AUTO(cleanup_free)
#define AUTO_CLOSE AUTO(cleanup_close)
#define AUTO_FCLOSE AUTO(cleanup_fclose)

/* Returns the pointer and leaves NULL behind, so that the cleanup of the scope does nothing. */
#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __typeof__(p) *_where = &(p);                                                      \
                __typeof__(p) _taken = *_where;                                                    \
                *_where = NULL;                                                                    \
                _taken;                                                                            \
        })

/* The same for a file descriptor; -1 stays behind. */
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *_where = &(fd);                                                               \
                int _taken = *_where;                                                              \
                *_where = -1;                                                                      \
                _taken;                                                                            \
        })

/* Defines `name(type **)`, which calls fn on what the variable holds; fn must accept NULL. */
#define DEFINE_CLEANUP(name, type, fn)                                                             \
        static inline void name(type **p) {                                                        \
                if (*p) {                                                                          \
                        fn(*p);                                                                    \
                }                                                                                  \
        }

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free(void *p) {
        free(*(void **) p);
}

/* Keeps errno: error paths close on the way out. Accepts -1. */
static inline void cleanup_close(int *fd) {
        if (*fd >= 0) {
                int keep = errno;
                close(*fd);
                errno = keep;
        }
}

static inline void cleanup_fclose(FILE **f) {
        if (*f) {
                fclose(*f);
        }
}
