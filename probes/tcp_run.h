#pragma once
/* A run of the TCP probe, shared by its files: tcp.c has the options and both ends of a run,
 * tcp_connect.c names and connections, tcp_talk.c what is said over them, tcp_protocol.c what is
 * said in a protocol. */

#include "base/clock.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "probes/address.h"
#include "probes/offload.h"
#include "probes/probe.h"
#include "probes/protocol.h"
#include "probes/secret_file.h"
#include "probes/tcp_params.h"
#include "probes/tcp_stream.h"

enum tcp_step {
        TCP_STEP_PASSWORD, /* in a thread */
        TCP_STEP_AUTHORITIES, /* in a thread */
        TCP_STEP_RESOLVE, /* in a thread, unless the address is numeric or known */
        TCP_STEP_CONNECT,
        TCP_STEP_HANDSHAKE,
        TCP_STEP_SEND,
        TCP_STEP_RECEIVE,
        TCP_STEP_PROTOCOL,
};

struct tcp_state {
        struct offload *call; /* that loads the authorities */
        struct offload *work; /* that computes something for the protocol */
        struct secret_file secret;
        struct ssl_ctx_st *context; /* with TLS; loaded anew after a failed handshake */
};

struct tcp_run {
        enum tcp_step step;
        usec_t begun; /* exactly; the run's own `started` is that of the loop's turn */
        struct resolver_query query;
        union address addresses[RESOLVER_MAX_ADDRESSES];
        uint32_t count, next; /* address to try */
        struct tcp_stream stream;
        struct loop_watch watch;
        struct loop_timer patience; /* with the name servers, or one of several addresses */
        size_t sent;
        struct strbuf received;
        char *password; /* NULL: none; wiped at the end */
        struct talk talk; /* in a protocol; its protocol is NULL before it has begun */
        enum talk_action action; /* what the talk waits for */
        /* Set before the start by another type that only wants the session: looks at stream.tls
         * once it is there, and returns as a step does. NULL: the conversation goes on. */
        int (*secured)(struct probe_run *run);
        struct probe_result result; /* so far, such as why the last address failed */
};

static inline struct probe_result *tcp_result(struct probe_run *run) {
        return &((struct tcp_run *) run->room)->result;
}

/* Ends the run with its result so far. */
void tcp_finish(struct probe_run *run);
/* Everything that was wanted has happened: passes, unless it took too long. */
void tcp_finish_well(struct probe_run *run);

/* Finds the addresses, connects to one of them, and goes on with tcp_talk. */
void tcp_connect(struct probe_run *run);
void tcp_on_patience_over(void *cookie); /* callback of `patience`; the cookie is the run */

/* Loads the authorities, and goes on with tcp_connect. */
void tcp_load_authorities(struct probe_run *run);

/* The address that is being tried; text is room for it. */
const char *tcp_current_address(const struct probe_run *run, char text[ADDRESS_TEXT_MAX]);
/* Ends the attempt at this address with an errno, and goes on with the next, if there is one. */
void tcp_address_failed(struct probe_run *run, int code);
/* Waits for these events on the connection, and then goes on with tcp_talk. -errno. */
int tcp_wait(struct probe_run *run, uint32_t events);

/* Goes on with the conversation as far as it can without waiting. */
void tcp_talk(struct probe_run *run);

/* ---- steps of the conversation: each returns 0 when done, -EAGAIN to wait for the connection,
 * -EINPROGRESS when something else goes on with the run, -ECANCELED when its result is there ----
 */

/* Whether a datagram was answered by "port unreachable"; then the next address is being tried, or
 * the run is over. */
bool tcp_is_refused(struct probe_run *run, ssize_t code);
int tcp_step_handshake(struct probe_run *run); /* puts TLS on the connection */
int tcp_step_protocol(struct probe_run *run);

/* Reads the password, and goes on with tcp_begin. */
void tcp_load_password(struct probe_run *run);
void tcp_begin(struct probe_run *run); /* all that is secret is there */
