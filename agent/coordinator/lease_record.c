#include "coordinator/lease_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

#define FIRST_LINE "recoverd-lease 1"

/* ---- text ---- */

static bool read_moment(const char **text, usec_t *ret) {
        char *end;
        if (**text < '0' || **text > '9') {
                return false;
        }
        errno = 0;
        *ret = strtoull(*text, &end, 10);
        *text = end + (*end == ' ');
        return errno == 0;
}

static bool read_holder(const char *rest, struct lease_record *record) {
        struct lease_holder holder = {0};
        if (record->n_holders == ELEMENTSOF(record->holders) ||
                !read_moment(&rest, &holder.until) || !*rest ||
                !str_copy(holder.member, sizeof(holder.member), rest)) {
                return false;
        }
        record->holders[record->n_holders++] = holder;
        return true;
}

static bool read_guest(const char *rest, struct lease_record *record) {
        struct lease_guest guest = {0};
        if (record->n_guests == ELEMENTSOF(record->guests) || !read_moment(&rest, &guest.until)) {
                return false;
        }
        size_t length = strcspn(rest, " ");
        if (length == 0 || length >= sizeof(guest.member) || rest[length] != ' ') {
                return false;
        }
        memcpy(guest.member, rest, length);
        (void) str_copy(guest.text, sizeof(guest.text), rest + length + 1);
        record->guests[record->n_guests++] = guest;
        return true;
}

/* "KEY REST". Unknown keys are those of a version that this one must not overwrite. */
static bool read_line(const char *line, struct lease_record *record) {
        const char *space = strchr(line, ' ');
        if (!space) {
                return false;
        }
        const char *rest = space + 1;
        if (str_starts(line, "boot ")) {
                return str_copy(record->boot, sizeof(record->boot), rest);
        }
        if (str_starts(line, "token ")) {
                return read_moment(&rest, &record->token) && !*rest;
        }
        if (str_starts(line, "holder ")) {
                return read_holder(rest, record);
        }
        if (str_starts(line, "next ")) {
                return read_moment(&rest, &record->next_until) && *rest &&
                       str_copy(record->next, sizeof(record->next), rest);
        }
        return str_starts(line, "member ") && read_guest(rest, record);
}

int lease_record_parse(const char *text, struct lease_record *ret, struct error *err) {
        struct lease_record record = {0};
        AUTO_FREE char *copy = strdup(text);
        if (!copy) {
                return error_set_errno(err, ENOMEM, "a lease");
        }
        unsigned number = 0;
        for (char *rest = copy, *line; (line = strsep(&rest, "\n")) && (rest || *line);) {
                number++;
                if (number == 1 ? !str_eq(line, FIRST_LINE) : !read_line(line, &record)) {
                        return error_set(err, EBADMSG, "line %u is not of a lease", number);
                }
        }
        *ret = record;
        return 0;
}

int lease_record_format(const struct lease_record *record, char **ret) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_addf(
                &text, FIRST_LINE "\nboot %s\ntoken %" PRIu64 "\n", record->boot, record->token);
        for (size_t i = 0; i < record->n_holders; i++) {
                strbuf_addf(&text, "holder %" PRIu64 " %s\n", record->holders[i].until,
                        record->holders[i].member);
        }
        if (*record->next) {
                strbuf_addf(&text, "next %" PRIu64 " %s\n", record->next_until, record->next);
        }
        for (size_t i = 0; i < record->n_guests; i++) {
                const struct lease_guest *guest = &record->guests[i];
                strbuf_addf(&text, "member %" PRIu64 " %s %s\n", guest->until, guest->member,
                        guest->text);
        }
        *ret = strbuf_take(&text);
        return *ret ? 0 : -ENOMEM;
}

/* ---- a visit ---- */

static struct lease_holder *find_holder(struct lease_record *record, const char *member) {
        for (size_t i = 0; i < record->n_holders; i++) {
                if (str_eq(record->holders[i].member, member)) {
                        return &record->holders[i];
                }
        }
        return NULL;
}

/* The others keep their order. */
static void remove_holder(struct lease_record *record, struct lease_holder *holder) {
        size_t behind = (size_t) (record->holders + --record->n_holders - holder);
        memmove(holder, holder + 1, behind * sizeof(*holder));
}

static void clear_next(struct lease_record *record) {
        record->next[0] = '\0';
        record->next_until = 0;
}

static struct lease_guest *find_guest(struct lease_record *record, const char *member) {
        for (size_t i = 0; i < record->n_guests; i++) {
                if (str_eq(record->guests[i].member, member)) {
                        return &record->guests[i];
                }
        }
        return NULL;
}

static void remove_guest(struct lease_record *record, struct lease_guest *guest) {
        *guest = record->guests[--record->n_guests];
}

