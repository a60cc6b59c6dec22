/* The rules of a member (docs/failover.md; the numbers are those of agent/recovery/member_rules.c) as a model for SPIN
 * (https://spinroot.com): from when on a majority of the coordinator answers and one healthy member stays up, a
 * member is active in the end, works, and goes on. failover.pml is the same protocol for what must never be.
 * tests/integration/test_failover_model.py checks it, and that each BUG_ is found.
 *
 * FAULTS may strike, at any moment: an agent is paused, killed or cut off from the coordinator, or both are, an executor or
 * a host is lost, a stop cannot be proven, a service breaks, the executor has other policies, a person
 * pauses, or asks for a failover. What they left may be mended or not. Of the member that is not the
 * healthy one nothing is expected: its service may break whenever it runs, and each promotion of it fail.
 * Nobody is slow without a fault: between two ticks each agent has one turn, and each executor does what is due.
 *
 * What is abstracted: letters (a turn asks the coordinator and has its answer), fencing tokens but for whether the lease
 * is still that of the promotion, and whom a lease is handed to, which holds others back for seconds only. */

#ifndef FAULTS
#define FAULTS 1
#endif
#define N 2
#define LEASE 2
#define DEMOTION 0 /* it begins and ends within a tick */
#define NOBODY 15
#define PEER(i) (1 - (i))

mtype = { UNKNOWN, STANDBY, RESUMING, CANDIDATE, PROMOTING, ACTIVE, DEMOTING, STUCK, RELEASING };
mtype = { UNHEARD, FREE, OTHERS, OURS };
mtype = { NOTHING, PROMOTE, DEMOTE, DONE, FAILED, NOT_DONE };
mtype = { UNSEEN, GONE, RUNS, ENDING, UNPROVEN };

byte healthy = NOBODY; /* the member that is expected to stay up */
byte faults = FAULTS; /* that may still come */

/* the coordinator */
byte holder = NOBODY;
byte session[N]; /* ticks until it forgets a member, and with it the lease */
bool can[N]; /* as it was published */

/* a member: its host and its agent */
bool up[N], paused[N], cut[N];
bool had_turn[N]; /* since the last tick */
mtype duty[N] = UNKNOWN;
mtype lease[N] = UNHEARD;
byte right[N]; /* ticks for which it may be active */
bool is_another[N]; /* the lease is not that of the promotion */
byte back[N];
byte free_for; /* ticks for which the second by name has seen the lease free */
bool disagrees[N], held[N], wish[N]; /* its executor; a person */
mtype ask[N] = NOTHING, answer[N] = NOTHING; /* between agent and executor */

/* its executor and its service */
mtype role[N] = UNSEEN;
bool asked[N]; /* the agent waits for the end of a demotion */
bool in_vain[N]; /* which is that of a promotion */
byte guard[N];
bool unprovable[N], broken[N];

#define CAN(i) (role[i] != UNSEEN && !held[i] && back[i] == 0)
#define PEER_CAN(i) can[PEER(i)]
#define LOST(i) (lease[i] == FREE || lease[i] == OTHERS)
#define FRESH(i) (lease[i] == OURS && right[i] > DEMOTION)

/* The first by name waits for nobody. */
#ifdef BUG_THE_BETTER_COMES_FIRST_FOR_EVER
#define COMES_FIRST(i) (i == 0 || !PEER_CAN(i))
#else
#define COMES_FIRST(i) (i == 0 || !PEER_CAN(i) || free_for >= LEASE)
#endif

#define WANTS(i) (duty[i] != UNKNOWN && duty[i] != STANDBY && duty[i] != RELEASING)

/* With the coordinator: that hears of the member, and the member of the lease. */
inline exchange(i) {
        if
        :: cut[i] -> lease[i] = (right[i] > 0 -> lease[i] : UNHEARD)
        :: else ->
                session[i] = LEASE;
                can[i] = CAN(i);
                if
#ifndef BUG_LEASE_IS_NOT_GIVEN_BACK
                :: holder == i && duty[i] == RELEASING -> holder = NOBODY
#endif
                :: holder == NOBODY && WANTS(i) ->
                        holder = i;
                        is_another[i] = true
                :: else -> skip
                fi;
                lease[i] = (holder == i -> OURS : (holder == NOBODY -> FREE : OTHERS));
                right[i] = (holder == i -> LEASE : 0);
                is_another[i] = is_another[i] && holder == i;
                free_for = (i == 1 && holder != NOBODY -> 0 : free_for)
        fi
}

