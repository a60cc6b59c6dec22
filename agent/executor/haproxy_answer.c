#include "executor/haproxy_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* srv_admin_state, of `show servers state`. */
enum { ADMIN_MAINT = 0x01 | 0x02 | 0x20, ADMIN_DRAIN = 0x08 | 0x10 };
/* srv_op_state: 0 is stopped, the others take traffic. 3 goes down softly. */
enum { OP_STOPPED = 0, OP_STARTING = 1, OP_RUNNING = 2 };

enum { FIELD_MAX = 64 };

/* ---- Lines ---- */

static const char *skip_space(const char *text) {
        return text + strspn(text, " \t\r\n");
}

static bool next_line(const char **rest, const char **line, size_t *length) {
        if (!**rest) {
                return false;
        }
        *line = *rest;
        *length = strcspn(*rest, "\n");
        *rest += *length + ((*rest)[*length] == '\n');
        return true;
}

/* Cut to what a person reads. */
static const char *first_line(const char *answer, char text[200]) {
        const char *start = skip_space(answer);
        size_t length = strcspn(start, "\r\n");
        length = length < 199 ? length : 199;
        memcpy(text, start, length);
        text[length] = '\0';
        str_make_printable(text);
        return text;
}

/* The n-th piece of a line, empty ones included; false: there is none, or it is too long. */
static bool take_field(const char *line, size_t length, char by, unsigned n, char ret[FIELD_MAX]) {
        const char *end = line + length, *field = line;
        for (; n > 0; n--) {
                field = memchr(field, by, (size_t) (end - field));
                if (!field) {
                        return false;
                }
                field++;
        }
        const char *stop = memchr(field, by, (size_t) (end - field));
        size_t size = (size_t) ((stop ? stop : end) - field);
        if (size >= FIELD_MAX) {
                return false;
        }
        memcpy(ret, field, size);
        ret[size] = '\0';
        return true;
}

static bool take_number(const char *line, size_t length, char by, int n, uint32_t *ret) {
        char text[FIELD_MAX], *end;
        if (n < 0 || !take_field(line, length, by, (unsigned) n, text) || !*text) {
                return false;
        }
        errno = 0;
        unsigned long value = strtoul(text, &end, 10);
        *ret = (uint32_t) value;
        return errno == 0 && !*end && *text != '-' && value <= UINT32_MAX;
}

static bool field_is(const char *line, size_t length, char by, int n, const char *wanted) {
        const char *end = line + length, *field = line;
        for (; n > 0 && field; n--) {
                field = memchr(field, by, (size_t) (end - field));
                field = field ? field + 1 : NULL;
        }
        size_t size = strlen(wanted);
        return n == 0 && field && (size_t) (end - field) >= size &&
               memcmp(field, wanted, size) == 0 && (field + size == end || field[size] == by);
}

/* Which column of a header, whose first two characters are "# ", has this name; -1: none. */
static int column(const char *header, size_t length, char by, const char *name) {
        enum { COLUMNS_MAX = 256 };
        for (int i = 0; i < COLUMNS_MAX; i++) {
                if (field_is(header, length, by, i, name)) {
                        return i;
                }
        }
        return -1;
}

/* ---- Errors ---- */

static const struct {
        const char *answer;
        int code;
        const char *text; /* NULL: HAProxy's own words */
} refusals[] = {
        {"No such backend", ENOENT, "there is no such backend in this HAProxy"},
        {"Can't find backend", ENOENT, "there is no such backend in this HAProxy"},
        {"No such proxy", ENOENT, "there is no such backend in this HAProxy"},
        {"No such server", ENOENT, "the backend has no such server"},
        {"Permission denied", EPERM,
                "the socket allows only to look: it needs 'level admin' in the 'stats socket' line "
                "of haproxy.cfg"},
        {"Unknown command", EPROTO,
                "not the Runtime API of HAProxy, or that of its master, or one older than 1.6"},
};

static int refuse(const char *answer, const struct haproxy_target *target, struct error *err) {
        char said[200];
        first_line(answer, said);
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                if (str_starts(said, refusals[i].answer)) {
                        return error_set(err, refusals[i].code, "%s/%s: %s", target->backend,
                                target->server, refusals[i].text);
                }
        }
        return error_set(
                err, EPROTO, "%s/%s: it answers '%s'", target->backend, target->server, said);
}

int haproxy_answer_check(
        const char *answer, const struct haproxy_target *target, struct error *err) {
        return *skip_space(answer) ? refuse(answer, target, err) : 0;
}

