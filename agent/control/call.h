#pragma once
/* One request to the control socket, from its arrival to its answer. Every handler ends with one of
 * the call_answer or call_fail functions, at once or later; the call is gone then. Its client may
 * leave before: the call lives on until what it began is over. */

#include <stdint.h>

#include "base/list.h"
#include "base/str.h"
#include "control/command_args.h"
#include "control/json_view.h"
#include "io/http_server.h"

struct control;
struct runtime;
struct service;

struct call {
        struct list node; /* of the control's calls */
        struct control *control;
        struct runtime *runtime;
        struct http_exchange *exchange; /* NULL: the client left */
        struct unix_peer peer;
        const char *tail; /* of the path, behind that of the route; valid within the handler */
        struct command_args args;
        struct strbuf out; /* the answer */
        uint32_t index; /* of the service that a command goes to */
        bool all_ok; /* of a command to all */
        bool may_command; /* the peer is root, the agent's own user or an operator */
};

/* 200 with what is in call->out. */
void call_answer(struct call *call);
/* 200: what was asked for is done, or under way; with the service, where one was named. */
void call_done(struct call *call, const char *text);
void call_fail(struct call *call, unsigned status, const char *code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void call_fail_with(struct call *call, const struct api_error *error);

/* A service by name; where there is none the call fails, and is gone, and NULL is returned. */
const struct service *call_service(struct call *call, const char *name);

/* A number from the query, `standard` when absent. -EINVAL: the call has failed, and is gone. */
int call_number(struct call *call, const char *name, uint64_t least, uint64_t most,
        uint64_t standard, uint64_t *ret);

/* ---- Handlers ---- */

void api_version(struct call *call);
void api_status(struct call *call);
void api_why(struct call *call);
void api_incidents(struct call *call);
void api_incident(struct call *call);
void api_events(struct call *call);

void api_pause(struct call *call);
void api_resume(struct call *call);
void api_hold(struct call *call);
void api_release(struct call *call);
void api_ack(struct call *call);
void api_restart(struct call *call);
void api_rollback(struct call *call);
void api_checkpoint(struct call *call);
void api_start(struct call *call);
void api_stop(struct call *call);
void api_probe(struct call *call);
void api_reload(struct call *call);
void api_record(struct call *call);
void api_record_start(struct call *call);
void api_record_stop(struct call *call);
void api_heartbeat(struct call *call);
void api_groups(struct call *call);
void api_failover(struct call *call);
