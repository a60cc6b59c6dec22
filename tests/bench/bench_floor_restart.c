/* The floor of a restart: a loop that spawns a program and, when its pidfd says that it ended,
 * spawns it anew. Nothing is decided, written down or verified. Ends with its child when standard
 * input ends. */

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(char **argv, pid_t *ret_pid) {
        char *environment[] = {NULL};
        if (posix_spawn(ret_pid, argv[0], NULL, NULL, argv, environment) != 0) {
                return -1;
        }
        return (int) syscall(SYS_pidfd_open, *ret_pid, 0);
}

/* Returns true when the child ended, false when standard input did. */
static int child_ended(int pidfd) {
        struct pollfd watched[] = {
                {.fd = pidfd, .events = POLLIN},
                {.fd = STDIN_FILENO, .events = POLLIN},
        };
        while (poll(watched, 2, -1) < 0) {
        }
        return watched[1].revents == 0;
}

int main(int argc, char **argv) {
        if (argc < 2) {
                fprintf(stderr, "usage: bench_floor_restart PROGRAM [ARGUMENT...]\n");
                return EXIT_FAILURE;
        }
        for (;;) {
                pid_t pid;
                int pidfd = start(argv + 1, &pid);
                if (pidfd < 0) {
                        perror("bench_floor_restart");
                        return EXIT_FAILURE;
                }
                int go_on = child_ended(pidfd);
                if (!go_on) {
                        kill(pid, SIGKILL);
                }
                waitpid(pid, NULL, 0);
                close(pidfd);
                if (!go_on) {
                        return EXIT_SUCCESS;
                }
        }
}
