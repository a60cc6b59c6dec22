#include "io/journal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/unix_socket.h"

enum { ENTRY_MAX = 8 * 1024 }; /* what does not fit is cut: far below any limit of datagrams */

/* sd_journal_sendv() is not used because it blocks: once the queue of a stopped journald is full,
 * so would our loop. The protocol is a datagram of "FIELD=value" lines, which this writes itself.
 */
struct journal {
        int fd;
        const char *name;
        char *path;
        uint64_t dropped, unreported;
};

DEFINE_CLEANUP(cleanup_journal, struct journal, journal_close)

bool journal_on_stderr(void) {
        const char *named = getenv("JOURNAL_STREAM");
        char actual[64];
        struct stat st;

        if (!named || fstat(STDERR_FILENO, &st) < 0) {
                return false;
        }
        (void) snprintf(actual, sizeof(actual), "%llu:%llu", (unsigned long long) st.st_dev,
                (unsigned long long) st.st_ino);
        return str_eq(named, actual);
}

int journal_open(
        struct journal **ret, const char *socket_path, const char *name, struct error *err) {
        AUTO(cleanup_journal) struct journal *journal = calloc(1, sizeof(*journal));

        if (!journal) {
                return error_set_errno(err, ENOMEM, "journal");
        }
        journal->fd = -1;
        journal->name = name;
        journal->path = strdup(socket_path);
        if (!journal->path) {
                return error_set_errno(err, ENOMEM, "journal");
        }
        journal->fd = unix_connect(socket_path, SOCK_DGRAM, err);
        if (journal->fd < 0) {
                return journal->fd;
        }
        *ret = TAKE_PTR(journal);
        return 0;
}

void journal_close(struct journal *journal) {
        if (!journal) {
                return;
        }
        if (journal->fd >= 0) {
                close(journal->fd);
        }
        free(journal->path);
        free(journal);
}

uint64_t journal_dropped(const struct journal *journal) {
        return journal->dropped;
}

/* An entry under construction, in fixed memory: logging must work when memory is short. */
struct entry {
        char data[ENTRY_MAX];
        size_t length;
};

/* Field names of the protocol: upper case, digits and underscores; a leading underscore is
 * journald's. */
static bool is_field_name(const char *key) {
        return isupper((unsigned char) key[0]) &&
               strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(key);
}

/* A line break would start a field of its own, so it becomes a '?' as in every log line. */
static void add_field(struct entry *entry, const char *key, const char *value) {
        size_t room = sizeof(entry->data) - entry->length - 1; /* one for the newline */
        char *at = entry->data + entry->length;

        if (!is_field_name(key) || strlen(key) + strlen("=") >= room) {
                return;
        }
        int length = snprintf(at, room, "%s=", key);
        str_copy(at + length, room - (size_t) length, value);
        str_make_printable(at);
        size_t total = strlen(at);
        at[total] = '\n';
        entry->length += total + 1;
}

static void build_entry(
        struct entry *entry, const struct journal *journal, const struct log_record *record) {
        char priority[16];

        entry->length = 0;
        (void) snprintf(priority, sizeof(priority), "%d", record->level);
        add_field(entry, "PRIORITY", priority);
        add_field(entry, "SYSLOG_IDENTIFIER", journal->name);
        if (record->message_id) {
                add_field(entry, "MESSAGE_ID", record->message_id);
        }
        add_field(entry, "MESSAGE", record->text);
        for (size_t i = 0; i < record->n_fields; i++) {
                add_field(entry, record->fields[i].key, record->fields[i].value);
        }
}

static bool send_entry(const struct journal *journal, const struct entry *entry) {
        return send(journal->fd, entry->data, entry->length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* A journald that was restarted listens on the same path, but our socket is connected to the old
 * one. */
static bool reconnect(struct journal *journal) {
        int fd = unix_connect(journal->path, SOCK_DGRAM, NULL);

        if (fd < 0) {
                return false;
        }
        close(journal->fd);
        journal->fd = fd;
        return true;
}

static bool send_record(struct journal *journal, const struct log_record *record) {
        struct entry entry;

        build_entry(&entry, journal, record);
        if (send_entry(journal, &entry)) {
                return true;
        }
        return errno != EAGAIN && reconnect(journal) && send_entry(journal, &entry);
}

static void report_dropped(struct journal *journal) {
        char text[64];

        (void) snprintf(text, sizeof(text), "%" PRIu64 " log records were dropped before this",
                journal->unreported);
        if (send_record(journal, &(struct log_record){.level = LOG_WARNING, .text = text})) {
                journal->unreported = 0;
        }
}

void journal_sink(void *cookie, const struct log_record *record) {
        struct journal *journal = cookie;

        if (journal->unreported > 0) {
                report_dropped(journal);
        }
        if (!send_record(journal, record)) {
                journal->dropped++;
                journal->unreported++;
        }
}

void journal_install(const char *name) {
        struct journal *journal = NULL;

        log_set_name(name);
        if (journal_on_stderr() && journal_open(&journal, JOURNAL_SOCKET, name, NULL) == 0) {
                log_set_sink(journal_sink, journal); /* for the rest of the process */
        }
}
