#include "probes/exec_host.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/identity_lookup.h"
#include "io/loop.h"
#include "io/worker.h"

enum { LOOKUP_THREADS = 2, LOOKUP_QUEUE = EXEC_USERS_MAX, LOOKUP_STUCK = 8 };
/* A program on a dead mount holds its thread; so many of them delay no others. */
enum { START_THREADS = EXEC_PROGRAMS_MAX };

/* Whom root becomes when the policy names nobody; the first that exists. */
static const char *const unprivileged[] = {"recoverd", "nobody"};

/* One user, as the name service last described it. */
struct exec_user {
        struct list node;
        struct exec_host *host;
        struct list waiting; /* turns */
        unsigned turns; /* that point here */
        struct identity_lookup *lookup; /* NULL: none is under way */
        size_t candidate; /* of `unprivileged`, for the user that nobody named */
        usec_t until; /* what is known counts until then; 0: nothing is */
        int result;
        struct identity identity;
        char why[ERROR_TEXT_MAX];
        char name[]; /* "": nobody was named */
};

struct exec_host {
        struct loop *loop;
        struct worker_pool *names, *starters;
        struct list users;
        unsigned n_users;
        struct list waiting; /* turns whose user is known */
        unsigned running;
        struct loop_defer admission;
};

/* ---- Turns ---- */

static void leave_user(struct exec_turn *turn) {
        if (turn->user) {
                turn->user->turns--;
                turn->user = NULL;
        }
}

static void refuse(struct exec_turn *turn, const char *why) {
        list_remove(&turn->node);
        leave_user(turn);
        turn->phase = TURN_NONE;
        turn->ready(turn->cookie, NULL, why);
}

static void admit(struct exec_turn *turn) {
        struct exec_user *user = TAKE_PTR(turn->user);
        list_remove(&turn->node);
        turn->phase = TURN_RUNNING;
        turn->host->running++;
        turn->ready(turn->cookie, &user->identity, NULL);
        user->turns--; /* not before: its identity was lent */
}

static void line_up(struct exec_turn *turn) {
        struct exec_host *host = turn->host;
        if (host->running < EXEC_PROGRAMS_MAX && list_empty(&host->waiting)) {
                admit(turn);
                return;
        }
        turn->phase = TURN_WAITS_FOR_OTHERS;
        list_append(&host->waiting, &turn->node);
}

/* In a turn of the loop of its own: those that end one after the other admit no one from within
 * each other. */
static void on_admission(void *cookie) {
        struct exec_host *host = cookie;
        while (host->running < EXEC_PROGRAMS_MAX && !list_empty(&host->waiting)) {
                admit(LIST_ENTRY(host->waiting.next, struct exec_turn, node));
        }
}

void exec_turn_done(struct exec_turn *turn) {
        enum exec_turn_phase phase = turn->phase;
        if (phase == TURN_NONE) {
                return;
        }
        turn->phase = TURN_NONE;
        list_remove(&turn->node);
        leave_user(turn);
        if (phase == TURN_RUNNING) {
                turn->host->running--;
                loop_defer_schedule(&turn->host->admission);
        }
}

/* ---- Users ---- */

static void user_free(struct exec_user *user) {
        if (user) {
                identity_lookup_cancel(user->lookup);
                list_remove(&user->node);
                user->host->n_users--;
                free(user);
        }
}

/* The turns that wait now; one that asks again from within waits for the next answer. */
static void answer_all(struct exec_user *user) {
        struct list waiting;
        list_init(&waiting);
        while (!list_empty(&user->waiting)) {
                struct list *node = user->waiting.next;
                list_remove(node);
                list_append(&waiting, node);
        }
        while (!list_empty(&waiting)) {
                struct exec_turn *turn = LIST_ENTRY(waiting.next, struct exec_turn, node);
                list_remove(&turn->node);
                if (user->result < 0) {
                        refuse(turn, user->why);
                } else {
                        line_up(turn);
                }
        }
}

static void look_up(struct exec_user *user);

static void on_identity(
        void *cookie, int result, const struct identity *identity, const char *text) {
        struct exec_user *user = cookie;
        usec_t now = loop_now(user->host->loop).mono;
        user->lookup = NULL;
        if (result == -ENOENT && !*user->name && user->candidate + 1 < ELEMENTSOF(unprivileged)) {
                user->candidate++;
                look_up(user);
                return;
        }
        user->result = result;
        user->until = usec_add(now, result < 0 ? EXEC_USER_FAILED_KEPT : EXEC_USER_KEPT);
        if (result < 0) {
                str_copy(user->why, sizeof(user->why), text);
        } else {
                user->identity = *identity;
        }
        answer_all(user);
}

