/* Preloaded into a program: its wall clock is wrong by as many seconds as the first eight bytes of
 * the file SHIFTED_CLOCK say (a signed integer), which may change at any time. Other clocks are as
 * they are. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor)) static void map_shift(void) {
        const char *path = getenv("SHIFTED_CLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0) {
                void *mapped = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);
                shift = mapped == MAP_FAILED ? NULL : mapped;
                close(fd);
        }
}

int clock_gettime(clockid_t clock, struct timespec *ret) {
        static __typeof__(&clock_gettime) next;
        if (!next) {
                next = (__typeof__(&clock_gettime)) dlsym(RTLD_NEXT, "clock_gettime");
        }
        int r = next(clock, ret);
        if (r == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
                ret->tv_sec += *shift;
        }
        return r;
}

int gettimeofday(struct timeval *ret, void *zone) {
        (void) zone;
        struct timespec now;
        int r = clock_gettime(CLOCK_REALTIME, &now);
        *ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
        return r;
}

time_t time(time_t *ret) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        if (ret) {
                *ret = now.tv_sec;
        }
        return now.tv_sec;
}
