#pragma once
/* How the loader reports: see struct problems in policy/load.h. */

#include <stdarg.h>

#include "policy/load.h"
#include "policy/source_file.h"

/* Remembers one problem, once for a place and message. `hint` may be NULL; all texts are copied. */
void problems_add(struct problems *problems, enum problem_level level, const char *code,
        const struct place *place, const char *hint, const char *format, ...)
        __attribute__((format(printf, 6, 7)));
void problems_vadd(struct problems *problems, enum problem_level level, const char *code,
        const struct place *place, const char *hint, const char *format, va_list arguments)
        __attribute__((format(printf, 6, 0)));

/* By file, line, column; errors before warnings. */
void problems_sort(struct problems *problems);

/* The nearest of `n` words when it is near enough to be meant, or the one whose part behind a dot
 * it is, else NULL. `words` is the address of the first word's pointer, `stride` the bytes from
 * there to the next one's; NULL words are passed over. */
const char *problems_nearest(const char *wrong, const void *words, size_t n, size_t stride);

/* "did you mean 'word'?" in `text`, or NULL when word is NULL. */
enum { PROBLEM_HINT_MAX = 320 };
const char *problems_did_you_mean(const char *word, char text[PROBLEM_HINT_MAX]);
