#include "io/http_client.h"

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
#include "io/http_direct.h"
#include "io/http_multi.h"
#include "io/http_plain.h"
#include "io/http_result.h"
#include "io/http_slot.h"
#include "io/http_target.h"
#include "io/resolver.h"

enum { FREE_KEPT = 64 }; /* idle slots of each kind kept for the next burst */

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
        struct http_slot *slot; /* on the wire over libcurl; NULL: not */
        struct http_direct *direct; /* on the wire without it; NULL: not */
        struct loop_timer timer; /* while it waits or goes without libcurl */
};

/* Idle slots of one kind. */
struct spares {
        struct list list;
        unsigned count;
        unsigned unneeded; /* the least that it was since the last look */
};

struct http_client {
        struct loop *loop;
        struct http_multi multi;
        struct http_client_limits limits;
        struct http_client_counts counts; /* handles: all slots; free ones are among them */
        struct resolver *resolver, *own_resolver; /* own: NULL when one was given */
        struct list resolving, queue, running;
        struct spares slots, directs;
        struct http_kept kept;
        struct loop_timer shrinking;
        struct loop_defer refill; /* starts what waits in the queue */
        bool *gone; /* while callbacks run: set when one of them frees the client */
};

static bool is_resolving(const struct http_transfer *transfer) {
        return !list_empty(&transfer->query.node);
}

static struct http_transfer *first_transfer(const struct list *list) {
        return list_empty(list) ? NULL : LIST_ENTRY(list->next, struct http_transfer, node);
}

/* ---- slots of both kinds ---- */

static void spares_init(struct spares *spares) {
        *spares = (struct spares){0};
        list_init(&spares->list);
}

/* NULL: there is none. */
static struct list *take_spare(struct spares *spares) {
        if (list_empty(&spares->list)) {
                return NULL;
        }
        struct list *node = spares->list.previous;
        list_remove(node);
        spares->count--;
        if (spares->count < spares->unneeded) {
                spares->unneeded = spares->count;
        }
        return node;
}

/* False: there are enough. */
static bool give_spare(struct http_client *client, struct spares *spares, struct list *node) {
        if (spares->count >= FREE_KEPT) {
                client->counts.handles--;
                return false;
        }
        list_append(&spares->list, node);
        spares->count++;
        if (!loop_timer_armed(&client->shrinking)) {
                loop_timer_set_after(&client->shrinking, HTTP_CLIENT_SHRINK_INTERVAL);
        }
        return true;
}

static struct http_slot *take_slot(struct http_client *client) {
        struct list *node = take_spare(&client->slots);
        if (node) {
                return LIST_ENTRY(node, struct http_slot, node);
        }
        struct http_slot *slot = http_slot_new();
        client->counts.handles += slot != NULL;
        return slot;
}

static void give_slot(struct http_client *client, struct http_slot *slot) {
        http_slot_trim(slot);
        if (!give_spare(client, &client->slots, &slot->node)) {
                http_slot_free(slot);
        }
}

static struct http_direct *take_direct(struct http_client *client) {
        struct list *node = take_spare(&client->directs);
        if (node) {
                return LIST_ENTRY(node, struct http_direct, node);
        }
        struct http_direct *direct = http_direct_new();
        client->counts.handles += direct != NULL;
        return direct;
}

static void give_direct(struct http_client *client, struct http_direct *direct) {
        http_direct_trim(direct);
        if (!give_spare(client, &client->directs, &direct->node)) {
                http_direct_free(direct);
        }
}

/* All but `left` of them, the longest idle first. */
static void drop_spares(struct http_client *client, unsigned slots_left, unsigned directs_left) {
        while (client->slots.count > slots_left) {
                http_slot_free(LIST_ENTRY(take_spare(&client->slots), struct http_slot, node));
                client->counts.handles--;
        }
        while (client->directs.count > directs_left) {
                struct list *node = take_spare(&client->directs);
                http_direct_free(LIST_ENTRY(node, struct http_direct, node));
                client->counts.handles--;
        }
}