inline ask_for(i, what) {
        ask[i] = what;
        answer[i] = NOTHING
}

/* The member stays back for so many leases. */
inline demote(i, leases) {
        back[i] = leases * LEASE;
        wish[i] = false;
        duty[i] = DEMOTING;
        ask_for(i, DEMOTE)
}

inline promote(i) {
        is_another[i] = false;
        duty[i] = PROMOTING;
        ask_for(i, PROMOTE)
}

#define MUST_END(i) (LOST(i) || is_another[i] || right[i] <= DEMOTION)

inline be_unknown(i) {
        if
        :: role[i] == RUNS -> duty[i] = RESUMING /* 701 */
        :: role[i] == GONE -> duty[i] = STANDBY /* 702 */
        :: role[i] == UNPROVEN -> duty[i] = STUCK /* 703 */
        :: else -> skip
        fi
}

inline resume(i) {
        if
        :: role[i] == GONE -> duty[i] = STANDBY /* 711 */
        :: role[i] == UNPROVEN -> duty[i] = STUCK /* 712 */
        :: role[i] == RUNS && lease[i] == OTHERS -> demote(i, 0) /* 713 */
        :: role[i] == RUNS && FRESH(i) -> /* 714 */
                is_another[i] = false;
                duty[i] = ACTIVE
        :: else -> skip
        fi
}

inline stand_by(i) {
        if
        :: role[i] == UNPROVEN -> duty[i] = STUCK /* 720 */
        :: role[i] == GONE && lease[i] == OURS -> duty[i] = RELEASING /* 722 */
        :: role[i] == GONE && lease[i] == FREE && CAN(i) && !disagrees[i] && COMES_FIRST(i) ->
                duty[i] = CANDIDATE /* 723 */
        :: else -> skip
        fi
}

#ifdef BUG_CANNOT_AND_KEEPS
#define CANNOT(i) false
#else
#define CANNOT(i) (!CAN(i) || disagrees[i])
#endif

inline be_candidate(i) {
        if
        :: role[i] == UNPROVEN -> duty[i] = STUCK /* 720 */
        :: role[i] != UNPROVEN && CANNOT(i) -> /* 730, 731 */
                duty[i] = (lease[i] == OURS -> RELEASING : STANDBY)
        :: role[i] != UNPROVEN && !CANNOT(i) && lease[i] == OTHERS -> duty[i] = STANDBY /* 732 */
        :: role[i] != UNPROVEN && CAN(i) && !disagrees[i] && FRESH(i) -> promote(i) /* 733 */
        :: else -> skip
        fi
}

#ifdef BUG_IN_VAIN_AND_AT_ONCE_AGAIN
#define LEASES_BACK 0
#else
#define LEASES_BACK 2
#endif

inline be_promoted(i) {
        if
        :: MUST_END(i) -> demote(i, 0) /* 740 */
        :: !MUST_END(i) && answer[i] == DONE -> duty[i] = ACTIVE /* 741 */
        :: !MUST_END(i) && (answer[i] == FAILED || answer[i] == NOT_DONE) -> /* 742 */
                demote(i, LEASES_BACK)
        :: else -> skip
        fi
}

inline go_on(i) {
        if
        :: role[i] == GONE -> duty[i] = RELEASING /* 750 */
        :: role[i] == UNPROVEN -> duty[i] = STUCK /* 751 */
        :: role[i] == RUNS && MUST_END(i) -> demote(i, 0) /* 752 */
        :: role[i] == RUNS && !MUST_END(i) && wish[i] ->
                if
                :: PEER_CAN(i) -> demote(i, 1) /* 753 */
                :: else -> wish[i] = false /* 754 */
                fi
        :: role[i] == RUNS && !MUST_END(i) && !wish[i] && broken[i] && !held[i] && PEER_CAN(i) ->
                demote(i, LEASES_BACK) /* 755; without a peer that could it goes on, 756 */
        :: else -> skip
        fi
}

