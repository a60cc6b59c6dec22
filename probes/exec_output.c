#include "probes/exec_output.h"

#include <string.h>

#include "base/str.h"

static bool is_blank(char c) {
        return strchr(" \t\r\n\v\f", c) != NULL; /* the zero byte included */
}

/* Copies a line without the blanks around it. */
static void copy_trimmed(const char *line, size_t length, char ret[OBSERVATION_DETAIL_MAX]) {
        while (length > 0 && is_blank(line[0])) {
                line++;
                length--;
        }
        while (length > 0 && is_blank(line[length - 1])) {
                length--;
        }
        char copy[2 * OBSERVATION_DETAIL_MAX]; /* longer, so that str_copy sees where to cut */
        size_t n = length < sizeof(copy) ? length : sizeof(copy) - 1;
        memcpy(copy, line, n);
        copy[n] = '\0';
        str_copy(ret, OBSERVATION_DETAIL_MAX, copy);
        str_make_printable(ret);
}

static size_t line_length(const char *text, size_t length) {
        const char *end = memchr(text, '\n', length);
        return end ? (size_t) (end - text) : length;
}

void exec_output_first_line(const char *text, size_t length, char ret[OBSERVATION_DETAIL_MAX]) {
        ret[0] = '\0';
        while (length > 0 && !*ret) {
                size_t line = line_length(text, length);
                copy_trimmed(text, line, ret);
                size_t step = line < length ? line + 1 : length;
                text += step;
                length -= step;
        }
}

static size_t without_last_word(const char *text, size_t length) {
        while (length > 0 && !is_blank(text[length - 1])) {
                length--;
        }
        return length;
}

static size_t before_bar(const char *text, size_t length) {
        const char *bar = memchr(text, '|', length);
        return bar ? (size_t) (bar - text) : length;
}

/* What stands behind the first '|' from `begin` to `end`; nothing when there is none. */
static void read_perfdata(struct perfdata *data, const char *output, size_t begin, size_t end) {
        size_t bar = begin < end ? begin + before_bar(output + begin, end - begin) : end;
        if (bar < end) {
                perfdata_parse(data, output + bar + 1, end - bar - 1);
        }
}

void exec_output_read(const char *output, size_t length, bool cut, struct exec_output *ret) {
        *ret = (struct exec_output){0};
        exec_output_first_line(output, before_bar(output, length), ret->text);
        size_t whole = cut ? without_last_word(output, length) : length;
        size_t first = line_length(output, whole);
        read_perfdata(&ret->perfdata, output, 0, first);
        read_perfdata(&ret->perfdata, output, first, whole);
}
