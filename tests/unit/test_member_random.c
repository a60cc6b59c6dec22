/* Random lives of a group: members with their executors, a coordinator, and a network that delays
 * and cuts; agents freeze, die and come back, executors die and come back, promotions fail, people
 * ask for failovers. At no moment two may be active, and when the trouble ends one has to be. Where
 * standbys run, nobody is promoted who neither was active last nor follows whoever was.
 * MEMBER_RANDOM_RUNS, MEMBER_RANDOM_SEED and MEMBER_RANDOM_TRACE choose how many, which, and
 * whether it is told. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/rng.h"
#include "model/group_timing.h"
#include "recovery/member_rules.h"
#include "unit_test.h"

#define TICK (100 * USEC_PER_MSEC)
#define TROUBLE (15 * USEC_PER_SEC) /* so long there is trouble */
#define AFTERMATH (35 * USEC_PER_SEC) /* by then somebody is active */
#define CLIENT_SILENCE (1500 * USEC_PER_MSEC)
#define EXECUTOR_AWAY (400 * USEC_PER_MSEC) /* shorter than the margin, see docs/failover.md */

enum { NODES_MAX = 5, QUEUE_MAX = 64, RUNS = 300, NOBODY = -1 };

struct letter { /* of the executor to the agent, of an agent to the coordinator and back, and
                   between agents */
        usec_t arrives;
        bool is_answer;
        enum member_role role;
        uint64_t follows;
        enum member_answer answer;
        uint64_t request;
        /* coordinator */
        uint64_t session;
        usec_t sent;
        bool want, release, marks;
        int holder, last;
        bool ours;
        uint64_t token, last_token;
        /* agents */
        int from;
        bool agrees;
};

struct queue {
        struct letter items[QUEUE_MAX];
        size_t first, count;
        usec_t last;
};

enum task { TASK_NONE = 0, TASK_PROMOTE, TASK_DEMOTE, TASK_FOLLOW };

struct executor {
        bool up;
        usec_t back_at;
        enum member_role role;
        bool runs; /* the process, as the active one */
        uint64_t follows, to_follow; /* the process, as a standby of whoever has that lease */
        uint64_t data; /* are those of whoever had that lease; a process that ends keeps them */
        usec_t deadline;
        uint64_t token, highest;
        enum task task;
        usec_t ends;
        bool succeeds;
        uint64_t request; /* of the task; 0: its own */
};

struct node {
        struct member member;
        struct member_input input;
        char id[8];
        bool up; /* the agent */
        usec_t frozen_until, dead_until, cut_until;
        usec_t offset; /* of its clock */
        struct executor executor;
        struct queue from_executor, to_coordinator, from_coordinator, from_peers;
        usec_t cut_from_peers_until;
        uint64_t question; /* that it asks all others; 0: none */
        usec_t question_sent; /* by its own clock */
        uint32_t agreed; /* bit (1 << index) for each that has promised */
        uint64_t session, request;
        usec_t asked_coordinator, heard_coordinator;
        bool can; /* as the others know */
        bool hopeless; /* its stop cannot be proven for a while */
};

struct world {
        struct rng rng;
        struct group_spec group;
        struct group_member_spec members[NODES_MAX];
        struct node nodes[NODES_MAX];
        int n;
        usec_t now;
        int holder, last;
        uint64_t holder_session, token, last_token, sessions;
        bool wrong; /* somebody was promoted without the data */
        usec_t expires;
        usec_t coordinator_down_until;
        bool trace;
};

static bool chance(struct world *world, uint32_t one_in) {
        return rng_below(&world->rng, one_in) == 0;
}

static usec_t up_to(struct world *world, usec_t most) {
        return rng_below(&world->rng, (uint32_t) most + 1);
}

static void push(struct queue *queue, struct letter letter) {
        if (queue->count < QUEUE_MAX) {
                letter.arrives = MAX(letter.arrives, queue->last); /* in order */
                queue->last = letter.arrives;
                queue->items[(queue->first + queue->count++) % QUEUE_MAX] = letter;
        }
}

static bool pop(struct queue *queue, usec_t now, struct letter *ret) {
        if (queue->count == 0 || queue->items[queue->first].arrives > now) {
                return false;
        }
        *ret = queue->items[queue->first];
        queue->first = (queue->first + 1) % QUEUE_MAX;
        queue->count--;
        return true;
}

