/* IMAP (RFC 9051, RFC 3501): greeting, STARTTLS when wanted, LOGOUT. */

#include "base/str.h"
#include "probes/protocol.h"

struct imap_room {
        char greeting[TALK_QUOTE_MAX];
};

static int next_line(struct talk *talk, char **ret) {
        char quote[TALK_QUOTE_MAX];
        int r = talk_line(talk, ret);
        if (r == 1 && strncasecmp(*ret, "* BYE", 5) == 0) {
                (void) talk_fail(talk, "turned away: %s",
                        talk_quote(talk, *ret + 2, strlen(*ret + 2), quote));
                return -1;
        }
        return r;
}

static enum talk_action log_out(struct talk *talk) {
        const struct imap_room *room = talk->room;
        strbuf_add(&talk->out, "a2 LOGOUT\r\n");
        return talk_pass(talk, "IMAP: %s", room->greeting);
}

/* Other untagged lines may come before the answer. */
static enum talk_action on_starttls(struct talk *talk) {
        char *line, quote[TALK_QUOTE_MAX];
        int r = next_line(talk, &line);
        if (r <= 0 || str_starts(line, "* ")) {
                return r >= 0 ? TALK_READ : TALK_OVER;
        }
        if (strncasecmp(line, "a1 OK", 5) != 0) {
                return talk_fail(talk, "STARTTLS answered with \"%s\"",
                        talk_quote(talk, line, strlen(line), quote));
        }
        talk->step = log_out;
        return TALK_SECURE;
}

static enum talk_action on_greeting(struct talk *talk) {
        struct imap_room *room = talk->room;
        char *line, quote[TALK_QUOTE_MAX];
        int r = next_line(talk, &line);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (strncasecmp(line, "* OK", 4) != 0 && strncasecmp(line, "* PREAUTH", 9) != 0) {
                return talk_fail(talk, "this is not IMAP: \"%s\"",
                        talk_quote(talk, line, strlen(line), quote));
        }
        (void) talk_quote(talk, line + 2, strlen(line + 2), room->greeting);
        if (!talk->options.upgrade) {
                return log_out(talk);
        }
        strbuf_add(&talk->out, "a1 STARTTLS\r\n");
        return talk_then(talk, on_starttls);
}

static enum talk_action begin(struct talk *talk) {
        return talk_then(talk, on_greeting);
}

const struct protocol imap_protocol = {
        .title = "IMAP",
        .port = 143,
        .tls_port = 993,
        .tls = PROTOCOL_TLS_EITHER,
        .login = PROTOCOL_ANONYMOUS,
        .room_size = sizeof(struct imap_room),
        .begin = begin,
};
