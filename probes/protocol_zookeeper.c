/* ZooKeeper: the four-letter words `srvr`, which servers allow unless told otherwise, and `ruok`.
 * https://zookeeper.apache.org/doc/current/zookeeperAdmin.html#sc_4lw */

#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/protocol.h"

enum { VALUE_MAX = 32 };

struct zookeeper_room {
        char latency[VALUE_MAX], connections[VALUE_MAX], mode[VALUE_MAX];
};

static const struct {
        const char *begins;
        size_t offset; /* of char[VALUE_MAX] */
} zookeeper_lines[] = {
        {"Latency min/avg/max: ", offsetof(struct zookeeper_room, latency)},
        {"Connections: ", offsetof(struct zookeeper_room, connections)},
        {"Mode: ", offsetof(struct zookeeper_room, mode)},
};

/* What either word may be answered with instead. */
static bool concluded_refusal(struct talk *talk, const char *line) {
        if (strstr(line, "not currently serving requests")) {
                (void) talk_fail(talk, "ZooKeeper is not serving requests: it has no quorum");
                return true;
        }
        if (strstr(line, "is not executed because it is not in the whitelist")) {
                (void) talk_conclude(talk, OUTCOME_DEGRADED, CAUSE_NONE,
                        "ZooKeeper lives, but %.4s is not in its 4lw.commands.whitelist", line);
                return true;
        }
        return false;
}

/* A line more or less is a matter of the version, so the answer is over when the server closes. */
static enum talk_action on_status(struct talk *talk) {
        struct zookeeper_room *room = talk->room;
        char *line, quote[TALK_QUOTE_MAX];
        int r = talk_line(talk, &line);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (concluded_refusal(talk, line)) {
                return TALK_OVER;
        }
        for (size_t i = 0; i < ELEMENTSOF(zookeeper_lines); i++) {
                if (str_starts(line, zookeeper_lines[i].begins)) {
                        const char *value = line + strlen(zookeeper_lines[i].begins);
                        (void) talk_quote(talk, value, strlen(value), quote);
                        (void) str_copy(
                                (char *) room + zookeeper_lines[i].offset, VALUE_MAX, quote);
                }
        }
        return TALK_READ;
}

/* Refusals come without a newline. */
static bool rest_is_refusal(struct talk *talk) {
        return talk_unread_length(talk) > 0 && concluded_refusal(talk, talk_unread(talk));
}

static enum talk_action closed_status(struct talk *talk) {
        const struct zookeeper_room *room = talk->room;
        if (talk->total == 0) {
                return talk_conclude(talk, OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                        "connection closed without an answer to srvr");
        }
        if (rest_is_refusal(talk)) {
                return TALK_OVER;
        }
        if (!*room->mode) {
                return talk_fail(talk, "this is not ZooKeeper: no mode in the answer to srvr");
        }
        return talk_pass(talk, "ZooKeeper is %s, %s connections, latency min/avg/max %s ms;",
                room->mode, room->connections, room->latency);
}

static enum talk_action begin_srvr(struct talk *talk) {
        strbuf_add(&talk->out, "srvr");
        return talk_then(talk, on_status);
}

static enum talk_action on_imok(struct talk *talk) {
        return talk_unread_length(talk) >= 4 && memcmp(talk_unread(talk), "imok", 4) == 0
                       ? talk_pass(talk, "imok")
                       : TALK_READ;
}

static enum talk_action closed_ruok(struct talk *talk) {
        if (talk->total == 0) {
                return talk_conclude(talk, OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                        "connection closed without an answer to ruok");
        }
        return rest_is_refusal(talk) ? TALK_OVER : talk_strange(talk);
}

static enum talk_action begin_ruok(struct talk *talk) {
        strbuf_add(&talk->out, "ruok");
        return talk_then(talk, on_imok);
}

const struct protocol zookeeper_protocol = {
        .title = "ZooKeeper",
        .port = 2181,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_ANONYMOUS,
        .room_size = sizeof(struct zookeeper_room),
        .begin = begin_srvr,
        .closed = closed_status,
};

const struct protocol zookeeper_ruok_protocol = {
        .title = "ZooKeeper",
        .port = 2181,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_ANONYMOUS,
        .begin = begin_ruok,
        .closed = closed_ruok,
};
