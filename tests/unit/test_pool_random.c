/* Random lives of a pool: members that fail by themselves, people who ask for restarts, restarts
 * that do not help, a coordinator that members reach late or not at all, and agents that are
 * killed. A judge who sees everything: of those with a permit never more are disrupted than may be,
 * never in two zones, and recoverd never takes one that serves where fewer would be left than have
 * to. When the trouble ends, all are well and all that was asked for is done. POOL_RANDOM_RUNS,
 * POOL_RANDOM_SEED and POOL_RANDOM_TRACE choose how many, which, and whether it is told. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/str.h"
#include "recovery/pool.h"
#include "unit_test.h"

#define TICK (50 * USEC_PER_MSEC)
#define LEASE (4 * USEC_PER_SEC)
#define VISIT_MAX (600 * USEC_PER_MSEC) /* the longest from one visit to the next */
#define TROUBLE (60 * USEC_PER_SEC)
#define AFTERMATH (400 * USEC_PER_SEC) /* by then all is done */

enum { NODES_MAX = 7, RUNS = 60 };

struct place {
        int node;
        usec_t until;
};

struct node {
        char id[COORDINATION_MEMBER_MAX];
        /* the service */
        bool well;
        usec_t fell; /* when it failed by itself */
        bool disrupted, with_permit; /* a restart is under way */
        bool served; /* when that began */
        usec_t ends;
        usec_t backoff; /* the ladder tries again */
        /* people */
        bool asked;
        /* the agent */
        bool wants, gives_back, begun_before;
        char text[COORDINATION_TEXT_MAX]; /* to be published */
        struct lease_view view;
        usec_t visit, silent_since, cut_until, dead_until;
};

struct world {
        struct rng rng;
        usec_t now;
        bool trace;
        int n;
        struct group_spec group;
        struct group_member_spec members[NODES_MAX];
        struct node nodes[NODES_MAX];
        /* the coordinator */
        struct place places[POOL_DISRUPTIONS_MAX];
        size_t n_places;
        char texts[NODES_MAX][COORDINATION_TEXT_MAX];
        usec_t gone[NODES_MAX]; /* when a text is, unless its member comes again */
        const char *wrong; /* NULL: nothing yet */
};

static bool chance(struct world *world, uint32_t one_in) {
        return rng_below(&world->rng, one_in) == 0;
}

static usec_t up_to(struct world *world, usec_t most) {
        return TICK + rng_below(&world->rng, (uint32_t) (most / USEC_PER_MSEC)) * USEC_PER_MSEC;
}

static void tell(const struct world *world, const struct node *node, const char *what) {
        if (world->trace) {
                print_message("%6.2f %s %s\n", (double) world->now / 1e6, node->id, what);
        }
}

/* ---- The coordinator: a visit is one moment ---- */

static int index_of(const struct world *world, const struct node *node) {
        return (int) (node - world->nodes);
}

static size_t find_place(const struct world *world, int node) {
        size_t i = 0;
        while (i < world->n_places && world->places[i].node != node) {
                i++;
        }
        return i;
}

static void drop_place(struct world *world, size_t at) {
        world->n_places--;
        memmove(&world->places[at], &world->places[at + 1],
                (world->n_places - at) * sizeof(world->places[0]));
}

static void expire(struct world *world) {
        for (size_t i = world->n_places; i-- > 0;) {
                if (world->places[i].until <= world->now) {
                        drop_place(world, i);
                }
        }
        for (int i = 0; i < world->n; i++) {
                if (world->gone[i] <= world->now) {
                        world->texts[i][0] = '\0';
                }
        }
}

static void look_around(struct world *world, struct node *node) {
        struct lease_view *view = &node->view;
        int self = index_of(world, node);
        size_t mine = find_place(world, self);
        memset(view, 0, sizeof(*view));
        view->session = SESSION_CONNECTED;
        view->standing = mine < world->n_places                           ? LEASE_OURS
                         : world->n_places < world->group.max_disruptions ? LEASE_FREE
                                                                          : LEASE_OTHER;
        view->usable_until = mine < world->n_places ? world->places[mine].until : 0;
        for (size_t i = 0; i < world->n_places; i++) {
                (void) str_copy(view->places[view->n_places++], COORDINATION_MEMBER_MAX,
                        world->nodes[world->places[i].node].id);
        }
        for (int i = 0; i < world->n; i++) {
                if (i != self && *world->texts[i]) {
                        struct lease_peer *peer = &view->peers[view->n_peers++];
                        (void) str_copy(peer->member, sizeof(peer->member), world->nodes[i].id);
                        (void) str_copy(peer->text, sizeof(peer->text), world->texts[i]);
                }
        }
}

