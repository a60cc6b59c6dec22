#pragma once
/* The lease of one group as a file of this host holds it, and what one visit of a member makes of
 * it: pure, so that the rules can be tried without a disk. */

#include "base/error.h"
#include "coordinator/lease_changes.h"
#include "coordinator/seat.h"

enum { LEASE_RECORD_BYTES_MAX = 64 * 1024 };

struct lease_guest { /* a member that takes part */
        char member[COORDINATION_MEMBER_MAX], text[COORDINATION_TEXT_MAX];
        usec_t until; /* unless it comes again */
};

struct lease_holder {
        char member[COORDINATION_MEMBER_MAX];
        usec_t until; /* end of the lease */
};

struct lease_record {
        char boot[BOOT_ID_MAX]; /* the moments below are of this boot */
        uint64_t token; /* of the last lease that was given */
        struct lease_holder holders[COORDINATION_PLACES_MAX]; /* in the order in which they came */
        size_t n_holders;
        /* Of files of their own: who was active last (seat_read_last), and lease_changes.h. */
        char last[SEAT_LAST_MAX], changes[LEASE_CHANGES_TEXT_MAX];
        char next[COORDINATION_MEMBER_MAX]; /* whom it was given back for; "": nobody */
        usec_t next_until;
        struct lease_guest guests[COORDINATION_PEERS_MAX];
        size_t n_guests;
};

/* "" is a record of nothing. -EBADMSG: it is no such text. */
int lease_record_parse(const char *text, struct lease_record *ret, struct error *err);
int lease_record_format(const struct lease_record *record, char **ret); /* -ENOMEM */

struct lease_visit {
        const char *boot; /* the present one */
        const char *member;
        usec_t lease;
        uint32_t places; /* so many may hold it */
        wall_usec_t wall; /* of the visit */
        struct seat_wish wish;
        bool leaving; /* takes part no more; what it holds runs out by itself */
};

/* What the visit of a member at `now` changes. -ENOSPC: too many members. */
int lease_record_visit(struct lease_record *record, const struct lease_visit *visit, usec_t now,
        struct error *err);

/* What the member sees of it. */
void lease_record_view(
        const struct lease_record *record, const struct lease_visit *visit, struct lease_view *ret);