static void on_shrinking(void *cookie) {
        struct http_client *client = cookie;
        http_client_shrink(client);
        if (client->slots.count > 0 || client->directs.count > 0) {
                loop_timer_set_after(&client->shrinking, HTTP_CLIENT_SHRINK_INTERVAL);
        }
}

void http_client_shrink(struct http_client *client) {
        enum { WORTH_TRIMMING = 64 }; /* handles, some 10 KiB each */
        struct spares *slots = &client->slots, *directs = &client->directs;
        unsigned unneeded = slots->unneeded + directs->unneeded;

        drop_spares(client, slots->count - slots->unneeded, directs->count - directs->unneeded);
        slots->unneeded = slots->count;
        directs->unneeded = directs->count;
        http_kept_close_old(&client->kept);
        if (unneeded >= WORTH_TRIMMING) {
                malloc_trim(0);
        }
}

/* ---- the end of transfers ---- */

/* What carried a transfer; at most one is set. Its texts stay valid until it is given back. */
struct carrier {
        struct http_slot *slot;
        struct http_direct *direct;
};

/* Takes the transfer out of everything and frees it. */
static struct carrier detach(struct http_transfer *transfer) {
        struct http_client *client = transfer->client;
        const struct carrier carrier = {transfer->slot, transfer->direct};

        list_remove(&transfer->node);
        loop_timer_done(&transfer->timer);
        resolver_cancel(&transfer->query);
        if (carrier.slot) {
                (void) curl_multi_remove_handle(client->multi.handle, carrier.slot->easy);
                http_slot_leave(carrier.slot);
        } else if (carrier.direct) {
                http_direct_stop(carrier.direct, false);
        }
        if (carrier.slot || carrier.direct) {
                client->counts.in_flight--;
                loop_defer_schedule(&client->refill);
        } else {
                client->counts.queued--;
        }
        free(transfer);
        return carrier;
}

static void give_carrier(struct http_client *client, struct carrier carrier) {
        if (carrier.slot) {
                give_slot(client, carrier.slot);
        }
        if (carrier.direct) {
                give_direct(client, carrier.direct);
        }
}

/* Calls done; false when it freed the client. */
static bool report(struct http_transfer *transfer, const struct http_result *result) {
        struct http_client *client = transfer->client;
        http_done done = transfer->done;
        void *cookie = transfer->cookie;
        struct carrier carrier = detach(transfer);
        bool gone = false, *outer = client->gone;

        client->gone = &gone;
        done(cookie, result);
        if (gone) {
                http_slot_free(carrier.slot);
                http_direct_free(carrier.direct);
                if (outer) {
                        *outer = true;
                }
                return false;
        }
        client->gone = outer;
        give_carrier(client, carrier);
        return true;
}

/* Times count from the moment the request went on the wire; the name was looked up before. */
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