static void visit(struct world *world, struct node *node) {
        int self = index_of(world, node);
        size_t mine = find_place(world, self);
        (void) str_copy(world->texts[self], sizeof(world->texts[self]), node->text);
        world->gone[self] = world->now + LEASE;
        if (mine < world->n_places && node->gives_back) {
                drop_place(world, mine);
                node->gives_back = false;
        } else if (mine < world->n_places) {
                world->places[mine].until = world->now + LEASE;
        } else if (node->wants && world->n_places < world->group.max_disruptions) {
                world->places[world->n_places++] = (struct place){self, world->now + LEASE};
        }
        node->silent_since = 0;
        look_around(world, node);
}

/* ---- The judge ---- */

static void accuse(struct world *world, const struct node *node, const char *what) {
        tell(world, node, what);
        world->wrong = world->wrong ? world->wrong : what;
}

static bool has_permit(const struct world *world, const struct node *node) {
        return node->disrupted && node->with_permit &&
               find_place(world, index_of(world, node)) < world->n_places;
}

/* One that failed a moment ago nobody can know of yet. */
static bool counts_as_well(const struct world *world, const struct node *node) {
        usec_t known = world->group.lease + 2 * VISIT_MAX;
        return node->well || (node->fell != 0 && world->now - node->fell < known);
}

static void judge_beginning(struct world *world, struct node *node) {
        uint32_t disrupted = 0, well = 0;
        for (int i = 0; i < world->n; i++) {
                const struct node *other = &world->nodes[i];
                if (other == node) {
                        continue;
                }
                well += counts_as_well(world, other);
                if (has_permit(world, other)) {
                        const char *zone = world->members[i].zone;
                        const char *own = world->members[index_of(world, node)].zone;
                        disrupted++;
                        if (zone && !str_eq(zone, own)) {
                                accuse(world, node, "two zones are disrupted");
                        }
                }
        }
        if (disrupted >= world->group.max_disruptions) {
                accuse(world, node, "too many are disrupted");
        }
        if (node->well && well < policy_min_healthy(&world->group)) {
                accuse(world, node, "too few are left");
        }
}

/* ---- A member ---- */

static void begin(struct world *world, struct node *node, bool with_permit) {
        tell(world, node, node->well ? "is restarted, and served" : "is restarted");
        if (with_permit) {
                judge_beginning(world, node);
        } else if (node->well) {
                accuse(world, node, "one that serves is disrupted without a permit");
        }
        node->disrupted = true;
        node->with_permit = with_permit;
        node->served = node->well;
        node->well = false;
        node->fell = node->served ? 0 : node->fell;
        node->ends = world->now + up_to(world, 3 * USEC_PER_SEC);
}

static void end(struct world *world, struct node *node, bool trouble) {
        node->disrupted = false;
        node->well = !trouble || !chance(world, 3);
        tell(world, node, node->well ? "is well again" : "is not cured");
        node->backoff = world->now + up_to(world, 4 * USEC_PER_SEC);
        if (node->served) {
                node->asked = false;
        }
}

static void agent_turn(struct world *world, struct node *node) {
        bool due = !node->well && !node->disrupted && world->now >= node->backoff;
        struct pool_input input = {.now = world->now,
                .group = &world->group,
                .self = &world->members[index_of(world, node)],
                .id = node->id,
                .view = &node->view,
                .silent_since = node->silent_since,
                .healthy = node->well && !node->disrupted,
                .serves = node->well,
                .begun = node->disrupted,
                .needs = due || node->disrupted || (node->asked && node->well)};
        struct pool_verdict verdict;
        pool_judge(&input, &verdict);
        pool_publish(input.healthy, node->disrupted ? "restart" : "", node->text);
        node->wants = verdict.want && !verdict.release;
        node->gives_back = verdict.release;
        bool may = verdict.permit == PERMIT_GRANTED ||
                   (verdict.permit == PERMIT_RESTART && !node->well);
        if (input.needs && !input.begun && may && world->now < verdict.until) {
                begin(world, node, verdict.permit == PERMIT_GRANTED);
        }
}

/* ---- Trouble ---- */

