#include "io/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/units.h"
#include "io/http_slot.h"
#include "io/http_target.h"
#include "io/resolver.h"

enum { FREE_KEPT = 64 }; /* idle slots and socket watches kept for the next burst */

/* One of libcurl's sockets. */
struct http_socket {
        struct list node; /* in the client's used_sockets or free_sockets */
        struct http_client *client;
        struct loop_watch watch;
};

struct http_transfer {
        struct list node; /* in the client's resolving, queue or running */
        struct http_client *client;
        const struct http_request *request;
        http_done done;
        void *cookie;
        usec_t asked; /* when it was started; on the wire since: */
        usec_t begun;
        struct resolver_query query; /* waits while the transfer is in `resolving` */
        usec_t name_asked, name_time; /* since when; how long it took */
        int name_code; /* why it has no addresses */
        struct http_slot *slot; /* NULL: not on the wire */
        struct loop_timer wait_timer; /* while it is not on the wire */
};

struct http_client {
        struct loop *loop;
        CURLM *multi;
        struct http_client_limits limits;
        struct http_client_counts counts; /* handles: all slots; free ones are among them */
        struct resolver *resolver, *own_resolver; /* own: NULL when one was given */
        struct list resolving, queue, running;
        struct list free_slots, used_sockets, free_sockets;
        unsigned n_free_slots, n_free_sockets;
        unsigned n_unneeded; /* the fewest free slots since the last look */
        struct loop_timer shrinking;
        struct loop_timer timer; /* libcurl's one timer */
        struct loop_defer refill; /* starts what waits in the queue */
        bool *gone; /* while callbacks run: set when one of them frees the client */
};

static bool is_resolving(const struct http_transfer *transfer) {
        return !list_empty(&transfer->query.node);
}

static struct http_transfer *first_transfer(const struct list *list) {
        return list_empty(list) ? NULL : LIST_ENTRY(list->next, struct http_transfer, node);
}

/* ---- slots ---- */

static struct http_slot *take_slot(struct http_client *client) {
        if (list_empty(&client->free_slots)) {
                struct http_slot *slot = http_slot_new();
                client->counts.handles += slot != NULL;
                return slot;
        }
        struct http_slot *slot = LIST_ENTRY(client->free_slots.previous, struct http_slot, node);
        list_remove(&slot->node);
        client->n_free_slots--;
        if (client->n_free_slots < client->n_unneeded) {
                client->n_unneeded = client->n_free_slots;
        }
        return slot;
}

static void give_slot(struct http_client *client, struct http_slot *slot) {
        if (client->n_free_slots >= FREE_KEPT) {
                client->counts.handles--;
                http_slot_free(slot);
                return;
        }
        http_slot_trim(slot);
        list_append(&client->free_slots, &slot->node);
        client->n_free_slots++;
        if (!loop_timer_armed(&client->shrinking)) {
                loop_timer_set_after(&client->shrinking, HTTP_CLIENT_SHRINK_INTERVAL);
        }
}

static void drop_free_slots(struct http_client *client, unsigned count) {
        for (; count > 0; count--) {
                struct http_slot *slot =
                        LIST_ENTRY(client->free_slots.next, struct http_slot, node);
                list_remove(&slot->node);
                client->n_free_slots--;
                client->counts.handles--;
                http_slot_free(slot);
        }
}

static void on_shrinking(void *cookie) {
        struct http_client *client = cookie;
        http_client_shrink(client);
        if (client->n_free_slots > 0) {
                loop_timer_set_after(&client->shrinking, HTTP_CLIENT_SHRINK_INTERVAL);
        }
}

void http_client_shrink(struct http_client *client) {
        enum { WORTH_TRIMMING = 64 }; /* handles, some 10 KiB each */
        unsigned unneeded = client->n_unneeded;
        drop_free_slots(client, unneeded);
        client->n_unneeded = client->n_free_slots;
        if (unneeded >= WORTH_TRIMMING) {
                malloc_trim(0);
        }
}

/* ---- the end of transfers ---- */

/* Takes the transfer out of everything and frees it; the slot's texts stay valid until give_slot().
 */
static struct http_slot *detach(struct http_transfer *transfer) {
        struct http_client *client = transfer->client;
        struct http_slot *slot = transfer->slot;

        list_remove(&transfer->node);
        loop_timer_done(&transfer->wait_timer);
        resolver_cancel(&transfer->query);
        if (slot) {
                (void) curl_multi_remove_handle(client->multi, slot->easy);
                http_slot_leave(slot);
                client->counts.in_flight--;
                loop_defer_schedule(&client->refill);
        } else {
                client->counts.queued--;
        }
        free(transfer);
        return slot;
}

