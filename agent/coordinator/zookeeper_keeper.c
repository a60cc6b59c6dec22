#include "coordinator/zookeeper_keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/cleanup.h"

enum { EPHEMERAL = 1, SEQUENCE = 2, ROUNDS_MAX = 8 };

#define MARK "-lease-" /* between GUID and number */

/* The member was told to mend something, and this is tried again. */
static int refuse(const struct zk_keeper *keeper, int code, const char *path, struct error *err) {
        return zk_explain(&keeper->session, code, path, err);
}

void zk_keeper_draw_guid(struct zk_keeper *keeper) {
        uint64_t number[2] = {clock_now().mono, (uint64_t) (uintptr_t) keeper};
        (void) getrandom(number, sizeof(number), 0);
        (void) snprintf(keeper->guid, sizeof(keeper->guid), "%016" PRIx64 "%016" PRIx64, number[0],
                number[1]);
}

/* ---- the tree ---- */

static int ensure(struct zk_keeper *keeper, const char *path, struct error *err) {
        int code = zk_create(&keeper->session, path, "", 0);
        return code == ZOK || code == ZNODEEXISTS ? ZOK : refuse(keeper, code, path, err);
}

static int prepare(struct zk_keeper *keeper, struct error *err) {
        static const char *const parts[] = {"members", "lease", "beats", "next", "last", "changes"};
        char path[ZK_PATH_MAX] = "";
        int code = zk_make_path(&keeper->session, keeper->base, path);
        code = refuse(keeper, code, path, err);
        for (size_t i = 0; code == ZOK && i < ELEMENTSOF(parts); i++) {
                bool open_to_all = false;
                (void) snprintf(path, sizeof(path), "%.400s/%s", keeper->base, parts[i]);
                code = ensure(keeper, path, err);
                if (code == ZOK) {
                        code = zk_is_open(&keeper->session, path, &open_to_all);
                        code = code == ZOK ? ZOK : refuse(keeper, code, path, err);
                }
                if (open_to_all) {
                        (void) error_set(err, EPERM,
                                "%s: anybody may change it; remove it, or give it an ACL of the "
                                "user alone",
                                path);
                        return ZINVALIDACL;
                }
        }
        keeper->prepared = code == ZOK;
        return code;
}

/* "HOST/SERVICE" as the name of a node, and back. */
static void member_path(const struct zk_keeper *keeper, const char *part, const char *member,
        char path[ZK_PATH_MAX]) {
        char name[COORDINATION_MEMBER_MAX];
        member_path_name(member, name);
        (void) snprintf(path, ZK_PATH_MAX, "%.300s/%s/%s", keeper->base, part, name);
}

static bool is_own(const struct zk_keeper *keeper, const struct Stat *stat) {
        const struct zk_session *session = &keeper->session;
        return stat->ephemeralOwner ==
               session->settings->library->client_id(session->handle)->client_id;
}

/* Takes part under its name, or finds that somebody else does. */
static int sit_down(struct zk_keeper *keeper, const char *text, struct error *err) {
        char path[ZK_PATH_MAX], data[ZK_DATA_MAX];
        struct Stat stat;
        member_path(keeper, "members", keeper->member, path);
        int code = zk_create(&keeper->session, path, text, EPHEMERAL);
        if (code == ZNODEEXISTS) {
                code = zk_get(&keeper->session, path, true, data, &stat);
                if (code == ZOK && !is_own(keeper, &stat)) {
                        (void) error_set(err, EEXIST,
                                "another takes part in group %s as %s: two hosts have the same "
                                "name, or an agent that ended here is not forgotten yet",
                                keeper->group, keeper->member);
                        return ZNODEEXISTS;
                }
                code = code == ZOK ? zk_set(&keeper->session, path, text, ZK_ANY_VERSION) : code;
        }
        if (code == ZOK) {
                keeper->seated = true;
                (void) str_copy(keeper->text, sizeof(keeper->text), text);
        }
        return code == ZNONODE ? ZCONNECTIONLOSS : refuse(keeper, code, path, err);
}

/* ---- peers ---- */

static int compare_peers(const void *a, const void *b) {
        const struct lease_peer *left = a, *right = b;
        return strcmp(left->member, right->member);
}

