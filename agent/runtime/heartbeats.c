/* Calls of services and jobs: who may call for whom, and where a call goes. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/notify_socket.h"
#include "io/worker.h"
#include "probes/secret_file.h"
#include "runtime/shell.h"

enum { TOKEN_THREADS = 2, TOKEN_QUEUE = 64, TOKEN_STUCK = 8 };

/* A call that is lost with the agent only makes its probe wait for the next one. */
#define SAVE_EVERY USEC_PER_MINUTE

/* Reading the file of a token; it may lie on a disk that hangs. */
#define TOKEN_TIMEOUT (5 * USEC_PER_SEC)

struct heartbeats {
        struct runtime *runtime;
        struct notify_socket *socket; /* NULL: it could not be made */
        struct worker_pool *tokens;
        struct list answers; /* that tokens are compared for */
        struct loop_timer saving;
};

int runtime_heartbeat(
        struct runtime *runtime, uint32_t index, const char *probe, const struct heartbeat *beat) {
        const struct service *service = &runtime->policy->services[index];
        int r = -ENOENT;
        bool news = false;
        for (uint32_t i = 0; i < service->n_probes; i++) {
                const struct probe_spec *spec = &service->probes[i];
                if (heartbeat_expected(spec) && (!probe || str_eq(spec->name, probe))) {
                        int taken = scheduler_beat(runtime->scheduler, index, i, beat);
                        r = r == -ENOENT || taken < 0 ? taken : r;
                        news = news || taken > 0;
                }
        }
        if (news) {
                heartbeats_save(runtime, false);
        }
        return r > 0 ? 0 : r;
}

/* ---- What outlives the agent ---- */

static void save_call(void *cookie, const struct call_record *record) {
        struct runtime *runtime = cookie;
        store_save_call(runtime->store, record);
}

void heartbeats_save(struct runtime *runtime, bool all) {
        heartbeat_board_save(scheduler_heartbeats(runtime->scheduler), loop_now(runtime->loop).mono,
                all, save_call, runtime);
}

static void on_saving(void *cookie) {
        struct runtime *runtime = cookie;
        heartbeats_save(runtime, false);
        loop_timer_set_after(&runtime->heartbeats->saving, SAVE_EVERY);
}

void heartbeats_restore(struct runtime *runtime, const struct store_image *image) {
        struct heartbeat_board *board = scheduler_heartbeats(runtime->scheduler);
        for (size_t i = 0; i < image->n_calls; i++) {
                const struct call_record *record = &image->calls[i];
                if (!heartbeat_board_restore(board, record, loop_now(runtime->loop))) {
                        store_forget_call(runtime->store, record->service, record->probe);
                }
        }
}

void heartbeats_forget(struct runtime *runtime, const struct policy *next) {
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                const struct service *was = &runtime->policy->services[i];
                const struct service *now = policy_service(next, was->name);
                for (uint32_t j = 0; now && j < was->n_probes; j++) {
                        const struct probe_spec *stays = policy_probe(now, was->probes[j].name);
                        if (heartbeat_expected(&was->probes[j]) &&
                                !(stays && heartbeat_expected(stays))) {
                                store_forget_call(runtime->store, was->name, was->probes[j].name);
                        }
                }
        }
}

/* ---- Datagrams ---- */

/* Sent by a process in the session that the main process of the service leads. The manager makes
 * that session, and nobody else can enter it. */
static bool is_of_service(const struct runtime *runtime, uint32_t index, pid_t session) {
        return session > 0 && scheduler_target_of(runtime->scheduler, index)->pid == session;
}

static bool is_trusted(const struct unix_peer *peer) {
        return peer->uid == 0 || peer->uid == geteuid();
}

static const char *const beats[] = {"WATCHDOG", "READY", "RECOVERD_HEARTBEAT"};

static bool says_nonzero(const char *text, const char *key) {
        char value[16];
        return notify_value(text, key, value, sizeof(value)) && !str_eq(value, "0");
}

/* What is neither a sign of life nor of failure, as a status alone, is no heartbeat. */
static bool read_beat(const char *text, struct instant now, struct heartbeat *ret) {
        char value[16];
        *ret = (struct heartbeat){.at = now};
        ret->failed =
                says_nonzero(text, "ERRNO") || says_nonzero(text, "EXIT_STATUS") ||
                (notify_value(text, "WATCHDOG", value, sizeof(value)) && str_eq(value, "trigger"));
        bool alive = false;
        for (size_t i = 0; i < ELEMENTSOF(beats); i++) {
                alive = alive || notify_value(text, beats[i], value, sizeof(value));
        }
        (void) notify_value(text, "STATUS", ret->text, sizeof(ret->text));
        str_make_printable(ret->text);
        return alive || ret->failed;
}

