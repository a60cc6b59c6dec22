#pragma once
/* Logging: one line a transition, with key=value fields. The sink is chosen once at start (standard
 * error by default; runtime installs the journal's). The pure core never logs. */

#include <stddef.h>
#include <syslog.h>

struct log_field {
        const char *key; /* upper case, as in the journal: SERVICE, INCIDENT */
        const char *value;
};

struct log_record {
        int level; /* LOG_ERR .. LOG_DEBUG, as in syslog(3) */
        const char *message_id; /* 32 hexadecimal digits, or NULL; set from LOG_NOTICE up */
        const char *text; /* one line, no newline */
        const struct log_field *fields;
        size_t n_fields;
};

typedef void (*log_sink)(void *cookie, const struct log_record *record);

void log_set_sink(log_sink sink, void *cookie); /* NULL: standard error */
void log_set_level(int level); /* what is more detailed is dropped; LOG_INFO at start */
int log_level(void);
void log_set_name(const char *name); /* prefix of lines on standard error; not copied */

void log_record(const struct log_record *record);
void log_at(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* "level time name: text KEY=value ..." as a line for a terminal or a file. */
void log_to_stderr(void *cookie, const struct log_record *record);
