#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Text of an error under construction: apart from err->text, because that may be an argument. */
struct draft {
        char text[ERROR_TEXT_MAX];
        size_t length; /* ERROR_TEXT_MAX - 1 at most */
        bool cut;
};

static void draft_add(struct draft *draft, const char *text) {
        size_t room = sizeof(draft->text) - draft->length;
        if (!str_copy(draft->text + draft->length, room, text)) {
                draft->cut = true;
        }
        draft->length += strlen(draft->text + draft->length);
}

static void __attribute__((format(printf, 2, 0)))
draft_vaddf(struct draft *draft, const char *format, va_list arguments) {
        char text[ERROR_TEXT_MAX];
        int length = vsnprintf(text, sizeof(text), format, arguments);
        draft_add(draft, length < 0 ? format : text);
        draft->cut = draft->cut || length >= (int) sizeof(text);
}

static int draft_finish(const struct draft *draft, struct error *err, int code) {
        static const char cut_mark[] = "...";

        err->code = code;
        if (!draft->cut) {
                memcpy(err->text, draft->text, draft->length + 1);
                return -code;
        }
        str_copy(err->text, sizeof(err->text) - sizeof(cut_mark) + 1, draft->text);
        memcpy(err->text + strlen(err->text), cut_mark, sizeof(cut_mark));
        return -code;
}

int error_set(struct error *err, int code, const char *format, ...) {
        struct draft draft = {0};
        va_list arguments;

        if (!err) {
                return -code;
        }
        va_start(arguments, format);
        draft_vaddf(&draft, format, arguments);
        va_end(arguments);
        return draft_finish(&draft, err, code);
}

int error_set_errno(struct error *err, int code, const char *format, ...) {
        struct draft draft = {0};
        char reason[128];
        va_list arguments;

        if (!err) {
                return -code;
        }
        va_start(arguments, format);
        draft_vaddf(&draft, format, arguments);
        va_end(arguments);
        draft_add(&draft, ": ");
        draft_add(&draft, strerror_r(code, reason, sizeof(reason)));
        return draft_finish(&draft, err, code);
}

int error_wrap(struct error *err, const char *format, ...) {
        struct draft draft = {0};
        va_list arguments;

        if (!err) {
                return -EIO;
        }
        va_start(arguments, format);
        draft_vaddf(&draft, format, arguments);
        va_end(arguments);
        draft_add(&draft, ": ");
        draft_add(&draft, err->text);
        return draft_finish(&draft, err, err->code);
}
