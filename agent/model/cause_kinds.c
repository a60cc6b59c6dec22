#include "model/cause_kinds.h"

#include <stdbool.h>

static const struct kind {
        enum cause cause;
        uint32_t all; /* bits of what is of this kind, itself included */
} kinds[] = {
        {CAUSE_EXITED, CAUSES_OF_EXITED},
        {CAUSE_RESOURCE, CAUSES_OF_RESOURCE},
        {CAUSE_NONE, 0},
};

enum cause cause_kind(int cause) {
        for (const struct kind *kind = kinds; kind->all; kind++) {
                if (kind->all & CAUSE_BIT(cause)) {
                        return kind->cause;
                }
        }
        return (enum cause) cause;
}

enum cause cause_memory(int cause) {
        bool plain = cause == CAUSE_EXITED_CODE || cause == CAUSE_EXITED_SIGNAL;
        return plain ? CAUSE_EXITED : (enum cause) cause;
}

uint32_t causes_widen(uint32_t causes) {
        for (const struct kind *kind = kinds; kind->all; kind++) {
                causes |= causes & CAUSE_BIT(kind->cause) ? kind->all : 0;
        }
        return causes;
}

/* Of a kind that is there as a whole, its own word is enough. */
static uint32_t fold(uint32_t causes) {
        for (const struct kind *kind = kinds; kind->all; kind++) {
                if ((causes & kind->all) == kind->all) {
                        causes &= ~kind->all | CAUSE_BIT(kind->cause);
                }
        }
        return causes;
}

void causes_add(struct strbuf *out, uint32_t causes) {
        const char *separator = "";
        causes = fold(causes);
        for (const struct enum_text *row = cause_texts; row->text; row++) {
                if (causes & CAUSE_BIT(row->value)) {
                        strbuf_addf(out, "%s%s", separator, row->text);
                        separator = ", ";
                }
        }
}
