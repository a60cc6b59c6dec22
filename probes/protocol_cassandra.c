/* Cassandra and ScyllaDB: an OPTIONS frame of the native protocol 4, answered by SUPPORTED before
 * any login.
 * https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec */

#include "base/str.h"
#include "probes/protocol.h"

enum {
        CQL_VERSION = 4,
        CQL_RESPONSE = 0x80,
        CQL_HEADER = 9,
        CQL_ERROR = 0x00,
        CQL_OPTIONS = 0x05,
        CQL_SUPPORTED = 0x06,

        CQL_OVERLOADED = 0x1001,
        CQL_BOOTSTRAPPING = 0x1002,
};

static const char *take_string(struct byte_reader *from, size_t *ret_length) {
        *ret_length = byte_reader_big(from, 2);
        return (const char *) byte_reader_take(from, *ret_length);
}

/* Passes over the values of an option; `ret` gets the first of them. */
static void take_values(struct talk *talk, struct byte_reader *body, char ret[TALK_QUOTE_MAX]) {
        uint32_t values = byte_reader_big(body, 2);
        for (uint32_t i = 0; i < values && !body->failed; i++) {
                size_t length;
                const char *value = take_string(body, &length);
                if (value && i == 0) {
                        (void) talk_quote(talk, value, length, ret);
                }
        }
}

static enum talk_action on_supported(struct talk *talk, struct byte_reader body) {
        static const char wanted[] = "CQL_VERSION";
        char version[TALK_QUOTE_MAX] = "?", other[TALK_QUOTE_MAX] = "";
        uint32_t options = byte_reader_big(&body, 2);
        for (uint32_t i = 0; i < options && !body.failed; i++) {
                size_t length;
                const char *name = take_string(&body, &length);
                bool found = name && length == strlen(wanted) && memcmp(name, wanted, length) == 0;
                take_values(talk, &body, found ? version : other);
        }
        return body.failed ? talk_strange(talk)
                           : talk_pass(talk, "Cassandra, CQL version %.40s", version);
}

static enum talk_action on_error(struct talk *talk, struct byte_reader body) {
        char quote[TALK_QUOTE_MAX];
        size_t length;
        uint32_t code = byte_reader_big(&body, 4);
        const char *message = take_string(&body, &length);
        if (body.failed) {
                return talk_strange(talk);
        }
        talk_quote(talk, message, length, quote);
        if (code == CQL_BOOTSTRAPPING) {
                return talk_conclude(
                        talk, OUTCOME_DEGRADED, CAUSE_NONE, "Cassandra is starting: %s", quote);
        }
        return talk_conclude(talk, OUTCOME_FAIL,
                code == CQL_OVERLOADED ? CAUSE_RESOURCE : CAUSE_WRONG_ANSWER,
                "Cassandra: error 0x%04x: %s", code, quote);
}

static enum talk_action on_frame(struct talk *talk) {
        struct byte_reader header, frame;
        if (!(*talk_unread(talk) & CQL_RESPONSE)) {
                return talk_strange(talk);
        }
        if (talk_message(talk, CQL_HEADER, &header) <= 0) {
                return TALK_READ;
        }
        (void) byte_reader_take(&header, 4); /* version, flags, stream */
        uint8_t kind = byte_reader_u8(&header);
        size_t length = byte_reader_big(&header, 4);
        int r = talk_message(talk, CQL_HEADER + length, &frame);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        (void) byte_reader_take(&frame, CQL_HEADER);
        switch (kind) {
        case CQL_SUPPORTED:
                return on_supported(talk, frame);
        case CQL_ERROR:
                return on_error(talk, frame);
        }
        return talk_strange(talk);
}

static enum talk_action begin(struct talk *talk) {
        static const uint8_t options[CQL_HEADER] = {CQL_VERSION, 0, 0, 0, CQL_OPTIONS};
        strbuf_add_bytes(&talk->out, options, sizeof(options));
        return talk_then(talk, on_frame);
}

const struct protocol cassandra_protocol = {
        .title = "Cassandra",
        .port = 9042,
        .tls_port = 9142,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_ANONYMOUS,
        .begin = begin,
};
