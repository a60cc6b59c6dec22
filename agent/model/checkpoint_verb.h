#pragma once
/* What people may ask of the checkpoints of a service through the agent. */

#include "model/enum_text.h"

enum checkpoint_verb {
        CHECKPOINT_LIST = 0,
        CHECKPOINT_CREATE,
        CHECKPOINT_DIFF,
        CHECKPOINT_VERIFY,
};
DECLARE_ENUM_TEXT(checkpoint_verb)
