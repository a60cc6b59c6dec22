/* The coordinator etcd: requests to its JSON gateway over HTTP, in the loop. One request a seat is
 * under way; a round of them keeps the lease of etcd alive where that is due, looks at all keys of
 * the group in one consistent read, does at most one thing, and looks again. What a request that
 * was not answered did is never guessed: the next look shows it.
 *
 * Below ROOT/GROUP/ are the keys `lease` ("GUID MEMBER", which only is created where there is
 * none), where it has several places `lease/1` and so on, `members/MEMBER`, `next`, `last` ("TOKEN
 * MEMBER") and `changes` (lease_changes.h). The first two go with the lease of etcd that the member
 * keeps alive.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "coordinator/etcd_prelude.h"
#include "coordinator/etcd_text.h"
#include "coordinator/lease_changes.h"
#include "coordinator/seat.h"
#include "io/http_client.h"
#include "io/worker.h"

enum { BEATS_PER_LEASE = 10, TIMEOUTS_PER_LEASE = 4, TOKEN_MAX = 1024, PART_MAX = 24 };

#define LOOK_INTERVAL_MAX (500 * USEC_PER_MSEC) /* so soon a member sees what another did */
#define RETRY_INTERVAL (500 * USEC_PER_MSEC)
#define PRELUDE_LIMIT (5 * USEC_PER_SEC) /* for small files, on a busy disk */
#define PRELUDE_RETRY (2 * USEC_PER_SEC)
#define NONE (-1)

struct etcd {
        struct coordinator common;
        struct http_client *client;
        struct worker_pool *pool; /* of what seats read before their first request */
};

enum step { STEP_LOG_IN, STEP_GRANT, STEP_KEEP, STEP_LOOK, STEP_ACT };

struct etcd_seat {
        struct seat common;
        struct loop_timer timer; /* the next round */
        struct worker_task *task; /* that reads what is needed first; NULL: none under way */
        struct coordinator_files files;
        struct http_transfer *transfer; /* NULL: none under way */
        struct http_keep keep;
        struct http_request request; /* and what it points to: until the answer */
        const char *headers[2];
        enum step step; /* of the transfer */
        usec_t sent;
        char url[512], header[TOKEN_MAX + 32];
        struct strbuf body;
        size_t server; /* that is asked */
        char token[TOKEN_MAX]; /* of a user who is logged in; "": not */
        char guid[ETCD_GUID_MAX]; /* "": the files are not read yet */
        bool again; /* something was wished during a round */

        uint64_t lease; /* of etcd; 0: none */
        usec_t granted, kept; /* kept: when the last keep-alive that was answered was sent */
        usec_t proven; /* the same of the last one that a look came after: a server that is cut off
                          answers none */
        struct etcd_keys *keys; /* of the last look */
        const struct etcd_key *own, *next, *last, *changes; /* in it; NULL: none */
        const struct etcd_key *places[COORDINATION_PLACES_MAX]; /* by number; NULL: free */
        int mine, vacant; /* places: that of this member, the first that is free; NONE */
        bool holding, settled; /* settled: the first look is over */
        usec_t next_since;
        char next_member[COORDINATION_MEMBER_MAX];
};

static const char *const paths[] = {
        [STEP_LOG_IN] = "auth/authenticate",
        [STEP_GRANT] = "lease/grant",
        [STEP_KEEP] = "lease/keepalive",
        [STEP_LOOK] = "kv/range",
        [STEP_ACT] = "kv/txn",
};

static void start_round(struct etcd_seat *seat);
static void send_request(struct etcd_seat *seat, enum step step);
static void after_look(struct etcd_seat *seat);

static struct etcd *etcd_of(struct etcd_seat *seat) {
        return (struct etcd *) seat->common.coordinator;
}

static usec_t earliest(usec_t a, usec_t b) {
        return a < b ? a : b;
}

/* ---- keys ---- */

static void add_key(struct etcd_seat *seat, const char *name, const char *part, const char *rest,
        const char *behind) {
        char key[ETCD_KEY_MAX];
        (void) snprintf(key, sizeof(key), "%s/%s/%s%s", seat->common.coordinator->root,
                seat->common.group, part, rest);
        etcd_add_text(&seat->body, name, key, behind);
}

