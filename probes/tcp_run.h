#pragma once
/* A run of the TCP probe, shared by its files: tcp.c has the options and both ends of a run,
 * tcp_connect.c names and connections, tcp_talk.c what is said over them. */

#include "base/clock.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "probes/address.h"
#include "probes/offload.h"
#include "probes/probe.h"
#include "probes/tcp_params.h"
#include "probes/tcp_stream.h"

enum tcp_step {
        TCP_STEP_AUTHORITIES, /* in a thread */
        TCP_STEP_RESOLVE, /* in a thread, unless the address is numeric or known */
        TCP_STEP_CONNECT,
        TCP_STEP_HANDSHAKE,
        TCP_STEP_SEND,
        TCP_STEP_RECEIVE,
};

struct tcp_state {
        struct offload *call; /* that loads the authorities */
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

/* Goes on with the conversation as far as it can without waiting. */
void tcp_talk(struct probe_run *run);
