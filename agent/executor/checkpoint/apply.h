#pragma once
/* Puts the declared paths of a checkpoint back to what they were then: checked, built beside,
 * compared, made durable, exchanged. All of them or none, through a crash at any point. */

#include <json-c/json.h>
#include <stdbool.h>

#include "base/error.h"
#include "executor/checkpoint/apply_journal.h"
#include "executor/checkpoint/checkpoint_session.h"

struct apply_wish {
        const char *id; /* whole */
        bool any_state; /* not only recovery points: an undo */
        bool check; /* only look */
        bool prepare; /* only build beside, for the apply that comes next */
        const struct journal *prepared; /* what that has left; NULL: nothing */
};

/* Fills in the answer. -EBADMSG: the checkpoint was withdrawn, for it is damaged; -EINPROGRESS: see
 * exchange.h; after any other failure every path is what it was. */
int apply_checkpoint(struct checkpoint_session *session, const struct apply_wish *wish,
        struct json_object *answer, struct error *err);
