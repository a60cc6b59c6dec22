#pragma once
/* Names to addresses: getaddrinfo(3) in a few threads, one look-up a name however many ask for it,
 * and a short memory of the answers. A name server that hangs costs these threads and nothing else.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "io/loop.h"

enum {
        RESOLVER_NAME_MAX = 253, /* bytes, RFC 1035 */
        RESOLVER_MAX_ADDRESSES = 8, /* of one name; the rest is not used */
        RESOLVER_MAX_NAMES = 16384, /* that are remembered */
        RESOLVER_MAX_THREADS = 8,
        RESOLVER_MAX_STUCK = 16,
};

/* A name without a time to live of its own is asked for again after this; a failure sooner. */
#define RESOLVER_KEEP (10 * USEC_PER_SEC)
#define RESOLVER_KEEP_FAILURE (1 * USEC_PER_SEC)
/* A look-up that takes longer has failed, and its thread counts as stuck. */
#define RESOLVER_DEADLINE (30 * USEC_PER_SEC)

struct resolver_answer {
        int code; /* of getaddrinfo: 0, EAI_NONAME, EAI_AGAIN, ...; see gai_strerror() */
        size_t count;
        char addresses[RESOLVER_MAX_ADDRESSES][INET6_ADDRSTRLEN]; /* numeric text */
};

struct resolver;

/* One who waits, in memory of the owner. */
struct resolver_query {
        struct list node;
        /* Not called by resolver_ask() itself. The answer is valid in the call. */
        void (*done)(void *cookie, const struct resolver_answer *answer);
        void *cookie;
};

int resolver_new(struct resolver **ret, struct loop *loop, struct error *err);
/* Accepts NULL. No done is called any more; a look-up under way is abandoned. May be called by
 * done. */
void resolver_free(struct resolver *resolver);
/* 1: the answer is known, and in *ret until the next call; 0: done will be called. -ENAMETOOLONG;
 * -ENOBUFS: too many names; otherwise as worker_submit(). */
int resolver_ask(struct resolver *resolver, const char *name, struct resolver_query *query,
        const struct resolver_answer **ret, struct error *err);
/* done is not called; a query that does not wait may be cancelled as well. */
void resolver_cancel(struct resolver_query *query);

/* For tests: answers instead of getaddrinfo(), in a thread. */
typedef void (*resolver_look_up)(const char *name, struct resolver_answer *ret);
void resolver_set_look_up(struct resolver *resolver, resolver_look_up look_up);
