#pragma once
/* What is known of the files of a service that its recovery points hold. */

#include <stdint.h>

#include "base/clock.h"
#include "model/enum_text.h"
#include "model/observation.h"

enum files_state { FILES_UNKNOWN = 0, FILES_UNCHANGED, FILES_CHANGED };
DECLARE_ENUM_TEXT(files_state)

/* The files as they are, beside the recovery point that a rollback would go back to. */
struct files_report {
        enum files_state state;
        usec_t age; /* of the latest change; FILES_CHANGED only */
        uint64_t change; /* names the difference: as long as it is the same, so is the number; never
                            0 where something changed */
        char text[OBSERVATION_DETAIL_MAX]; /* for a person: "3 files changed, as app.conf"; why
                                              nothing is known */
};