/* What stands behind ROOT/GROUP/, NULL for another key. */
static const char *part_of(const struct etcd_seat *seat, const char *key) {
        char prefix[ETCD_KEY_MAX];
        (void) snprintf(prefix, sizeof(prefix), "%s/%s/", seat->common.coordinator->root,
                seat->common.group);
        return str_starts(key, prefix) ? key + strlen(prefix) : NULL;
}

/* The key of a place. */
static const char *place_name(int number, char name[PART_MAX]) {
        if (number > 0) {
                (void) snprintf(name, PART_MAX, "lease/%d", number);
        }
        return number > 0 ? name : "lease";
}

/* NONE: another key. */
static int place_number(const char *part) {
        char *end = NULL;
        if (!str_starts(part, "lease/")) {
                return str_eq(part, "lease") ? 0 : NONE;
        }
        unsigned long number = strtoul(part + strlen("lease/"), &end, 10);
        bool is = !*end && number > 0 && number < COORDINATION_PLACES_MAX;
        return is ? (int) number : NONE;
}

static bool has_guid(const struct etcd_seat *seat, const struct etcd_key *key) {
        return key && str_starts(key->value, seat->guid) && key->value[ETCD_GUID_MAX - 1] == ' ';
}

/* "GUID REST" */
static const char *rest_of(const char *value) {
        const char *blank = strchr(value, ' ');
        return blank ? blank + 1 : "";
}

/* ---- requests ---- */

static void write_log_in(struct etcd_seat *seat) {
        etcd_add_log_in(&seat->body, seat->common.coordinator->user, seat->files.password);
}

