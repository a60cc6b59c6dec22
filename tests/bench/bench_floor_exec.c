/* The floor of an exec probe: posix_spawn and wait of the same program, so many times a second,
 * evenly. Nothing is read, judged or limited. Ends when standard input does. */

#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool run_once(char **argv) {
        char *environment[] = {NULL};
        pid_t pid;
        return posix_spawn(&pid, argv[0], NULL, NULL, argv, environment) == 0 &&
               waitpid(pid, NULL, 0) == pid;
}

static long msec_now(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
        long rate = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
        if (rate < 1 || rate > 1000) {
                fprintf(stderr, "usage: bench_floor_exec RATE PROGRAM [ARGUMENT...]\n");
                return EXIT_FAILURE;
        }
        if (!freopen("/dev/null", "w", stdout)) {
                return EXIT_FAILURE;
        }
        for (long due = msec_now();; due += 1000 / rate) {
                struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
                long left = due - msec_now();
                if (poll(&end, 1, left > 0 ? (int) left : 0) != 0) {
                        return EXIT_SUCCESS;
                }
                if (!run_once(argv + 2)) {
                        perror("bench_floor_exec");
                        return EXIT_FAILURE;
                }
        }
}