/* "service/probe" or "service". */
static void take_named(struct runtime *runtime, const struct unix_peer *peer, pid_t session,
        char *name, const struct heartbeat *beat) {
        char *slash = strchr(name, '/');
        if (slash) {
                *slash = '\0';
        }
        const struct service *service = policy_service(runtime->policy, name);
        if (service && (is_trusted(peer) || is_of_service(runtime, service->index, session))) {
                (void) runtime_heartbeat(runtime, service->index, slash ? slash + 1 : NULL, beat);
        }
}

static void take_unnamed(struct runtime *runtime, pid_t session, const struct heartbeat *beat) {
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                if (is_of_service(runtime, i, session)) {
                        (void) runtime_heartbeat(runtime, i, NULL, beat);
                        return;
                }
        }
}

static void on_notify(void *cookie, const struct unix_peer *peer, const char *text) {
        struct runtime *runtime = ((struct heartbeats *) cookie)->runtime;
        char name[2 * (POLICY_NAME_MAX + 1)];
        struct heartbeat beat;
        if (!read_beat(text, loop_now(runtime->loop), &beat)) {
                return;
        }
        pid_t session = peer->pid > 0 ? getsid(peer->pid) : 0;
        if (notify_value(text, "RECOVERD_HEARTBEAT", name, sizeof(name))) {
                take_named(runtime, peer, session, name, &beat);
        } else {
                take_unnamed(runtime, session, &beat);
        }
}

/* ---- Tokens ---- */

/* Compared in a thread. A service that does not exist takes the same way as a wrong token. */
struct token_job {
        struct heartbeat beat;
        char service[POLICY_NAME_MAX + 1], probe[POLICY_NAME_MAX + 1];
        char token[HEARTBEAT_TOKEN_MAX + 1];
        char why[SECRET_WHY_MAX];
        char file[]; /* "": there is none */
};

static void token_job_free(void *data) {
        struct token_job *job = data;
        explicit_bzero(job->token, sizeof(job->token));
        free(job);
}

/* Takes the same time wherever two texts differ. Both are of HEARTBEAT_TOKEN_MAX bytes, filled up
 * with zeros. */
static bool is_same_token(const char *a, const char *b) {
        unsigned difference = 0;
        for (size_t i = 0; i < HEARTBEAT_TOKEN_MAX; i++) {
                difference |= (unsigned char) a[i] ^ (unsigned char) b[i];
        }
        return difference == 0;
}

static int compare_token(void *data) {
        struct token_job *job = data;
        char secret[SECRET_MAX + 1] = "";
        size_t length = 0;
        int r = secret_file_load(*job->file ? job->file : "/dev/null", secret, &length, job->why);
        if (r == 0 && (length < HEARTBEAT_TOKEN_MIN || length > HEARTBEAT_TOKEN_MAX)) {
                str_copy(job->why, sizeof(job->why), "the token's file has not 16 to 256 bytes");
                r = -EINVAL;
        } else if (r == 0 && !is_same_token(secret, job->token)) {
                str_copy(job->why, sizeof(job->why), "wrong token");
                r = -EACCES;
        }
        explicit_bzero(secret, sizeof(secret));
        return r;
}

/* The policies may have been replaced meanwhile. */
static int conclude_token(struct runtime *runtime, int result, const struct token_job *job) {
        const struct service *service = policy_service(runtime->policy, job->service);
        const struct probe_spec *probe = service ? policy_probe(service, job->probe) : NULL;
        if (!probe || !heartbeat_expected(probe)) {
                return -EACCES;
        }
        if (result == 0) {
                return runtime_heartbeat(runtime, service->index, job->probe, &job->beat);
        }
        scheduler_beat_refused(
                runtime->scheduler, service->index, (uint32_t) (probe - service->probes), job->why);
        return -EACCES;
}

struct token_answer { /* outlives a job that hangs */
        struct list node;
        struct runtime *runtime;
        runtime_reply call;
        void *cookie;
};

static void on_token_compared(void *cookie, int result, void *data) {
        AUTO_FREE struct token_answer *answer = cookie;
        list_remove(&answer->node);
        int r = data ? conclude_token(answer->runtime, result, data) : -EAGAIN;
        answer->call(answer->cookie, r,
                r == 0         ? "heartbeat taken"
                : r == -EACCES ? "refused"
                               : "the token could not be compared now");
}

