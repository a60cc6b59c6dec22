#pragma once
/* Pure: what a HAProxy says on the socket of its Runtime API, which is text for people, and by its
 * nature any bytes at all. See the management guide, "9.3. Unix Socket commands": `show servers
 * state` and `show stat`. */

#include <stdint.h>

#include "base/error.h"
#include "model/haproxy.h"
#include "model/policy.h"

enum { HAPROXY_ANSWER_MAX = 1024 * 1024 }; /* bytes; a backend may have thousands of servers */

struct haproxy_server {
        uint32_t backend_id, server_id;
        int state; /* enum server_state, as it was told to be */
        bool up; /* by its checks, or without any */
        uint32_t weight, initial_weight; /* at present, and in its configuration */
};

/* The answer to a command that changes something: nothing at all is success. -EPERM, -ENOENT or
 * -EPROTO, with what a person can do. */
int haproxy_answer_check(
        const char *answer, const struct haproxy_target *target, struct error *err);

/* Of `show servers state BACKEND`. -ENOENT: no such backend or server; -EPROTO: no such answer. */
int haproxy_answer_server(const char *answer, const struct haproxy_target *target,
        struct haproxy_server *ret, struct error *err);

/* Of `show stat`: requests that the server has, and that wait for it. */
int haproxy_answer_sessions(
        const char *answer, const struct haproxy_target *target, uint32_t *ret, struct error *err);

/* What a weight of a policy comes to for this server. */
uint32_t haproxy_weight_of(const struct haproxy_server *server, struct haproxy_weight weight);
