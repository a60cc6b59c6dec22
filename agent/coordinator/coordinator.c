#include "coordinator/coordinator.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/seat.h"

static const struct coordinator_operations *const kinds[] = {
        [COORDINATOR_LOCAL] = &coordinator_local,
#ifdef WITH_ZOOKEEPER
        [COORDINATOR_ZOOKEEPER] = &coordinator_zookeeper,
#endif
        [COORDINATOR_ETCD] = &coordinator_etcd,
};

/* ---- the coordinator ---- */

static int copy_text(char **to, const char *from) {
        if (from) {
                *to = strdup(from);
        }
        return from && !*to ? -ENOMEM : 0;
}

size_t coordinator_setting_length(const char *text) {
        size_t length = strlen(text);
        while (length > 1 && text[length - 1] == '/') {
                length--;
        }
        return length;
}

static void drop_slashes(char *text) {
        if (text) {
                text[coordinator_setting_length(text)] = '\0';
        }
}

static int copy_servers(struct coordinator *coordinator, const struct strings *servers) {
        coordinator->servers = calloc(servers->count + 1, sizeof(*coordinator->servers));
        if (!coordinator->servers) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < servers->count; i++) {
                int r = copy_text(&coordinator->servers[i], servers->items[i]);
                if (r < 0) {
                        return r;
                }
                drop_slashes(coordinator->servers[i]);
                coordinator->n_servers++;
        }
        return 0;
}

static int copy_settings(struct coordinator *coordinator, const struct coordinator_spec *spec,
        const struct coordinator_folders *folders) {
        struct {
                char **to;
                const char *from;
        } texts[] = {
                {&coordinator->root, spec->root},
                {&coordinator->user, spec->user},
                {&coordinator->password_file, spec->password_file},
                {&coordinator->ca_file, spec->ca_file},
                {&coordinator->cert_file, spec->cert_file},
                {&coordinator->key_file, spec->key_file},
                {&coordinator->state, folders->state},
                {&coordinator->runtime, folders->runtime},
        };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                int r = copy_text(texts[i].to, texts[i].from);
                if (r < 0) {
                        return r;
                }
        }
        drop_slashes(coordinator->root);
        return copy_servers(coordinator, &spec->servers);
}

static void free_settings(struct coordinator *coordinator) {
        for (size_t i = 0; i < coordinator->n_servers; i++) {
                free(coordinator->servers[i]);
        }
        free(coordinator->servers);
        free(coordinator->root);
        free(coordinator->user);
        free(coordinator->password_file);
        free(coordinator->ca_file);
        free(coordinator->cert_file);
        free(coordinator->key_file);
        free(coordinator->state);
        free(coordinator->runtime);
}

static const struct coordinator_operations *operations_of(int kind) {
        return kind >= 0 && (size_t) kind < ELEMENTSOF(kinds) ? kinds[kind] : NULL;
}

int coordinator_open(struct coordinator **ret, struct loop *loop,
        const struct coordinator_spec *spec, const struct coordinator_folders *folders,
        struct error *err) {
        const struct coordinator_operations *operations = operations_of(spec->kind);
        if (!operations) {
                return error_set(err, EINVAL, "this recoverd was built without the coordinator %s",
                        coordinator_kind_text((enum coordinator_kind) spec->kind));
        }
        struct coordinator *coordinator = calloc(1, operations->coordinator_size);
        if (!coordinator) {
                return error_set_errno(err, ENOMEM, "a coordinator");
        }
        coordinator->operations = operations;
        coordinator->loop = loop;
        list_init(&coordinator->seats);
        int r = copy_settings(coordinator, spec, folders);
        r = r < 0 ? error_set_errno(err, -r, "a coordinator") : operations->open(coordinator, err);
        if (r < 0) {
                free_settings(coordinator);
                free(coordinator);
                return r;
        }
        *ret = coordinator;
        return 0;
}

/* Whether a setting is still the same; the slashes at its end do not count. */
static bool is_text(const char *mine, const char *written) {
        size_t length = written ? coordinator_setting_length(written) : 0;
        return !mine || !written ? !mine && !written
                                 : strncmp(mine, written, length) == 0 && !mine[length];
}

