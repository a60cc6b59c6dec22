#include "executor/checkpoint_request.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/checkpoint_program.h"
#include "executor/executor.h"

/* Also of a service with many files. */
#define REQUEST_LIMIT (10 * USEC_PER_MINUTE)
/* Another program works on the same service, mostly one that looks: then it is tried again. */
#define BUSY_PAUSE (300 * USEC_PER_MSEC)
enum { BUSY_TRIES = 100 };

struct checkpoint_request {
        struct list node;
        struct executor *executor;
        struct checkpoint_program *program;
        struct policy_share *share; /* of `service` */
        const struct service *service;
        struct wire_message asked;
        struct loop_timer again;
        unsigned tries;
};

void checkpoint_requests_init(struct checkpoint_requests *requests) {
        *requests = (struct checkpoint_requests){0};
        list_init(&requests->running);
}

static void request_free(struct checkpoint_request *request) {
        list_remove(&request->node);
        request->executor->checkpoint_requests.n--;
        checkpoint_program_cancel(request->program);
        loop_timer_done(&request->again);
        policy_share_release(request->share);
        free(request);
}

void checkpoint_requests_done(struct checkpoint_requests *requests) {
        LIST_FOREACH (node, &requests->running) {
                request_free(LIST_ENTRY(node, struct checkpoint_request, node));
        }
}

/* ---- The answer ---- */

static void reply(const struct checkpoint_request *request, struct wire_message *message) {
        message->type = WIRE_REPORT;
        message->request = request->asked.request;
        str_copy(message->service, sizeof(message->service), request->asked.service);
        agent_port_reply(&request->executor->port, message);
}

/* What fits into one packet, without cutting a character in two; line ends of JSON are spaces. */
static size_t piece_of(const char *text, char ret[WIRE_VALUES_MAX]) {
        str_copy(ret, WIRE_VALUES_MAX, text);
        size_t length = strlen(ret);
        for (char *c = ret; *c; c++) {
                *c = *c == '\n' ? ' ' : *c;
        }
        return length;
}

static void on_ended(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_request *request = cookie;
        const char *rest = outcome->json ? outcome->raw : "";
        request->program = NULL;
        if (outcome->status == CHECKPOINT_BUSY && ++request->tries < BUSY_TRIES) {
                loop_timer_set_after(&request->again, BUSY_PAUSE);
                return;
        }
        do {
                struct wire_message message = {.ok = outcome->json != NULL};
                rest += piece_of(rest, message.values);
                message.busy = *rest != '\0';
                str_copy(message.text, sizeof(message.text), outcome->text);
                reply(request, &message);
        } while (*rest);
        request_free(request);
}

/* ---- The command ---- */

/* An id, its beginning, `last-good` or `now`: never a path, and never an option. */
static bool is_name(const char *text) {
        if (str_eq(text, "last-good") || str_eq(text, "now")) {
                return true;
        }
        size_t length = strlen(text);
        for (const char *c = text; *c; c++) {
                if (!isxdigit((unsigned char) *c)) {
                        return false;
                }
        }
        return length >= 4 && length <= 64;
}

static int add_names(
        struct checkpoint_command *command, const struct wire_message *message, struct error *err) {
        const char *names[] = {message->from, message->to};
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                if (*names[i] && !is_name(names[i])) {
                        return error_set(err, EINVAL,
                                "'%.80s' is no checkpoint: give at least four digits of its id, "
                                "'last-good' or 'now'",
                                names[i]);
                }
                if (*names[i]) {
                        checkpoint_command_add(command, names[i]);
                }
        }
        return 0;
}

static int build(struct checkpoint_command *command, const struct wire_message *message,
        const struct service *service, char size[UNITS_TEXT_MAX], struct error *err) {
        checkpoint_command_add(command, "--hurry"); /* a person waits */
        if (message->verb == CHECKPOINT_CREATE) {
                checkpoint_command_create(
                        command, service, message->health != HEALTH_HEALTHY, size);
                return 0;
        }
        checkpoint_command_add(command, checkpoint_verb_text(message->verb));
        checkpoint_command_add(command, service->name);
        if (message->verb == CHECKPOINT_DIFF && !*message->from) {
                checkpoint_command_add(command, "last-good");
        }
        return add_names(command, message, err);
}

static int run(struct checkpoint_request *request, struct error *err) {
        struct executor *executor = request->executor;
        struct checkpoint_command command = {0};
        char size[UNITS_TEXT_MAX];
        int r = build(&command, &request->asked, request->service, size, err);
        return r < 0 ? r
                     : checkpoint_program_start(&request->program, executor, &command,
                               usec_add(loop_now(executor->loop).mono, REQUEST_LIMIT), on_ended,
                               request, err);
}

static void on_again(void *cookie) {
        struct checkpoint_request *request = cookie;
        struct wire_message message = {0};
        struct error err = {0};
        if (run(request, &err) < 0) {
                str_copy(message.text, sizeof(message.text), err.text);
                reply(request, &message);
                request_free(request);
        }
}

int checkpoint_request_start(struct executor *executor, const struct wire_message *message,
        const struct service *service, struct error *err) {
        struct checkpoint_requests *requests = &executor->checkpoint_requests;
        if (requests->n >= CHECKPOINT_REQUESTS_MAX) {
                return error_set(err, EBUSY, "%d requests about checkpoints run already",
                        CHECKPOINT_REQUESTS_MAX);
        }
        if (!service->checkpoint) {
                return error_set(err, EINVAL, "its policy has no 'checkpoint'");
        }
        struct checkpoint_request *request = calloc(1, sizeof(*request));
        if (!request || loop_timer_init(&request->again, executor->loop, on_again, request) < 0) {
                free(request);
                return error_set(err, ENOMEM, "out of memory");
        }
        request->executor = executor;
        request->asked = *message;
        request->service = service;
        request->share = policy_share_hold(executor->policy);
        list_append(&requests->running, &request->node);
        requests->n++;
        int r = run(request, err);
        if (r < 0) {
                request_free(request);
        }
        return r;
}