static void make_trouble(struct world *world, struct node *node) {
        if (node->well && chance(world, 400)) {
                node->well = false;
                node->fell = world->now;
                tell(world, node, "fails");
        }
        if (chance(world, 300)) {
                node->asked = true;
        }
        if (chance(world, 800)) {
                node->cut_until = world->now + up_to(world, 12 * USEC_PER_SEC);
                tell(world, node, "is cut off");
        }
        if (chance(world, 1000)) { /* it comes back and knows nothing but what is under way */
                node->dead_until = world->now + up_to(world, 8 * USEC_PER_SEC);
                memset(&node->view, 0, sizeof(node->view));
                node->text[0] = '\0';
                node->wants = node->gives_back = node->asked = false;
                tell(world, node, "loses its agent");
        }
        if (chance(world, 3000)) { /* a bad release */
                for (int i = 0; i < world->n; i++) {
                        world->nodes[i].fell =
                                world->nodes[i].well ? world->now : world->nodes[i].fell;
                        world->nodes[i].well = false;
                }
        }
}

static void node_turn(struct world *world, struct node *node, bool trouble) {
        bool cut = trouble && world->now < node->cut_until;
        if (trouble) {
                make_trouble(world, node);
        }
        if (world->now < node->dead_until && trouble) {
                return;
        }
        if (node->disrupted && world->now >= node->ends) {
                end(world, node, trouble);
        }
        if (world->now >= node->visit && !cut) {
                node->visit = world->now + up_to(world, VISIT_MAX - 2 * TICK);
                visit(world, node);
        } else if (cut && node->silent_since == 0) {
                node->silent_since = world->now;
                node->view.session = SESSION_LOST;
        }
        if (node->view.session != SESSION_CONNECTED && node->silent_since == 0) {
                node->silent_since = world->now;
        }
        if (node->view.standing == LEASE_OURS && world->now >= node->view.usable_until) {
                node->view.standing = LEASE_UNKNOWN;
        }
        agent_turn(world, node);
}

static void world_begin(struct world *world, uint64_t seed) {
        static const char *const zones[] = {"a", "b", "c"};
        memset(world, 0, sizeof(*world));
        rng_seed(&world->rng, seed);
        world->now = 10 * USEC_PER_SEC;
        world->n = 2 + (int) rng_below(&world->rng, NODES_MAX - 1);
        bool zoned = chance(world, 2);
        uint32_t n = (uint32_t) world->n;
        world->group = (struct group_spec){.name = "g",
                .mode = GROUP_POOL,
                .coordinator = COORDINATOR_ETCD,
                .lease = LEASE,
                .members = world->members,
                .n_members = n,
                .min_healthy = {rng_below(&world->rng, n), AMOUNT_COUNT},
                .max_disruptions = 1 + rng_below(&world->rng, n)};
        for (int i = 0; i < world->n; i++) {
                struct node *node = &world->nodes[i];
                static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
                world->members[i].name = names[i];
                world->members[i].zone = zoned ? zones[rng_below(&world->rng, 3)] : NULL;
                snprintf(node->id, sizeof(node->id), "%s/web", names[i]);
                node->well = true;
        }
}

static bool is_all_done(const struct world *world) {
        for (int i = 0; i < world->n; i++) {
                const struct node *node = &world->nodes[i];
                if (!node->well || node->disrupted || node->asked) {
                        return false;
                }
        }
        return true;
}

/* Whether all went well. */
static bool live(uint64_t seed, bool trace) {
        static struct world world;
        world_begin(&world, seed);
        world.trace = trace;
        bool trouble = true;
        while (!world.wrong && (trouble || (!is_all_done(&world) && world.now < AFTERMATH))) {
                expire(&world);
                int first = (int) rng_below(&world.rng, (uint32_t) world.n);
                for (int i = 0; i < world.n; i++) {
                        node_turn(&world, &world.nodes[(first + i) % world.n], trouble);
                }
                world.now += TICK;
                trouble = world.now < TROUBLE;
        }
        const char *wrong = world.wrong            ? world.wrong
                            : !is_all_done(&world) ? "not all is done in the end"
                                                   : NULL;
        if (wrong) {
                print_error("seed %llu: %s at %.2fs\n", (unsigned long long) seed, wrong,
                        (double) world.now / 1e6);
        }
        return !wrong;
}

static uint64_t number_of(const char *name, uint64_t standard) {
        const char *text = getenv(name);
        return text ? strtoull(text, NULL, 10) : standard;
}

static void never_too_many_and_all_in_the_end(void **state) {
        (void) state;
        uint64_t runs = number_of("POOL_RANDOM_RUNS", RUNS);
        uint64_t first = number_of("POOL_RANDOM_SEED", 1), wrong = 0;
        print_message("%llu pools from seed %llu\n", (unsigned long long) runs,
                (unsigned long long) first);
        for (uint64_t i = 0; i < runs && wrong < 5; i++) {
                wrong += !live(first + i, getenv("POOL_RANDOM_TRACE") != NULL);
        }
        assert_int_equal(wrong, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(never_too_many_and_all_in_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
