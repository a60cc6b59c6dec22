/* The I/O of a conversation in a protocol: its password, the bytes, TLS in the middle, and what is
 * computed in a thread. */

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "probes/tcp_run.h"

enum { READ_BYTES = 4096 };

/* ---- password ---- */

static void password_read(struct probe_run *run, const char *secret, const char *why) {
        struct tcp_run *room = run->room;
        room->password = secret ? secret_copy(secret) : NULL;
        if (room->password) {
                tcp_begin(run);
                return;
        }
        probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE, "no password: %s",
                why ? why : "out of memory");
        tcp_finish(run);
}

void tcp_load_password(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_state *state = run->state;
        struct tcp_run *room = run->room;
        room->step = TCP_STEP_PASSWORD;
        secret_file_read(&state->secret, run, params->password_file, password_read);
}

/* ---- work in a thread ---- */

struct work_job {
        struct scram_work *work;
};

static void run_work_job(struct offload *call, void *data) {
        struct work_job *job = data;
        offload_step(call, "a computation");
        scram_work_run(job->work);
        OPENSSL_thread_stop(); /* what it keeps for this thread */
}

static void release_work_job(void *data) {
        struct work_job *job = data;
        scram_work_free(job->work);
        free(job);
}

static void work_done(void *cookie, void *data) {
        struct probe_run *run = cookie;
        struct work_job *job = data;
        struct tcp_run *room = run->room;
        if (!job) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the login could not be computed in time");
                tcp_finish(run);
                return;
        }
        room->talk.work = TAKE_PTR(job->work);
        room->action = talk_derived(&room->talk);
        tcp_talk(run);
}

/* Meanwhile the connection is not watched: one that the peer closes would keep the loop awake. */
static int start_work(struct probe_run *run) {
        struct tcp_state *state = run->state;
        struct tcp_run *room = run->room;
        struct work_job *job = calloc(1, sizeof(*job));
        struct error err = {0};
        const struct offload_request request = {
                .pool = run->host->disk,
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = run_work_job,
                .done = work_done,
                .release = release_work_job,
                .data = job,
                .cookie = run,
        };
        if (job) {
                job->work = TAKE_PTR(room->talk.work);
        }
        int r = job ? offload_start(&state->work, &request, &err)
                    : error_set(&err, ENOMEM, "out of memory");
        if (r < 0) {
                if (job) {
                        release_work_job(job);
                }
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the login could not be computed: %s", err.text);
                return -ECANCELED;
        }
        loop_watch_remove(&room->watch);
        return -EINPROGRESS;
}

/* ---- bytes ---- */

/* A peer that takes no more may have said why: its last words are read all the same. */
static int send_all(struct probe_run *run) {
        struct tcp_run *room = run->room;
        struct strbuf *out = &room->talk.out;
        while (room->sent < out->length) {
                ssize_t n = tcp_stream_write(
                        &room->stream, out->data + room->sent, out->length - room->sent);
                if (n == -EAGAIN) {
                        return -EAGAIN;
                }
                if (tcp_is_refused(run, n)) {
                        return -EINPROGRESS;
                }
                room->sent = n < 0 ? out->length : room->sent + (size_t) n;
        }
        room->sent = 0;
        strbuf_reset(out);
        return 0;
}

static int receive(struct probe_run *run) {
        struct tcp_run *room = run->room;
        char bytes[READ_BYTES];
        ssize_t n = tcp_stream_read(&room->stream, bytes, sizeof(bytes));
        if (n == -EAGAIN) {
                return -EAGAIN;
        }
        if (tcp_is_refused(run, n)) {
                return -EINPROGRESS;
        }
        if (n < 0) {
                probe_conclude(tcp_result(run), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                        "%s, in the middle of the %s conversation", room->stream.why,
                        room->talk.protocol->title);
                return -ECANCELED;
        }
        bool closed = n == 0 && !room->talk.options.datagrams;
        room->action =
                closed ? talk_closed(&room->talk) : talk_receive(&room->talk, bytes, (size_t) n);
        return 0;
}

/* ---- the conversation ---- */

static int begin(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        const union address *address = room->next > 0 ? &room->addresses[room->next - 1] : NULL;
        struct talk_options options = {
                .user = params->user,
                .password = room->password,
                .database = params->database,
                .upgrade = tcp_upgrades_to_tls(params),
                .secured = tcp_begins_with_tls(params),
                .local = !address || address_is_loopback(address),
                .datagrams = params->transport == TCP_TRANSPORT_UDP,
        };
        if (getrandom(options.random, sizeof(options.random), GRND_NONBLOCK) !=
                (ssize_t) sizeof(options.random)) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the system has no random numbers yet");
                return -ECANCELED;
        }
        room->action = talk_begin(&room->talk, protocol_of(params->protocol), &options);
        return 0;
}

static int over(struct probe_run *run) {
        struct tcp_run *room = run->room;
        const struct talk *talk = &room->talk;
        (void) send_all(run); /* a farewell, taken or not */
        if (talk->outcome == OUTCOME_PASS) {
                return 0;
        }
        probe_conclude(tcp_result(run), talk->outcome, talk->cause, "%s", talk->text);
        return -ECANCELED;
}

static int secure(struct probe_run *run) {
        struct tcp_run *room = run->room;
        int r = tcp_step_handshake(run);
        if (r == 0) {
                room->action = talk_secured(&room->talk);
        }
        return r;
}

/* Does what the talk waits for. */
static int act(struct probe_run *run) {
        const struct tcp_run *room = run->room;
        switch (room->action) {
        case TALK_READ:
                return receive(run);
        case TALK_SECURE:
                return secure(run);
        case TALK_DERIVE:
                return start_work(run);
        case TALK_OVER:
                break;
        }
        return 0;
}

int tcp_step_protocol(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        int r = params->protocol && !room->talk.protocol ? begin(run) : 0;
        if (r < 0 || !params->protocol) {
                return r;
        }
        while (room->action != TALK_OVER) {
                r = send_all(run);
                r = r == 0 ? act(run) : r;
                if (r < 0) {
                        return r;
                }
        }
        return over(run);
}
