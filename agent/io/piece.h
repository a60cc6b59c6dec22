#pragma once
/* A piece of text that is not terminated. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct piece {
        const char *start;
        size_t length;
};

/* As a text of its own. False, and nothing is written: it is empty, or does not fit. */
static inline bool piece_copy(struct piece piece, char *to, size_t size) {
        if (piece.length == 0 || piece.length >= size) {
                return false;
        }
        memcpy(to, piece.start, piece.length);
        to[piece.length] = '\0';
        return true;
}