/* Calls done; false when it freed the client. */
static bool report(struct http_transfer *transfer, const struct http_result *result) {
        struct http_client *client = transfer->client;
        http_done done = transfer->done;
        void *cookie = transfer->cookie;
        struct http_slot *slot = detach(transfer);
        bool gone = false, *outer = client->gone;

        client->gone = &gone;
        done(cookie, result);
        if (gone) {
                http_slot_free(slot);
                if (outer) {
                        *outer = true;
                }
                return false;
        }
        client->gone = outer;
        if (slot) {
                give_slot(client, slot);
        }
        return true;
}

/* libcurl counts from the moment it got the transfer; the name was looked up before. */
static void add_name_time(const struct http_transfer *transfer, struct http_result *result) {
        usec_t *times[] = {&result->name_time, &result->connect_time, &result->tls_time,
                &result->first_byte_time, &result->total_time};

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                *times[i] += *times[i] > 0 ? transfer->name_time : 0;
        }
        result->queued = usec_sub(transfer->begun, transfer->asked + transfer->name_time);
}

static bool finish(struct http_transfer *transfer, CURLcode code) {
        struct http_result result;

        http_slot_result(transfer->slot, code, &result);
        add_name_time(transfer, &result);
        return report(transfer, &result);
}

/* For a transfer that never came to the wire. */
static bool fail(struct http_transfer *transfer, enum http_outcome outcome, const char *error) {
        struct http_target target;
        bool named = outcome == HTTP_DNS && http_target_name(transfer->request, &target);
        struct http_result result = {
                .outcome = outcome,
                .error = error,
                .name_code = transfer->name_code,
                .name = named ? target.name : NULL,
                .body = "",
                .headers = "",
                .queued = usec_sub(loop_now(transfer->client->loop).mono, transfer->asked),
        };
        return report(transfer, &result);
}

/* Reports what libcurl has finished. No libcurl function is active here. */
static void collect(struct http_client *client) {
        const struct CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(client->multi, &left))) {
                struct http_transfer *transfer = NULL;
                CURLcode code = message->data.result;
                if (message->msg != CURLMSG_DONE ||
                        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) !=
                                CURLE_OK) {
                        continue;
                }
                if (!finish(transfer, code)) {
                        return;
                }
        }
}

/* ---- sockets and the timer, as libcurl asks for them ---- */

static void act(struct http_client *client, curl_socket_t fd, int flags) {
        int running;

        /* Errors of single transfers come as messages; this can fail only for a bad handle. */
        (void) curl_multi_socket_action(client->multi, fd, flags, &running);
        collect(client);
}

static void on_socket_ready(void *cookie, uint32_t events) {
        const struct http_socket *socket = cookie;
        int flags = 0;

        flags |= events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0;
        flags |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
        flags |= events & EPOLLERR ? CURL_CSELECT_ERR : 0;
        act(socket->client, socket->watch.fd, flags);
}

static void on_timer(void *cookie) {
        act(cookie, CURL_SOCKET_TIMEOUT, 0);
}

static struct http_socket *take_socket(struct http_client *client) {
        struct http_socket *socket;

        if (!list_empty(&client->free_sockets)) {
                socket = LIST_ENTRY(client->free_sockets.next, struct http_socket, node);
                list_remove(&socket->node);
                client->n_free_sockets--;
        } else {
                socket = calloc(1, sizeof(*socket));
                if (!socket) {
                        return NULL;
                }
                socket->client = client;
                list_init(&socket->node);
        }
        list_append(&client->used_sockets, &socket->node);
        return socket;
}

static void give_socket(struct http_socket *socket) {
        struct http_client *client = socket->client;

        loop_watch_remove(&socket->watch);
        list_remove(&socket->node);
        if (client->n_free_sockets >= FREE_KEPT) {
                free(socket);
        } else {
                list_append(&client->free_sockets, &socket->node);
                client->n_free_sockets++;
        }
}

