/* What the TCP probe says over a connection: TLS, a text, and the search for the expected one. */

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "probes/tcp_run.h"

enum { READ_BYTES = 4096 };

/* ---- authorities ---- */

struct authorities_job {
        bool verify;
        struct ssl_ctx_st *context; /* NULL: why says it */
        char why[TCP_WHY_MAX];
        char ca_file[]; /* terminated; "": the system's */
};

static void run_authorities_job(struct offload *call, void *data) {
        struct authorities_job *job = data;
        offload_step(call, "the authorities' file");
        (void) tls_context_load(
                job->verify, *job->ca_file ? job->ca_file : NULL, &job->context, job->why);
        OPENSSL_thread_stop(); /* what it keeps for this thread, which ends when it is idle */
}

static void release_authorities_job(void *data) {
        struct authorities_job *job = data;
        tls_context_free(job->context);
        free(job);
}

static void authorities_loaded(void *cookie, void *data) {
        struct probe_run *run = cookie;
        struct authorities_job *job = data;
        struct tcp_state *state = run->state;
        if (job && job->context) {
                state->context = TAKE_PTR(job->context);
                tcp_connect(run);
                return;
        }
        if (!job) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the authorities' file could not be read in time");
        } else {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE, "%s", job->why);
        }
        tcp_finish(run);
}

static struct authorities_job *authorities_job_new(const struct tcp_tls_params *tls) {
        const char *file = tls->ca_file ? tls->ca_file : "";
        size_t length = strlen(file) + 1;
        struct authorities_job *job = calloc(1, sizeof(*job) + length);
        if (job) {
                memcpy(job->ca_file, file, length);
                job->verify = tls->verify;
        }
        return job;
}

void tcp_load_authorities(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_state *state = run->state;
        struct tcp_run *room = run->room;
        struct authorities_job *job = authorities_job_new(params->tls);
        struct error err = {0};
        const struct offload_request request = {
                .pool = run->host->disk,
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = run_authorities_job,
                .done = authorities_loaded,
                .release = release_authorities_job,
                .data = job,
                .cookie = run,
        };
        room->step = TCP_STEP_AUTHORITIES;
        int r = job ? offload_start(&state->call, &request, &err)
                    : error_set(&err, ENOMEM, "out of memory");
        if (r < 0) {
                free(job);
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "authorities not loaded: %s", err.text);
                tcp_finish(run);
        }
}

/* ---- the conversation ---- */

static const char *name_to_verify(const struct tcp_params *params) {
        return params->tls->server_name ? params->tls->server_name : params->address.host;
}

int tcp_step_handshake(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_state *state = run->state;
        struct tcp_run *room = run->room;
        struct tcp_stream *stream = &room->stream;
        int r = stream->tls ? 0 : tcp_stream_secure(stream, state->context, name_to_verify(params));
        if (r < 0) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "TLS could not begin: %s", strerrordesc_np(-r));
                return -ECANCELED;
        }
        r = tcp_stream_handshake(stream);
        if (r == 0 && room->secured) {
                return room->secured(run);
        }
        if (r == 0 || r == -EAGAIN) {
                return r;
        }
        tls_context_free(TAKE_PTR(state->context)); /* the next run reads the authorities again */
        probe_conclude(tcp_result(run), OUTCOME_FAIL,
                r == -EPROTO ? CAUSE_WRONG_ANSWER : CAUSE_UNRESPONSIVE, "connected, %s",
                stream->why);
        return -ECANCELED;
}

static int step_first_handshake(struct probe_run *run) {
        return tcp_begins_with_tls(run->spec->params) ? tcp_step_handshake(run) : 0;
}

bool tcp_is_refused(struct probe_run *run, ssize_t code) {
        const struct tcp_params *params = run->spec->params;
        if (params->transport != TCP_TRANSPORT_UDP || code != -ECONNREFUSED) {
                return false;
        }
        struct tcp_run *room = run->room;
        room->sent = 0;
        room->step = TCP_STEP_CONNECT;
        talk_done(&room->talk);
        room->talk = (struct talk){0};
        tcp_address_failed(run, ECONNREFUSED);
        return true;
}

