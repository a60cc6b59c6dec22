#pragma once
/* Time. `usec_t` is a duration or a moment on CLOCK_BOOTTIME (monotonic, counts suspend);
 * `wall_usec_t` is a moment on CLOCK_REALTIME, for people and for records that outlive a boot. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;
typedef uint64_t wall_usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define USEC_INFINITY UINT64_MAX /* never */

/* One moment on both clocks: taken once a loop turn and handed down. */
struct instant {
        usec_t mono;
        wall_usec_t wall;
};

struct instant clock_now(void);

/* CPU time used by this process, user and system. */
usec_t clock_cpu(void);

/* a + b and a - b that stop at USEC_INFINITY and 0 instead of wrapping. */
static inline usec_t usec_add(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

static inline usec_t usec_sub(usec_t a, usec_t b) {
        return a > b ? a - b : 0;
}

enum { BOOT_ID_MAX = 37, WALL_TEXT_MAX = 32 };

/* The kernel's boot id as text, from /proc/sys/kernel/random/boot_id. -errno when unreadable. */
int clock_boot_id(char ret_id[BOOT_ID_MAX]);

/* RFC 3339 in UTC with milliseconds: 2026-03-01T12:00:00.123Z. Returns text. */
const char *clock_format_wall(wall_usec_t wall, char text[WALL_TEXT_MAX]);
