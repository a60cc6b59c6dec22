/* AMQP 0-9-1, as RabbitMQ speaks it: the header, answered by Connection.Start; with a user also the
 * login and the opening of a virtual host.
 * https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf */

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/protocol.h"

enum {
        AMQP_HEADER = 8, /* "AMQP", 0, version */
        AMQP_FRAME_HEADER = 7,
        AMQP_FRAME_METHOD = 1,
        AMQP_FRAME_END = 0xce,
        AMQP_LIMITS = 8, /* channels, frame size, heartbeat */
        AMQP_REPLY_SUCCESS = 200,
};

enum amqp_method { /* class and method */
        AMQP_START = 10 << 16 | 10,
        AMQP_START_OK = 10 << 16 | 11,
        AMQP_TUNE = 10 << 16 | 30,
        AMQP_TUNE_OK = 10 << 16 | 31,
        AMQP_OPEN = 10 << 16 | 40,
        AMQP_OPEN_OK = 10 << 16 | 41,
        AMQP_CLOSE = 10 << 16 | 50,
};

struct amqp_room {
        char product[32], version[24];
};

/* ---- sending ---- */

static void add_short_string(struct strbuf *to, const char *text) {
        bytes_add_big(to, (uint32_t) strlen(text), 1);
        strbuf_add(to, text);
}

static void send_method(
        struct talk *talk, enum amqp_method method, const struct strbuf *arguments) {
        struct strbuf *out = &talk->out;
        bytes_add_big(out, AMQP_FRAME_METHOD, 1);
        bytes_add_big(out, 0, 2); /* channel */
        bytes_add_big(out, (uint32_t) arguments->length + 4, 4);
        bytes_add_big(out, method, 4);
        strbuf_add_bytes(out, arguments->data, arguments->length);
        bytes_add_big(out, AMQP_FRAME_END, 1);
        out->failed |= arguments->failed;
}

/* Without this capability RabbitMQ closes without a reason after a wrong password. */
static void add_properties(struct strbuf *to) {
        static const char name[] = "capabilities", capability[] = "authentication_failure_close";
        uint32_t inner = 1 + sizeof(capability) - 1 + 2;
        bytes_add_big(to, 1 + sizeof(name) - 1 + 1 + 4 + inner, 4);
        add_short_string(to, name);
        strbuf_add_char(to, 'F');
        bytes_add_big(to, inner, 4);
        add_short_string(to, capability);
        strbuf_add_char(to, 't');
        strbuf_add_char(to, 1);
}

/* RFC 4616: nobody else's identity, user, password. */
static void send_login(struct talk *talk) {
        const struct talk_options *options = &talk->options;
        AUTO_STRBUF struct strbuf arguments = {0};
        add_properties(&arguments);
        add_short_string(&arguments, "PLAIN");
        bytes_add_big(
                &arguments, (uint32_t) (2 + strlen(options->user) + strlen(options->password)), 4);
        strbuf_add_char(&arguments, '\0');
        bytes_add_text(&arguments, options->user);
        strbuf_add(&arguments, options->password);
        add_short_string(&arguments, "en_US");
        send_method(talk, AMQP_START_OK, &arguments);
        if (arguments.data) {
                explicit_bzero(arguments.data, arguments.length);
        }
}

static const char *virtual_host(const struct talk *talk) {
        return talk->options.database ? talk->options.database : "/";
}

/* Takes the limits of the server as they are, and opens. */
static enum talk_action on_tune(struct talk *talk, struct byte_reader arguments) {
        AUTO_STRBUF struct strbuf tune = {0}, open = {0};
        const uint8_t *limits = byte_reader_take(&arguments, AMQP_LIMITS);
        if (!limits) {
                return talk_strange(talk);
        }
        strbuf_add_bytes(&tune, limits, AMQP_LIMITS);
        send_method(talk, AMQP_TUNE_OK, &tune);
        add_short_string(&open, virtual_host(talk));
        bytes_add_big(&open, 0, 2); /* reserved */
        send_method(talk, AMQP_OPEN, &open);
        return TALK_READ;
}

static void send_close(struct talk *talk) {
        AUTO_STRBUF struct strbuf arguments = {0};
        bytes_add_big(&arguments, AMQP_REPLY_SUCCESS, 2);
        add_short_string(&arguments, "");
        bytes_add_big(&arguments, 0, 4); /* no method is to blame */
        send_method(talk, AMQP_CLOSE, &arguments);
}

/* ---- receiving ---- */

static enum talk_action on_frame(struct talk *talk);