static int look_at_peer(struct zk_keeper *keeper, const char *name, struct lease_view *view) {
        char member[COORDINATION_MEMBER_MAX], path[ZK_PATH_MAX], data[ZK_DATA_MAX];
        if (!str_copy(member, sizeof(member), name)) {
                return ZOK; /* not one of ours */
        }
        for (char *colon = member; (colon = strchr(colon, ':'));) {
                *colon = '/';
        }
        if (str_eq(member, keeper->member) || view->n_peers == ELEMENTSOF(view->peers)) {
                return ZOK;
        }
        member_path(keeper, "members", member, path);
        int code = zk_get(&keeper->session, path, true, data, NULL);
        if (code == ZOK) {
                struct lease_peer *peer = &view->peers[view->n_peers++];
                (void) str_copy(peer->member, sizeof(peer->member), member);
                (void) str_copy(peer->text, sizeof(peer->text), data);
        }
        return code == ZNONODE ? ZOK : code;
}

static int look_at_peers(struct zk_keeper *keeper, struct lease_view *view, struct error *err) {
        AUTO_STRBUF struct strbuf names = {0};
        char path[ZK_PATH_MAX];
        (void) snprintf(path, sizeof(path), "%.400s/members", keeper->base);
        int code = zk_children(&keeper->session, path, &names);
        for (char *rest = names.data, *name; code == ZOK && (name = strsep(&rest, "\n"));) {
                code = *name ? look_at_peer(keeper, name, view) : ZOK;
        }
        qsort(view->peers, view->n_peers, sizeof(view->peers[0]), compare_peers);
        return refuse(keeper, code, path, err);
}

static bool takes_part(const struct lease_view *view, const char *member) {
        for (size_t i = 0; i < view->n_peers; i++) {
                if (str_eq(view->peers[i].member, member)) {
                        return true;
                }
        }
        return false;
}

/* ---- the queue ---- */

struct queue {
        struct {
                char path[ZK_PATH_MAX];
                uint64_t number;
        } lowest[COORDINATION_PLACES_MAX]; /* those that have a place, in order */
        size_t n_lowest;
        bool has_place; /* ours is among them */
        char own[ZK_PATH_MAX]; /* "": none */
};

static uint64_t number_of(const char *name) {
        const char *mark = strstr(name, MARK);
        return mark ? strtoull(mark + strlen(MARK), NULL, 10) : UINT64_MAX;
}

/* Keeps the lowest, as many as there are places. */
static void insert(struct queue *queue, size_t places, const char *path, uint64_t number) {
        size_t at = queue->n_lowest;
        while (at > 0 && queue->lowest[at - 1].number > number) {
                at--;
        }
        if (at == places) {
                return;
        }
        queue->n_lowest += queue->n_lowest < places;
        memmove(&queue->lowest[at + 1], &queue->lowest[at],
                (queue->n_lowest - at - 1) * sizeof(queue->lowest[0]));
        (void) str_copy(queue->lowest[at].path, sizeof(queue->lowest[at].path), path);
        queue->lowest[at].number = number;
}

static void find_own_place(struct queue *queue) {
        for (size_t i = 0; *queue->own && i < queue->n_lowest; i++) {
                queue->has_place = queue->has_place || str_eq(queue->own, queue->lowest[i].path);
        }
}

static int look_at_queue(struct zk_keeper *keeper, struct queue *queue, struct error *err) {
        AUTO_STRBUF struct strbuf names = {0};
        char path[ZK_PATH_MAX], node[ZK_PATH_MAX];
        queue->n_lowest = 0;
        queue->has_place = false;
        queue->own[0] = '\0';
        (void) snprintf(path, sizeof(path), "%.300s/lease", keeper->base);
        int code = zk_children(&keeper->session, path, &names);
        for (char *rest = names.data, *name; code == ZOK && (name = strsep(&rest, "\n"));) {
                uint64_t number = number_of(name);
                if (number == UINT64_MAX) {
                        continue;
                }
                (void) snprintf(node, sizeof(node), "%.300s/%.200s", path, name);
                insert(queue, keeper->places, node, number);
                if (str_starts(name, keeper->guid)) {
                        (void) str_copy(queue->own, sizeof(queue->own), node);
                }
        }
        find_own_place(queue);
        (void) str_copy(keeper->node, sizeof(keeper->node), queue->own);
        return refuse(keeper, code, path, err);
}

static int enqueue(struct zk_keeper *keeper, struct error *err) {
        char path[ZK_PATH_MAX];
        (void) snprintf(path, sizeof(path), "%.400s/lease/%s" MARK, keeper->base, keeper->guid);
        int code = zk_create(&keeper->session, path, keeper->member, EPHEMERAL | SEQUENCE);
        return refuse(keeper, code, path, err);
}

static int leave_queue(struct zk_keeper *keeper, const char *node, struct error *err) {
        int code = zk_delete(&keeper->session, node);
        return code == ZNONODE ? ZOK : refuse(keeper, code, node, err);
}

/* ---- the nodes with a line of their own ---- */

