/* The protocol of docs/failover.md between the agents and executors of a group and its coordinator, for
 * SPIN (https://spinroot.com): two are never active. Time goes in ticks that nobody has to notice: an agent may be paused or
 * cut off for any number of them, a message may take any number or be lost. Only an executor is on time,
 * and the coordinator's own clock is. tests/integration/test_failover_model.py checks it, and that each
 * BUG_ is found.
 *
 * What is abstracted: fencing tokens (a guard from an old lease is over before the lease is, whatever
 * its number), the order of priorities, and what a promotion runs. An executor that is killed is back
 * before the margin is over. */

#define N 2
#define LEASE 4
#define DEMOTION 1 /* longest time from its beginning to its proof */
#ifdef BUG_NO_MARGIN
#define MARGIN 0
#else
#define MARGIN 1
#endif
#define NOBODY 15

/* When a demotion has to begin for its end to be on time. */
#ifdef BUG_DEMOTION_TAKES_NO_TIME
#define LATEST 0
#else
#define LATEST DEMOTION
#endif

mtype = { UNKNOWN, CANDIDATE, PROMOTING, ACTIVE, DEMOTING, STUCK, RELEASING };
mtype = { NOTHING, PROMOTE, DEMOTE, ANSWER_DONE, ANSWER_FAILED, ANSWER_REFUSED };
mtype = { NO_LETTER, REQUEST, OURS, OTHERS, FREE };

/* the coordinator */
byte holder = NOBODY;
byte lease_left = 0;

/* a member: its agent */
mtype duty[N] = UNKNOWN;
mtype letter[N] = NO_LETTER; /* between agent and coordinator, one at a time */
byte age[N]; /* of the letter, since the request was sent */
mtype ask[N] = NOTHING, answer[N] = NOTHING; /* between agent and executor */

/* and its executor */
bool runs[N]; /* the service */
bool ending[N]; /* a demotion is under way */
bool asked[N]; /* by the agent */
bool unproven[N]; /* that it is gone could not be shown */
byte end_left[N]; /* of the demotion */
byte guard[N]; /* ticks until it has to be demoted */

inline ask_for(i, what) {
        ask[i] = what;
        answer[i] = NOTHING;
}

inline become(i, what) {
        duty[i] = what;
        ask_for(i, NOTHING)
}

/* The right to be active ends so long before the lease does, counted from when the request was sent. */
#ifdef BUG_COUNTED_FROM_THE_ANSWER
#define RIGHT(i) (LEASE - MARGIN)
#else
#define RIGHT(i) (age[i] + MARGIN < LEASE -> LEASE - MARGIN - age[i] : 0)
#endif

inline hear(i) {
        if
        :: letter[i] == OURS && (duty[i] == PROMOTING || duty[i] == ACTIVE) ->
                if
                :: RIGHT(i) > guard[i] -> guard[i] = RIGHT(i)
                :: else -> skip
                fi
        :: letter[i] == OURS && duty[i] == UNKNOWN && runs[i] && !ending[i] ->
                guard[i] = (RIGHT(i) > guard[i] -> RIGHT(i) : guard[i]);
                duty[i] = ACTIVE
        :: letter[i] == OURS && duty[i] == CANDIDATE && RIGHT(i) > LATEST ->
                guard[i] = RIGHT(i);
                duty[i] = PROMOTING;
                ask_for(i, PROMOTE)
        :: (letter[i] == OTHERS || letter[i] == FREE) &&
                (duty[i] == PROMOTING || duty[i] == ACTIVE) ->
                duty[i] = DEMOTING;
                ask_for(i, DEMOTE)
        :: (letter[i] == OTHERS || letter[i] == FREE) && duty[i] == RELEASING ->
                duty[i] = CANDIDATE
#ifdef BUG_OTHERS_LEASE_IS_IGNORED
        :: letter[i] == OTHERS && duty[i] == CANDIDATE ->
                guard[i] = LEASE;
                duty[i] = PROMOTING;
                ask_for(i, PROMOTE)
#endif
        :: else -> skip
        fi;
        letter[i] = NO_LETTER;
        age[i] = 0
}

