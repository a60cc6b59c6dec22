#include "model/checkpoint_verb.h"

const struct enum_text checkpoint_verb_texts[] = {
        {CHECKPOINT_LIST, "list", "The checkpoints of the service."},
        {CHECKPOINT_CREATE, "create", "Takes one now."},
        {CHECKPOINT_DIFF, "diff", "What changed between two of them, or since one."},
        {CHECKPOINT_VERIFY, "verify", "Hashes what is stored anew."},
        {0},
};