bool coordinator_is(const struct coordinator *coordinator, const struct coordinator_spec *spec) {
        bool same = coordinator->operations == operations_of(spec->kind) &&
                    coordinator->n_servers == spec->servers.count &&
                    is_text(coordinator->root, spec->root) &&
                    is_text(coordinator->user, spec->user) &&
                    is_text(coordinator->password_file, spec->password_file) &&
                    is_text(coordinator->ca_file, spec->ca_file) &&
                    is_text(coordinator->cert_file, spec->cert_file) &&
                    is_text(coordinator->key_file, spec->key_file);
        for (uint32_t i = 0; same && i < spec->servers.count; i++) {
                same = is_text(coordinator->servers[i], spec->servers.items[i]);
        }
        return same;
}

void coordinator_close(struct coordinator *coordinator) {
        if (!coordinator) {
                return;
        }
        assert(list_empty(&coordinator->seats));
        coordinator->operations->close(coordinator);
        free_settings(coordinator);
        free(coordinator);
}

/* ---- a seat ---- */

static void on_change(void *cookie) {
        struct seat *seat = cookie;
        seat->on_change(seat->cookie);
}

static void on_expiry(void *cookie) {
        struct seat *seat = cookie;
        struct lease_view view = seat->view;
        seat_update(seat, &view);
}

static int name_seat(struct seat *seat, const struct seat_request *request, struct error *err) {
        if (!str_copy(seat->group, sizeof(seat->group), request->group) ||
                !str_copy(seat->member, sizeof(seat->member), request->member)) {
                return error_set(err, EINVAL,
                        "group %s: the name of the group or of its member %s "
                        "is too long",
                        request->group, request->member);
        }
        if (str_empty(request->group) || str_empty(request->member) ||
                strpbrk(request->member, " \n") || strpbrk(request->group, " /\n")) {
                return error_set(err, EINVAL,
                        "group \"%s\": neither its name nor \"%s\" may be empty "
                        "or have blanks in it",
                        request->group, request->member);
        }
        if (request->places > COORDINATION_PLACES_MAX) {
                return error_set(err, EINVAL, "group %s: its lease has at most %d places",
                        seat->group, COORDINATION_PLACES_MAX);
        }
        if (request->lease < SEAT_LEASE_MIN) {
                return error_set(err, EINVAL, "group %s: a lease takes at least 1s", seat->group);
        }
        return 0;
}

int coordinator_join(struct coordinator *coordinator, const struct seat_request *request,
        struct seat **ret, struct error *err) {
        AUTO_FREE struct seat *seat = calloc(1, coordinator->operations->seat_size);
        if (!seat || loop_timer_init(&seat->expiry, coordinator->loop, on_expiry, seat) < 0) {
                return error_set_errno(err, ENOMEM, "group %s", request->group);
        }
        seat->coordinator = coordinator;
        seat->lease = request->lease;
        seat->places = request->places > 0 ? request->places : 1;
        seat->on_change = request->on_change;
        seat->cookie = request->cookie;
        loop_defer_init(&seat->change, coordinator->loop, on_change, seat);
        int r = name_seat(seat, request, err);
        if (r == 0) {
                list_append(&coordinator->seats, &seat->node);
                r = coordinator->operations->join(seat, err);
        }
        if (r < 0) {
                list_remove(&seat->node);
                loop_timer_done(&seat->expiry);
                return r;
        }
        *ret = TAKE_PTR(seat);
        return 0;
}

void seat_leave(struct seat *seat) {
        if (!seat) {
                return;
        }
        seat->coordinator->operations->leave(seat);
        list_remove(&seat->node);
        loop_timer_done(&seat->expiry);
        loop_defer_cancel(&seat->change);
        free(seat);
}

void seat_want(struct seat *seat, bool want) {
        if (seat->wish.want != want) {
                seat->wish.want = want;
                seat->coordinator->operations->wish(seat);
        }
}