inline be_demoted(i) {
        if
        :: answer[i] == DONE -> duty[i] = (LOST(i) -> STANDBY : RELEASING) /* 760, 761 */
        :: answer[i] == FAILED -> duty[i] = STUCK /* 762 */
#ifndef BUG_EXECUTOR_IS_ASKED_ONCE
        :: answer[i] == NOT_DONE -> ask_for(i, DEMOTE) /* 763 */
#endif
        :: else -> skip
        fi
}

inline be_stuck(i) {
        if
#ifndef BUG_STUCK_FOR_EVER
        :: role[i] == GONE -> duty[i] = RELEASING /* 770 */
#endif
        :: else -> skip
        fi
}

inline release(i) {
        if
        :: role[i] == UNPROVEN -> duty[i] = STUCK /* 720 */
        :: role[i] != UNPROVEN && LOST(i) -> duty[i] = STANDBY /* 780 */
        :: else -> skip
        fi
}

/* The guard follows the lease, and is over for who must not be active. */
inline extend(i) {
        if
        :: duty[i] == PROMOTING || duty[i] == ACTIVE -> guard[i] = right[i]
        :: duty[i] == STANDBY || duty[i] == CANDIDATE || duty[i] == RELEASING -> guard[i] = 0
        :: else -> skip
        fi
}

active [N] proctype agent() {
        byte i = _pid % N;
        do
        :: atomic { up[i] && !paused[i] && !had_turn[i] ->
                exchange(i);
                if
                :: duty[i] == UNKNOWN -> be_unknown(i)
                :: duty[i] == RESUMING -> resume(i)
                :: duty[i] == STANDBY -> stand_by(i)
                :: duty[i] == CANDIDATE -> be_candidate(i)
                :: duty[i] == PROMOTING -> be_promoted(i)
                :: duty[i] == ACTIVE -> go_on(i)
                :: duty[i] == DEMOTING -> be_demoted(i)
                :: duty[i] == STUCK -> be_stuck(i)
                :: duty[i] == RELEASING -> release(i)
                fi;
                extend(i);
                answer[i] = (duty[i] == PROMOTING || duty[i] == DEMOTING -> answer[i] : NOTHING);
                had_turn[i] = true }
        od
}

#define OVER(i) (role[i] == RUNS && guard[i] <= DEMOTION)

#ifdef BUG_UNPROVEN_IS_NOT_TRIED_AGAIN
#define TRIES_AGAIN(i) false
#else
#define TRIES_AGAIN(i) (role[i] == UNPROVEN && !unprovable[i])
#endif

inline end_demotion(i) {
        role[i] = (unprovable[i] -> UNPROVEN : GONE);
        answer[i] = (asked[i] -> (unprovable[i] || in_vain[i] -> FAILED : DONE) : answer[i]);
        asked[i] = false;
        in_vain[i] = false;
        broken[i] = false
}

active [N] proctype executor() {
        byte i = _pid % N;
        do
        :: atomic { ask[i] == PROMOTE ->
                ask[i] = NOTHING;
                if
                :: role[i] != GONE || guard[i] <= DEMOTION -> answer[i] = NOT_DONE
                :: role[i] == GONE && guard[i] > DEMOTION ->
                        role[i] = RUNS;
                        answer[i] = DONE
                :: role[i] == GONE && guard[i] > DEMOTION && i != healthy ->
                        role[i] = ENDING;
                        asked[i] = true;
                        in_vain[i] = true
                fi }
        :: atomic { ask[i] == DEMOTE ->
                ask[i] = NOTHING;
                if
                :: role[i] == ENDING -> answer[i] = NOT_DONE
                :: else ->
                        role[i] = ENDING;
                        asked[i] = true
                fi }
        :: atomic { OVER(i) || (role[i] == UNSEEN && up[i]) || TRIES_AGAIN(i) -> role[i] = ENDING }
        :: atomic { role[i] == ENDING -> end_demotion(i) }
        :: atomic { role[i] == RUNS && !broken[i] && i != healthy -> broken[i] = true }
        od
}

