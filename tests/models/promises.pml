/* The agreement of all members (docs/failover.md, "While the coordinator does not answer") between the agents and executors of
 * a group, for SPIN (https://spinroot.com): two are never active, whatever the coordinator does. Beside it, failover.pml has
 * the protocol with the coordinator in detail; here that is a lease that can be granted to whoever wants it, that runs out,
 * and that an active member learns of late or not at all. Time goes in ticks that nobody has to notice; a question or an answer
 * takes any number of them or is lost, an agent is paused or killed at any moment. Executors are on time, and so is the
 * coordinator's clock. tests/integration/test_failover_model.py checks it, and that each BUG_ is found. */

#ifndef N
#define N 2
#endif
#define LEASE 3
#define NOBODY 15

/* the coordinator */
byte holder = NOBODY;
byte lease_left;

/* a member: its agent */
mtype = { STANDBY, WANTING, ACTIVE };
mtype duty[N] = STANDBY;
byte promised[N]; /* ticks for which it is not promoted */

/* its question to all others, one at a time */
mtype = { NONE, ASKED, AGREED };
bool asking[N];
byte age[N]; /* of the question; LEASE: too old to be worth anything */
mtype reply[N * N] = NONE; /* [asker * N + other] */

/* its executor: runs until it has been demoted, at the latest when the guard is over */
bool runs[N];
byte guard[N];

#ifdef BUG_COUNTED_FROM_THE_ANSWER
#define WORTH(i) LEASE
#else
#define WORTH(i) (LEASE - age[i])
#endif

inline all_agreed(i, j, yes) {
        yes = true;
        for (j : 0 .. N - 1) {
#ifdef BUG_SILENCE_IS_AGREEMENT
                yes = yes && (j == i || j == (i + 1) % N || reply[i * N + j] == AGREED)
#else
                yes = yes && (j == i || reply[i * N + j] == AGREED)
#endif
        }
}

inline forget_question(i, j) {
        asking[i] = false;
        age[i] = 0;
        for (j : 0 .. N - 1) { reply[i * N + j] = NONE }
}

#ifdef BUG_PROMISE_IS_NOT_KEPT
#define MAY_WANT(i) true
#else
#define MAY_WANT(i) (promised[i] == 0)
#endif

#ifdef BUG_PROMISES_WHILE_IT_WANTS
#define MAY_PROMISE(j) (!runs[j] && duty[j] != ACTIVE)
#else
#define MAY_PROMISE(j) (!runs[j] && duty[j] == STANDBY)
#endif

active [N] proctype agent() {
        byte i = _pid % N;
        byte j;
        bool yes;
        do
        /* the coordinator */
        :: atomic { duty[i] == STANDBY && !runs[i] && MAY_WANT(i) -> duty[i] = WANTING }
        :: atomic { duty[i] == WANTING -> duty[i] = STANDBY }
        :: atomic { duty[i] == WANTING && holder == i ->
                duty[i] = ACTIVE;
                runs[i] = true;
                guard[i] = lease_left }
        :: atomic { duty[i] == ACTIVE && runs[i] && holder == i -> /* renewed, or its own again */
                lease_left = LEASE;
                guard[i] = LEASE }
        :: atomic { duty[i] == ACTIVE && runs[i] && holder == NOBODY -> /* it is back, and has forgotten */
                holder = i;
                lease_left = LEASE;
                guard[i] = LEASE }
        :: atomic { duty[i] == ACTIVE && !runs[i] ->
                duty[i] = STANDBY;
                if
                :: holder == i -> holder = NOBODY; lease_left = 0
                :: else -> skip
                fi }
        /* the others */
        :: atomic { duty[i] == ACTIVE && runs[i] && !asking[i] ->
                asking[i] = true;
                age[i] = 0;
                for (j : 0 .. N - 1) { reply[i * N + j] = (j == i -> NONE : ASKED) } }
        :: atomic { asking[i] ->
                all_agreed(i, j, yes);
                if
                :: yes && runs[i] && duty[i] == ACTIVE && guard[i] < WORTH(i) -> guard[i] = WORTH(i)
                :: else -> skip
                fi;
                if
                :: yes -> forget_question(i, j)
                :: else -> skip
                fi }
        :: atomic { asking[i] -> forget_question(i, j) } /* it gives up, or all is lost */
        :: atomic { /* asked by another: it says yes, or nothing */
                select (j : 0 .. N - 1);
                        if
                        :: reply[j * N + i] == ASKED && MAY_PROMISE(i) ->
                                reply[j * N + i] = AGREED;
                                promised[i] = LEASE
                        :: else -> skip
                        fi }
        /* it is killed, and starts again: what runs is left to its executor */
        :: atomic { duty[i] != ACTIVE || runs[i] ->
                duty[i] = (runs[i] -> ACTIVE : STANDBY);
                forget_question(i, j);
#ifdef BUG_PROMISE_IS_FORGOTTEN
                promised[i] = 0
#else
                promised[i] = LEASE
#endif
                }
        od
}

active proctype coordinator() {
        byte i;
        do
        :: atomic {
                select (i : 0 .. N - 1);
                        if
                        :: holder == NOBODY && duty[i] == WANTING -> holder = i; lease_left = LEASE
                        :: else -> skip
                        fi }
        od
}

/* An executor has demoted by the end of its guard; it may at any time before. */
active proctype clock() {
        byte i;
        do
        :: atomic {
                for (i : 0 .. N - 1) {
                        guard[i] = (guard[i] > 0 -> guard[i] - 1 : 0);
                        runs[i] = runs[i] && guard[i] > 0;
                        promised[i] = (promised[i] > 0 -> promised[i] - 1 : 0);
                        age[i] = (asking[i] && age[i] < LEASE -> age[i] + 1 : age[i])
                };
                lease_left = (lease_left > 0 -> lease_left - 1 : 0);
                holder = (lease_left == 0 -> NOBODY : holder) }
        :: atomic {
                select (i : 0 .. N - 1);
                runs[i] = false;
                guard[i] = 0 }
        od
}

#if N == 3
#define TWO ((runs[0] && runs[1]) || (runs[0] && runs[2]) || (runs[1] && runs[2]))
#else
#define TWO (runs[0] && runs[1])
#endif
ltl never_two { [] !TWO }
