#pragma once
/* A UDP socket in the loop: bound to an address, never blocking, bounded work in a turn. What
 * arrives may be from anybody. */

#include <netinet/in.h>
#include <stddef.h>

#include "base/error.h"
#include "base/listen_address.h"

struct loop;
struct datagram_socket; /* heap */

enum {
        DATAGRAM_MAX = 2048, /* bytes; longer ones are dropped */
        DATAGRAMS_PER_TURN = 64,
};

/* `data` is not terminated, and gone after the call. */
typedef void (*datagram_received)(
        void *cookie, const struct listen_address *from, const char *data, size_t length);

/* -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, ... */
int datagram_socket_new(struct datagram_socket **ret, struct loop *loop, const char *address,
        datagram_received received, void *cookie, struct error *err);
void datagram_socket_free(struct datagram_socket *socket); /* accepts NULL */

/* 0, or -errno: it was not sent, be it that there is no room or no way at present. */
int datagram_socket_send(struct datagram_socket *socket, const struct listen_address *to,
        const char *data, size_t length);
