#pragma once
/* How a policy names a server of a HAProxy, a socket of its Runtime API, and a weight. See the
 * management guide of HAProxy, "9.3. Unix Socket commands". */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

enum {
        HAPROXY_NAME_MAX = 128, /* bytes of a backend or a server, with the terminating zero */
        HAPROXY_WEIGHT_MAX = 256,
};

struct haproxy_target {
        char backend[HAPROXY_NAME_MAX], server[HAPROXY_NAME_MAX];
};

struct haproxy_weight {
        uint32_t value; /* 0 to HAPROXY_WEIGHT_MAX, or 0 to 100 */
        bool percent; /* of the weight in HAProxy's configuration */
};

struct haproxy_socket {
        struct sockaddr_storage address;
        socklen_t length;
};

/* BACKEND/SERVER, of characters that HAProxy has in names: nothing that its commands could take for
 * more than a name. -EINVAL with a sentence, here and below. */
int haproxy_target_parse(const char *text, struct haproxy_target *ret, struct error *err);

/* 0 to 256, or 0% to 100%. */
int haproxy_weight_parse(const char *text, struct haproxy_weight *ret, struct error *err);

/* An absolute path, or "tcp ADDRESS:PORT", "tcp [V6]:PORT": never a name, which had to be looked
 * up. */
int haproxy_socket_parse(const char *text, struct haproxy_socket *ret, struct error *err);
