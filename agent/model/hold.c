#include "model/hold.h"

const struct enum_text hold_source_texts[] = {
        {HOLD_PERSON, "person", "A person: recoverctl hold --all."},
        {HOLD_FILE, "file", "The hold file exists."},
        {HOLD_CRASHES, "crashes", "The agent crashed again and again, so it only observes."},
        {HOLD_PACKAGES, "packages", "A package manager is at work."},
        {0},
};

bool hold_holds(const struct hold *hold, usec_t now) {
        return hold->on && now < hold->until;
}
