#pragma once
/* What HAProxy's agent-check is answered: see "agent-check" in its configuration manual. */

#include "model/enum_text.h"

enum agent_answer {
        AGENT_ANSWER_UNCHANGED = 0, /* nothing is known: it stays as it is */
        AGENT_ANSWER_READY,
        AGENT_ANSWER_DRAIN,
        AGENT_ANSWER_DOWN,
        AGENT_ANSWER_STOPPED,
};
enum { AGENT_ANSWER_COUNT = AGENT_ANSWER_STOPPED + 1 };
DECLARE_ENUM_TEXT(agent_answer)