/* Whole seconds: never less than the group wants. */
static void write_grant(struct etcd_seat *seat) {
        strbuf_addf(&seat->body, "{\"TTL\":\"%" PRIu64 "\"}",
                (seat->common.lease + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

static void write_keep(struct etcd_seat *seat) {
        strbuf_addf(&seat->body, "{\"ID\":\"%" PRIu64 "\"}", seat->lease);
}

/* Not `serializable`: such a read may be one of a server that is cut off. '0' is behind '/'. */
static void write_look(struct etcd_seat *seat) {
        char end[ETCD_KEY_MAX];
        (void) snprintf(
                end, sizeof(end), "%s/%s0", seat->common.coordinator->root, seat->common.group);
        strbuf_add_char(&seat->body, '{');
        add_key(seat, "key", "", "", ",");
        etcd_add_text(&seat->body, "range_end", end, ",");
        strbuf_addf(&seat->body, "\"limit\":\"%d\"}", ETCD_KEYS_MAX);
}

static bool log_in_is_due(struct etcd_seat *seat) {
        return seat->common.coordinator->user && !*seat->token;
}

/* ---- what is to be done: one transaction, or nothing ---- */

static void add_compare_created(
        struct etcd_seat *seat, const char *part, const char *rest, uint64_t revision) {
        strbuf_add(&seat->body, "{\"compare\":[{\"target\":\"CREATE\",");
        add_key(seat, "key", part, rest, ",");
        strbuf_addf(&seat->body, "\"create_revision\":\"%" PRIu64 "\"}],\"success\":[", revision);
}

static void add_put(struct etcd_seat *seat, const char *part, const char *rest, const char *value,
        uint64_t lease) {
        strbuf_add(&seat->body, "{\"request_put\":{");
        add_key(seat, "key", part, rest, ",");
        etcd_add_text(&seat->body, "value", value, "");
        if (lease) {
                strbuf_addf(&seat->body, ",\"lease\":\"%" PRIu64 "\"", lease);
        }
        strbuf_add(&seat->body, "}}");
}

static void add_delete(struct etcd_seat *seat, const char *part) {
        strbuf_add(&seat->body, "{\"request_delete_range\":{");
        add_key(seat, "key", part, "", "}}");
}

static void write_sit_down(struct etcd_seat *seat) {
        char value[ETCD_VALUE_MAX];
        (void) snprintf(value, sizeof(value), "%s %s", seat->guid, seat->common.wish.text);
        add_compare_created(
                seat, "members/", seat->common.member, seat->own ? seat->own->created : 0);
        add_put(seat, "members/", seat->common.member, value, seat->lease);
        strbuf_add(&seat->body, "]}");
}

static void write_take(struct etcd_seat *seat) {
        char value[ETCD_VALUE_MAX], name[PART_MAX];
        const char *place = place_name(seat->vacant, name);
        (void) snprintf(value, sizeof(value), "%s %s", seat->guid, seat->common.member);
        add_compare_created(seat, place, "", 0);
        add_put(seat, place, "", value, seat->lease);
        strbuf_add_char(&seat->body, ',');
        add_delete(seat, "next");
        strbuf_add(&seat->body, "]}");
}

static void write_give_back(struct etcd_seat *seat) {
        const char *to = seat->common.wish.release_to;
        char name[PART_MAX];
        const char *place = place_name(seat->mine, name);
        add_compare_created(seat, place, "", seat->places[seat->mine]->created);
        add_delete(seat, place);
        if (*to) {
                strbuf_add_char(&seat->body, ',');
                add_put(seat, "next", "", to, 0);
        }
        strbuf_add(&seat->body, "]}");
}

/* Only while the lease is still the one under which it became active. */
static void write_mark(struct etcd_seat *seat) {
        char value[SEAT_LAST_MAX];
        seat_write_last(seat->places[seat->mine]->created, seat->common.member, value);
        add_compare_created(seat, "lease", "", seat->places[seat->mine]->created);
        add_put(seat, "last", "", value, 0);
        strbuf_add(&seat->body, "]}");
}

static bool is_marked(const struct etcd_seat *seat) {
        char value[SEAT_LAST_MAX];
        seat_write_last(seat->places[seat->mine]->created, seat->common.member, value);
        return seat->last && str_eq(seat->last->value, value);
}

/* What is to be written of it; false: nothing. */
static bool note_change(const struct etcd_seat *seat, char text[LEASE_CHANGES_TEXT_MAX]) {
        (void) str_copy(text, LEASE_CHANGES_TEXT_MAX, seat->changes ? seat->changes->value : "");
        return seat->common.places == 1 &&
               lease_changes_add(text, seat->common.member, clock_now().wall);
}

/* By whoever has the lease, so that nobody else writes it meanwhile. */
static void write_change(struct etcd_seat *seat, const char *text) {
        add_compare_created(seat, "lease", "", seat->places[seat->mine]->created);
        add_put(seat, "changes", "", text, 0);
        strbuf_add(&seat->body, "]}");
}

static bool takes_part(const struct etcd_seat *seat, const char *member) {
        for (size_t i = 0; i < seat->keys->count; i++) {
                const char *part = part_of(seat, seat->keys->items[i].key);
                if (part && str_starts(part, "members/") && str_eq(part + 8, member)) {
                        return true;
                }
        }
        return false;
}

static bool is_left_to_another(const struct etcd_seat *seat) {
        return *seat->next_member && !str_eq(seat->next_member, seat->common.member) &&
               takes_part(seat, seat->next_member) &&
               clock_now().mono < usec_add(seat->next_since, HAND_OVER_PATIENCE);
}

static bool is_seated(const struct etcd_seat *seat) {
        return seat->own && seat->own->lease == seat->lease &&
               str_eq(rest_of(seat->own->value), seat->common.wish.text);
}

/* The body of what has to be done now; false: nothing. */
static bool write_act(struct etcd_seat *seat) {
        const struct seat_wish *wish = &seat->common.wish;
        char changes[LEASE_CHANGES_TEXT_MAX];
        if (!is_seated(seat)) {
                write_sit_down(seat);
        } else if (seat->holding && note_change(seat, changes)) {
                write_change(seat, changes);
        } else if (seat->holding && wish->release) {
                write_give_back(seat);
        } else if (seat->holding && wish->active && !is_marked(seat)) {
                write_mark(seat);
        } else if (seat->mine == NONE && seat->vacant != NONE && wish->want && !wish->release &&
                   !is_left_to_another(seat)) {
                write_take(seat);
        } else {
                return false;
        }
        return true;
}

/* ---- trouble ---- */

static void next_round(struct etcd_seat *seat, usec_t after) {
        loop_timer_set_after(&seat->timer, after);
}

/* Another server is asked next. */
static void trouble(struct etcd_seat *seat, enum coordinator_session session, const char *text) {
        const struct coordinator *common = seat->common.coordinator;
        char why[COORDINATION_WHY_MAX];
        bool met = seat->common.view.session != SESSION_CONNECTING;
        (void) snprintf(why, sizeof(why), "%s: %.180s", common->servers[seat->server], text);
        seat->server = (seat->server + 1) % common->n_servers;
        seat->kept = seat->proven; /* once more */
        session = session == SESSION_LOST && !met ? SESSION_CONNECTING : session;
        seat_update_session(&seat->common, session, why);
        next_round(seat, RETRY_INTERVAL);
}

/* The lease of etcd is gone, and all keys with it. */
static void forget_lease(struct etcd_seat *seat) {
        struct lease_view nothing = {.session = SESSION_LOST};
        (void) str_copy(nothing.why, sizeof(nothing.why), "the lease at etcd has run out");
        seat->lease = 0;
        seat->holding = false;
        seat_update(&seat->common, &nothing);
}

/* An answer other than 200. */
static void refused(struct etcd_seat *seat, const struct http_result *result) {
        char said[COORDINATION_WHY_MAX], text[COORDINATION_WHY_MAX + 64];
        etcd_parse_error(result->body, said, sizeof(said));
        if (result->status == 401 && *seat->token) {
                seat->token[0] = '\0'; /* too old: log in again */
                next_round(seat, 0);
        } else if (result->status == 404 && strstr(said, "lease not found")) {
                forget_lease(seat);
                next_round(seat, 0);
        } else if (*said) {
                (void) snprintf(text, sizeof(text), "%s: %s", paths[seat->step], said);
                bool away = result->status >= 500;
                trouble(seat, away ? SESSION_LOST : SESSION_REFUSED, text);
        } else {
                (void) snprintf(text, sizeof(text),
                        "status %d for /v3/%s: this is no etcd of "
                        "version 3.4 or later",
                        result->status, paths[seat->step]);
                trouble(seat, SESSION_REFUSED, text);
        }
}

/* ---- a look ---- */

static void find_places(struct etcd_seat *seat) {
        seat->mine = seat->vacant = NONE;
        for (int i = (int) ELEMENTSOF(seat->places) - 1; i >= 0; i--) {
                if (has_guid(seat, seat->places[i])) {
                        seat->mine = i;
                }
                if (!seat->places[i] && i < (int) seat->common.places) {
                        seat->vacant = i;
                }
        }
}

static void find_keys(struct etcd_seat *seat) {
        seat->own = seat->next = seat->last = seat->changes = NULL;
        memset(seat->places, 0, sizeof(seat->places));
        for (size_t i = 0; i < seat->keys->count; i++) {
                const struct etcd_key *key = &seat->keys->items[i];
                const char *part = part_of(seat, key->key);
                if (!part) {
                        continue;
                }
                if (place_number(part) != NONE) {
                        seat->places[place_number(part)] = key;
                } else if (str_eq(part, "next")) {
                        seat->next = key;
                } else if (str_eq(part, "last")) {
                        seat->last = key;
                } else if (str_eq(part, "changes")) {
                        seat->changes = key;
                } else if (str_starts(part, "members/") && str_eq(part + 8, seat->common.member)) {
                        seat->own = key;
                }
        }
        find_places(seat);
        const char *next = seat->next ? seat->next->value : "";
        if (!str_eq(next, seat->next_member)) {
                (void) str_copy(seat->next_member, sizeof(seat->next_member), next);
                seat->next_since = clock_now().mono;
        }
}

static int compare_peers(const void *a, const void *b) {
        const struct lease_peer *left = a, *right = b;
        return strcmp(left->member, right->member);
}

static void add_peers(const struct etcd_seat *seat, struct lease_view *view) {
        for (size_t i = 0; i < seat->keys->count; i++) {
                const struct etcd_key *key = &seat->keys->items[i];
                const char *part = part_of(seat, key->key);
                if (!part || !str_starts(part, "members/") || key == seat->own ||
                        view->n_peers == ELEMENTSOF(view->peers)) {
                        continue;
                }
                struct lease_peer *peer = &view->peers[view->n_peers++];
                (void) str_copy(peer->member, sizeof(peer->member), part + 8);
                (void) str_copy(peer->text, sizeof(peer->text), rest_of(key->value));
        }
        qsort(view->peers, view->n_peers, sizeof(view->peers[0]), compare_peers);
}

/* In the order in which they were taken. */
static void add_places(const struct etcd_seat *seat, struct lease_view *view) {
        const struct etcd_key *last = NULL;
        for (;;) {
                const struct etcd_key *next = NULL;
                for (size_t i = 0; i < ELEMENTSOF(seat->places); i++) {
                        const struct etcd_key *place = seat->places[i];
                        if (place && (!last || place->created > last->created) &&
                                (!next || place->created < next->created)) {
                                next = place;
                        }
                }
                if (!next) {
                        return;
                }
                view->token = view->token ? view->token : next->created;
                (void) str_copy(view->places[view->n_places++], COORDINATION_MEMBER_MAX,
                        rest_of(next->value));
                last = next;
        }
}

static void show(struct etcd_seat *seat) {
        struct lease_view view = {.session = SESSION_CONNECTED, .granted = seat->granted};
        view.standing = seat->holding          ? LEASE_OURS
                        : seat->vacant == NONE ? LEASE_OTHER
                                               : LEASE_FREE;
        add_places(seat, &view);
        if (seat->holding) {
                view.token = seat->places[seat->mine]->created;
                (void) str_copy(view.holder, sizeof(view.holder), seat->common.member);
        } else if (view.standing == LEASE_OTHER) {
                (void) str_copy(view.holder, sizeof(view.holder), view.places[0]);
        }
        view.usable_until = seat->holding ? usec_add(seat->proven, seat->granted) : 0;
        seat_read_last(seat->last ? seat->last->value : "", &view);
        lease_changes_read(seat->changes ? seat->changes->value : "", &view);
        add_peers(seat, &view);
        if (seat->common.wish.release && !seat->holding) {
                seat_released(&seat->common);
        }
        seat_update(&seat->common, &view);
}

/* Keys of a former life: their lease of etcd is gone on with. */
static bool take_up_lease(struct etcd_seat *seat) {
        const struct etcd_key *former = seat->mine != NONE ? seat->places[seat->mine] : seat->own;
        if (seat->settled || !has_guid(seat, former) || former->lease == 0) {
                return false;
        }
        seat->lease = former->lease;
        seat->granted = 0; /* the answer to the next keep-alive says it */
        return true;
}

static bool is_somebody_else(const struct etcd_seat *seat) {
        return seat->own && !has_guid(seat, seat->own);
}

static void after_look(struct etcd_seat *seat) {
        find_keys(seat);
        if (take_up_lease(seat)) {
                seat->settled = true;
                send_request(seat, STEP_KEEP);
                return;
        }
        seat->settled = true;
        seat->proven = seat->kept;
        seat->holding = seat->mine != NONE && seat->places[seat->mine]->lease == seat->lease;
        if (seat->lease == 0) {
                send_request(seat, STEP_GRANT);
                return;
        }
        if (is_somebody_else(seat)) {
                char text[2 * COORDINATION_WHY_MAX];
                (void) snprintf(text, sizeof(text),
                        "another takes part in group %s as %s: two hosts have the same name, or an "
                        "agent that ended here is not forgotten yet",
                        seat->common.group, seat->common.member);
                trouble(seat, SESSION_REFUSED, text);
                return;
        }
        strbuf_reset(&seat->body);
        if (write_act(seat)) {
                send_request(seat, STEP_ACT);
                return;
        }
        show(seat);
        next_round(seat,
                seat->again ? 0
                            : earliest(LOOK_INTERVAL_MAX, seat->common.lease / BEATS_PER_LEASE));
        seat->again = false;
}

/* ---- answers ---- */

/* What the server grants may be longer than what was asked for. */
static int take_ttl(struct etcd_seat *seat, uint64_t ttl, struct error *err) {
        seat->granted = ttl * USEC_PER_SEC;
        seat->kept = seat->sent;
        if (seat->granted < seat->common.lease) {
                return error_set(err, ERANGE,
                        "it grants a lease of %" PRIu64 "s, but that of group %s is longer", ttl,
                        seat->common.group);
        }
        return 0;
}

static int on_step(struct etcd_seat *seat, const char *body, struct error *err) {
        uint64_t ttl = 0;
        bool succeeded;
        int r = 0;
        switch (seat->step) {
        case STEP_LOG_IN:
                return etcd_parse_token(body, seat->token, sizeof(seat->token), err);
        case STEP_GRANT:
                r = etcd_parse_grant(body, &seat->lease, &ttl, err);
                return r == 0 ? take_ttl(seat, ttl, err) : r;
        case STEP_KEEP:
                r = etcd_parse_keepalive(body, &ttl, err);
                if (r == 0 && ttl == 0) {
                        forget_lease(seat);
                        return 0;
                }
                return r == 0 ? take_ttl(seat, ttl, err) : r;
        case STEP_LOOK:
                return etcd_parse_range(body, seat->keys, err);
        case STEP_ACT:
                return etcd_parse_txn(body, &succeeded, err); /* the next look shows what it did */
        }
        return -EINVAL;
}

static void on_answer(void *cookie, const struct http_result *result) {
        struct etcd_seat *seat = cookie;
        struct error err = {0};
        seat->transfer = NULL;
        if (result->outcome != HTTP_OK) {
                trouble(seat, SESSION_LOST, result->error);
        } else if (result->status != 200) {
                refused(seat, result);
        } else if (on_step(seat, result->body, &err) < 0) {
                trouble(seat, SESSION_REFUSED, err.text);
        } else if (seat->step == STEP_LOOK) {
                after_look(seat);
        } else if (seat->step == STEP_LOG_IN) {
                start_round(seat);
        } else {
                send_request(seat, STEP_LOOK);
        }
}

static void write_body(struct etcd_seat *seat, enum step step) {
        static void (*const writers[])(struct etcd_seat *) = {
                [STEP_LOG_IN] = write_log_in,
                [STEP_GRANT] = write_grant,
                [STEP_KEEP] = write_keep,
                [STEP_LOOK] = write_look,
                [STEP_ACT] = NULL, /* write_act() has written it */
        };
        if (writers[step]) {
                strbuf_reset(&seat->body);
                writers[step](seat);
        }
}

static void send_request(struct etcd_seat *seat, enum step step) {
        struct etcd *etcd = etcd_of(seat);
        bool logged_in = step != STEP_LOG_IN && *seat->token;
        struct error err = {0};
        write_body(seat, step);
        seat->step = step;
        seat->sent = clock_now().mono;
        (void) snprintf(seat->url, sizeof(seat->url), "%.400s/v3/%s",
                etcd->common.servers[seat->server], paths[step]);
        (void) snprintf(seat->header, sizeof(seat->header), "Authorization: %s", seat->token);
        seat->headers[0] = "Content-Type: application/json";
        seat->headers[1] = seat->header;
        seat->request = (struct http_request){
                .url = seat->url,
                .method = "POST",
                .headers = seat->headers,
                .n_headers = logged_in ? 2 : 1,
                .body = strbuf_text(&seat->body),
                .body_length = seat->body.length,
                .timeout = seat->common.lease / TIMEOUTS_PER_LEASE,
                .max_body = ETCD_BODY_MAX,
                .keep = &seat->keep,
                .tls = coordinator_files_tls(&seat->files, etcd->common.ca_file),
        };
        int r = seat->body.failed ? -ENOMEM
                                  : http_client_start(etcd->client, &seat->request, on_answer, seat,
                                            &seat->transfer, &err);
        if (r < 0) {
                trouble(seat, SESSION_LOST, err.text);
        }
}

static void start_round(struct etcd_seat *seat) {
        usec_t due = usec_add(seat->kept, seat->granted / BEATS_PER_LEASE);
        loop_timer_cancel(&seat->timer);
        if (log_in_is_due(seat)) {
                send_request(seat, STEP_LOG_IN);
        } else if (seat->lease && due <= clock_now().mono) {
                send_request(seat, STEP_KEEP);
        } else {
                send_request(seat, STEP_LOOK);
        }
}

/* ---- the seat ---- */

/* It is tried again until a person has mended it. */
static void not_read(struct etcd_seat *seat, const char *why) {
        seat_update_session(&seat->common, SESSION_REFUSED, why);
        next_round(seat, PRELUDE_RETRY);
}

static void on_prelude(void *cookie, int result, void *data) {
        struct etcd_seat *seat = cookie;
        struct etcd_prelude *prelude = data;
        seat->task = NULL;
        if (result == -ETIMEDOUT) {
                not_read(seat, "coordinator: a file of its settings takes too long to be read");
        } else if (result < 0) {
                not_read(seat, prelude->err.text);
        } else {
                seat->files = prelude->files;
                prelude->files = (struct coordinator_files){0};
                (void) str_copy(seat->guid, sizeof(seat->guid), prelude->guid);
                start_round(seat);
        }
}

static void start_prelude(struct etcd_seat *seat) {
        struct error err = {0};
        struct worker_job job = {.run = etcd_prelude_run,
                .release = etcd_prelude_free,
                .done = on_prelude,
                .data = etcd_prelude_new(&seat->common),
                .cookie = seat,
                .deadline = usec_add(clock_now().mono, PRELUDE_LIMIT)};
        int r = job.data ? worker_submit(etcd_of(seat)->pool, &job, &seat->task, &err)
                         : error_set_errno(&err, ENOMEM, "coordinator");
        if (r < 0) {
                etcd_prelude_free(job.data);
                not_read(seat, err.text);
        }
}

static void on_timer(void *cookie) {
        struct etcd_seat *seat = cookie;
        if (*seat->guid) {
                start_round(seat);
        } else if (!seat->task) {
                start_prelude(seat);
        }
}

static int etcd_join(struct seat *common, struct error *err) {
        struct etcd_seat *seat = (struct etcd_seat *) common;
        seat->keys = calloc(1, sizeof(*seat->keys));
        if (!seat->keys ||
                loop_timer_init(&seat->timer, common->coordinator->loop, on_timer, seat) < 0) {
                free(seat->keys);
                return error_set_errno(err, ENOMEM, "group %s", common->group);
        }
        loop_timer_set_after(&seat->timer, 0);
        return 0;
}

static void etcd_leave(struct seat *common) {
        struct etcd_seat *seat = (struct etcd_seat *) common;
        if (seat->task) {
                worker_cancel(seat->task);
        }
        if (seat->transfer) {
                http_client_cancel(seat->transfer);
        }
        http_keep_drop(&seat->keep);
        loop_timer_done(&seat->timer);
        strbuf_done(&seat->body);
        coordinator_files_done(&seat->files);
        explicit_bzero(seat->token, sizeof(seat->token));
        free(seat->keys);
}

static void etcd_wish(struct seat *common) {
        struct etcd_seat *seat = (struct etcd_seat *) common;
        if (seat->transfer) {
                seat->again = true;
        } else if (*seat->guid) {
                loop_timer_set_after(&seat->timer, 0);
        }
}

/* ---- the coordinator ---- */

static void etcd_close(struct coordinator *common) {
        struct etcd *etcd = (struct etcd *) common;
        http_client_free(etcd->client);
        worker_pool_free(etcd->pool);
}

static int etcd_open(struct coordinator *common, struct error *err) {
        struct etcd *etcd = (struct etcd *) common;
        if (common->n_servers == 0 || str_empty(common->root)) {
                return error_set(err, EINVAL,
                        "coordinator: etcd needs servers: [http://HOST:PORT] and a root");
        }
        for (size_t i = 0; i < common->n_servers; i++) {
                if (!str_starts(common->servers[i], "http://") &&
                        !str_starts(common->servers[i], "https://")) {
                        return error_set(err, EINVAL,
                                "coordinator: a server of etcd is http://HOST:PORT or https://..., "
                                "not %s",
                                common->servers[i]);
                }
        }
        if (common->user && !common->password_file) {
                return error_set(err, EINVAL, "coordinator: a user of etcd needs a password_file");
        }
        static const struct worker_limits limits = {
                .name = "etcd", .max_threads = 2, .max_queue = 64, .max_stuck = 4};
        int r = worker_pool_new(&etcd->pool, common->loop, &limits, err);
        r = r < 0 ? r : http_client_new(&etcd->client, common->loop, NULL, err);
        if (r < 0) {
                etcd_close(common);
        }
        return r;
}

const struct coordinator_operations coordinator_etcd = {
        .coordinator_size = sizeof(struct etcd),
        .seat_size = sizeof(struct etcd_seat),
        .open = etcd_open,
        .close = etcd_close,
        .join = etcd_join,
        .leave = etcd_leave,
        .wish = etcd_wish,
};
