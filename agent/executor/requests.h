#pragma once
/* What the agent may ask for. Every word of a request is checked against the executor's own policy.
 */

#include "model/wire.h"

struct executor;

void requests_handle(struct executor *executor, const struct wire_message *message);
