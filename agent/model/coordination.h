#pragma once
/* Who of a group may be active: where its coordinator is, and how its lease stands for one member.
 * Plain data; agent/coordinator fills it in, the group's state machine reads it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/enum_text.h"
#include "model/schema.h"

enum {
        COORDINATION_MEMBER_MAX = 136, /* "HOST/SERVICE" with the terminating zero */
        COORDINATION_GROUP_MAX = 65, /* name of a group, likewise */
        COORDINATION_TEXT_MAX = 512, /* what a member publishes about itself, likewise */
        COORDINATION_WHY_MAX = 256, /* likewise */
        COORDINATION_PEERS_MAX = 32, /* members of a group */
        COORDINATION_CHANGES_MAX = 64, /* of the holder of a lease, that are kept */
        COORDINATION_PLACES_MAX = 16, /* of which so many may hold its lease at once */
        COORDINATION_SERVERS_MAX = 9,
};

enum coordinator_kind { COORDINATOR_LOCAL = 0, COORDINATOR_ZOOKEEPER, COORDINATOR_ETCD };
DECLARE_ENUM_TEXT(coordinator_kind)

/* How the agents of the members of a group talk to each other while the coordinator is away. */
struct peers_spec {
        const char *listen; /* "ADDRESS:PORT"; NULL: they do not */
        const char *secret_file; /* all hosts have the same */
};

struct coordinator_spec {
        int kind; /* enum coordinator_kind */
        /* zookeeper: "host:port"; etcd: "http://host:port" or "https://..."; local: none */
        struct strings servers;
        const char *root; /* path under which everything is kept: "/recoverd" */
        const char *user,
                *password_file; /* zookeeper: digest, required; etcd: NULL without users */
        const char *ca_file, *cert_file, *key_file; /* etcd; NULL: the system's, none, none */
        struct peers_spec peers;
};

/* Whether this process and the coordinator understand each other. */
enum coordinator_session {
        SESSION_CONNECTING = 0, /* not heard of it yet */
        SESSION_CONNECTED,
        SESSION_LOST, /* it was heard of, and is not any more */
        SESSION_REFUSED, /* it answers, but not as it should: a person has to mend something */
};
DECLARE_ENUM_TEXT(coordinator_session)

enum lease_standing {
        LEASE_UNKNOWN = 0, /* nothing can be said at present; never a reason to promote */
        LEASE_FREE, /* or a place of it, where it has several */
        LEASE_OTHER,
        LEASE_OURS,
};
DECLARE_ENUM_TEXT(lease_standing)

/* Another member that takes part at present. */
struct lease_peer {
        char member[COORDINATION_MEMBER_MAX];
        char text[COORDINATION_TEXT_MAX]; /* as it published it */
};

struct lease_view {
        enum lease_standing standing;
        uint64_t token; /* of the lease that is held, ours or another's; grows with each holder. 0:
                           none, or not known */
        /* OURS: nobody else is given the lease before this moment. It is the time at which the last
         * round trip that was completed was sent, plus what was granted; no margin is taken off. It
         * does not move while the coordinator is away, and when it has passed the standing is
         * UNKNOWN. Otherwise 0. */
        usec_t usable_until;
        usec_t granted; /* duration that the coordinator agreed to; 0: not known yet */
        char holder[COORDINATION_MEMBER_MAX]; /* OTHER: who; OURS: this member. "" otherwise */
        /* Who holds it, this member included, in the order in which they got it: one at most,
         * unless the seat was taken for several places. A member that comes later in it has seen
         * all that stand before it. */
        char places[COORDINATION_PLACES_MAX][COORDINATION_MEMBER_MAX];
        size_t n_places;
        /* Who was active last, or is, and under which token, as the members themselves said. It
         * outlives the lease. "" and 0: nobody was, or it is not known. */
        char last[COORDINATION_MEMBER_MAX];
        uint64_t last_token;
        /* The latest moments at which another member than before got the lease, the oldest first,
         * each by the wall clock of that member's host; of a lease with one place. They outlive
         * leases and agents. */
        wall_usec_t changes[COORDINATION_CHANGES_MAX];
        size_t n_changes;
        enum coordinator_session session;
        char why[COORDINATION_WHY_MAX]; /* unless CONNECTED: for a person. "" otherwise */
        /* When it was last known. It is kept, and grows old, while the coordinator is away. */
        struct lease_peer peers[COORDINATION_PEERS_MAX]; /* sorted by member, without this one */
        size_t n_peers;
};

/* The id of a member is "HOST/SERVICE". */
bool member_is_on_host(const char *id, const char *host);
/* As a part of a path: "HOST:SERVICE". */
void member_path_name(const char *id, char ret[COORDINATION_MEMBER_MAX]);
