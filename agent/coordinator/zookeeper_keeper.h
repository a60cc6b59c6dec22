#pragma once
/* What a member does in the tree of its group, in its thread. Below ROOT/GROUP:
 *
 *     members/HOST:SERVICE     ephemeral: what the member publishes
 *     lease/GUID-lease-NUMBER  ephemeral and sequential: who wants the lease; the lowest have it,
 *                              as many as it has places
 *     beats/HOST:SERVICE       ephemeral: written to by one that does not want the lease
 *     next                     whom it was given back for
 *     last                     "TOKEN MEMBER": who was active last
 *     changes                  when the lease went to another member, see lease_changes.h
 *
 * The name of a node in `lease` begins with a number that the member drew by lot, so that one whose
 * creation was never answered is found again. */

#include "coordinator/lease_changes.h"
#include "coordinator/seat.h"
#include "coordinator/zookeeper_session.h"

enum { ZK_GUID_MAX = 33 };

struct zk_keeper {
        struct zk_session session;
        char base[ZK_PATH_MAX]; /* ROOT/GROUP */
        char group[COORDINATION_GROUP_MAX], member[COORDINATION_MEMBER_MAX];
        usec_t lease; /* as the policy has it */
        uint32_t places; /* likewise */
        char guid[ZK_GUID_MAX];
        bool prepared; /* the tree is there, and nobody else's */
        bool seated; /* the node in `members` is ours, and says `text` */
        char text[COORDINATION_TEXT_MAX];
        char node[ZK_PATH_MAX]; /* ours in `lease`; "": none */
        bool holding; /* as it was last known in this session */
        bool resumed; /* the session is that of a former life, and was not looked at yet */
        char next[ZK_DATA_MAX]; /* whom others wait for, and since when */
        usec_t next_since;
        char changes[LEASE_CHANGES_TEXT_MAX]; /* as they were last read */
        usec_t due; /* the next look without a watch; USEC_INFINITY: none */
        struct lease_view view; /* what came of it */
};

/* Looks at everything, and does what the wish says. ZOK: `view` is true, and `ret_released` whether
 * a wish to give the lease back is done. ZCONNECTIONLOSS and the like: nothing is known. Other
 * codes: a person has to mend something, `err` says what. */
int zk_keeper_settle(struct zk_keeper *keeper, const struct seat_wish *wish, bool *ret_released,
        struct error *err);

/* A write, so that the session is proven to be alive. ZNONODE: a node of ours was removed. */
int zk_keeper_beat(struct zk_keeper *keeper);

void zk_keeper_draw_guid(struct zk_keeper *keeper);