static int read_line(
        struct zk_keeper *keeper, const char *name, char data[ZK_DATA_MAX], struct error *err) {
        char path[ZK_PATH_MAX];
        (void) snprintf(path, sizeof(path), "%.400s/%s", keeper->base, name);
        return refuse(keeper, zk_get(&keeper->session, path, true, data, NULL), path, err);
}

static int write_line(
        struct zk_keeper *keeper, const char *name, const char *text, struct error *err) {
        char path[ZK_PATH_MAX];
        (void) snprintf(path, sizeof(path), "%.400s/%s", keeper->base, name);
        return refuse(keeper, zk_set(&keeper->session, path, text, ZK_ANY_VERSION), path, err);
}

/* ---- hand-over ---- */

static int look_at_next(struct zk_keeper *keeper, struct error *err) {
        char data[ZK_DATA_MAX];
        int code = read_line(keeper, "next", data, err);
        if (code == ZOK && !str_eq(data, keeper->next)) {
                memcpy(keeper->next, data, sizeof(data));
                keeper->next_since = clock_now().mono;
        }
        return code;
}

/* Whether it is to be left to another member for now. Who has the lease ends that. */
static bool is_left_to_another(struct zk_keeper *keeper, const struct lease_view *view) {
        usec_t end = usec_add(keeper->next_since, HAND_OVER_PATIENCE);
        if (!*keeper->next || str_eq(keeper->next, keeper->member) ||
                !takes_part(view, keeper->next) || clock_now().mono >= end) {
                return false;
        }
        keeper->due = end;
        return true;
}

/* ---- who was active last ---- */

static int look_at_last(struct zk_keeper *keeper, struct lease_view *view, struct error *err) {
        char data[ZK_DATA_MAX];
        int code = read_line(keeper, "last", data, err);
        if (code == ZOK) {
                seat_read_last(data, view);
        }
        return code;
}

/* The session that writes it is the one that the lease is held with, so both end together. */
static int mark(struct zk_keeper *keeper, struct lease_view *view, struct error *err) {
        char text[SEAT_LAST_MAX];
        if (view->standing != LEASE_OURS || view->last_token == view->token) {
                return ZOK;
        }
        seat_write_last(view->token, keeper->member, text);
        int code = write_line(keeper, "last", text, err);
        if (code == ZOK) {
                seat_read_last(text, view);
        }
        return code;
}

/* ---- how often another member got the lease ---- */

static int look_at_changes(struct zk_keeper *keeper, struct error *err) {
        char data[ZK_DATA_MAX];
        int code = read_line(keeper, "changes", data, err);
        if (code == ZOK) {
                (void) str_copy(keeper->changes, sizeof(keeper->changes), data);
                lease_changes_read(keeper->changes, &keeper->view);
        }
        return code;
}

/* By whoever has the lease, so that nobody else writes it meanwhile. */
static int note_change(struct zk_keeper *keeper, struct error *err) {
        if (keeper->view.standing != LEASE_OURS || keeper->places > 1 ||
                !lease_changes_add(keeper->changes, keeper->member, clock_now().wall)) {
                return ZOK;
        }
        int code = write_line(keeper, "changes", keeper->changes, err);
        if (code == ZOK) {
                lease_changes_read(keeper->changes, &keeper->view);
        }
        return code;
}

/* ---- what is to be done ---- */

static int give_back(struct zk_keeper *keeper, const struct seat_wish *wish, const char *node,
        struct error *err) {
        bool hand_over = keeper->holding && *wish->release_to;
        int code = hand_over ? write_line(keeper, "next", wish->release_to, err) : ZOK;
        keeper->holding = false;
        return code == ZOK ? leave_queue(keeper, node, err) : code;
}

/* ZOK and *ret_again: something was done, look again. */
static int act(struct zk_keeper *keeper, const struct seat_wish *wish, const struct queue *queue,
        bool *ret_again, struct error *err) {
        bool another =
                !keeper->holding && !keeper->resumed && is_left_to_another(keeper, &keeper->view);
        bool wait = wish->want && !wish->release && !another;
        *ret_again = true;
        if (*queue->own && wish->release) {
                return give_back(keeper, wish, queue->own, err);
        }
        /* A lease that an agent left behind here is kept without a wish. */
        if (*queue->own && !wait && !keeper->holding && !(queue->has_place && keeper->resumed)) {
                return leave_queue(keeper, queue->own, err);
        }
        if (!*queue->own && wait) {
                return enqueue(keeper, err);
        }
        *ret_again = false;
        return ZOK;
}