static usec_t clock_of(const struct world *world, const struct node *node) {
        return world->now + node->offset;
}

/* ---- The executor -----------------------------------------------------------------------------
 */

static void tell_role(struct world *world, struct node *node, enum member_role role) {
        node->executor.role = role;
        push(&node->from_executor, (struct letter){.arrives = world->now + up_to(world, TICK),
                                           .role = role,
                                           .token = node->executor.token,
                                           .follows = node->executor.follows});
}

static void tell_answer(
        struct world *world, struct node *node, uint64_t request, enum member_answer answer) {
        if (request) {
                push(&node->from_executor,
                        (struct letter){.arrives = world->now + up_to(world, TICK),
                                .is_answer = true,
                                .answer = answer,
                                .request = request});
        }
}

static void begin_demotion(struct world *world, struct node *node, uint64_t request) {
        struct executor *executor = &node->executor;
        if (executor->task != TASK_NONE) {
                tell_answer(world, node, executor->request, ANSWER_FAILED);
        }
        executor->follows = 0;
        usec_t longest = group_demotion_time(&world->group) - TICK;
        executor->task = TASK_DEMOTE;
        executor->request = request;
        executor->succeeds = !node->hopeless;
        executor->ends = world->now + (chance(world, 3) ? longest : up_to(world, longest));
        /* Whatever it was about to wait for, at the deadline it kills. */
        usec_t left = usec_sub(executor->deadline, clock_of(world, node));
        if (executor->highest > 0) {
                executor->ends = MIN(executor->ends, world->now + MAX(left, TICK));
        }
        tell_role(world, node, MEMBER_DEMOTING);
}

static void end_following(struct world *world, struct node *node) {
        struct executor *executor = &node->executor;
        executor->task = TASK_NONE;
        executor->follows = executor->succeeds ? executor->to_follow : 0;
        executor->data = executor->follows;
        tell_role(world, node, MEMBER_STANDBY);
        tell_answer(
                world, node, executor->request, executor->succeeds ? ANSWER_DONE : ANSWER_FAILED);
        executor->request = 0;
}

static void end_task(struct world *world, struct node *node) {
        struct executor *executor = &node->executor;
        if (executor->task == TASK_FOLLOW) {
                end_following(world, node);
                return;
        }
        executor->follows = 0;
        bool promoted = executor->task == TASK_PROMOTE && executor->succeeds;
        executor->runs = executor->task == TASK_PROMOTE || (executor->runs && !executor->succeeds);
        bool proven = executor->task == TASK_DEMOTE && executor->succeeds;
        uint64_t request = executor->request;
        enum task task = executor->task;
        executor->task = TASK_NONE;
        executor->request = 0;
        bool answer_first = chance(world, 2);
        enum member_answer answer = promoted || proven ? ANSWER_DONE : ANSWER_FAILED;
        if (answer_first) {
                tell_answer(world, node, request, answer);
        }
        tell_role(world, node,
                proven                 ? MEMBER_STANDBY
                : task == TASK_PROMOTE ? MEMBER_ACTIVE
                                       : MEMBER_STUCK);
        if (!answer_first) {
                tell_answer(world, node, request, answer);
        }
}

static void executor_turn(struct world *world, struct node *node) {
        struct executor *executor = &node->executor;
        usec_t now = clock_of(world, node);
        if (!executor->up) {
                if (world->now >= executor->back_at) {
                        executor->up = true;
                        bool was_busy = executor->task != TASK_NONE;
                        executor->task = TASK_NONE;
                        executor->request = 0;
                        if (was_busy || executor->role == MEMBER_STUCK) {
                                begin_demotion(world, node, 0);
                        } else {
                                tell_role(world, node, executor->role);
                        }
                }
                return;
        }
        if (executor->task != TASK_NONE && world->now >= executor->ends) {
                end_task(world, node);
        }
        bool active = executor->task == TASK_PROMOTE || executor->role == MEMBER_ACTIVE;
        if (active && executor->task != TASK_DEMOTE &&
                now >= group_demotion_begin(&world->group, executor->deadline)) {
                begin_demotion(world, node, 0);
        }
        if (executor->role == MEMBER_STUCK && executor->task == TASK_NONE && !node->hopeless) {
                begin_demotion(world, node, 0);
        }
}