static int watch_new_socket(struct http_client *client, curl_socket_t fd, uint32_t events) {
        struct http_socket *socket = take_socket(client);

        if (!socket) {
                return -ENOMEM;
        }
        int r = loop_watch_add(&socket->watch, client->loop, fd, events, on_socket_ready, socket);
        if (r == 0 && curl_multi_assign(client->multi, fd, socket) != CURLM_OK) {
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
        struct http_client *client = cookie;
        struct http_socket *socket = socket_cookie;
        uint32_t events = 0;

        (void) easy;
        if (what == CURL_POLL_REMOVE) {
                if (socket) {
                        (void) curl_multi_assign(client->multi, fd, NULL);
                        give_socket(socket);
                }
                return 0;
        }
        events |= what & CURL_POLL_IN ? EPOLLIN : 0;
        events |= what & CURL_POLL_OUT ? EPOLLOUT : 0;
        if (socket) {
                (void) loop_watch_modify(&socket->watch, events);
        } else {
                (void) watch_new_socket(client, fd, events);
        }
        return 0;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *cookie) {
        struct http_client *client = cookie;

        (void) multi;
        if (timeout_ms < 0) {
                loop_timer_cancel(&client->timer);
        } else {
                loop_timer_set_after(&client->timer, (usec_t) timeout_ms * USEC_PER_MSEC);
        }
        return 0;
}

/* ---- the beginning of transfers ---- */

static int check_room(const struct http_client *client, struct error *err) {
        if (client->counts.queued < client->limits.max_queue) {
                return 0;
        }
        return error_set(err, EAGAIN, "%u requests are waiting already", client->counts.queued);
}

static void on_name(void *cookie, const struct resolver_answer *answer);

/* 1: the addresses are in *ret; 0: the transfer waits for them. -EHOSTUNREACH: there are none. */
static int find_addresses(struct http_transfer *transfer, const struct http_target *target,
        const struct resolver_answer **ret, struct error *err) {
        struct http_client *client = transfer->client;

        transfer->query.done = on_name;
        transfer->query.cookie = transfer;
        int r = resolver_ask(client->resolver, target->name, &transfer->query, ret, err);
        if (r == 1 && (*ret)->code != 0) {
                transfer->name_code = (*ret)->code;
                return error_set(
                        err, EHOSTUNREACH, "%s: %s", target->name, gai_strerror((*ret)->code));
        }
        if (r == 0) {
                transfer->name_asked = loop_now(client->loop).mono;
                list_append(&client->resolving, &transfer->node);
        }
        return r;
}

static int put_on_wire(
        struct http_transfer *transfer, const struct http_slot_use *use, struct error *err) {
        struct http_client *client = transfer->client;
        struct http_slot *slot = take_slot(client);

        if (!slot) {
                return error_set_errno(err, ENOMEM, "%s", use->request->url);
        }
        int r = http_slot_prepare(slot, use, err);
        if (r == 0 && curl_multi_add_handle(client->multi, slot->easy) != CURLM_OK) {
                r = error_set_errno(err, ENOMEM, "%s", use->request->url);
        }
        if (r < 0) {
                give_slot(client, slot);
                return r;
        }
        loop_timer_cancel(&transfer->wait_timer);
        transfer->slot = slot;
        transfer->begun = loop_now(client->loop).mono;
        list_append(&client->running, &transfer->node);
        client->counts.in_flight++;
        client->counts.started++;
        client->counts.queued--;
        return 0;
}

/* Puts a transfer, which is in no list, on the wire, or lets it wait for its name. */
static int begin(struct http_transfer *transfer, struct error *err) {
        const struct http_request *request = transfer->request;
        struct http_target target;
        struct http_slot_use use = {
                .request = request,
                .transfer = transfer,
                .time_left = usec_sub(request->timeout, transfer->name_time),
        };

        if (http_target_name(request, &target)) {
                int r = find_addresses(transfer, &target, &use.addresses, err);
                if (r <= 0) {
                        return r;
                }
                use.target = &target;
        }
        return put_on_wire(transfer, &use, err);
}

static enum http_outcome begin_outcome(int r) {
        return r == -EINVAL ? HTTP_BAD_REQUEST : r == -EHOSTUNREACH ? HTTP_DNS : HTTP_LOCAL;
}

static void on_refill(void *cookie) {
        struct http_client *client = cookie;
        struct http_transfer *transfer;
        struct error err;

        while (client->counts.in_flight < client->limits.max_in_flight &&
                (transfer = first_transfer(&client->queue))) {
                list_remove(&transfer->node);
                int r = begin(transfer, &err);
                if (r < 0 && !fail(transfer, begin_outcome(r), err.text)) {
                        return;
                }
        }
}

static void enqueue(struct http_transfer *transfer) {
        struct http_client *client = transfer->client;

        list_append(&client->queue, &transfer->node);
        loop_defer_schedule(&client->refill);
}

static void on_name(void *cookie, const struct resolver_answer *answer) {
        struct http_transfer *transfer = cookie;
        struct http_target target;
        struct error err;

        transfer->name_time +=
                usec_sub(loop_now(transfer->client->loop).mono, transfer->name_asked);
        list_remove(&transfer->node);
        if (answer->code == 0) {
                enqueue(transfer); /* it is asked again at its turn, and known then */
                return;
        }
        transfer->name_code = answer->code;
        (void) http_target_name(transfer->request, &target);
        (void) error_set(&err, EHOSTUNREACH, "%s: %s", target.name, gai_strerror(answer->code));
        (void) fail(transfer, HTTP_DNS, err.text);
}

static void on_wait_timeout(void *cookie) {
        struct http_transfer *transfer = cookie;
        char limit[UNITS_TEXT_MAX];
        struct http_target target;
        struct error err;

        units_format_duration(transfer->request->timeout, limit);
        if (is_resolving(transfer)) {
                (void) http_target_name(transfer->request, &target);
                (void) error_set(&err, ETIMEDOUT, "%s: no name server answered within %s",
                        target.name, limit);
                (void) fail(transfer, HTTP_DNS, err.text);
                return;
        }
        (void) error_set(&err, ETIMEDOUT, "no free slot within %s: %u requests are under way",
                limit, transfer->client->counts.in_flight);
        (void) fail(transfer, HTTP_LOCAL, err.text);
}

static struct http_transfer *transfer_new(struct http_client *client,
        const struct http_request *request, http_done done, void *cookie) {
        struct http_transfer *transfer = calloc(1, sizeof(*transfer));

        if (!transfer) {
                return NULL;
        }
        list_init(&transfer->node);
        list_init(&transfer->query.node);
        transfer->client = client;
        transfer->request = request;
        transfer->done = done;
        transfer->cookie = cookie;
        transfer->asked = loop_now(client->loop).mono;
        if (loop_timer_init(&transfer->wait_timer, client->loop, on_wait_timeout, transfer) < 0) {
                free(transfer);
                return NULL;
        }
        loop_timer_set_after(&transfer->wait_timer, request->timeout);
        client->counts.queued++;
        return transfer;
}

int http_client_start(struct http_client *client, const struct http_request *request,
        http_done done, void *cookie, struct http_transfer **ret, struct error *err) {
        bool room = client->counts.in_flight < client->limits.max_in_flight &&
                    list_empty(&client->queue);
        int r = http_request_check(request, err);
        if (r == 0 && !room) {
                r = check_room(client, err);
        }
        if (r < 0) {
                return r;
        }
        struct http_transfer *transfer = transfer_new(client, request, done, cookie);
        if (!transfer) {
                return error_set_errno(err, ENOMEM, "%s", request->url);
        }
        r = room ? begin(transfer, err) : -EHOSTUNREACH;
        if (r == -EHOSTUNREACH) {
                enqueue(transfer); /* a failure that is known already is told at its turn */
        } else if (r < 0) {
                (void) detach(transfer);
                return r;
        }
        if (ret) {
                *ret = transfer;
        }
        return 0;
}

void http_client_cancel(struct http_transfer *transfer) {
        struct http_client *client = transfer->client;
        struct http_slot *slot = detach(transfer);

        if (slot) {
                give_slot(client, slot);
        }
}

void http_client_progress(const struct http_transfer *transfer, struct http_result *ret) {
        usec_t now = loop_now(transfer->client->loop).mono;

        if (!transfer->slot) {
                *ret = (struct http_result){.queued = usec_sub(now, transfer->asked)};
                if (is_resolving(transfer)) {
                        ret->queued = usec_sub(transfer->name_asked, transfer->asked);
                        ret->total_time = usec_sub(now, transfer->name_asked);
                }
                return;
        }
        http_slot_progress(transfer->slot, ret);
        ret->total_time = usec_sub(now, transfer->begun);
        add_name_time(transfer, ret);
}

struct http_client_counts http_client_counts(const struct http_client *client) {
        return client->counts;
}

/* ---- the client ---- */

static int init_library(struct error *err) {
        static bool done; /* for the process; only the main thread makes clients */

        if (!done && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
                return error_set(err, ENOMEM, "libcurl cannot be initialised");
        }
        done = true;
        return 0;
}

static int init_multi(struct http_client *client) {
        client->multi = curl_multi_init();
        if (!client->multi) {
                return -ENOMEM;
        }
        int r = loop_timer_init(&client->timer, client->loop, on_timer, client);
        if (r < 0) {
                return r;
        }
        bool ok = curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) ==
                          CURLM_OK &&
                  curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
                  curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) ==
                          CURLM_OK &&
                  curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
                  /* the cache's look-ups become quadratic when thousands are kept */
                  curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
                          (long) HTTP_CLIENT_KEPT_CONNECTIONS) == CURLM_OK;
        return ok ? 0 : -EINVAL;
}

