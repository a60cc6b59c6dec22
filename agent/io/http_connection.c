#include "io/http_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* ---- a connection ---- */

static int connect_socket(const struct http_address *address) {
        AUTO_CLOSE int fd =
                socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0) {
                return -errno;
        }
        if (connect(fd, &address->any, address->length) < 0 && errno != EINPROGRESS) {
                return -errno;
        }
        return TAKE_FD(fd);
}

int http_connection_open(struct http_connection **ret, const struct http_address *address) {
        int fd = connect_socket(address);
        if (fd < 0) {
                return fd;
        }
        struct http_connection *connection = malloc(sizeof(*connection));
        if (!connection) {
                close(fd);
                return -ENOMEM;
        }
        *connection = (struct http_connection){.fd = fd, .address = *address};
        list_init(&connection->node);
        *ret = connection;
        return 0;
}

static void forget_owner(struct http_connection *connection) {
        if (connection->kept) {
                list_remove(&connection->node);
                connection->kept->count--;
                connection->kept = NULL;
                connection->keep->connection = NULL;
                connection->keep = NULL;
        }
}

void http_connection_close(struct http_connection *connection) {
        if (!connection) {
                return;
        }
        forget_owner(connection);
        loop_watch_remove(&connection->watch);
        close(connection->fd);
        free(connection);
}

static void on_ready(void *cookie, uint32_t events) {
        struct http_connection *connection = cookie;

        if (connection->kept) {
                http_connection_close(connection);
        } else {
                connection->ready(connection->cookie, events);
        }
}

int http_connection_watch(struct http_connection *connection, struct loop *loop, uint32_t events) {
        return connection->watch.loop ? loop_watch_modify(&connection->watch, events)
                                      : loop_watch_add(&connection->watch, loop, connection->fd,
                                                events, on_ready, connection);
}

/* ---- kept ones ---- */

void http_kept_init(struct http_kept *kept, struct loop *loop) {
        *kept = (struct http_kept){.loop = loop};
        list_init(&kept->connections);
}

static struct http_connection *oldest(const struct http_kept *kept) {
        return list_empty(&kept->connections)
                       ? NULL
                       : LIST_ENTRY(kept->connections.next, struct http_connection, node);
}

static bool is_old(const struct http_kept *kept, const struct http_connection *connection) {
        return usec_sub(loop_now(kept->loop).mono, connection->since) >=
               HTTP_CLIENT_KEPT_SECONDS * USEC_PER_SEC;
}

void http_kept_close_all(struct http_kept *kept) {
        struct http_connection *connection;

        while ((connection = oldest(kept))) {
                http_connection_close(connection);
        }
}

void http_kept_close_old(struct http_kept *kept) {
        struct http_connection *connection;

        while ((connection = oldest(kept)) && is_old(kept, connection)) {
                http_connection_close(connection);
        }
}

void http_kept_put(
        struct http_kept *kept, struct http_keep *keep, struct http_connection *connection) {
        bool room = !keep->connection && kept->count < HTTP_CLIENT_KEPT_CONNECTIONS;
        if (!room || http_connection_watch(connection, kept->loop, EPOLLIN) < 0) {
                http_connection_close(connection);
                return;
        }
        connection->kept = kept;
        connection->keep = keep;
        connection->since = loop_now(kept->loop).mono;
        keep->connection = connection;
        list_append(&kept->connections, &connection->node);
        kept->count++;
}

static bool leads_to(const struct http_connection *connection, const struct http_address *address) {
        return connection->address.length == address->length &&
               memcmp(&connection->address.any, &address->any, address->length) == 0;
}

struct http_connection *http_kept_take(
        struct http_kept *kept, struct http_keep *keep, const struct http_address *address) {
        struct http_connection *connection = keep->connection;

        if (!connection) {
                return NULL;
        }
        if (is_old(kept, connection) || !leads_to(connection, address)) {
                http_connection_close(connection);
                return NULL;
        }
        forget_owner(connection);
        return connection;
}

void http_keep_drop(struct http_keep *keep) {
        http_connection_close(keep->connection);
}
