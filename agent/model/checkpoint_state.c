#include "model/checkpoint_state.h"

const struct enum_text checkpoint_state_texts[] = {
        {CHECKPOINT_CANDIDATE, "candidate", NULL},
        {CHECKPOINT_RECOVERY_POINT, "recovery_point", NULL},
        {CHECKPOINT_SUSPECT, "suspect", NULL},
        {CHECKPOINT_WITHDRAWN, "withdrawn", NULL},
        {0},
};
