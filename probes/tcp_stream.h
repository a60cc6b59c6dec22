#pragma once
/* A connected, non-blocking descriptor, plain or under TLS. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TCP_WHY_MAX = 128 };

struct ssl_ctx_st;
struct ssl_st;

struct tcp_stream { /* owns both; fd -1: closed */
        int fd;
        struct ssl_st *tls; /* NULL: plain */
        uint32_t wants; /* after -EAGAIN: EPOLLIN or EPOLLOUT */
        char why[TCP_WHY_MAX]; /* after any other error, for a person */
};

/* Settings and authorities, to be shared by sessions; reads files, so it runs in a worker thread.
 * `ca_file` NULL: the system's. Free with tls_context_free. -EIO and why. */
int tls_context_load(
        bool verify, const char *ca_file, struct ssl_ctx_st **ret, char why[TCP_WHY_MAX]);
void tls_context_free(struct ssl_ctx_st *context);

/* Puts a client session on the descriptor; `name` (a host or a numeric address; NULL: none) is sent
 * to the server and its certificate must be for it. -ENOMEM, -EINVAL. */
int tcp_stream_secure(struct tcp_stream *stream, struct ssl_ctx_st *context, const char *name);

/* 0: done; -EAGAIN; -ECONNRESET: closed or reset by the peer; -EPROTO: everything else. */
int tcp_stream_handshake(struct tcp_stream *stream);

/* Bytes moved, 0 at the end of the stream (read only); -EAGAIN; -EPROTO under TLS, or -errno. */
ssize_t tcp_stream_read(struct tcp_stream *stream, void *to, size_t size);
ssize_t tcp_stream_write(struct tcp_stream *stream, const void *from, size_t size);

void tcp_stream_close(struct tcp_stream *stream);