/* Who has a place. ZNONODE: one of them has just gone. */
static int look_at_places(struct zk_keeper *keeper, const struct queue *queue,
        struct lease_view *view, struct error *err) {
        char holder[ZK_DATA_MAX];
        struct Stat stat;
        for (size_t i = 0; i < queue->n_lowest; i++) {
                const char *path = queue->lowest[i].path;
                int code = zk_get(&keeper->session, path, false, holder, &stat);
                if (code != ZOK) {
                        return code == ZNONODE ? code : refuse(keeper, code, path, err);
                }
                if (i == 0 || str_eq(queue->own, path)) {
                        view->token = (uint64_t) stat.czxid;
                        (void) str_copy(view->holder, sizeof(view->holder), holder);
                }
                (void) str_copy(view->places[view->n_places++], COORDINATION_MEMBER_MAX, holder);
        }
        return ZOK;
}

/* Whether the lease is ours; ZNONODE: look again. It counts from a write that was completed after
 * it was. */
static int conclude(struct zk_keeper *keeper, const struct queue *queue, struct lease_view *view,
        struct error *err) {
        view->standing = LEASE_FREE;
        if (queue->n_lowest == 0) {
                keeper->holding = false;
                return ZOK;
        }
        int code = look_at_places(keeper, queue, view, err);
        if (code != ZOK) {
                return code;
        }
        keeper->holding = queue->has_place;
        if (keeper->holding || queue->n_lowest == keeper->places) {
                view->standing = keeper->holding ? LEASE_OURS : LEASE_OTHER;
        } else {
                view->holder[0] = '\0';
        }
        if (keeper->holding && *keeper->next) {
                code = write_line(keeper, "next", "", err);
        }
        return code == ZOK ? zk_keeper_beat(keeper) : code;
}

static int check_timeout(const struct zk_keeper *keeper, struct error *err) {
        usec_t granted = zk_session_timeout(&keeper->session);
        if (granted >= keeper->lease) {
                return ZOK;
        }
        (void) error_set(err, ERANGE,
                "the ensemble grants sessions of %" PRIu64 "ms at most, but the lease of group %s "
                "is %" PRIu64 "ms: raise its maxSessionTimeout, or shorten the lease",
                granted / USEC_PER_MSEC, keeper->group, keeper->lease / USEC_PER_MSEC);
        return ZBADARGUMENTS;
}

/* Who has a place before what the others say: who gave one back has said before how it is. */
static int look_round(struct zk_keeper *keeper, struct queue *queue, struct error *err) {
        keeper->view = (struct lease_view){.session = SESSION_CONNECTED};
        keeper->view.granted = zk_session_timeout(&keeper->session);
        int code = look_at_queue(keeper, queue, err);
        code = code == ZOK ? look_at_peers(keeper, &keeper->view, err) : code;
        code = code == ZOK ? look_at_last(keeper, &keeper->view, err) : code;
        code = code == ZOK ? look_at_changes(keeper, err) : code;
        return code == ZOK ? look_at_next(keeper, err) : code;
}

int zk_keeper_settle(struct zk_keeper *keeper, const struct seat_wish *wish, bool *ret_released,
        struct error *err) {
        struct queue queue = {0};
        bool again = true;
        keeper->due = USEC_INFINITY;
        int code = check_timeout(keeper, err);
        if (code == ZOK && !keeper->prepared) {
                code = prepare(keeper, err);
        }
        if (code == ZOK && (!keeper->seated || !str_eq(keeper->text, wish->text))) {
                code = sit_down(keeper, wish->text, err);
        }
        for (int round = 0; code == ZOK && again && round < ROUNDS_MAX; round++) {
                code = look_round(keeper, &queue, err);
                code = code == ZOK ? act(keeper, wish, &queue, &again, err) : code;
                if (code == ZOK && !again) {
                        code = conclude(keeper, &queue, &keeper->view, err);
                        again = code == ZNONODE;
                        code = again ? ZOK : code;
                }
        }
        code = code == ZOK && again ? ZOPERATIONTIMEOUT : code; /* it never stood still */
        code = code == ZOK ? note_change(keeper, err) : code;
        code = code == ZOK && wish->active ? mark(keeper, &keeper->view, err) : code;
        keeper->resumed = keeper->resumed && code != ZOK;
        *ret_released = code == ZOK && !*queue.own;
        return code;
}

int zk_keeper_beat(struct zk_keeper *keeper) {
        char path[ZK_PATH_MAX];
        struct zk_session *session = &keeper->session;
        member_path(keeper, "beats", keeper->member, path);
        int code = zk_set(
                session, *keeper->node ? keeper->node : path, keeper->member, ZK_ANY_VERSION);
        if (code == ZNONODE && !*keeper->node) {
                code = zk_create(session, path, keeper->member, EPHEMERAL);
        }
        keeper->view.usable_until =
                keeper->view.standing == LEASE_OURS ? zk_session_usable_until(session) : 0;
        return code;
}
