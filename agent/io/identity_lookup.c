#include "io/identity_lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct query {
        char *user, *group;
        struct identity identity;
        struct error err;
};

struct identity_lookup {
        struct worker_task *task;
        identity_done done;
        void *cookie;
};

static void query_free(void *data) {
        struct query *query = data;
        if (query) {
                free(query->user);
                free(query->group);
                free(query);
        }
}

DEFINE_CLEANUP(cleanup_query, struct query, query_free)

static struct query *query_new(const char *user, const char *group) {
        AUTO(cleanup_query) struct query *query = calloc(1, sizeof(*query));
        if (!query || (user && !(query->user = strdup(user))) ||
                (group && !(query->group = strdup(group)))) {
                return NULL;
        }
        return TAKE_PTR(query);
}

static int query_run(void *data) {
        struct query *query = data;
        return identity_resolve(query->user, query->group, &query->identity, &query->err);
}

static void on_done(void *cookie, int result, void *data) {
        AUTO_FREE struct identity_lookup *lookup = cookie;
        const struct query *query = data;
        const char *text = query && *query->err.text ? query->err.text
                           : result == -ETIMEDOUT    ? "the name service does not answer"
                                                     : strerror(-result);
        lookup->done(lookup->cookie, result, result == 0 ? &query->identity : NULL, text);
}

int identity_lookup_start(struct identity_lookup **ret, struct worker_pool *pool, const char *user,
        const char *group, usec_t deadline, identity_done done, void *cookie, struct error *err) {
        AUTO_FREE struct identity_lookup *lookup = calloc(1, sizeof(*lookup));
        AUTO(cleanup_query) struct query *query = query_new(user, group);
        if (!lookup || !query) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *lookup = (struct identity_lookup){.done = done, .cookie = cookie};
        struct worker_job job = {
                .run = query_run,
                .release = query_free,
                .done = on_done,
                .data = query,
                .cookie = lookup,
                .deadline = deadline,
        };
        int r = worker_submit(pool, &job, &lookup->task, err);
        if (r < 0) {
                return r;
        }
        query = NULL;
        *ret = TAKE_PTR(lookup);
        return 0;
}

void identity_lookup_cancel(struct identity_lookup *lookup) {
        if (lookup) {
                worker_cancel(lookup->task);
                free(lookup);
        }
}
