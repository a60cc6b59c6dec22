#pragma once
/* The cause of a failure, for a person. Functions return negative errno and fill `err` only when
 * they fail; callers put their own context in front on the way up. `err` may be NULL everywhere. */

enum { ERROR_TEXT_MAX = 1024 };

struct error {
        int code; /* positive errno; 0: no error was set */
        char text[ERROR_TEXT_MAX]; /* no trailing newline; cut with "..." when too long */
};

/* Sets code (positive errno) and text; returns -code, so that `return error_set(...)` reads well.
 */
int error_set(struct error *err, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* As error_set, with ": " and strerror(code) behind the text. */
int error_set_errno(struct error *err, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the text that is there; returns -err->code (-EIO when err is NULL).
 */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
