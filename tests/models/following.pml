/* Groups whose standbys run and follow the active member (docs/failover.md, "Standbys that run"), for SPIN
 * (https://spinroot.com): two never take writes, and whoever is promoted has what was written by the member that the
 * coordinator knows to have been active last. That a lease ends only when its holder has been demoted is what
 * failover.pml shows; here it is so. tests/integration/test_failover_model.py checks it, and that each BUG_ is found.
 *
 * Replication is asynchronous: the active member writes whether or not the other follows it. What runs as a replica of it has a
 * write at once, as long as it is active under the same lease; a replica that is cut off from it is a matter of the required probe. */

#define N 2
#define LEASES 5 /* that are given in a run; each has a token */
#define NOBODY 15
#define PEER(i) (1 - (i))

mtype = { STOPPED, REPLICA, PRIMARY };
mtype = { STANDBY, FOLLOWING, ACTIVE };

/* the coordinator */
byte holder = NOBODY;
byte token; /* of the lease, or of the one before */
byte last = NOBODY, last_token;

/* a member: its agent and its executor */
mtype role[N] = STANDBY;
byte follows[N]; /* token of the lease of whom it follows; 0: nobody */
byte to[N]; /* token of whom it is made to follow */
byte promoted[N]; /* token of the lease with which it was promoted */
byte mark[N]; /* a letter that says so to the coordinator; 0: none */

/* its service */
mtype runs[N] = STOPPED;
mtype made[N] = PRIMARY; /* what it is when it is started */
byte source[N]; /* token of the primary of which it is a replica */
bool has_all[N] = true; /* that was written by who was active last */

#ifdef BUG_ANY_LEASE_WAS_FOLLOWED
#define FOLLOWED_LAST(i) (follows[i] > 0)
#else
#define FOLLOWED_LAST(i) (follows[i] > 0 && follows[i] == last_token)
#endif
#define CAN(i) (last == NOBODY || last == i || FOLLOWED_LAST(i))

inline be_stopped(i) {
        role[i] = STANDBY;
        follows[i] = 0;
#ifdef BUG_DEMOTED_IT_RUNS_ON
        skip
#else
        runs[i] = STOPPED
#endif
}

/* Its data are no use to anybody until it is done. */
inline begin_to_follow(i) {
        role[i] = FOLLOWING;
#ifdef BUG_FOLLOWS_BEFORE_IT_IS_DONE
        follows[i] = token;
#else
        follows[i] = 0;
#endif
        runs[i] = STOPPED;
        has_all[i] = false
}

inline end_to_follow(i) {
        role[i] = STANDBY;
        has_all[i] = has_all[PEER(i)];
        source[i] = promoted[PEER(i)];
        follows[i] = to[i];
        to[i] = 0;
#ifndef BUG_STARTED_AS_IT_WAS
        made[i] = REPLICA;
#endif
        runs[i] = made[i];
        assert(runs[i] != PRIMARY || runs[PEER(i)] != PRIMARY)
}

inline promote(i) {
        role[i] = ACTIVE;
        promoted[i] = token;
        follows[i] = 0;
        made[i] = PRIMARY;
        runs[i] = PRIMARY;
        assert(runs[PEER(i)] != PRIMARY);
        assert(has_all[i])
}

active [N] proctype member() {
        byte i = _pid % N;
end: /* all leases have been given */
        do
        :: atomic { holder == NOBODY && token < LEASES && role[i] == STANDBY && CAN(i) ->
                holder = i;
                token++ }
        :: atomic { holder == i && role[i] == STANDBY && CAN(i) -> promote(i) }
        :: atomic { role[i] == ACTIVE -> be_stopped(i) } /* handed over, beyond repair, or its guard is over */
        /* it says that it is active; a letter takes any time, or is lost */
        :: atomic { role[i] == ACTIVE && mark[i] == 0 && last_token != token -> mark[i] = promoted[i] }
        :: atomic { mark[i] > 0 ->
                if
#ifndef BUG_MARKED_UNDER_ANY_LEASE
                :: holder != i || token != mark[i] -> skip
                :: holder == i && token == mark[i] ->
#else
                :: true ->
#endif
                        last = i;
                        last_token = mark[i]
                fi;
                mark[i] = 0 }
        /* another is active, as that one has said, and this one is proven to be none */
        :: atomic { role[i] == STANDBY && holder == PEER(i) && last == PEER(i) && last_token == token &&
                        follows[i] != token ->
                to[i] = token;
                begin_to_follow(i) }
        :: atomic { role[i] == FOLLOWING && runs[PEER(i)] == PRIMARY ->
                end_to_follow(i) }
        :: atomic { role[i] == FOLLOWING -> /* in vain */
                be_stopped(i);
                to[i] = 0 }
        /* what was written is counted from when the coordinator knows who writes */
        :: atomic { runs[i] == PRIMARY && last == i && last_token == promoted[i] ->
                has_all[PEER(i)] = has_all[PEER(i)] && runs[PEER(i)] == REPLICA && source[PEER(i)] == promoted[i] }
        od
}

/* It is given back, or runs out: never while its holder takes writes, see failover.pml. */
active proctype coordinator() {
end:
        do
        :: atomic { holder != NOBODY && role[holder] != ACTIVE ->
                holder = NOBODY;
#ifdef BUG_LAST_ENDS_WITH_THE_LEASE
                last = NOBODY
#endif
                }
        od
}

/* A replica ends, somebody starts one, an executor is killed, and a host is lost with what is kept in memory. */
active [N] proctype world() {
        byte i = _pid % N;
end:
        do
        :: atomic { runs[i] == REPLICA ->
                runs[i] = STOPPED;
#ifndef BUG_ITS_END_IS_NOT_SEEN
                follows[i] = 0
#endif
                }
        :: atomic { runs[i] == STOPPED && role[i] == STANDBY && made[i] == REPLICA -> runs[i] = REPLICA }
        :: atomic { role[i] == FOLLOWING -> /* the next executor trusts what runs and follows, and stops the rest */
                role[i] = STANDBY;
                to[i] = 0;
                runs[i] = (follows[i] > 0 -> REPLICA : STOPPED) }
        :: atomic { runs[i] != STOPPED || role[i] != STANDBY || follows[i] > 0 || mark[i] > 0 ->
                runs[i] = STOPPED;
                role[i] = STANDBY;
                mark[i] = 0;
                to[i] = 0;
#ifndef BUG_FOLLOWS_AFTER_A_BOOT
                follows[i] = 0
#endif
                }
        od
}
