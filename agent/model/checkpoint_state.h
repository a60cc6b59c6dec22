#pragma once
/* The states of a checkpoint, see docs/checkpoints.md. */

#include "model/enum_text.h"

enum checkpoint_state {
        CHECKPOINT_CANDIDATE,
        CHECKPOINT_RECOVERY_POINT,
        CHECKPOINT_SUSPECT,
        CHECKPOINT_WITHDRAWN,
};
enum { CHECKPOINT_STATE_COUNT = CHECKPOINT_WITHDRAWN + 1 };
DECLARE_ENUM_TEXT(checkpoint_state)
