#include "model/enum_text.h"

#include <errno.h>
#include <string.h>

const char *enum_text_format(const struct enum_text *table, int value) {
        for (const struct enum_text *row = table; row->text; row++) {
                if (row->value == value) {
                        return row->text;
                }
        }
        return "?";
}

int enum_text_parse(const struct enum_text *table, const char *text) {
        for (const struct enum_text *row = table; row->text; row++) {
                if (strcmp(row->text, text) == 0) {
                        return row->value;
                }
        }
        return -EINVAL;
}