static void executor_guard(
        struct world *world, struct node *node, uint64_t token, usec_t deadline) {
        struct executor *executor = &node->executor;
        bool standby = executor->role == MEMBER_STANDBY && executor->task == TASK_NONE;
        if (!executor->up || token < executor->highest ||
                (deadline && token != executor->token && !standby)) {
                return;
        }
        usec_t longest = clock_of(world, node) + world->group.lease;
        executor->highest = deadline ? token : executor->highest;
        executor->token = deadline ? token : executor->token;
        executor->deadline = MIN(deadline, longest);
}

/* Whoever is promoted has what the last active member had. */
static void judge_promotion(struct world *world, const struct node *node) {
        bool has_data = world->last == NOBODY || &world->nodes[world->last] == node ||
                        node->executor.data == world->last_token;
        world->wrong = world->wrong || (world->group.standby == STANDBY_RUNNING && !has_data);
}

static void executor_asked(struct world *world, struct node *node, enum member_act act) {
        struct executor *executor = &node->executor;
        uint64_t request = ++node->request;
        bool guarded =
                clock_of(world, node) < group_demotion_begin(&world->group, executor->deadline);
        if (!executor->up) {
                tell_answer(world, node, request, ANSWER_LOST);
        } else if (act == MEMBER_ACT_DEMOTE) {
                if (executor->task == TASK_DEMOTE) {
                        tell_answer(world, node, request, ANSWER_REFUSED);
                } else {
                        begin_demotion(world, node, request);
                }
        } else if (executor->task != TASK_NONE || executor->role != MEMBER_STANDBY ||
                   (act != MEMBER_ACT_FOLLOW && !guarded)) {
                tell_answer(world, node, request, ANSWER_REFUSED);
        } else if (act == MEMBER_ACT_FOLLOW) {
                executor->task = TASK_FOLLOW;
                executor->request = request;
                executor->to_follow = node->input.token;
                executor->follows = executor->data = 0;
                executor->succeeds = !chance(world, 4);
                executor->ends = world->now + up_to(world, 2 * USEC_PER_SEC);
        } else {
                judge_promotion(world, node);
                executor->task = TASK_PROMOTE;
                executor->request = request;
                executor->runs = true;
                executor->succeeds = world->now >= TROUBLE || !chance(world, 8);
                executor->ends = world->now + up_to(world, USEC_PER_SEC);
                tell_role(world, node, MEMBER_PROMOTING);
        }
}

/* ---- The coordinator --------------------------------------------------------------------------
 */

static bool is_cut(const struct world *world, const struct node *node) {
        return world->now < node->cut_until || world->now < world->coordinator_down_until;
}

static void coordinator_turn(struct world *world) {
        if (world->holder != NOBODY && world->now >= world->expires) {
                world->holder = NOBODY;
        }
        for (int i = 0; i < world->n; i++) {
                struct node *node = &world->nodes[i];
                struct letter letter;
                while (pop(&node->to_coordinator, world->now, &letter)) {
                        bool own = world->holder == i && world->holder_session == letter.session;
                        if (own && letter.release) {
                                world->holder = NOBODY;
                                own = false;
                        } else if (world->holder == NOBODY && letter.want) {
                                world->holder = i;
                                world->holder_session = letter.session;
                                world->token++;
                                own = true;
                        }
                        if (own && letter.marks) {
                                world->last = i;
                                world->last_token = world->token;
                        }
                        if (own) {
                                world->expires = world->now + world->group.lease;
                        }
                        letter.arrives = world->now + up_to(world, TICK);
                        letter.holder = world->holder;
                        letter.ours = own;
                        letter.token = world->token;
                        letter.last = world->last;
                        letter.last_token = world->last_token;
                        if (!is_cut(world, node)) {
                                push(&node->from_coordinator, letter);
                        }
                }
        }
}

static void client_send(
        struct world *world, struct node *node, const struct member_effects *effects) {
        if (world->now < node->asked_coordinator + TICK && !effects->release) {
                return;
        }
        node->asked_coordinator = world->now;
        if (!is_cut(world, node)) {
                push(&node->to_coordinator,
                        (struct letter){.arrives = world->now + up_to(world, 3 * TICK),
                                .sent = clock_of(world, node),
                                .session = node->session,
                                .want = effects->want,
                                .marks = node->member.duty == DUTY_ACTIVE,
                                .release = effects->release});
        }
}

