/* The agreement of all members (docs/failover.md, "While the coordinator does not answer") between the agents and executors of
 * a group, for SPIN (https://spinroot.com): two are never active, whatever the coordinator does. Beside it, failover.pml has
 * the protocol with the coordinator in detail; here that is a lease that can be granted to whoever wants it, that runs out,
 * and that an active member learns of late or not at all. Time goes in ticks that nobody has to notice; a question or an answer
 * takes any number of them or is lost, an agent is paused or killed at any moment. Executors are on time, and so is the
 * coordinator's clock. tests/integration/test_failover_model.py checks it, and that each BUG_ is found. */

#ifndef N
#define N 3
#endif
#ifndef LEASE
#define LEASE 2
#endif
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

/* One who is a neighbour of itself, as in a group of two, counts twice. */
#define FIRST(i) ((i + 1) % N)
#define LAST(i) ((i + N - 1) % N)
#ifdef BUG_SILENCE_IS_AGREEMENT
#define ALL_AGREED(i) (N == 2 || reply[i * N + LAST(i)] == AGREED)
#else
#define ALL_AGREED(i) (reply[i * N + FIRST(i)] == AGREED && reply[i * N + LAST(i)] == AGREED)
#endif

inline ask_others(i, what) {
        asking[i] = (what != NONE);
        age[i] = 0;
        reply[i * N + FIRST(i)] = what;
        reply[i * N + LAST(i)] = what
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

inline promise(i, j) {
        reply[j * N + i] = AGREED;
        promised[i] = LEASE
}

active [N] proctype agent() {
        byte i = _pid % N;
        do
        /* the coordinator */
        :: atomic { duty[i] == STANDBY && !runs[i] && MAY_WANT(i) -> duty[i] = WANTING }
        :: atomic { duty[i] == WANTING -> duty[i] = STANDBY }
        :: atomic { duty[i] == WANTING && holder == i ->
                duty[i] = ACTIVE;
                runs[i] = true;
                assert(!runs[FIRST(i)] && !runs[LAST(i)]); /* two are never active: it starts here only */
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
                ask_others(i, ASKED) }
        :: atomic { asking[i] && ALL_AGREED(i) ->
                guard[i] = (runs[i] && duty[i] == ACTIVE && guard[i] < WORTH(i) -> WORTH(i) : guard[i]);
                ask_others(i, NONE) }
        :: atomic { asking[i] -> ask_others(i, NONE) } /* it gives up, or all is lost */
        /* asked by another: it says yes, or nothing */
        :: atomic { reply[FIRST(i) * N + i] == ASKED && MAY_PROMISE(i) -> promise(i, FIRST(i)) }
        :: atomic { reply[LAST(i) * N + i] == ASKED && MAY_PROMISE(i) -> promise(i, LAST(i)) }
        /* it is killed, and starts again: what runs is left to its executor */
        :: atomic { duty[i] != ACTIVE || runs[i] ->
                duty[i] = (runs[i] -> ACTIVE : STANDBY);
                ask_others(i, NONE);
#ifdef BUG_PROMISE_IS_FORGOTTEN
                promised[i] = 0
#else
                promised[i] = LEASE
#endif
                }
        od
}

active [N] proctype coordinator() {
        byte i = _pid % N;
        do
        :: atomic { holder == NOBODY && duty[i] == WANTING ->
                holder = i;
                lease_left = LEASE }
        od
}

/* It has demoted by the end of the guard, and may at any time before. */
active [N] proctype executor() {
        byte i = _pid % N;
        do
        :: atomic { runs[i] ->
                runs[i] = false;
                guard[i] = 0 }
        od
}

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
                i = 0; /* one state, not two */
                lease_left = (lease_left > 0 -> lease_left - 1 : 0);
                holder = (lease_left == 0 -> NOBODY : holder) }
        od
}
