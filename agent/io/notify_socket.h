#pragma once
/* A datagram socket for what programs say about themselves in the words of sd_notify(3): lines
 * KEY=value, and the kernel's word on who sent them. Descriptors that come along are closed. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "io/loop.h"
#include "io/unix_socket.h"

enum {
        NOTIFY_MESSAGE_MAX = 4096, /* bytes; longer ones are dropped */
        NOTIFY_PER_TURN = 64, /* messages; the others wait in the socket */
};

struct notify_socket; /* heap */

/* `text` is terminated and valid in the call. */
typedef void (*notify_received)(void *cookie, const struct unix_peer *peer, const char *text);

/* Anybody on the host may send. A socket file that is there already is replaced: the caller has
 * made sure that nobody else serves it. */
int notify_socket_new(struct notify_socket **ret, struct loop *loop, const char *path,
        notify_received received, void *cookie, struct error *err);
void notify_socket_free(struct notify_socket *socket); /* removes the file; accepts NULL */

/* Copies the value of a key, cut to fit; false when the text has no such line. The first counts. */
bool notify_value(const char *text, const char *key, char *ret, size_t size);