static void on_direct_done(void *cookie) {
        struct http_transfer *transfer = cookie;
        struct http_result result;

        http_direct_result(transfer->direct, &result);
        add_name_time(transfer, &result);
        (void) report(transfer, &result);
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
static void collect(void *cookie) {
        const struct http_client *client = cookie;
        const struct CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(client->multi.handle, &left))) {
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

static void note_on_wire(struct http_transfer *transfer) {
        struct http_client *client = transfer->client;

        transfer->begun = loop_now(client->loop).mono;
        list_append(&client->running, &transfer->node);
        client->counts.in_flight++;
        client->counts.started++;
        client->counts.queued--;
}

/* Over libcurl. */
static int put_on_slot(
        struct http_transfer *transfer, const struct http_slot_use *use, struct error *err) {
        struct http_client *client = transfer->client;
        struct http_slot *slot = take_slot(client);

        if (!slot) {
                return error_set_errno(err, ENOMEM, "%s", use->request->url);
        }
        int r = http_slot_prepare(slot, use, err);
        if (r == 0 && curl_multi_add_handle(client->multi.handle, slot->easy) != CURLM_OK) {
                r = error_set_errno(err, ENOMEM, "%s", use->request->url);
        }
        if (r < 0) {
                give_slot(client, slot);
                return r;
        }
        loop_timer_cancel(&transfer->timer);
        transfer->slot = slot;
        note_on_wire(transfer);
        return 0;
}

/* Without libcurl. */
static int put_on_direct(
        struct http_transfer *transfer, const struct http_address *address, struct error *err) {
        struct http_client *client = transfer->client;
        const struct http_request *request = transfer->request;
        struct http_direct *direct = take_direct(client);
        const struct http_direct_use use = {
                .loop = client->loop,
                .kept = &client->kept,
                .request = request,
                .address = address,
                .done = on_direct_done,
                .cookie = transfer,
        };

        if (!direct) {
                return error_set_errno(err, ENOMEM, "%s", request->url);
        }
        int r = http_direct_start(direct, &use);
        if (r < 0) {
                give_direct(client, direct);
                return error_set_errno(err, -r, "%s", request->url);
        }
        loop_timer_set_after(&transfer->timer, usec_sub(request->timeout, transfer->name_time));
        transfer->direct = direct;
        note_on_wire(transfer);
        return 0;
}

/* Puts a transfer, which is in no list, on the wire, or lets it wait for its name. */
static int begin(struct http_transfer *transfer, struct error *err) {
        const struct http_client *client = transfer->client;
        const struct http_request *request = transfer->request;
        struct http_target target;
        struct http_address address;
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
        bool plain =
                !client->limits.libcurl_only && http_plain_suits(request, use.addresses, &address);
        return plain ? put_on_direct(transfer, &address, err) : put_on_slot(transfer, &use, err);
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

static void on_wait_timeout(struct http_transfer *transfer) {
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

static void on_timeout(void *cookie) {
        struct http_transfer *transfer = cookie;

        if (transfer->direct) {
                http_direct_stop(transfer->direct, true);
                on_direct_done(transfer);
        } else {
                on_wait_timeout(transfer);
        }
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
        if (loop_timer_init(&transfer->timer, client->loop, on_timeout, transfer) < 0) {
                free(transfer);
                return NULL;
        }
        loop_timer_set_after(&transfer->timer, request->timeout);
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
        struct carrier carrier = detach(transfer);

        give_carrier(client, carrier);
}

void http_client_progress(const struct http_transfer *transfer, struct http_result *ret) {
        usec_t now = loop_now(transfer->client->loop).mono;

        if (!transfer->slot && !transfer->direct) {
                *ret = (struct http_result){.queued = usec_sub(now, transfer->asked)};
                if (is_resolving(transfer)) {
                        ret->queued = usec_sub(transfer->name_asked, transfer->asked);
                        ret->total_time = http_time_since(transfer->name_asked, now);
                }
                return;
        }
        if (transfer->slot) {
                http_slot_progress(transfer->slot, ret);
        } else {
                http_direct_progress(transfer->direct, ret);
        }
        ret->total_time = http_time_since(transfer->begun, now);
        add_name_time(transfer, ret);
}

struct http_client_counts http_client_counts(const struct http_client *client) {
        struct http_client_counts counts = client->counts;
        counts.kept = client->kept.count;
        return counts;
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
        client->limits.libcurl_only = limits && limits->libcurl_only;
        client->limits.max_queue =
                limits && limits->max_queue ? limits->max_queue : HTTP_CLIENT_MAX_QUEUE;
        list_init(&client->resolving);
        list_init(&client->queue);
        list_init(&client->running);
        spares_init(&client->slots);
        spares_init(&client->directs);
        http_kept_init(&client->kept, loop);
        loop_defer_init(&client->refill, loop, on_refill, client);
        r = http_multi_init(&client->multi, loop, collect, client);
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
        drop_spares(client, 0, 0);
        http_kept_close_all(&client->kept);
        http_multi_done(&client->multi);
        resolver_free(client->own_resolver);
        loop_timer_done(&client->shrinking);
        loop_defer_cancel(&client->refill);
        free(client);
}