static const char *token_file_of(
        const struct runtime *runtime, const char *service_name, const char *probe_name) {
        const struct service *service = policy_service(runtime->policy, service_name);
        const struct probe_spec *probe = service ? policy_probe(service, probe_name) : NULL;
        const struct heartbeat_params *params =
                probe && heartbeat_expected(probe) ? probe->params : NULL;
        return params && params->token_file ? params->token_file : "";
}

static struct token_job *token_job_new(const struct runtime *runtime, const char *service,
        const char *probe, const char *token, const struct heartbeat *beat) {
        const char *file = token_file_of(runtime, service, probe);
        size_t length = strlen(file) + 1;
        struct token_job *job = calloc(1, sizeof(*job) + length);
        if (job) {
                memcpy(job->file, file, length);
                job->beat = *beat;
                str_copy(job->service, sizeof(job->service), service);
                str_copy(job->probe, sizeof(job->probe), probe);
                if (!str_copy(job->token, sizeof(job->token), token)) {
                        job->token[0] = '\0'; /* longer than any */
                }
        }
        return job;
}

static int compare_later(
        struct runtime *runtime, struct token_job *job, struct token_answer *answer) {
        const struct worker_job work = {
                .run = compare_token,
                .release = token_job_free,
                .done = on_token_compared,
                .data = job,
                .cookie = answer,
                .deadline = usec_add(loop_now(runtime->loop).mono, TOKEN_TIMEOUT),
        };
        return worker_submit(runtime->heartbeats->tokens, &work, NULL, NULL);
}

void runtime_heartbeat_by_token(struct runtime *runtime, const char *service, const char *probe,
        const char *token, const struct heartbeat *beat, runtime_reply call, void *cookie) {
        struct token_answer *answer = calloc(1, sizeof(*answer));
        struct token_job *job = answer ? token_job_new(runtime, service, probe, token, beat) : NULL;
        if (job) {
                *answer = (struct token_answer){.runtime = runtime, .call = call, .cookie = cookie};
                list_append(&runtime->heartbeats->answers, &answer->node);
        }
        if (!job || compare_later(runtime, job, answer) < 0) {
                if (job) {
                        list_remove(&answer->node);
                        token_job_free(job);
                }
                free(answer);
                answers_reply(runtime, call, cookie, -EAGAIN, "too many calls at once");
        }
}

/* ---- All of it ---- */

/* Without the socket the other doors are open still. */
static void open_socket(struct heartbeats *heartbeats) {
        struct runtime *runtime = heartbeats->runtime;
        AUTO_FREE char *path = NULL;
        struct error err = {0};
        if (asprintf(&path, "%s/notify.sock", runtime->options.runtime_dir) < 0) {
                path = NULL;
                return;
        }
        if (notify_socket_new(
                    &heartbeats->socket, runtime->loop, path, on_notify, heartbeats, &err) < 0) {
                log_warning("no heartbeats by datagram: %s", err.text);
        }
}

int heartbeats_open(struct runtime *runtime, struct error *err) {
        static const struct worker_limits limits = {
                "tokens", TOKEN_THREADS, TOKEN_QUEUE, TOKEN_STUCK};
        struct heartbeats *heartbeats = calloc(1, sizeof(*heartbeats));
        if (!heartbeats) {
                return error_set(err, ENOMEM, "out of memory");
        }
        heartbeats->runtime = runtime;
        list_init(&heartbeats->answers);
        runtime->heartbeats = heartbeats;
        int r = worker_pool_new(&heartbeats->tokens, runtime->loop, &limits, err);
        if (r < 0) {
                return r;
        }
        r = loop_timer_init(&heartbeats->saving, runtime->loop, on_saving, runtime);
        if (r < 0) {
                return error_set_errno(err, -r, "cannot prepare for heartbeats");
        }
        loop_timer_set_after(&heartbeats->saving, SAVE_EVERY);
        open_socket(heartbeats);
        return 0;
}

void heartbeats_close(struct runtime *runtime) {
        struct heartbeats *heartbeats = TAKE_PTR(runtime->heartbeats);
        if (heartbeats) {
                loop_timer_done(&heartbeats->saving);
                notify_socket_free(heartbeats->socket);
                worker_pool_free(heartbeats->tokens);
                LIST_FOREACH (node, &heartbeats->answers) {
                        AUTO_FREE struct token_answer *answer =
                                LIST_ENTRY(node, struct token_answer, node);
                        answer->call(answer->cookie, -ESHUTDOWN, "the agent is ending");
                }
                free(heartbeats);
        }
}