/* Text values of the server's properties; what stands behind one of an unknown type is not seen. */
static void read_properties(struct talk *talk, struct byte_reader table) {
        struct amqp_room *room = talk->room;
        char quote[TALK_QUOTE_MAX];
        while (table.left > 0 && !table.failed) {
                size_t name_length = byte_reader_u8(&table);
                const uint8_t *name = byte_reader_take(&table, name_length);
                uint8_t type = byte_reader_u8(&table);
                size_t length = type == 't' ? 1 : byte_reader_big(&table, 4);
                const uint8_t *value = byte_reader_take(&table, length);
                if (!name || !value || !strchr("SFt", type)) {
                        return;
                }
                if (type != 'S' || name_length != 7) {
                        continue;
                }
                (void) talk_quote(talk, value, length, quote);
                if (memcmp(name, "product", 7) == 0) {
                        (void) str_copy(room->product, sizeof(room->product), quote);
                } else if (memcmp(name, "version", 7) == 0) {
                        (void) str_copy(room->version, sizeof(room->version), quote);
                }
        }
}

static enum talk_action on_start(struct talk *talk, struct byte_reader arguments) {
        const struct amqp_room *room = talk->room;
        (void) byte_reader_take(&arguments, 2); /* version */
        size_t length = byte_reader_big(&arguments, 4);
        const uint8_t *table = byte_reader_take(&arguments, length);
        if (!table) {
                return talk_strange(talk);
        }
        read_properties(talk, byte_reader_of(table, length));
        if (talk->options.user) {
                send_login(talk);
                return TALK_READ;
        }
        return talk_pass(talk, "AMQP 0-9-1, %s%s%s", *room->product ? room->product : "server",
                *room->version ? " " : "", room->version);
}

static enum talk_action on_opened(struct talk *talk) {
        const struct amqp_room *room = talk->room;
        send_close(talk);
        return talk_pass(talk, "AMQP 0-9-1, %s%s%s, logged in as %.40s",
                *room->product ? room->product : "server", *room->version ? " " : "", room->version,
                talk->options.user);
}

static enum talk_action on_close(struct talk *talk, struct byte_reader arguments) {
        char quote[TALK_QUOTE_MAX];
        uint32_t code = byte_reader_big(&arguments, 2);
        size_t length = byte_reader_u8(&arguments);
        const uint8_t *text = byte_reader_take(&arguments, length);
        return text ? talk_fail(talk, "AMQP: %u %s", code, talk_quote(talk, text, length, quote))
                    : talk_strange(talk);
}

static enum talk_action on_method(struct talk *talk, struct byte_reader frame) {
        bool login = talk->options.user != NULL;
        switch (byte_reader_big(&frame, 4)) {
        case AMQP_START:
                return on_start(talk, frame);
        case AMQP_TUNE:
                if (login) {
                        return on_tune(talk, frame);
                }
                break;
        case AMQP_OPEN_OK:
                if (login) {
                        return on_opened(talk);
                }
                break;
        case AMQP_CLOSE:
                return on_close(talk, frame);
        }
        return talk_strange(talk);
}

static enum talk_action on_frame(struct talk *talk) {
        struct byte_reader header, frame;
        if (*talk_unread(talk) != AMQP_FRAME_METHOD) {
                return talk_strange(talk);
        }
        if (talk_message(talk, AMQP_FRAME_HEADER, &header) <= 0) {
                return TALK_READ;
        }
        (void) byte_reader_take(&header, 3); /* type, channel */
        size_t length = byte_reader_big(&header, 4);
        int r = talk_message(talk, AMQP_FRAME_HEADER + length + 1, &frame);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        (void) byte_reader_take(&frame, AMQP_FRAME_HEADER);
        if (frame.at[length] != AMQP_FRAME_END) {
                return talk_strange(talk);
        }
        enum talk_action action = on_method(talk, byte_reader_of(frame.at, length));
        talk->used += action == TALK_OVER ? 0 : AMQP_FRAME_HEADER + length + 1;
        return action;
}

/* A server that does not speak this version answers with the header of one that it does. */
static enum talk_action on_first_bytes(struct talk *talk) {
        struct byte_reader header;
        if (*talk_unread(talk) != 'A') {
                return on_frame(talk);
        }
        if (talk_message(talk, AMQP_HEADER, &header) <= 0) {
                return TALK_READ;
        }
        if (memcmp(header.at, "AMQP", 4) != 0) {
                return talk_strange(talk);
        }
        return talk_fail(talk, "the server speaks AMQP %u-%u-%u (protocol %u), not 0-9-1",
                header.at[5], header.at[6], header.at[7], header.at[4]);
}

static enum talk_action begin(struct talk *talk) {
        strbuf_add_bytes(&talk->out, "AMQP\0\0\x09\x01", AMQP_HEADER);
        return talk_then(talk, on_first_bytes);
}

const struct protocol amqp_protocol = {
        .title = "AMQP",
        .port = 5672,
        .tls_port = 5671,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_USER_PASSWORD,
        .database = true,
        .room_size = sizeof(struct amqp_room),
        .begin = begin,
};
