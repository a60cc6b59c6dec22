#pragma once
/* What the seats of all coordinators have in common, and what each kind of coordinator does. */

#include "base/list.h"
#include "coordinator/coordinator.h"
#include "io/loop.h"

/* After a hand-over the others wait this long for the member that it was meant for. */
#define HAND_OVER_PATIENCE (5 * USEC_PER_SEC)

/* What the caller asks of a seat. */
struct seat_wish {
        bool want;
        bool active; /* is to be remembered as the last that was */
        bool release; /* until it is done */
        char release_to[COORDINATION_MEMBER_MAX]; /* "": nobody in particular */
        char text[COORDINATION_TEXT_MAX];
};

struct seat {
        struct list node; /* in the coordinator's list */
        struct coordinator *coordinator;
        char group[COORDINATION_GROUP_MAX], member[COORDINATION_MEMBER_MAX];
        usec_t lease;
        uint32_t places; /* at least one */
        struct seat_wish wish;
        struct lease_view view;
        struct loop_timer expiry; /* when a lease that is ours is not usable any more */
        struct loop_defer change;
        void (*on_change)(void *cookie);
        void *cookie;
};

struct coordinator_operations {
        size_t coordinator_size, seat_size; /* of the structs that begin with those here */
        int (*open)(struct coordinator *coordinator, struct error *err);
        void (*close)(struct coordinator *coordinator);
        int (*join)(struct seat *seat, struct error *err);
        void (*leave)(struct seat *seat); /* the memory goes afterwards */
        void (*wish)(struct seat *seat); /* what is wished has changed */
};

struct coordinator {
        const struct coordinator_operations *operations;
        struct loop *loop;
        struct list seats;
        char *root, *user, *password_file, *ca_file, *cert_file, *key_file; /* NULL: none */
        char *state, *runtime;
        char **servers; /* NULL-terminated */
        size_t n_servers;
};

extern const struct coordinator_operations coordinator_etcd;
extern const struct coordinator_operations coordinator_local;
extern const struct coordinator_operations coordinator_zookeeper; /* where it is built in */

/* Takes over what a kind of coordinator has found out, and tells of it at the end of the turn. A
 * lease that is ours and has run out by now is taken as unknown. */
void seat_update(struct seat *seat, const struct lease_view *view);

/* The same, when nothing new was found out but that: session and why. What was known stays. */
void seat_update_session(struct seat *seat, enum coordinator_session session, const char *why);

/* Who was active last, as it is kept: "TOKEN MEMBER". What is no such text says nothing. */
enum { SEAT_LAST_MAX = COORDINATION_MEMBER_MAX + 24 };
void seat_read_last(const char *text, struct lease_view *view);
void seat_write_last(uint64_t token, const char *member, char text[SEAT_LAST_MAX]);

/* The lease was given back: the wish for that is over. */
void seat_released(struct seat *seat);