/* ---- Tables ---- */

struct table {
        const char *header, *rest;
        size_t length;
        char by;
};

/* Up to the line of the names of its columns, which both commands begin with "# ". */
static int open_table(struct table *table, const char *answer, char by,
        const struct haproxy_target *target, struct error *err) {
        const char *line;
        size_t length;
        *table = (struct table){.rest = skip_space(answer), .by = by};
        while (next_line(&table->rest, &line, &length)) {
                if (length > 2 && str_starts(line, "# ")) {
                        table->header = line + 2;
                        table->length = length - 2;
                        return 0;
                }
                if (length > 3) { /* the number of its format goes ahead */
                        break;
                }
        }
        if (!*skip_space(answer)) {
                return error_set(err, EPROTO, "it answers nothing");
        }
        return refuse(answer, target, err);
}

static int find_row(struct table *table, const char *backend_column, const char *server_column,
        const struct haproxy_target *target, const char **line, size_t *length, struct error *err) {
        int backend = column(table->header, table->length, table->by, backend_column);
        int server = column(table->header, table->length, table->by, server_column);
        while (backend >= 0 && server >= 0 && next_line(&table->rest, line, length)) {
                if (field_is(*line, *length, table->by, backend, target->backend) &&
                        field_is(*line, *length, table->by, server, target->server)) {
                        return 0;
                }
        }
        return backend < 0 || server < 0
                       ? error_set(err, EPROTO, "a table without %s", server_column)
                       : error_set(err, ENOENT, "the backend %s has no server %s", target->backend,
                                 target->server);
}

static bool read_number(const struct table *table, const char *name, const char *line,
        size_t length, uint32_t *ret) {
        int at = column(table->header, table->length, table->by, name);
        return take_number(line, length, table->by, at, ret);
}

static int state_of(uint32_t admin) {
        if (admin & ADMIN_MAINT) {
                return SERVER_MAINT;
        }
        return admin & ADMIN_DRAIN ? SERVER_DRAIN : SERVER_READY;
}

int haproxy_answer_server(const char *answer, const struct haproxy_target *target,
        struct haproxy_server *ret, struct error *err) {
        struct table table;
        const char *line = "";
        size_t length = 0;
        struct haproxy_server server = {0};
        uint32_t op = 0, admin = 0;
        int r = open_table(&table, answer, ' ', target, err);
        if (r < 0) {
                return r;
        }
        const struct table whole = table;
        r = find_row(&table, "be_name", "srv_name", target, &line, &length, err);
        if (r < 0) {
                return r;
        }
        if (!read_number(&whole, "be_id", line, length, &server.backend_id) ||
                !read_number(&whole, "srv_id", line, length, &server.server_id) ||
                !read_number(&whole, "srv_op_state", line, length, &op) ||
                !read_number(&whole, "srv_admin_state", line, length, &admin) ||
                !read_number(&whole, "srv_uweight", line, length, &server.weight) ||
                !read_number(&whole, "srv_iweight", line, length, &server.initial_weight)) {
                return error_set(err, EPROTO, "its line of %s/%s lacks a number", target->backend,
                        target->server);
        }
        server.up = op == OP_STARTING || op == OP_RUNNING;
        server.state = state_of(admin);
        *ret = server;
        return 0;
}

int haproxy_answer_sessions(
        const char *answer, const struct haproxy_target *target, uint32_t *ret, struct error *err) {
        struct table table;
        const char *line = "";
        size_t length = 0;
        uint32_t current = 0, queued = 0;
        int r = open_table(&table, answer, ',', target, err);
        if (r < 0) {
                return r;
        }
        const struct table whole = table;
        r = find_row(&table, "pxname", "svname", target, &line, &length, err);
        if (r < 0) {
                return r;
        }
        if (!read_number(&whole, "scur", line, length, &current) ||
                !read_number(&whole, "qcur", line, length, &queued)) {
                return error_set(err, EPROTO, "its line of %s/%s lacks a number", target->backend,
                        target->server);
        }
        *ret = current + queued < current ? UINT32_MAX : current + queued;
        return 0;
}

uint32_t haproxy_weight_of(const struct haproxy_server *server, struct haproxy_weight weight) {
        if (!weight.percent) {
                return weight.value;
        }
        uint64_t part = (uint64_t) server->initial_weight * weight.value / 100;
        return part < HAPROXY_WEIGHT_MAX ? (uint32_t) part : HAPROXY_WEIGHT_MAX;
}