active [N] proctype agent() {
        byte i = _pid % N;
        do
        /* the coordinator */
        :: atomic { letter[i] == NO_LETTER && duty[i] != STUCK ->
                letter[i] = REQUEST;
                age[i] = 0 }
        :: atomic { letter[i] == OURS || letter[i] == OTHERS || letter[i] == FREE -> hear(i) }
        :: atomic { letter[i] != NO_LETTER -> letter[i] = NO_LETTER; age[i] = 0 } /* lost */
#ifdef BUG_SILENCE_IS_FREEDOM
        :: atomic { letter[i] == NO_LETTER && duty[i] == CANDIDATE ->
                guard[i] = LEASE;
                duty[i] = PROMOTING;
                ask_for(i, PROMOTE) }
#endif
        /* the executor */
        :: atomic { duty[i] == UNKNOWN && !runs[i] -> duty[i] = CANDIDATE }
        :: atomic { duty[i] == PROMOTING && answer[i] == ANSWER_DONE -> become(i, ACTIVE) }
        :: atomic { duty[i] == PROMOTING && answer[i] == ANSWER_REFUSED ->
                duty[i] = DEMOTING;
                ask_for(i, DEMOTE) }
        :: atomic { duty[i] == DEMOTING && answer[i] == ANSWER_DONE -> become(i, RELEASING) }
        :: atomic { duty[i] == DEMOTING && answer[i] == ANSWER_REFUSED ->
                ask_for(i, DEMOTE) }
        :: atomic { duty[i] == DEMOTING && answer[i] == ANSWER_FAILED ->
#ifdef BUG_UNPROVEN_STOP_IS_A_STOP
                become(i, RELEASING)
#else
                become(i, STUCK)
#endif
                }
        :: atomic { duty[i] == STUCK && !runs[i] -> duty[i] = RELEASING }
        :: atomic { duty[i] == ACTIVE && !runs[i] && !ending[i] -> duty[i] = RELEASING }
        /* a person, a service beyond repair, the time that is over */
        :: atomic { duty[i] == ACTIVE ->
#ifdef BUG_RELEASED_BEFORE_THE_PROOF
                duty[i] = RELEASING;
#else
                duty[i] = DEMOTING;
#endif
                ask_for(i, DEMOTE) }
        /* it is killed, and starts again */
        :: atomic { duty[i] != UNKNOWN && !unproven[i] ->
                duty[i] = UNKNOWN;
                letter[i] = NO_LETTER;
                age[i] = 0;
                asked[i] = false;
                ask_for(i, NOTHING) }
        od
}

inline end_demotion(i) {
        runs[i] = false;
        ending[i] = false;
        end_left[i] = 0;
        guard[i] = 0;
        answer[i] = (asked[i] -> ANSWER_DONE : answer[i]);
        asked[i] = false;
        unproven[i] = false
}

inline begin_demotion(i, by_agent) {
        ending[i] = true;
        asked[i] = by_agent;
        end_left[i] = DEMOTION
}

active [N] proctype executor() {
        byte i = _pid % N;
        do
        :: atomic { ask[i] == PROMOTE ->
                ask[i] = NOTHING;
                if
                :: guard[i] > LATEST && !ending[i] && !runs[i] ->
                        runs[i] = true;
                        assert(!runs[1 - i]); /* two are never active: a service starts here only */
                        answer[i] = ANSWER_DONE
                :: else -> answer[i] = ANSWER_REFUSED
                fi }
        :: atomic { ask[i] == DEMOTE ->
                ask[i] = NOTHING;
                if
                :: ending[i] -> answer[i] = ANSWER_REFUSED
                :: else -> begin_demotion(i, true)
                fi }
#ifndef BUG_NO_GUARD
        :: atomic { runs[i] && !ending[i] && guard[i] <= LATEST && !unproven[i] ->
                begin_demotion(i, false) }
#endif
        :: atomic { ending[i] -> end_demotion(i) }
        /* Its stop cannot be proven for a while: the lease is kept meanwhile, see the clock. */
        :: atomic { ending[i] && asked[i] && holder == i && duty[i] == DEMOTING ->
                ending[i] = false;
                end_left[i] = 0;
                asked[i] = false;
                unproven[i] = true;
                answer[i] = ANSWER_FAILED }
        :: atomic { unproven[i] && !ending[i] && duty[i] == STUCK -> begin_demotion(i, false) }
        od
}

/* Who is, wants to be or may be active keeps the lease. */
#define WANTS(i) (duty[i] != RELEASING && (duty[i] != UNKNOWN || runs[i]))

active [N] proctype coordinator() {
        byte i = _pid % N;
        do
        :: atomic { letter[i] == REQUEST ->
                if
                :: duty[i] == RELEASING && holder == i ->
                        holder = NOBODY;
                        lease_left = 0
                :: duty[i] != RELEASING && holder == i -> lease_left = LEASE
                :: holder == NOBODY && WANTS(i) ->
                        holder = i;
                        lease_left = LEASE
                :: else -> skip
                fi;
                letter[i] = (holder == i -> OURS : (holder == NOBODY -> FREE : OTHERS)) }
        od
}

/* An executor is on time. */
#ifdef BUG_NO_GUARD
#define LATE(i) (ending[i] && end_left[i] == 0)
#else
#define LATE(i)                                                                                    \
        ((runs[i] && !ending[i] && guard[i] <= LATEST && !unproven[i]) ||                      \
                (ending[i] && end_left[i] == 0))
#endif
inline tick(i) {
        guard[i] = (guard[i] > 0 -> guard[i] - 1 : 0);
        end_left[i] = (end_left[i] > 0 -> end_left[i] - 1 : 0);
        age[i] = (letter[i] != NO_LETTER && age[i] < LEASE - MARGIN -> age[i] + 1 : age[i])
}

active proctype clock() {
        do
        :: atomic { !LATE(0) && !LATE(1) ->
                tick(0);
                tick(1);
                if
                /* who is stuck is not cut off, and keeps the lease */
                :: holder != NOBODY && unproven[holder] -> skip
                :: else ->
                        lease_left = (lease_left > 0 -> lease_left - 1 : 0);
                        holder = (lease_left == 0 -> NOBODY : holder)
                fi }
        od
}