static void client_hear(struct world *world, struct node *node) {
        struct member_input *input = &node->input;
        struct letter letter;
        while (pop(&node->from_coordinator, world->now, &letter)) {
                if (letter.session != node->session) {
                        continue;
                }
                node->heard_coordinator = world->now;
                input->standing = letter.ours               ? LEASE_OURS
                                  : letter.holder == NOBODY ? LEASE_FREE
                                                            : LEASE_OTHER;
                input->token = letter.token;
                input->usable_until = letter.ours ? letter.sent + world->group.lease : 0;
                input->holder = letter.holder == NOBODY ? NULL : world->nodes[letter.holder].id;
                input->last = letter.last == NOBODY ? NULL : world->nodes[letter.last].id;
                input->last_is_self = input->last == node->id;
                input->last_token = letter.last_token;
                input->holder_is_self =
                        letter.holder != NOBODY && &world->nodes[letter.holder] == node;
        }
        bool silent = world->now >= node->heard_coordinator + CLIENT_SILENCE;
        if (input->standing == LEASE_OURS ? input->now >= input->usable_until : silent) {
                input->standing = LEASE_UNKNOWN;
        }
}

/* ---- The agreement of all ----------------------------------------------------------------------
 */

static void peer_send(struct world *world, int from, int to, struct letter letter) {
        struct node *sender = &world->nodes[from], *receiver = &world->nodes[to];
        if (world->now >= MAX(sender->cut_from_peers_until, receiver->cut_from_peers_until)) {
                letter.from = from;
                letter.arrives = world->now + up_to(world, 3 * TICK);
                push(&receiver->from_peers, letter);
        }
}

static void ask_peers(struct world *world, struct node *node) {
        int index = (int) (node - world->nodes);
        usec_t now = clock_of(world, node);
        if (node->question && now < node->question_sent + GROUP_PEERS_TIME) {
                return;
        }
        node->question = ++world->sessions;
        node->question_sent = now;
        node->agreed = 1U << index;
        for (int i = 0; i < world->n; i++) {
                if (i != index) {
                        peer_send(world, index, i, (struct letter){.request = node->question});
                }
        }
}

static void peers_hear(struct world *world, struct node *node) {
        int index = (int) (node - world->nodes);
        struct letter letter;
        char why[MEMBER_NOTE_MAX];
        while (pop(&node->from_peers, world->now, &letter)) {
                if (!letter.is_answer) {
                        bool agrees = member_may_promise(
                                &node->member, &node->input, world->nodes[letter.from].id, why);
                        if (agrees) {
                                node->input.promised_until = MAX(node->input.promised_until,
                                        clock_of(world, node) + world->group.lease);
                        }
                        letter.is_answer = true;
                        letter.agrees = agrees;
                        peer_send(world, index, letter.from, letter);
                } else if (letter.request == node->question && letter.agrees) {
                        node->agreed |= 1U << letter.from;
                }
        }
        if (node->question && node->agreed == (1U << world->n) - 1) {
                node->input.agreed_until = node->question_sent + world->group.lease;
                node->question = 0;
        }
}

/* ---- The agent --------------------------------------------------------------------------------
 */

static void agent_begin(struct world *world, struct node *node) {
        int index = (int) (node - world->nodes);
        node->up = true;
        node->session = ++world->sessions;
        node->from_executor.count = 0;
        node->from_coordinator.count = 0;
        node->question = 0;
        /* It does not know what it has promised before. */
        node->input = (struct member_input){.agrees = true,
                .probes_pass = true,
                .promised_until = world->group.on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE
                                          ? clock_of(world, node) + world->group.lease
                                          : 0};
        member_init(&node->member, &world->group, &world->members[index], node->id,
                clock_of(world, node));
        if (node->executor.up) {
                tell_role(world, node, node->executor.role);
        }
}

static void see_peers(struct world *world, struct node *node) {
        struct member_input *input = &node->input;
        input->peer_can = false;
        for (int i = 0; i < world->n; i++) {
                const struct node *peer = &world->nodes[i];
                uint32_t priority = world->members[i].priority;
                if (peer != node && peer->can && peer->up &&
                        (!input->peer_can || priority > input->peer_priority)) {
                        input->peer_can = true;
                        input->peer = peer->id;
                        input->peer_priority = priority;
                }
        }
}

