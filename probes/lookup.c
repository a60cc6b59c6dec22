#include "probes/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

struct lookup {
        struct lookup_result result; /* first: what `done` gets */
        uint16_t port;
        char host[LOOKUP_NAME_MAX + 1];
};

enum lookup_outcome lookup_classify(int gai_code) {
        switch (gai_code) {
        case 0:
                return LOOKUP_FOUND;
        case EAI_NONAME:
        case EAI_NODATA:
        case EAI_ADDRFAMILY:
                return LOOKUP_NO_SUCH_NAME;
        default: /* EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_SYSTEM: nobody knows */
                return LOOKUP_UNAVAILABLE;
        }
}

static bool parse_host(
        const char *host, int flags, uint16_t port, struct addrinfo **ret, int *code) {
        char service[8];
        snprintf(service, sizeof(service), "%u", port);
        const struct addrinfo hints = {
                .ai_family = AF_UNSPEC,
                .ai_socktype = SOCK_STREAM,
                .ai_flags = AI_NUMERICSERV | flags,
        };
        *code = getaddrinfo(host, service, &hints, ret);
        return *code == 0;
}

static bool take_address(const struct addrinfo *info, union address *to) {
        if (info->ai_addrlen > sizeof(*to) ||
                (info->ai_family != AF_INET && info->ai_family != AF_INET6)) {
                return false;
        }
        memcpy(to, info->ai_addr, info->ai_addrlen);
        return true;
}

bool lookup_numeric(const char *host, uint16_t port, union address *ret) {
        struct addrinfo *found;
        int code;
        if (!parse_host(host, AI_NUMERICHOST, port, &found, &code)) {
                return false;
        }
        bool taken = take_address(found, ret);
        freeaddrinfo(found);
        return taken;
}

socklen_t address_length(const union address *address) {
        return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

const char *address_format(const union address *address, char text[ADDRESS_TEXT_MAX]) {
        char host[INET6_ADDRSTRLEN];
        if (address->any.sa_family == AF_INET) {
                inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
                snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
        } else {
                inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
                snprintf(text, ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
        }
        return text;
}

static void explain(struct lookup *lookup, int code) {
        struct lookup_result *result = &lookup->result;
        if (result->outcome == LOOKUP_NO_SUCH_NAME) {
                snprintf(result->why, sizeof(result->why), "no such host: %.120s", lookup->host);
        } else if (result->outcome == LOOKUP_UNAVAILABLE) {
                snprintf(result->why, sizeof(result->why), "look-up of %.80s failed: %s",
                        lookup->host,
                        code == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(code));
        }
}

static void run_lookup(struct offload *call, void *data) {
        struct lookup *lookup = data;
        struct address_list *addresses = &lookup->result.addresses;
        struct addrinfo *found = NULL;
        int code;

        offload_step(call, "a name server");
        parse_host(lookup->host, 0, lookup->port, &found, &code);
        lookup->result.outcome = lookup_classify(code);
        explain(lookup, code);
        if (code != 0) {
                return;
        }
        for (struct addrinfo *i = found; i && addresses->count < LOOKUP_ADDRESSES_MAX;
                i = i->ai_next) {
                addresses->count += take_address(i, &addresses->items[addresses->count]);
        }
        freeaddrinfo(found);
        if (addresses->count == 0) {
                lookup->result.outcome = LOOKUP_NO_SUCH_NAME;
                explain(lookup, EAI_NODATA);
        }
}

int lookup_start(struct offload **slot, const struct lookup_request *request, struct error *err) {
        if (strlen(request->host) > LOOKUP_NAME_MAX) {
                return error_set(err, EINVAL, "the name is too long");
        }
        struct lookup *lookup = calloc(1, sizeof(*lookup));
        if (!lookup) {
                return error_set(err, ENOMEM, "out of memory");
        }
        str_copy(lookup->host, sizeof(lookup->host), request->host);
        lookup->port = request->port;
        const struct offload_request call = {
                .pool = request->pool,
                .now = request->now,
                .deadline = request->deadline,
                .run = run_lookup,
                .done = request->done,
                .release = free,
                .data = lookup,
                .cookie = request->cookie,
        };
        int r = offload_start(slot, &call, err);
        if (r < 0) {
                free(lookup);
        }
        return r;
}
