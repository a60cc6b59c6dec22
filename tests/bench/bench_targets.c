/* The checked: one process that answers HTTP on many addresses 127.64.0.0 and up, one port.
 *
 *   bench_targets COUNT SILENT     the first SILENT of them accept and never answer
 *
 * Prints "port N" once it listens and "first" at the first connection. A line on standard input is
 * answered: "reset" forgets all counts ("done"), "report" prints "accepted N answered N gap N", gap
 * being the longest time in microseconds between two connections to the same address. Ends when its
 * input ends.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { TARGETS_MAX = 20000, EVENTS = 256, BACKLOG = 64, REQUEST_MAX = 4096 };
#define FIRST_ADDRESS 0x7f400000u /* 127.64.0.0 */

/* What an epoll event is about: the kind in the upper half, an index or descriptor in the lower. */
enum kind { KIND_TARGET = 0, KIND_CONNECTION, KIND_SILENT, KIND_INPUT };

struct target {
        int fd;
        uint64_t last; /* microseconds; 0: no connection since the reset */
};

struct targets {
        int epoll;
        uint32_t count, silent;
        uint64_t accepted, answered, gap;
        int began;
        struct target target[TARGETS_MAX];
};

static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

static uint64_t now_usec(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static int watch(const struct targets *targets, int fd, enum kind kind, uint32_t value) {
        struct epoll_event event = {
                .events = EPOLLIN,
                .data.u64 = (uint64_t) kind << 32 | value,
        };
        return epoll_ctl(targets->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* ---- Listening --------------------------------------------------------------------------------
 */

static int listen_on(uint32_t address, uint16_t *port) {
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct sockaddr_in where = {
                .sin_family = AF_INET,
                .sin_port = htons(*port),
                .sin_addr.s_addr = htonl(address),
        };
        int yes = 1;
        socklen_t size = sizeof(where);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
                bind(fd, (struct sockaddr *) &where, sizeof(where)) < 0 ||
                listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *) &where, &size) < 0) {
                return -errno;
        }
        *port = ntohs(where.sin_port);
        return TAKE_FD(fd);
}

/* The first address takes any free port (*port is 0), the others the same one. */
static int listen_on_all(struct targets *targets, uint16_t *port) {
        for (uint32_t i = 0; i < targets->count; i++) {
                int fd = listen_on(FIRST_ADDRESS + i, port);
                if (fd < 0) {
                        return fd;
                }
                targets->target[i].fd = fd;
                if (watch(targets, fd, KIND_TARGET, i) < 0) {
                        return -errno;
                }
        }
        return 0;
}

static int raise_descriptor_limit(void) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
                return -errno;
        }
        limit.rlim_cur = limit.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* ---- Connections ------------------------------------------------------------------------------
 */

static void note_arrival(struct targets *targets, struct target *target) {
        uint64_t now = now_usec();
        if (target->last && now - target->last > targets->gap) {
                targets->gap = now - target->last;
        }
        target->last = now;
        targets->accepted++;
        if (!targets->began) {
                targets->began = 1;
                puts("first");
        }
}

static void accept_all(struct targets *targets, uint32_t index) {
        struct target *target = &targets->target[index];
        for (;;) {
                int fd = accept4(target->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0) {
                        return;
                }
                note_arrival(targets, target);
                enum kind kind = index < targets->silent ? KIND_SILENT : KIND_CONNECTION;
                if (watch(targets, fd, kind, (uint32_t) fd) < 0) {
                        close(fd);
                }
        }
}

/* A request of a check is so short that it comes in one piece. */
static void serve(struct targets *targets, int fd, int silent) {
        char request[REQUEST_MAX];
        ssize_t length = read(fd, request, sizeof(request));
        if (length < 0 && errno == EAGAIN) {
                return;
        }
        if (length <= 0) {
                close(fd);
                return;
        }
        if (silent || length < 4 || memcmp(request + length - 4, "\r\n\r\n", 4) != 0) {
                return;
        }
        if (write(fd, response, sizeof(response) - 1) > 0) {
                targets->answered++;
        }
}

/* ---- Input ------------------------------------------------------------------------------------
 */

static void reset(struct targets *targets) {
        targets->accepted = targets->answered = targets->gap = 0;
        for (uint32_t i = 0; i < targets->count; i++) {
                targets->target[i].last = 0;
        }
        puts("done");
}

static void report(const struct targets *targets) {
        printf("accepted %llu answered %llu gap %llu\n", (unsigned long long) targets->accepted,
                (unsigned long long) targets->answered, (unsigned long long) targets->gap);
}

/* The driver sends one line at a time and waits for its answer. Returns false at the end. */
static int obey(struct targets *targets) {
        char line[64];
        ssize_t length = read(STDIN_FILENO, line, sizeof(line));
        if (length <= 0) {
                return 0;
        }
        if (strncmp(line, "reset\n", (size_t) length) == 0) {
                reset(targets);
        } else if (strncmp(line, "report\n", (size_t) length) == 0) {
                report(targets);
        }
        return 1;
}

static int run(struct targets *targets) {
        struct epoll_event events[EVENTS];
        for (;;) {
                int n = epoll_wait(targets->epoll, events, EVENTS, -1);
                for (int i = 0; i < n; i++) {
                        uint32_t value = (uint32_t) events[i].data.u64;
                        switch ((enum kind)(events[i].data.u64 >> 32)) {
                        case KIND_TARGET:
                                accept_all(targets, value);
                                break;
                        case KIND_CONNECTION:
                        case KIND_SILENT:
                                serve(targets, (int) value,
                                        events[i].data.u64 >> 32 == KIND_SILENT);
                                break;
                        case KIND_INPUT:
                                if (!obey(targets)) {
                                        return EXIT_SUCCESS;
                                }
                                break;
                        }
                }
                fflush(stdout);
        }
}

static int prepare(struct targets *targets, uint16_t *port) {
        int r = raise_descriptor_limit();
        if (r < 0) {
                return r;
        }
        targets->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (targets->epoll < 0 || watch(targets, STDIN_FILENO, KIND_INPUT, 0) < 0) {
                return -errno;
        }
        return listen_on_all(targets, port);
}

int main(int argc, char **argv) {
        static struct targets targets;
        targets.count = argc == 3 ? (uint32_t) strtoul(argv[1], NULL, 10) : 0;
        targets.silent = argc == 3 ? (uint32_t) strtoul(argv[2], NULL, 10) : 0;
        if (targets.count == 0 || targets.count > TARGETS_MAX || targets.silent > targets.count) {
                fprintf(stderr, "usage: bench_targets COUNT SILENT\n");
                return EXIT_FAILURE;
        }
        uint16_t port = 0;
        int r = prepare(&targets, &port);
        if (r < 0) {
                fprintf(stderr, "bench_targets: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        printf("port %u\n", port);
        fflush(stdout);
        return run(&targets);
}