static void agent_turn(struct world *world, struct node *node) {
        struct member_effects effects;
        struct letter letter;
        struct member_input *input = &node->input;
        input->now = clock_of(world, node);
        while (pop(&node->from_executor, world->now, &letter)) {
                if (!letter.is_answer) {
                        input->role = letter.role;
                        input->role_token = letter.token;
                        input->follows = letter.follows;
                        input->role_count++;
                } else if (letter.request == node->request) {
                        input->answer = letter.answer;
                }
        }
        input->role = node->executor.up ? input->role : MEMBER_NONE;
        client_hear(world, node);
        peers_hear(world, node);
        see_peers(world, node);
        member_step(&node->member, input, &effects);
        node->can = member_can(&node->member, input);
        for (size_t i = 0; world->trace && i < effects.n_trail; i++) {
                print_message("%8.2f %s %u: %s\n", (double) world->now / 1e6, node->id,
                        effects.trail[i], member_rule_by_number(effects.trail[i])->sentence);
        }
        if (effects.forget_failover) {
                input->failover = false;
                input->beyond_repair = false;
        }
        if (effects.guards) {
                executor_guard(world, node, effects.token, effects.guard);
        }
        if (effects.act != MEMBER_ACT_NOTHING) {
                input->answer = ANSWER_NONE;
                executor_asked(world, node, effects.act);
        }
        if (effects.ask_peers) {
                ask_peers(world, node);
        }
        client_send(world, node, &effects);
}

/* ---- Trouble ----------------------------------------------------------------------------------
 */

static void make_trouble(struct world *world) {
        struct node *node = &world->nodes[rng_below(&world->rng, (uint32_t) world->n)];
        usec_t until = world->now + up_to(world, 8 * USEC_PER_SEC);
        if (node->hopeless) {
                /* With its stop unproven the lease is all that keeps the others away. */
                node->hopeless = !chance(world, 3);
                return;
        }
        bool asks = world->group.on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE;
        uint64_t kind = rng_below(&world->rng, asks ? 12 : 10);
        if (world->trace) {
                print_message("%8.2f %s trouble %d until %.2f\n", (double) world->now / 1e6,
                        node->id, (int) kind, (double) until / 1e6);
        }
        switch (kind) {
        case 0:
                node->frozen_until = until;
                return;
        case 1:
                node->up = false;
                node->dead_until = until;
                return;
        case 2:
        case 3:
                node->cut_until = until;
                return;
        case 4:
                world->coordinator_down_until = chance(world, 3) ? until : world->now;
                return;
        case 5:
                node->input.failover = true;
                return;
        case 6:
                node->input.beyond_repair = true;
                return;
        case 7:
                if (node->executor.up) {
                        node->executor.up = false;
                        tell_answer(world, node, node->request, ANSWER_LOST);
                        node->executor.back_at = world->now + up_to(world, EXECUTOR_AWAY);
                }
                return;
        case 8:
                node->hopeless = chance(world, 3) && node->up && world->now >= node->frozen_until &&
                                 world->now >= node->cut_until &&
                                 world->now >= world->coordinator_down_until;
                return;
        case 9: /* a standby ends by itself */
                if (node->executor.follows > 0) {
                        node->executor.follows = 0;
                        tell_role(world, node, node->executor.role);
                }
                return;
        case 10:
                node->cut_from_peers_until = until;
                return;
        case 11: /* longer than any lease */
                world->coordinator_down_until = until + 2 * world->group.lease;
                return;
        default:
                return;
        }
}

static void end_trouble(struct world *world) {
        world->coordinator_down_until = 0;
        for (int i = 0; i < world->n; i++) {
                struct node *node = &world->nodes[i];
                node->frozen_until = node->cut_until = node->cut_from_peers_until = 0;
                node->dead_until = MIN(node->dead_until, world->now);
                node->hopeless = false;
                node->input.beyond_repair = false;
        }
}

/* A hopeless member is left alone with the coordinator, see make_trouble. */
static bool somebody_is_hopeless(const struct world *world) {
        for (int i = 0; i < world->n; i++) {
                if (world->nodes[i].hopeless || world->nodes[i].executor.role == MEMBER_STUCK) {
                        return true;
                }
        }
        return false;
}

