#pragma once
/* The record of one checkpoint: its state and what a list shows. The files are in its manifest. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/checkpoint/content_hash.h"
#include "executor/checkpoint/manifest.h"
#include "model/checkpoint_state.h"

enum { CHECKPOINT_ID_MAX = 17, CHECKPOINT_REASON_MAX = 512 };

struct checkpoint {
        char id[CHECKPOINT_ID_MAX]; /* of what it holds, times left out */
        struct content_hash manifest;
        enum checkpoint_state state;
        bool damaged; /* withdrawn because the store lost something of it: taking it anew mends that
                       */
        char reason[CHECKPOINT_REASON_MAX]; /* "": none */
        wall_usec_t created, seen, trusted; /* trusted 0: never */
        uint64_t files, bytes, torn;
        struct json_object *paths, *exclude; /* arrays of text; owned */
};

void checkpoint_done(struct checkpoint *checkpoint);

/* The identity of a manifest: what it holds, without times. One that is torn is like no other.
 * -ENOMEM. */
int checkpoint_identify(const struct manifest *manifest, char ret_id[CHECKPOINT_ID_MAX]);

/* Fills in what follows from the manifest. -ENOMEM. */
int checkpoint_describe(struct checkpoint *checkpoint, const struct manifest *manifest);

/* As `list` prints it, without the service; the caller puts it. NULL: no memory. */
struct json_object *checkpoint_to_json(const struct checkpoint *checkpoint);
/* -EBADMSG. */
int checkpoint_from_json(
        struct checkpoint *checkpoint, struct json_object *json, struct error *err);
