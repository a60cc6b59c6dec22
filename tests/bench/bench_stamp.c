/* A service that says when it began to run: sends "PID NANOSECONDS" (CLOCK_MONOTONIC) to the
 * datagram socket that its argument names, then sleeps. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int stamp(const char *path, const char *text) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof(address.sun_path)) {
                return -1;
        }
        memcpy(address.sun_path, path, strlen(path) + 1);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
                return -1;
        }
        ssize_t sent = sendto(
                fd, text, strlen(text), 0, (const struct sockaddr *) &address, sizeof(address));
        close(fd);
        return sent < 0 ? -1 : 0;
}

int main(int argc, char **argv) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        char text[64];
        snprintf(text, sizeof(text), "%d %lld", getpid(),
                (long long) now.tv_sec * 1000000000 + now.tv_nsec);
        if (argc != 2 || stamp(argv[1], text) < 0) {
                perror("bench_stamp");
                return EXIT_FAILURE;
        }
        for (;;) {
                pause();
        }
}