static int step_send(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        while (room->sent < params->send.length) {
                ssize_t n = tcp_stream_write(&room->stream, params->send.data + room->sent,
                        params->send.length - room->sent);
                if (n == -EAGAIN) {
                        return -EAGAIN;
                }
                if (tcp_is_refused(run, n)) {
                        return -EINPROGRESS;
                }
                if (n <= 0) {
                        probe_conclude(tcp_result(run), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                                "connected, but the text was not taken: %s",
                                n == 0 ? "closed by the peer" : room->stream.why);
                        return -ECANCELED;
                }
                room->sent += (size_t) n;
        }
        return 0;
}

/* The end of the stream, or of patience, came before the expected text. */
static int not_received(struct probe_run *run, const char *how) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_run *room = run->room;
        const struct strbuf *received = &room->received;
        char bytes[UNITS_TEXT_MAX], wanted[TCP_BYTES_TEXT_MAX], found[TCP_BYTES_TEXT_MAX];
        bool silent = received->length == 0;
        probe_conclude(tcp_result(run), OUTCOME_FAIL,
                silent ? CAUSE_UNRESPONSIVE : CAUSE_WRONG_ANSWER, "%s after %s without %s%s%s", how,
                units_format_size_short(received->length, bytes),
                tcp_format_bytes(params->expect.data, params->expect.length, wanted),
                silent ? "" : ": ",
                silent ? "" : tcp_format_bytes(received->data, received->length, found));
        return -ECANCELED;
}

/* Looks at the new bytes, and at as many before them as the text may begin in. */
static bool expected_is_there(
        const struct tcp_params *params, const struct strbuf *received, size_t seen) {
        size_t overlap = params->expect.length - 1;
        size_t from = seen > overlap ? seen - overlap : 0;
        return memmem(received->data + from, received->length - from, params->expect.data,
                       params->expect.length) != NULL;
}

/* 1: the text is there; 0: not yet. */
static int take_bytes(struct probe_run *run, const char *bytes, size_t length) {
        const struct tcp_params *params = run->spec->params;
        struct strbuf *received = &((struct tcp_run *) run->room)->received;
        size_t seen = received->length;
        strbuf_add_bytes(received, bytes, length);
        if (received->failed) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
                return -ECANCELED;
        }
        return received->length > 0 && expected_is_there(params, received, seen);
}

/* Over UDP the first datagram is the whole answer. */
static int step_receive(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        bool datagram = params->transport == TCP_TRANSPORT_UDP;
        char bytes[READ_BYTES];
        while (params->expect.data) {
                if (room->received.length >= TCP_RECEIVED_MAX) {
                        return not_received(run, "stopped reading");
                }
                ssize_t n = tcp_stream_read(&room->stream, bytes, sizeof(bytes));
                if (n == -EAGAIN) {
                        return -EAGAIN;
                }
                if (tcp_is_refused(run, n)) {
                        return -EINPROGRESS;
                }
                if (n < 0 || (n == 0 && !datagram)) {
                        return not_received(run, n == 0 ? "connection closed" : room->stream.why);
                }
                int r = take_bytes(run, bytes, (size_t) n);
                if (r != 0) {
                        return r < 0 ? r : 0;
                }
                if (datagram) {
                        return not_received(run, "answer over");
                }
        }
        return 0;
}

static int (*const steps[])(struct probe_run *) = {
        [TCP_STEP_HANDSHAKE] = step_first_handshake,
        [TCP_STEP_SEND] = step_send,
        [TCP_STEP_RECEIVE] = step_receive,
        [TCP_STEP_PROTOCOL] = tcp_step_protocol,
};

static void wait_for(struct probe_run *run, uint32_t events) {
        int r = tcp_wait(run, events);
        if (r < 0) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "could not wait for the answer: %s", strerrordesc_np(-r));
                tcp_finish(run);
        }
}

void tcp_talk(struct probe_run *run) {
        struct tcp_run *room = run->room;
        while (room->step <= TCP_STEP_PROTOCOL) {
                int r = steps[room->step](run);
                if (r == -EINPROGRESS) {
                        return;
                }
                if (r == -EAGAIN) {
                        wait_for(run, room->stream.wants);
                        return;
                }
                if (r < 0) {
                        tcp_finish(run);
                        return;
                }
                room->step++;
        }
        tcp_finish_well(run);
}
