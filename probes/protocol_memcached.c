/* memcached, text protocol: `version`.
 * https://github.com/memcached/memcached/blob/master/doc/protocol.txt */

#include "base/str.h"
#include "probes/protocol.h"

static enum talk_action on_version(struct talk *talk) {
        static const char answer[] = "VERSION ";
        char *line, quote[TALK_QUOTE_MAX];
        int r = talk_line(talk, &line);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        const char *text = talk_quote(talk, line, strlen(line), quote);
        if (str_starts(text, answer)) {
                strbuf_add(&talk->out, "quit\r\n");
                return talk_pass(talk, "memcached %.40s", text + strlen(answer));
        }
        if (str_starts(text, "ERROR") || str_starts(text, "SERVER_ERROR") ||
                str_starts(text, "CLIENT_ERROR")) {
                return talk_fail(talk, "memcached error: %s", text);
        }
        return talk_fail(talk, "this is not memcached: \"%s\"", text);
}

static enum talk_action begin(struct talk *talk) {
        strbuf_add(&talk->out, "version\r\n");
        return talk_then(talk, on_version);
}

const struct protocol memcached_protocol = {
        .title = "memcached",
        .port = 11211,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_ANONYMOUS,
        .begin = begin,
};
