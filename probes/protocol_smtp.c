/* SMTP (RFC 5321): greeting, EHLO, STARTTLS (RFC 3207) when wanted, QUIT. */

#include <ctype.h>

#include "base/str.h"
#include "probes/protocol.h"

struct smtp_room {
        char greeting[TALK_QUOTE_MAX];
        bool starttls; /* was offered */
};

/* A reply of several lines is over with the one that has a blank behind the code: 1 and its last
 * line; 0: there is more to come; negative: concluded. */
static int take_reply(struct talk *talk, char **ret, int *ret_code) {
        struct smtp_room *room = talk->room;
        char *line, quote[TALK_QUOTE_MAX];
        int r = talk_line(talk, &line);
        if (r <= 0) {
                return r;
        }
        if (strspn(line, "0123456789") != 3 || (line[3] && !strchr(" -", line[3]))) {
                (void) talk_fail(talk, "this is not SMTP: \"%s\"",
                        talk_quote(talk, line, strlen(line), quote));
                return -1;
        }
        room->starttls |= line[3] && strcasecmp(line + 4, "STARTTLS") == 0;
        *ret_code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        *ret = line;
        return line[3] == '-' ? 0 : 1;
}

static enum talk_action refused(struct talk *talk, const char *command, const char *line) {
        char quote[TALK_QUOTE_MAX];
        return talk_fail(talk, "%s answered with \"%s\"", command,
                talk_quote(talk, line, strlen(line), quote));
}

static enum talk_action say_hello(struct talk *talk);

static enum talk_action on_starttls(struct talk *talk) {
        char *line;
        int code, r = take_reply(talk, &line, &code);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (code != 220) {
                return refused(talk, "STARTTLS", line);
        }
        talk->step = say_hello;
        return TALK_SECURE;
}

static enum talk_action on_hello(struct talk *talk) {
        const struct smtp_room *room = talk->room;
        char *line;
        int code, r = take_reply(talk, &line, &code);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (code != 250) {
                return refused(talk, "EHLO", line);
        }
        if (!talk->options.upgrade || talk->options.secured) {
                strbuf_add(&talk->out, "QUIT\r\n");
                return talk_pass(talk, "SMTP: %s", room->greeting);
        }
        if (!room->starttls) {
                return talk_fail(talk, "does not offer STARTTLS");
        }
        strbuf_add(&talk->out, "STARTTLS\r\n");
        return talk_then(talk, on_starttls);
}

static enum talk_action say_hello(struct talk *talk) {
        strbuf_add(&talk->out, "EHLO localhost\r\n");
        return talk_then(talk, on_hello);
}

static enum talk_action on_greeting(struct talk *talk) {
        struct smtp_room *room = talk->room;
        char *line;
        int code, r = take_reply(talk, &line, &code);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (code != 220) {
                return refused(talk, "connection", line);
        }
        (void) talk_quote(talk, line, strlen(line), room->greeting);
        return say_hello(talk);
}

static enum talk_action begin(struct talk *talk) {
        return talk_then(talk, on_greeting);
}

const struct protocol smtp_protocol = {
        .title = "SMTP",
        .port = 25,
        .tls_port = 465,
        .tls = PROTOCOL_TLS_EITHER,
        .login = PROTOCOL_ANONYMOUS,
        .room_size = sizeof(struct smtp_room),
        .begin = begin,
};