static const char *wanted_name(const struct exec_user *user) {
        if (*user->name) {
                return user->name;
        }
        return geteuid() == 0 ? unprivileged[user->candidate] : NULL;
}

static void look_up(struct exec_user *user) {
        struct exec_host *host = user->host;
        struct error err = {0};
        usec_t now = loop_now(host->loop).mono;
        int r = identity_lookup_start(&user->lookup, host->names, wanted_name(user), NULL,
                usec_add(now, EXEC_USER_PATIENCE), on_identity, user, &err);
        if (r < 0) {
                on_identity(user, r, NULL, err.text);
        }
}

static struct exec_user *user_find(struct exec_host *host, const char *name) {
        LIST_FOREACH (node, &host->users) {
                struct exec_user *user = LIST_ENTRY(node, struct exec_user, node);
                if (str_eq(user->name, name)) {
                        return user;
                }
        }
        return NULL;
}

/* The one that was made first goes, unless somebody waits for it. */
static bool make_room(struct exec_host *host) {
        if (host->n_users < EXEC_USERS_MAX) {
                return true;
        }
        LIST_FOREACH (node, &host->users) {
                struct exec_user *user = LIST_ENTRY(node, struct exec_user, node);
                if (user->turns == 0 && !user->lookup) {
                        user_free(user);
                        return true;
                }
        }
        return false;
}

static struct exec_user *user_new(struct exec_host *host, const char *name) {
        size_t length = strlen(name) + 1;
        struct exec_user *user = make_room(host) ? calloc(1, sizeof(*user) + length) : NULL;
        if (user) {
                memcpy(user->name, name, length);
                user->host = host;
                list_init(&user->waiting);
                list_append(&host->users, &user->node);
                host->n_users++;
        }
        return user;
}

struct worker_pool *exec_host_starters(const struct exec_host *host) {
        return host->starters;
}

void exec_turn_ask(struct exec_turn *turn, struct exec_host *host, const char *name) {
        assert(turn->phase == TURN_NONE);
        const char *key = name ? name : "";
        struct exec_user *user = user_find(host, key);
        user = user ? user : user_new(host, key);
        turn->host = host;
        turn->phase = TURN_WAITS_FOR_USER;
        list_init(&turn->node);
        if (!user) {
                refuse(turn, "too many users at once, or out of memory");
                return;
        }
        turn->user = user;
        user->turns++;
        if (user->lookup || user->until <= loop_now(host->loop).mono) {
                list_append(&user->waiting, &turn->node);
                if (!user->lookup) {
                        user->candidate = 0;
                        look_up(user);
                }
        } else if (user->result < 0) {
                refuse(turn, user->why);
        } else {
                line_up(turn);
        }
}

/* ---- All of it ---- */

DEFINE_CLEANUP(cleanup_host, struct exec_host, exec_host_free)

int exec_host_new(struct exec_host **ret, struct loop *loop, struct error *err) {
        static const struct worker_limits limits = {
                "user look-ups", LOOKUP_THREADS, LOOKUP_QUEUE, LOOKUP_STUCK};
        static const struct worker_limits starters = {
                "program starts", START_THREADS, EXEC_PROGRAMS_MAX, EXEC_PROGRAMS_MAX};
        AUTO(cleanup_host) struct exec_host *host = calloc(1, sizeof(*host));
        if (!host) {
                return error_set(err, ENOMEM, "out of memory");
        }
        host->loop = loop;
        list_init(&host->users);
        list_init(&host->waiting);
        loop_defer_init(&host->admission, loop, on_admission, host);
        int r = worker_pool_new(&host->names, loop, &limits, err);
        r = r < 0 ? r : worker_pool_new(&host->starters, loop, &starters, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(host);
        return 0;
}

void exec_host_free(struct exec_host *host) {
        if (!host) {
                return;
        }
        assert(host->running == 0 && list_empty(&host->waiting));
        LIST_FOREACH (node, &host->users) {
                user_free(LIST_ENTRY(node, struct exec_user, node));
        }
        loop_defer_cancel(&host->admission);
        worker_pool_free(host->names);
        worker_pool_free(host->starters);
        free(host);
}