/* What ran before the last boot does not run any more. */
static void begin_boot(struct lease_record *record, const char *boot) {
        struct lease_record before = *record;
        *record = (struct lease_record){.token = before.token};
        (void) str_copy(record->last, sizeof(record->last), before.last);
        (void) str_copy(record->changes, sizeof(record->changes), before.changes);
        (void) str_copy(record->boot, sizeof(record->boot), boot);
}

static void let_run_out(struct lease_record *record, usec_t now) {
        for (size_t i = record->n_holders; i-- > 0;) {
                if (record->holders[i].until <= now) {
                        remove_holder(record, &record->holders[i]);
                }
        }
        for (size_t i = record->n_guests; i-- > 0;) {
                if (record->guests[i].until <= now) {
                        remove_guest(record, &record->guests[i]);
                }
        }
        if (record->next_until <= now || !find_guest(record, record->next)) {
                clear_next(record);
        }
}

static int sit_down(struct lease_record *record, const struct lease_visit *visit, usec_t now,
        struct error *err) {
        struct lease_guest *guest = find_guest(record, visit->member);
        if (!guest && record->n_guests == ELEMENTSOF(record->guests)) {
                return error_set(err, ENOSPC, "%zu members take part already", record->n_guests);
        }
        guest = guest ? guest : &record->guests[record->n_guests++];
        guest->until = usec_add(now, visit->lease);
        (void) str_copy(guest->member, sizeof(guest->member), visit->member);
        (void) str_copy(guest->text, sizeof(guest->text), visit->wish.text);
        return 0;
}

static void give_back(struct lease_record *record, struct lease_holder *holder,
        const struct seat_wish *wish, usec_t now) {
        remove_holder(record, holder);
        clear_next(record);
        if (*wish->release_to) {
                (void) str_copy(record->next, sizeof(record->next), wish->release_to);
                record->next_until = usec_add(now, HAND_OVER_PATIENCE);
        }
}

static bool may_take(const struct lease_record *record, const struct lease_visit *visit) {
        return visit->wish.want && record->n_holders < visit->places &&
               (!*record->next || str_eq(record->next, visit->member));
}

int lease_record_visit(struct lease_record *record, const struct lease_visit *visit, usec_t now,
        struct error *err) {
        if (!str_eq(record->boot, visit->boot)) {
                begin_boot(record, visit->boot);
        }
        let_run_out(record, now);
        if (visit->leaving) {
                struct lease_guest *guest = find_guest(record, visit->member);
                if (guest) {
                        remove_guest(record, guest);
                }
                return 0;
        }
        int r = sit_down(record, visit, now, err);
        if (r < 0) {
                return r;
        }
        struct lease_holder *ours = find_holder(record, visit->member);
        if (ours && visit->wish.release) {
                give_back(record, ours, &visit->wish, now);
        } else if (ours) {
                ours->until = usec_add(now, visit->lease);
                if (visit->wish.active) {
                        seat_write_last(record->token, visit->member, record->last);
                }
        } else if (may_take(record, visit)) {
                ours = &record->holders[record->n_holders++];
                (void) str_copy(ours->member, sizeof(ours->member), visit->member);
                ours->until = usec_add(now, visit->lease);
                record->token++;
                clear_next(record);
                if (visit->places == 1) {
                        (void) lease_changes_add(record->changes, visit->member, visit->wall);
                }
        }
        return 0;
}

static int compare_peers(const void *a, const void *b) {
        const struct lease_peer *left = a, *right = b;
        return strcmp(left->member, right->member);
}

void lease_record_view(const struct lease_record *record, const struct lease_visit *visit,
        struct lease_view *ret) {
        *ret = (struct lease_view){
                .standing = record->n_holders < visit->places ? LEASE_FREE : LEASE_OTHER,
                .token = record->n_holders > 0 ? record->token : 0,
                .granted = visit->lease,
                .session = SESSION_CONNECTED,
        };
        for (size_t i = 0; i < record->n_holders; i++) {
                const struct lease_holder *holder = &record->holders[i];
                (void) str_copy(
                        ret->places[ret->n_places++], COORDINATION_MEMBER_MAX, holder->member);
                if (str_eq(holder->member, visit->member)) {
                        ret->standing = LEASE_OURS;
                        ret->usable_until = holder->until;
                }
        }
        if (ret->standing != LEASE_FREE) {
                (void) str_copy(ret->holder, sizeof(ret->holder),
                        ret->standing == LEASE_OURS ? visit->member : ret->places[0]);
        }
        seat_read_last(record->last, ret);
        lease_changes_read(record->changes, ret);
        for (size_t i = 0; i < record->n_guests; i++) {
                const struct lease_guest *guest = &record->guests[i];
                if (!str_eq(guest->member, visit->member)) {
                        struct lease_peer *peer = &ret->peers[ret->n_peers++];
                        (void) str_copy(peer->member, sizeof(peer->member), guest->member);
                        (void) str_copy(peer->text, sizeof(peer->text), guest->text);
                }
        }
        qsort(ret->peers, ret->n_peers, sizeof(ret->peers[0]), compare_peers);
}