DEFINE_CLEANUP(cleanup_client, struct http_client, http_client_free)

int http_client_new(struct http_client **ret, struct loop *loop,
        const struct http_client_limits *limits, struct error *err) {
        AUTO(cleanup_client) struct http_client *client = NULL;
        int r = init_library(err);
        if (r < 0) {
                return r;
        }
        client = calloc(1, sizeof(*client));
        if (!client) {
                return error_set_errno(err, ENOMEM, "HTTP client");
        }
        client->loop = loop;
        client->limits.max_in_flight =
                limits && limits->max_in_flight ? limits->max_in_flight : HTTP_CLIENT_MAX_IN_FLIGHT;
        client->limits.max_queue =
                limits && limits->max_queue ? limits->max_queue : HTTP_CLIENT_MAX_QUEUE;
        list_init(&client->resolving);
        list_init(&client->queue);
        list_init(&client->running);
        list_init(&client->free_slots);
        list_init(&client->used_sockets);
        list_init(&client->free_sockets);
        loop_defer_init(&client->refill, loop, on_refill, client);
        r = init_multi(client);
        r = r < 0 ? r : loop_timer_init(&client->shrinking, loop, on_shrinking, client);
        if (r < 0) {
                return error_set_errno(err, -r, "HTTP client");
        }
        client->resolver = limits ? limits->resolver : NULL;
        if (!client->resolver) {
                r = resolver_new(&client->own_resolver, loop, err);
                client->resolver = client->own_resolver;
        }
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(client);
        return 0;
}

