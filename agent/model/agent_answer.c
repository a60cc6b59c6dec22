#include "model/agent_answer.h"

const struct enum_text agent_answer_texts[] = {
        {AGENT_ANSWER_UNCHANGED, "unchanged", "Nothing is known; HAProxy goes on as before."},
        {AGENT_ANSWER_READY, "ready", "It can serve."},
        {AGENT_ANSWER_DRAIN, "drain", "It lives, and is to get no new sessions."},
        {AGENT_ANSWER_DOWN, "down", "It has failed."},
        {AGENT_ANSWER_STOPPED, "stopped", "It does not run, on purpose."},
        {0},
};
