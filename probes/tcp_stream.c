#include "probes/tcp_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* ---- context ---- */

/* The last error is the cause nearest to the call; the earlier ones are its details. */
static const char *last_tls_error(void) {
        unsigned long code = ERR_peek_last_error();
        const char *reason = code ? ERR_reason_error_string(code) : NULL;
        return reason ? reason : "unknown error";
}

static int load_authorities(SSL_CTX *context, const char *ca_file) {
        return ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                       : SSL_CTX_set_default_verify_paths(context);
}

int tls_context_load(
        bool verify, const char *ca_file, struct ssl_ctx_st **ret, char why[TCP_WHY_MAX]) {
        ERR_clear_error();
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        if (!context || (verify && load_authorities(context, ca_file) != 1)) {
                snprintf(why, TCP_WHY_MAX, "authorities in %.64s: %.40s",
                        ca_file ? ca_file : "the system", last_tls_error());
                SSL_CTX_free(context);
                ERR_clear_error();
                return -EIO;
        }
        SSL_CTX_set_verify(context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_mode(
                context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
        SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
        *ret = context;
        return 0;
}

void tls_context_free(struct ssl_ctx_st *context) {
        SSL_CTX_free(context);
}

/* ---- session ---- */

static bool is_numeric(const char *name) {
        struct in6_addr address;
        return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

static bool set_name(SSL *tls, const char *name) {
        if (is_numeric(name)) { /* an address is never sent (RFC 6066, 3), but it is verified */
                return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name) == 1;
        }
        SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        return SSL_set_tlsext_host_name(tls, name) == 1 && SSL_set1_host(tls, name) == 1;
}

int tcp_stream_secure(struct tcp_stream *stream, struct ssl_ctx_st *context, const char *name) {
        ERR_clear_error();
        SSL *tls = SSL_new(context);
        if (!tls) {
                return -ENOMEM;
        }
        if (SSL_set_fd(tls, stream->fd) != 1 || (name && !set_name(tls, name))) {
                SSL_free(tls);
                ERR_clear_error();
                return -EINVAL;
        }
        SSL_set_connect_state(tls);
        stream->tls = tls;
        return 0;
}

static void explain(struct tcp_stream *stream, int code) {
        long verified = SSL_get_verify_result(stream->tls);
        if (verified != X509_V_OK && SSL_get_verify_mode(stream->tls) != SSL_VERIFY_NONE) {
                snprintf(stream->why, TCP_WHY_MAX, "certificate not accepted: %s",
                        X509_verify_cert_error_string(verified));
        } else {
                snprintf(stream->why, TCP_WHY_MAX, "TLS failed: %s",
                        code == SSL_ERROR_SYSCALL ? strerrordesc_np(errno) : last_tls_error());
        }
        ERR_clear_error();
}

/* What a TLS call that did not succeed means: 0: end of the stream, or negative errno. */
static int classify(struct tcp_stream *stream, int returned) {
        int keep = errno;
        int code = SSL_get_error(stream->tls, returned);
        switch (code) {
        case SSL_ERROR_WANT_READ:
                stream->wants = EPOLLIN;
                return -EAGAIN;
        case SSL_ERROR_WANT_WRITE:
                stream->wants = EPOLLOUT;
                return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        case SSL_ERROR_SYSCALL:
                if (keep == 0 || keep == ECONNRESET || keep == EPIPE) {
                        snprintf(stream->why, TCP_WHY_MAX, "connection closed by the peer");
                        return -ECONNRESET;
                }
        }
        errno = keep;
        explain(stream, code);
        return -EPROTO;
}

int tcp_stream_handshake(struct tcp_stream *stream) {
        ERR_clear_error();
        errno = 0;
        int r = SSL_do_handshake(stream->tls);
        if (r == 1) {
                return 0;
        }
        r = classify(stream, r);
        if (r == 0) {
                snprintf(stream->why, TCP_WHY_MAX, "connection closed by the peer");
        }
        return r == 0 ? -ECONNRESET : r;
}

/* ---- bytes ---- */

static ssize_t finish_plain(struct tcp_stream *stream, ssize_t moved, uint32_t wants) {
        if (moved >= 0) {
                return moved;
        }
        int code = errno;
        if (code == EAGAIN || code == EINTR) {
                stream->wants = wants;
                return -EAGAIN;
        }
        snprintf(stream->why, TCP_WHY_MAX, "%s", strerrordesc_np(code));
        return -code;
}

ssize_t tcp_stream_read(struct tcp_stream *stream, void *to, size_t size) {
        size_t moved;
        if (!stream->tls) {
                return finish_plain(stream, recv(stream->fd, to, size, 0), EPOLLIN);
        }
        ERR_clear_error();
        errno = 0;
        int r = SSL_read_ex(stream->tls, to, size, &moved);
        return r == 1 ? (ssize_t) moved : classify(stream, r);
}

ssize_t tcp_stream_write(struct tcp_stream *stream, const void *from, size_t size) {
        size_t moved;
        if (!stream->tls) {
                return finish_plain(stream, send(stream->fd, from, size, MSG_NOSIGNAL), EPOLLOUT);
        }
        ERR_clear_error();
        errno = 0;
        int r = SSL_write_ex(stream->tls, from, size, &moved);
        return r == 1 ? (ssize_t) moved : classify(stream, r);
}

void tcp_stream_close(struct tcp_stream *stream) {
        SSL_free(TAKE_PTR(stream->tls));
        if (stream->fd >= 0) {
                close(TAKE_FD(stream->fd));
        }
}