void seat_mark(struct seat *seat, bool active) {
        if (seat->wish.active != active) {
                seat->wish.active = active;
                seat->coordinator->operations->wish(seat);
        }
}

void seat_release(struct seat *seat, const char *to) {
        seat->wish.want = false;
        seat->wish.release = true;
        (void) str_copy(seat->wish.release_to, sizeof(seat->wish.release_to), to ? to : "");
        seat->coordinator->operations->wish(seat);
}

void seat_publish(struct seat *seat, const char *text) {
        char line[COORDINATION_TEXT_MAX];
        (void) str_copy(line, sizeof(line), text);
        str_make_printable(line);
        if (!str_eq(seat->wish.text, line)) {
                (void) str_copy(seat->wish.text, sizeof(seat->wish.text), line);
                seat->coordinator->operations->wish(seat);
        }
}

const struct lease_view *seat_view(const struct seat *seat) {
        return &seat->view;
}

/* ---- what a kind of coordinator found out ---- */

static bool peers_equal(const struct lease_view *a, const struct lease_view *b) {
        if (a->n_peers != b->n_peers) {
                return false;
        }
        for (size_t i = 0; i < a->n_peers; i++) {
                if (!str_eq(a->peers[i].member, b->peers[i].member) ||
                        !str_eq(a->peers[i].text, b->peers[i].text)) {
                        return false;
                }
        }
        return true;
}

static bool places_equal(const struct lease_view *a, const struct lease_view *b) {
        bool equal = a->n_places == b->n_places;
        for (size_t i = 0; equal && i < a->n_places; i++) {
                equal = str_eq(a->places[i], b->places[i]);
        }
        return equal;
}

static bool changes_equal(const struct lease_view *a, const struct lease_view *b) {
        return a->n_changes == b->n_changes &&
               memcmp(a->changes, b->changes, a->n_changes * sizeof(a->changes[0])) == 0;
}

static bool views_equal(const struct lease_view *a, const struct lease_view *b) {
        return a->standing == b->standing && a->token == b->token && a->granted == b->granted &&
               a->session == b->session && a->usable_until == b->usable_until &&
               str_eq(a->holder, b->holder) && a->last_token == b->last_token &&
               str_eq(a->last, b->last) && str_eq(a->why, b->why) && places_equal(a, b) &&
               changes_equal(a, b) && peers_equal(a, b);
}

void seat_update(struct seat *seat, const struct lease_view *view) {
        struct lease_view before = seat->view;
        seat->view = *view;
        if (view->standing == LEASE_OURS && view->usable_until <= clock_now().mono) {
                seat->view.standing = LEASE_UNKNOWN;
        }
        if (seat->view.standing != LEASE_OURS) {
                seat->view.usable_until = 0;
        }
        loop_timer_set(&seat->expiry,
                seat->view.standing == LEASE_OURS ? seat->view.usable_until : USEC_INFINITY);
        if (!views_equal(&before, &seat->view)) {
                loop_defer_schedule(&seat->change);
        }
}

void seat_update_session(struct seat *seat, enum coordinator_session session, const char *why) {
        struct lease_view view = seat->view;
        view.session = session;
        (void) str_copy(view.why, sizeof(view.why), why);
        if (view.standing != LEASE_OURS) {
                view.standing = LEASE_UNKNOWN;
        }
        seat_update(seat, &view);
}

void seat_read_last(const char *text, struct lease_view *view) {
        char *end = NULL;
        errno = 0;
        uint64_t token = strtoull(text, &end, 10);
        if (errno == 0 && end != text && *end == ' ' && end[1]) {
                view->last_token = token;
                (void) str_copy(view->last, sizeof(view->last), end + 1);
        }
}

void seat_write_last(uint64_t token, const char *member, char text[SEAT_LAST_MAX]) {
        (void) snprintf(text, SEAT_LAST_MAX, "%" PRIu64 " %s", token, member);
}

void seat_released(struct seat *seat) {
        seat->wish.release = false;
        seat->wish.release_to[0] = '\0';
}
