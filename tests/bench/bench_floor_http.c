/* The floor of HTTP checks: libcurl's multi interface on epoll, as little round it as there can be.
 *
 *   bench_floor_http PORT COUNT INTERVAL_MSEC SLACK_MSEC
 *
 * Checks 127.64.0.0 and COUNT - 1 addresses after it, each once an interval with a fresh
 * connection. The checks are spread over the interval; those that fall due within SLACK_MSEC are
 * started together. Nothing is judged, kept or told. Ends when standard input ends. */

#include <curl/curl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, POOL_MAX = 1024, TIMEOUT_MSEC = 1000 };
#define FIRST_ADDRESS 0x7f400000u /* 127.64.0.0 */

struct floor {
        CURLM *multi;
        int epoll;
        uint64_t curl_due; /* microseconds; UINT64_MAX: libcurl waits for nothing */
        CURL *pool[POOL_MAX]; /* idle handles */
        size_t n_pool;
        unsigned port, count;
        uint64_t interval, slack, next_due; /* microseconds */
        unsigned next; /* target that is due next */
};

static uint64_t now_usec(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* ---- What libcurl asks for --------------------------------------------------------------------
 */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *cookie, void *known) {
        (void) easy;
        struct floor *floor = cookie;
        if (what == CURL_POLL_REMOVE) {
                epoll_ctl(floor->epoll, EPOLL_CTL_DEL, fd, NULL);
                return 0;
        }
        struct epoll_event event = {
                .events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                          (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
                .data.fd = fd,
        };
        if (!known) {
                curl_multi_assign(floor->multi, fd, floor);
        }
        return epoll_ctl(floor->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

static int on_timer(CURLM *multi, long msec, void *cookie) {
        (void) multi;
        struct floor *floor = cookie;
        floor->curl_due = msec < 0 ? UINT64_MAX : now_usec() + (uint64_t) msec * 1000;
        return 0;
}

static size_t drop_body(char *data, size_t size, size_t n, void *cookie) {
        (void) data, (void) cookie;
        return size * n;
}

/* ---- Checks -----------------------------------------------------------------------------------
 */

static CURL *new_handle(void) {
        CURL *easy = curl_easy_init();
        if (easy) {
                curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_body);
                curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
                curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
                curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
                curl_easy_setopt(easy, CURLOPT_PROXY, "");
                curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) TIMEOUT_MSEC);
        }
        return easy;
}

static void start_check(struct floor *floor, unsigned target) {
        CURL *easy = floor->n_pool > 0 ? floor->pool[--floor->n_pool] : new_handle();
        if (!easy) {
                return;
        }
        uint32_t address = FIRST_ADDRESS + target;
        char url[64];
        snprintf(url, sizeof(url), "http://%u.%u.%u.%u:%u/", address >> 24, address >> 16 & 255,
                address >> 8 & 255, address & 255, floor->port);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_multi_add_handle(floor->multi, easy);
}

static void start_due(struct floor *floor, uint64_t now) {
        while (floor->next_due <= now + floor->slack) {
                start_check(floor, floor->next);
                floor->next = (floor->next + 1) % floor->count;
                floor->next_due += floor->interval / floor->count;
        }
}

static void collect(struct floor *floor) {
        CURLMsg *message;
        int left;
        while ((message = curl_multi_info_read(floor->multi, &left))) {
                CURL *easy = message->easy_handle;
                curl_multi_remove_handle(floor->multi, easy);
                if (floor->n_pool < POOL_MAX) {
                        floor->pool[floor->n_pool++] = easy;
                } else {
                        curl_easy_cleanup(easy);
                }
        }
}

/* ---- The loop ---------------------------------------------------------------------------------
 */

static int time_left(const struct floor *floor, uint64_t now) {
        uint64_t due = floor->next_due < floor->curl_due ? floor->next_due : floor->curl_due;
        return due <= now ? 0 : (int) ((due - now + 999) / 1000);
}

static void dispatch(struct floor *floor, const struct epoll_event *events, int n) {
        int running;
        for (int i = 0; i < n; i++) {
                int mask = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                           (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                           (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
                curl_multi_socket_action(floor->multi, events[i].data.fd, mask, &running);
        }
        if (floor->curl_due <= now_usec()) {
                floor->curl_due = UINT64_MAX;
                curl_multi_socket_action(floor->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
}

/* Standard input is watched as descriptor 0, which libcurl never has. */
static int run(struct floor *floor) {
        struct epoll_event events[EVENTS];
        for (;;) {
                uint64_t now = now_usec();
                if (floor->next_due <= now) {
                        start_due(floor, now);
                }
                int n = epoll_wait(floor->epoll, events, EVENTS, time_left(floor, now));
                for (int i = 0; i < n; i++) {
                        if (events[i].data.fd == STDIN_FILENO) {
                                return EXIT_SUCCESS;
                        }
                }
                dispatch(floor, events, n);
                collect(floor);
        }
}

static int prepare(struct floor *floor) {
        struct epoll_event input = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
        floor->curl_due = UINT64_MAX;
        floor->next_due = now_usec();
        floor->epoll = epoll_create1(EPOLL_CLOEXEC);
        floor->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? curl_multi_init() : NULL;
        if (floor->epoll < 0 || !floor->multi ||
                epoll_ctl(floor->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0) {
                return -1;
        }
        curl_multi_setopt(floor->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(floor->multi, CURLMOPT_SOCKETDATA, floor);
        curl_multi_setopt(floor->multi, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(floor->multi, CURLMOPT_TIMERDATA, floor);
        return 0;
}

int main(int argc, char **argv) {
        if (argc != 5) {
                fprintf(stderr, "usage: bench_floor_http PORT COUNT INTERVAL_MSEC SLACK_MSEC\n");
                return EXIT_FAILURE;
        }
        struct floor floor = {
                .port = (unsigned) strtoul(argv[1], NULL, 10),
                .count = (unsigned) strtoul(argv[2], NULL, 10),
                .interval = strtoull(argv[3], NULL, 10) * 1000,
                .slack = strtoull(argv[4], NULL, 10) * 1000,
        };
        if (floor.count == 0 || prepare(&floor) < 0) {
                fprintf(stderr, "bench_floor_http: cannot start\n");
                return EXIT_FAILURE;
        }
        return run(&floor);
}