/* The clock waits for who is on time: executors always are, agents unless they are paused. */
#define IS_DUE(i)                                                                                  \
        (up[i] && ((!paused[i] && !had_turn[i]) || ask[i] != NOTHING || role[i] == UNSEEN ||       \
                          role[i] == ENDING || OVER(i) || TRIES_AGAIN(i)))

#ifdef BUG_BACK_FOR_EVER
#define STILL_BACK(i) back[i]
#else
#define STILL_BACK(i) (back[i] > 0 -> back[i] - 1 : 0)
#endif

inline tick(i) {
        session[i] = (session[i] > 0 -> session[i] - 1 : 0);
        can[i] = can[i] && session[i] > 0;
        holder = (holder == i && session[i] == 0 -> NOBODY : holder);
        right[i] = (right[i] > 0 -> right[i] - 1 : 0);
        guard[i] = (guard[i] > 0 -> guard[i] - 1 : 0);
        back[i] = STILL_BACK(i);
        free_for = (i == 1 && lease[i] == FREE && free_for < LEASE -> free_for + 1 : free_for);
        had_turn[i] = false
}

active proctype clock() {
        do
        :: atomic { !IS_DUE(0) && !IS_DUE(1) ->
                tick(0);
                tick(1) }
        od
}

inline lose_agent(i) {
        duty[i] = UNKNOWN;
        lease[i] = UNHEARD;
        right[i] = 0;
        is_another[i] = false;
        free_for = (i == 1 -> 0 : free_for);
        back[i] = 0;
        wish[i] = false;
        paused[i] = false;
        had_turn[i] = false;
        ask_for(i, NOTHING);
        asked[i] = false
}

/* What runs, and for how long it may, is found again by the next one. */
inline lose_executor(i) {
        answer[i] = (ask[i] != NOTHING || asked[i] -> NOT_DONE : answer[i]);
        ask[i] = NOTHING;
        asked[i] = false;
        in_vain[i] = false
}

inline lose_host(i) {
        lose_agent(i);
        up[i] = false;
        role[i] = UNSEEN;
        in_vain[i] = false;
        guard[i] = 0;
        unprovable[i] = false;
        broken[i] = false
}

inline strike(i) {
        if
        :: up[i] -> paused[i] = true
        :: up[i] -> lose_agent(i)
        :: up[i] -> lose_executor(i)
        :: up[i] -> lose_host(i)
        :: up[i] -> unprovable[i] = true
        :: up[i] -> held[i] = true
        :: duty[i] == ACTIVE -> wish[i] = true
        :: role[i] == RUNS -> broken[i] = true
        :: disagrees[i] = true
        :: cut[i] = true
        :: cut[0] = true; cut[1] = true
        fi
}

inline mend(i) {
        if
        :: !up[i] -> up[i] = true
        :: paused[i] -> paused[i] = false
        :: cut[i] -> cut[i] = false
        :: unprovable[i] -> unprovable[i] = false
        :: broken[i] && i == healthy -> broken[i] = false
        :: disagrees[i] -> disagrees[i] = false
        :: held[i] -> held[i] = false
        fi
}

active proctype world() {
        if
        :: healthy = 0
        :: healthy = 1
        fi;
        do
        :: atomic { faults > 0 ->
                faults--;
                if
                :: strike(0)
                :: strike(1)
                fi }
        :: atomic { mend(0) }
        :: atomic { mend(1) }
        od
}

/* What only a person ends: a stop that is never proven keeps the lease, and a pause on the active member keeps it
 * as it is, broken or not. */
#define NEEDS_A_PERSON(i) (unprovable[i] || (held[i] && duty[i] == ACTIVE))
#define SOUND(i)                                                                                   \
        (i == healthy && up[i] && !paused[i] && !cut[i] && !held[i] && !disagrees[i] && !broken[i])
#define ONE_IS_SOUND ((SOUND(0) || SOUND(1)) && !NEEDS_A_PERSON(0) && !NEEDS_A_PERSON(1))
#define WORKS(i) (duty[i] == ACTIVE && role[i] == RUNS && !broken[i])
#define ONE_WORKS (WORKS(0) || WORKS(1))
ltl one_is_active_in_the_end { <> [] ONE_IS_SOUND -> <> [] ONE_WORKS }