static void free_sockets(struct list *list) {
        while (!list_empty(list)) {
                struct http_socket *socket = LIST_ENTRY(list->next, struct http_socket, node);
                loop_watch_remove(&socket->watch);
                list_remove(&socket->node);
                free(socket);
        }
}

void http_client_free(struct http_client *client) {
        struct http_transfer *transfer;

        if (!client) {
                return;
        }
        if (client->gone) {
                *client->gone = true;
        }
        while ((transfer = first_transfer(&client->running)) ||
                (transfer = first_transfer(&client->queue)) ||
                (transfer = first_transfer(&client->resolving))) {
                http_client_cancel(transfer);
        }
        drop_free_slots(client, client->n_free_slots);
        if (client->multi) {
                (void) curl_multi_cleanup(client->multi); /* closes kept connections */
        }
        resolver_free(client->own_resolver);
        free_sockets(&client->used_sockets);
        free_sockets(&client->free_sockets);
        loop_timer_done(&client->timer);
        loop_timer_done(&client->shrinking);
        loop_defer_cancel(&client->refill);
        free(client);
}

/* ---- helpers for results ---- */

const char *http_result_header(
        const struct http_result *result, const char *name, size_t *ret_length) {
        size_t name_length = strlen(name);
        const char *found = NULL;

        for (const char *line = result->headers; *line;) {
                size_t length = strcspn(line, "\r\n");
                if (length > name_length && line[name_length] == ':' &&
                        strncasecmp(line, name, name_length) == 0) {
                        const char *value = line + name_length + 1;
                        size_t blanks = strspn(value, " \t");
                        found = value + blanks;
                        *ret_length = length - name_length - 1 - blanks;
                }
                line += length;
                line += strspn(line, "\r\n");
        }
        while (found && *ret_length > 0 && strchr(" \t", found[*ret_length - 1])) {
                --*ret_length;
        }
        return found;
}

const char *http_outcome_text(enum http_outcome outcome) {
        static const char *const texts[HTTP_N_OUTCOMES] = {
                [HTTP_OK] = "ok",
                [HTTP_REFUSED] = "refused",
                [HTTP_UNREACHABLE] = "unreachable",
                [HTTP_DNS] = "dns",
                [HTTP_TIMEOUT] = "timeout",
                [HTTP_TLS] = "tls",
                [HTTP_PROTOCOL] = "protocol",
                [HTTP_BODY_TOO_LARGE] = "body_too_large",
                [HTTP_HEADER_TOO_LARGE] = "header_too_large",
                [HTTP_REDIRECTS] = "redirects",
                [HTTP_BAD_REQUEST] = "bad_request",
                [HTTP_LOCAL] = "local",
        };
        return texts[outcome];
}
