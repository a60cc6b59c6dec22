#pragma once
/* Causes and kinds of them: "exited.oom" is one of the kind "exited". Where an operator names a
 * kind, all of its causes are meant. */

#include <stdint.h>

#include "base/str.h"
#include "model/observation.h"

#define CAUSE_BIT(cause) (UINT32_C(1) << (cause))

#define CAUSES_OF_EXITED                                                                           \
        (CAUSE_BIT(CAUSE_EXITED) | CAUSE_BIT(CAUSE_EXITED_CODE) | CAUSE_BIT(CAUSE_EXITED_SIGNAL) | \
                CAUSE_BIT(CAUSE_EXITED_OOM))
#define CAUSES_OF_RESOURCE                                                                         \
        (CAUSE_BIT(CAUSE_RESOURCE) | CAUSE_BIT(CAUSE_RESOURCE_MEMORY) |                            \
                CAUSE_BIT(CAUSE_RESOURCE_CPU) | CAUSE_BIT(CAUSE_RESOURCE_DISK) |                   \
                CAUSE_BIT(CAUSE_RESOURCE_INODES) | CAUSE_BIT(CAUSE_RESOURCE_DESCRIPTORS) |         \
                CAUSE_BIT(CAUSE_RESOURCE_THREADS) | CAUSE_BIT(CAUSE_RESOURCE_IO) |                 \
                CAUSE_BIT(CAUSE_RESOURCE_CONNECTIONS))

/* What it leaves behind is no process that could be told anything. */
#define CAUSES_OF_ABSENCE (CAUSES_OF_EXITED | CAUSE_BIT(CAUSE_UNIT_STATE))

/* The kind of a cause, which may be itself. */
enum cause cause_kind(int cause);

/* Under which cause the memory of effectiveness files it: what a step does against an exit hardly
 * depends on the status, but much on whether memory was short. */
enum cause cause_memory(int cause);

/* All that is meant by these bits. */
uint32_t causes_widen(uint32_t causes);

/* "exited, resource.disk": whole kinds by their own word. Nothing for none. */
void causes_add(struct strbuf *out, uint32_t causes);
