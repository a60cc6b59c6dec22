#pragma once
/* docs/state-machine.md, written from the very rows that the agent runs by. */

#include "base/str.h"

void state_machine_page(struct strbuf *out);
