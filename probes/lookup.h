#pragma once
/* Names to addresses for probes: numeric ones at once, others by getaddrinfo(3) in a worker thread.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "probes/offload.h"

union address {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
};

enum {
        LOOKUP_ADDRESSES_MAX = 16, /* of one name; the rest is not tried */
        LOOKUP_NAME_MAX = 253, /* bytes, RFC 1035 */
        LOOKUP_WHY_MAX = 160,
        ADDRESS_TEXT_MAX = 64, /* "[v6]:port" */
};

struct address_list {
        uint32_t count;
        union address items[LOOKUP_ADDRESSES_MAX];
};

enum lookup_outcome {
        LOOKUP_FOUND,
        LOOKUP_NO_SUCH_NAME, /* the name servers say so */
        LOOKUP_UNAVAILABLE, /* no name server answered, or this host could not ask */
};

struct lookup_result {
        enum lookup_outcome outcome;
        struct address_list addresses;
        char why[LOOKUP_WHY_MAX]; /* unless found: "no such host: db.example" */
};

/* What a result of getaddrinfo(3) means. */
enum lookup_outcome lookup_classify(int gai_code);

/* True and the address when `host` is an IPv4 or IPv6 address (a scope such as %eth0 is allowed).
 */
bool lookup_numeric(const char *host, uint16_t port, union address *ret);

socklen_t address_length(const union address *address);

/* "192.0.2.1:80", "[2001:db8::1]:80". Returns text. */
const char *address_format(const union address *address, char text[ADDRESS_TEXT_MAX]);

struct lookup_request {
        struct worker_pool *pool;
        usec_t now, deadline;
        const char *host; /* copied */
        uint16_t port;
        /* In the loop: data is a const struct lookup_result *, valid in the call, or NULL when the
         * deadline passed. */
        void (*done)(void *cookie, void *data);
        void *cookie;
};

/* Errors as offload_start; the slot is cancelled and released like any other. */
int lookup_start(struct offload **slot, const struct lookup_request *request, struct error *err);
