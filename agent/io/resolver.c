#include "io/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"
#include "io/worker.h"

struct entry {
        struct list node; /* in the resolver's entries, the one that was answered last at the end */
        struct resolver *resolver;
        struct list queries;
        struct worker_task *task; /* NULL: nothing is under way */
        usec_t until; /* the answer is good till then */
        struct resolver_answer answer;
        char name[RESOLVER_NAME_MAX + 1];
};

/* What the thread works on. */
struct look_up_job {
        resolver_look_up look_up;
        struct resolver_answer answer;
        char name[RESOLVER_NAME_MAX + 1];
};

struct resolver {
        struct loop *loop;
        struct worker_pool *pool;
        struct map *map; /* name -> entry */
        struct list entries;
        resolver_look_up look_up;
        bool *gone; /* while callbacks run: set when one of them frees the resolver */
};

/* ---- in the thread ---- */

static bool add_address(struct resolver_answer *answer, const struct addrinfo *info) {
        /* style: allow getnameinfo: numeric, so nothing is looked up */
        return getnameinfo(info->ai_addr, info->ai_addrlen, answer->addresses[answer->count],
                       sizeof(answer->addresses[0]), NULL, 0, NI_NUMERICHOST) == 0;
}

static void ask_system(const char *name, struct resolver_answer *ret) {
        const struct addrinfo hints = {
                .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
        struct addrinfo *found = NULL;

        /* style: allow getaddrinfo: in a thread of the pool */
        ret->code = getaddrinfo(name, "0", &hints, &found);
        if (ret->code != 0) {
                return;
        }
        for (const struct addrinfo *i = found; i && ret->count < RESOLVER_MAX_ADDRESSES;
                i = i->ai_next) {
                ret->count += add_address(ret, i);
        }
        freeaddrinfo(found);
        if (ret->count == 0) {
                ret->code = EAI_NONAME;
        }
}

static int run_look_up(void *data) {
        struct look_up_job *job = data;

        job->look_up(job->name, &job->answer);
        return 0;
}

/* ---- entries ---- */

static void entry_free(struct entry *entry) {
        if (entry->task) {
                worker_cancel(entry->task);
        }
        while (!list_empty(&entry->queries)) {
                list_remove(entry->queries.next); /* the owners forget about them */
        }
        (void) map_remove(entry->resolver->map, entry->name);
        list_remove(&entry->node);
        free(entry);
}

/* Room for one more name: what nobody waits for and is too old to be used is forgotten. */
static void forget_old(struct resolver *resolver) {
        usec_t now = loop_now(resolver->loop).mono;

        LIST_FOREACH (node, &resolver->entries) {
                struct entry *entry = LIST_ENTRY(node, struct entry, node);
                if (!entry->task && entry->until <= now) {
                        entry_free(entry);
                }
        }
}

static int add_entry(struct resolver *resolver, const char *name, struct entry **ret) {
        if (map_size(resolver->map) >= RESOLVER_MAX_NAMES) {
                forget_old(resolver);
        }
        if (map_size(resolver->map) >= RESOLVER_MAX_NAMES) {
                return -ENOBUFS;
        }
        struct entry *entry = calloc(1, sizeof(*entry));
        if (!entry) {
                return -ENOMEM;
        }
        entry->resolver = resolver;
        list_init(&entry->queries);
        (void) str_copy(entry->name, sizeof(entry->name), name); /* the length was checked */
        int r = map_put(resolver->map, entry->name, entry);
        if (r < 0) {
                free(entry);
                return r;
        }
        list_append(&resolver->entries, &entry->node);
        *ret = entry;
        return 0;
}

/* The callbacks may ask again, cancel each other, and free the resolver. */
static void tell_queries(struct entry *entry) {
        struct resolver *resolver = entry->resolver;
        struct resolver_answer answer = entry->answer;
        bool gone = false;

        resolver->gone = &gone;
        while (!gone && !list_empty(&entry->queries)) {
                struct resolver_query *query =
                        LIST_ENTRY(entry->queries.next, struct resolver_query, node);
                list_remove(&query->node);
                query->done(query->cookie, &answer);
        }
        if (!gone) {
                resolver->gone = NULL;
        }
}

static void on_looked_up(void *cookie, int result, void *data) {
        struct entry *entry = cookie;
        const struct look_up_job *job = data;
        usec_t now = loop_now(entry->resolver->loop).mono;

        entry->task = NULL;
        entry->answer = result == 0 && job ? job->answer : (struct resolver_answer){EAI_AGAIN};
        entry->until =
                usec_add(now, entry->answer.code == 0 ? RESOLVER_KEEP : RESOLVER_KEEP_FAILURE);
        list_remove(&entry->node);
        list_append(&entry->resolver->entries, &entry->node);
        tell_queries(entry);
}

static int start_look_up(struct entry *entry, struct error *err) {
        struct resolver *resolver = entry->resolver;
        struct look_up_job *job = calloc(1, sizeof(*job));

        if (!job) {
                return error_set_errno(err, ENOMEM, "looking up %s", entry->name);
        }
        job->look_up = resolver->look_up;
        memcpy(job->name, entry->name, sizeof(job->name));
        const struct worker_job work = {
                .run = run_look_up,
                .release = free,
                .done = on_looked_up,
                .data = job,
                .cookie = entry,
                .deadline = usec_add(loop_now(resolver->loop).mono, RESOLVER_DEADLINE),
        };
        int r = worker_submit(resolver->pool, &work, &entry->task, err);
        if (r < 0) {
                free(job);
                return error_wrap(err, "looking up %s", entry->name);
        }
        return 0;
}

/* ---- the contract ---- */

int resolver_ask(struct resolver *resolver, const char *name, struct resolver_query *query,
        const struct resolver_answer **ret, struct error *err) {
        if (strlen(name) > RESOLVER_NAME_MAX) {
                return error_set(err, ENAMETOOLONG, "not a name: %.64s...", name);
        }
        struct entry *entry = map_get(resolver->map, name);
        if (!entry) {
                int r = add_entry(resolver, name, &entry);
                if (r < 0) {
                        return error_set_errno(err, -r, "looking up %s", name);
                }
        }
        if (!entry->task && entry->until > loop_now(resolver->loop).mono) {
                *ret = &entry->answer;
                return 1;
        }
        if (!entry->task) {
                int r = start_look_up(entry, err);
                if (r < 0) {
                        return r;
                }
        }
        list_append(&entry->queries, &query->node);
        return 0;
}

void resolver_cancel(struct resolver_query *query) {
        list_remove(&query->node);
}

void resolver_set_look_up(struct resolver *resolver, resolver_look_up look_up) {
        resolver->look_up = look_up;
}

DEFINE_CLEANUP(cleanup_resolver, struct resolver, resolver_free)

int resolver_new(struct resolver **ret, struct loop *loop, struct error *err) {
        static const struct worker_limits limits = {
                .name = "name look-ups",
                .max_threads = RESOLVER_MAX_THREADS,
                .max_queue = RESOLVER_MAX_NAMES,
                .max_stuck = RESOLVER_MAX_STUCK,
        };
        AUTO(cleanup_resolver) struct resolver *resolver = calloc(1, sizeof(*resolver));

        if (!resolver) {
                return error_set_errno(err, ENOMEM, "resolver");
        }
        resolver->loop = loop;
        resolver->look_up = ask_system;
        list_init(&resolver->entries);
        resolver->map = map_new();
        if (!resolver->map) {
                return error_set_errno(err, ENOMEM, "resolver");
        }
        int r = worker_pool_new(&resolver->pool, loop, &limits, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(resolver);
        return 0;
}

void resolver_free(struct resolver *resolver) {
        if (!resolver) {
                return;
        }
        if (resolver->gone) {
                *resolver->gone = true;
        }
        while (!list_empty(&resolver->entries)) {
                entry_free(LIST_ENTRY(resolver->entries.next, struct entry, node));
        }
        map_free(resolver->map);
        worker_pool_free(resolver->pool);
        free(resolver);
}
