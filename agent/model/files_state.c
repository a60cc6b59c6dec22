#include "model/files_state.h"

const struct enum_text files_state_texts[] = {
        {FILES_UNKNOWN, "unknown", "Nothing is known of changes."},
        {FILES_UNCHANGED, "unchanged", "Nothing changed since it was last good."},
        {FILES_CHANGED, "changed", "Something changed since it was last good."},
        {0},
};
