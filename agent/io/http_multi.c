#include "io/http_multi.h"

#include <errno.h>
#include <stdlib.h>

#include "io/http_client.h"

enum { FREE_KEPT = 64 }; /* socket watches for the next burst */

/* One of libcurl's sockets. */
struct http_socket {
        struct list node; /* in used_sockets or free_sockets */
        struct http_multi *multi;
        struct loop_watch watch;
};

/* ---- sockets and the timer, as libcurl asks for them ---- */

static void act(struct http_multi *multi, curl_socket_t fd, int flags) {
        int running;

        /* Errors of single transfers come as messages; this can fail only for a bad handle. */
        (void) curl_multi_socket_action(multi->handle, fd, flags, &running);
        multi->acted(multi->cookie);
}

static void on_socket_ready(void *cookie, uint32_t events) {
        const struct http_socket *socket = cookie;
        int flags = 0;

        flags |= events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0;
        flags |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
        flags |= events & EPOLLERR ? CURL_CSELECT_ERR : 0;
        act(socket->multi, socket->watch.fd, flags);
}

static void on_timer(void *cookie) {
        act(cookie, CURL_SOCKET_TIMEOUT, 0);
}

static struct http_socket *take_socket(struct http_multi *multi) {
        struct http_socket *socket;

        if (!list_empty(&multi->free_sockets)) {
                socket = LIST_ENTRY(multi->free_sockets.next, struct http_socket, node);
                list_remove(&socket->node);
                multi->n_free_sockets--;
        } else {
                socket = calloc(1, sizeof(*socket));
                if (!socket) {
                        return NULL;
                }
                socket->multi = multi;
                list_init(&socket->node);
        }
        list_append(&multi->used_sockets, &socket->node);
        return socket;
}

static void give_socket(struct http_socket *socket) {
        struct http_multi *multi = socket->multi;

        loop_watch_remove(&socket->watch);
        list_remove(&socket->node);
        if (multi->n_free_sockets >= FREE_KEPT) {
                free(socket);
        } else {
                list_append(&multi->free_sockets, &socket->node);
                multi->n_free_sockets++;
        }
}

static int watch_new_socket(struct http_multi *multi, curl_socket_t fd, uint32_t events) {
        struct http_socket *socket = take_socket(multi);

        if (!socket) {
                return -ENOMEM;
        }
        int r = loop_watch_add(&socket->watch, multi->loop, fd, events, on_socket_ready, socket);
        if (r == 0 && curl_multi_assign(multi->handle, fd, socket) != CURLM_OK) {
                r = -EIO;
        }
        if (r < 0) {
                give_socket(socket);
        }
        return r;
}

/* A socket that cannot be watched is not fatal: the transfer runs into its timeout. */
static int on_socket_wanted(
        CURL *easy, curl_socket_t fd, int what, void *cookie, void *socket_cookie) {
        struct http_multi *multi = cookie;
        struct http_socket *socket = socket_cookie;
        uint32_t events = 0;

        (void) easy;
        if (what == CURL_POLL_REMOVE) {
                if (socket) {
                        (void) curl_multi_assign(multi->handle, fd, NULL);
                        give_socket(socket);
                }
                return 0;
        }
        events |= what & CURL_POLL_IN ? EPOLLIN : 0;
        events |= what & CURL_POLL_OUT ? EPOLLOUT : 0;
        if (socket) {
                (void) loop_watch_modify(&socket->watch, events);
        } else {
                (void) watch_new_socket(multi, fd, events);
        }
        return 0;
}

static int on_timer_wanted(CURLM *handle, long timeout_ms, void *cookie) {
        struct http_multi *multi = cookie;

        (void) handle;
        if (timeout_ms < 0) {
                loop_timer_cancel(&multi->timer);
        } else {
                loop_timer_set_after(&multi->timer, (usec_t) timeout_ms * USEC_PER_MSEC);
        }
        return 0;
}

/* ---- the beginning and the end ---- */

static bool set_callbacks(struct http_multi *multi) {
        CURLM *handle = multi->handle;

        return curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) == CURLM_OK &&
               curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, multi) == CURLM_OK &&
               curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, on_timer_wanted) == CURLM_OK &&
               curl_multi_setopt(handle, CURLMOPT_TIMERDATA, multi) == CURLM_OK;
}

int http_multi_init(
        struct http_multi *multi, struct loop *loop, void (*acted)(void *cookie), void *cookie) {
        *multi = (struct http_multi){.loop = loop, .acted = acted, .cookie = cookie};
        list_init(&multi->used_sockets);
        list_init(&multi->free_sockets);
        int r = loop_timer_init(&multi->timer, loop, on_timer, multi);
        if (r < 0) {
                return r;
        }
        multi->handle = curl_multi_init();
        if (!multi->handle) {
                return -ENOMEM;
        }
        bool ok = set_callbacks(multi) &&
                  /* the cache's look-ups become quadratic when thousands are kept */
                  curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS,
                          (long) HTTP_CLIENT_KEPT_CONNECTIONS) == CURLM_OK;
        return ok ? 0 : -EINVAL;
}

static void free_sockets(struct list *list) {
        while (!list_empty(list)) {
                struct http_socket *socket = LIST_ENTRY(list->next, struct http_socket, node);
                loop_watch_remove(&socket->watch);
                list_remove(&socket->node);
                free(socket);
        }
}

void http_multi_done(struct http_multi *multi) {
        if (!multi->loop) {
                return;
        }
        if (multi->handle) {
                (void) curl_multi_cleanup(multi->handle);
        }
        free_sockets(&multi->used_sockets);
        free_sockets(&multi->free_sockets);
        loop_timer_done(&multi->timer);
        *multi = (struct http_multi){0};
}