static void world_turn(struct world *world) {
        if (world->now < TROUBLE && chance(world, 8) &&
                (!somebody_is_hopeless(world) || chance(world, 3))) {
                bool hopeless = somebody_is_hopeless(world);
                if (!hopeless) {
                        make_trouble(world);
                } else {
                        end_trouble(world);
                }
        }
        for (int i = 0; i < world->n; i++) {
                struct node *node = &world->nodes[i];
                executor_turn(world, node);
                if (!node->up && world->now >= node->dead_until) {
                        agent_begin(world, node);
                }
                if (node->up && world->now >= node->frozen_until) {
                        agent_turn(world, node);
                }
        }
        coordinator_turn(world);
        world->now += TICK;
}

/* What the end of the trouble has to lead to. */
static bool somebody_is_active(const struct world *world) {
        for (int i = 0; i < world->n; i++) {
                const struct node *node = &world->nodes[i];
                if (node->executor.runs && node->member.duty == DUTY_ACTIVE) {
                        return true;
                }
        }
        return false;
}

static int count_running(const struct world *world) {
        int n = 0;
        for (int i = 0; i < world->n; i++) {
                n += world->nodes[i].executor.runs;
        }
        return n;
}

static void world_begin(struct world *world, uint64_t seed) {
        memset(world, 0, sizeof(*world));
        rng_seed(&world->rng, seed);
        world->group = (struct group_spec){.name = "g",
                .mode = GROUP_ACTIVE_STANDBY,
                .lease = 5 * USEC_PER_SEC,
                .margin = 500 * USEC_PER_MSEC,
                .stop_timeout = 500 * USEC_PER_MSEC,
                .preempt = chance(world, 4),
                .on_coordinator_loss = chance(world, 2) ? LOSS_HOLD_IF_ALL_AGREE : LOSS_DEMOTE,
                .standby = chance(world, 2) ? STANDBY_RUNNING : STANDBY_STOPPED};
        world->n = 2 + (int) rng_below(&world->rng, NODES_MAX - 1);
        world->holder = world->last = NOBODY;
        for (int i = 0; i < world->n; i++) {
                struct node *node = &world->nodes[i];
                snprintf(node->id, sizeof(node->id), "%c/s", 'a' + i);
                world->members[i].priority = 100 + rng_below(&world->rng, 3);
                node->offset = USEC_PER_SEC + up_to(world, 100 * USEC_PER_SEC);
                node->executor = (struct executor){.up = true, .role = MEMBER_STANDBY};
                agent_begin(world, node);
        }
}

/* Whether all went well. */
static bool live(uint64_t seed, bool trace) {
        struct world world;
        world_begin(&world, seed);
        world.trace = trace;
        while (world.now < TROUBLE ||
                (world.now < TROUBLE + AFTERMATH && !somebody_is_active(&world))) {
                world_turn(&world);
                if (world.wrong) {
                        print_error("seed %llu: one without the data was promoted at %.2fs\n",
                                (unsigned long long) seed, (double) world.now / 1e6);
                        return false;
                }
                if (count_running(&world) > 1) {
                        print_error("seed %llu: two run at %.2fs\n", (unsigned long long) seed,
                                (double) world.now / 1e6);
                        return false;
                }
                if (world.now >= TROUBLE) {
                        end_trouble(&world);
                }
        }
        if (!somebody_is_active(&world)) {
                print_error("seed %llu: nobody is active in the end\n", (unsigned long long) seed);
        }
        return somebody_is_active(&world);
}

static uint64_t number_of(const char *name, uint64_t standard) {
        const char *text = getenv(name);
        return text ? strtoull(text, NULL, 10) : standard;
}

static void two_never_run_and_one_does_in_the_end(void **state) {
        (void) state;
        uint64_t runs = number_of("MEMBER_RANDOM_RUNS", RUNS);
        uint64_t first = number_of("MEMBER_RANDOM_SEED", 1), wrong = 0;
        print_message("%llu groups from seed %llu\n", (unsigned long long) runs,
                (unsigned long long) first);
        for (uint64_t i = 0; i < runs && wrong < 5; i++) {
                wrong += !live(first + i, getenv("MEMBER_RANDOM_TRACE") != NULL);
        }
        assert_int_equal(wrong, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_never_run_and_one_does_in_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
