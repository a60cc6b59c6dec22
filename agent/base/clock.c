#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static usec_t read_clock(clockid_t id) {
        struct timespec ts = {0};

        (void) clock_gettime(
                id, &ts); /* cannot fail: the clock ids are constants the kernel knows */
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

struct instant clock_now(void) {
        return (struct instant){
                .mono = read_clock(CLOCK_BOOTTIME),
                .wall = read_clock(CLOCK_REALTIME),
        };
}

usec_t clock_cpu(void) {
        return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int clock_boot_id(char ret_id[BOOT_ID_MAX]) {
        char id[BOOT_ID_MAX];
        AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

        if (fd < 0) {
                return -errno;
        }
        ssize_t n = read(fd, id, sizeof(id) - 1);
        if (n < 0) {
                return -errno;
        }
        if (n != BOOT_ID_MAX - 1) {
                return -EIO;
        }
        id[n] = '\0';
        memcpy(ret_id, id, sizeof(id));
        return 0;
}

const char *clock_format_wall(wall_usec_t wall, char text[WALL_TEXT_MAX]) {
        time_t seconds = (time_t) (wall / USEC_PER_SEC);
        unsigned milliseconds = (unsigned) (wall % USEC_PER_SEC / USEC_PER_MSEC);
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) ||
                strftime(text, WALL_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
                memcpy(text, "-", 2); /* a year beyond what struct tm or the text can hold */
                return text;
        }
        size_t length = strlen(text);
        (void) snprintf(text + length, WALL_TEXT_MAX - length, ".%03uZ", milliseconds % 1000);
        return text;
}
