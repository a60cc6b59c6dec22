#pragma once
/* What holds the recovery of the whole host, by who says so. */

#include <stdbool.h>

#include "base/clock.h"
#include "model/enum_text.h"

enum hold_source {
        HOLD_PERSON = 0, /* recoverctl hold --all */
        HOLD_FILE, /* the hold file exists */
        HOLD_CRASHES, /* the agent itself crashed again and again: it only observes */
        HOLD_PACKAGES, /* a package manager is at work */
};
enum { HOLD_COUNT = HOLD_PACKAGES + 1 };
DECLARE_ENUM_TEXT(hold_source)

struct hold {
        bool on;
        bool people_too; /* also what a person asks for */
        usec_t since, until; /* mono; until USEC_INFINITY: does not end by time */
        char by[64], reason[128];
};

/* Whether it holds now. One that is on and past its end does not. */
bool hold_holds(const struct hold *hold, usec_t now);
