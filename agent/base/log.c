#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum {
        LOG_TEXT_MAX = 1024,
        LOG_LINE_MAX = 4096, /* PIPE_BUF: such a line is written whole or not at all */
};

static struct {
        log_sink sink;
        void *cookie;
        int level;
        const char *name;
        atomic_uint lost; /* lines that standard error did not take */
} logging = {.sink = log_to_stderr, .level = LOG_INFO, .name = "recoverd"};

static const char *const level_names[] = {
        "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"};

void log_set_sink(log_sink sink, void *cookie) {
        logging.sink = sink ? sink : log_to_stderr;
        logging.cookie = cookie;
}

void log_set_level(int level) {
        logging.level = level;
}

int log_level(void) {
        return logging.level;
}

void log_set_name(const char *name) {
        logging.name = name;
}

void log_record(const struct log_record *record) {
        if (record->level <= logging.level) {
                logging.sink(logging.cookie, record);
        }
}

void log_at(int level, const char *format, ...) {
        char text[LOG_TEXT_MAX];
        va_list arguments;

        if (level > logging.level) {
                return;
        }
        va_start(arguments, format);
        int length = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        log_record(&(struct log_record){.level = level, .text = length < 0 ? format : text});
}

/* A line under construction in a fixed buffer: logging must work when memory is short. */
struct line {
        char text[LOG_LINE_MAX];
        size_t length;
};

static void line_add(struct line *line, const char *text) {
        size_t room = sizeof(line->text) - line->length - 1; /* one is for the newline */
        str_copy(line->text + line->length, room, text);
        line->length += strlen(line->text + line->length);
}

static void line_add_field(struct line *line, const struct log_field *field) {
        bool quote = strpbrk(field->value, " \"=") || !*field->value;

        line_add(line, " ");
        line_add(line, field->key);
        line_add(line, quote ? "=\"" : "=");
        line_add(line, field->value);
        line_add(line, quote ? "\"" : "");
}

static void line_write(struct line *line) {
        struct pollfd pollfd = {.fd = STDERR_FILENO, .events = POLLOUT};

        /* A reader that stopped reading must not stop us: what does not fit now is lost, and
         * counted. */
        if (poll(&pollfd, 1, 0) != 1 || !(pollfd.revents & POLLOUT)) {
                atomic_fetch_add(&logging.lost, 1);
                return;
        }
        str_make_printable(line->text);
        line->text[line->length++] = '\n';
        if (write(STDERR_FILENO, line->text, line->length) < 0) {
                atomic_fetch_add(&logging.lost, 1);
        }
}

static void line_begin(struct line *line, int level) {
        char now[WALL_TEXT_MAX];

        level = level < LOG_EMERG ? LOG_EMERG : level > LOG_DEBUG ? LOG_DEBUG : level;
        line->text[0] = '\0';
        line->length = 0;
        line_add(line, level_names[level]);
        line_add(line, " ");
        line_add(line, clock_format_wall(clock_now().wall, now));
        line_add(line, " ");
        line_add(line, logging.name);
        line_add(line, ": ");
}

static void report_lost(void) {
        unsigned lost = atomic_exchange(&logging.lost, 0);
        struct line line;
        char text[64];

        if (lost > 0) {
                (void) snprintf(text, sizeof(text), "%u log lines were lost before this", lost);
                line_begin(&line, LOG_WARNING);
                line_add(&line, text);
                line_write(&line);
        }
}

void log_to_stderr(void *cookie, const struct log_record *record) {
        struct line line;

        (void) cookie;
        report_lost();
        line_begin(&line, record->level);
        line_add(&line, record->text);
        for (size_t i = 0; i < record->n_fields; i++) {
                line_add_field(&line, &record->fields[i]);
        }
        line_write(&line);
}
