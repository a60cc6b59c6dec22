#pragma once
/* What people ask of the checkpoints of a service: a command of recoverd-checkpoint, whose answer
 * goes to the agent in pieces. */

#include "base/list.h"
#include "model/wire.h"

struct executor;
struct service;

enum { CHECKPOINT_REQUESTS_MAX = 8 }; /* at once */

struct checkpoint_requests { /* of the executor */
        struct list running;
        unsigned n;
};

void checkpoint_requests_init(struct checkpoint_requests *requests);
void checkpoint_requests_done(struct checkpoint_requests *requests);

/* -EBUSY: too many; -EINVAL: no such command, or names that none can have. */
int checkpoint_request_start(struct executor *executor, const struct wire_message *message,
        const struct service *service, struct error *err);
