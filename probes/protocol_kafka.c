/* Kafka: ApiVersions, which a broker answers before any login. Version 3 is asked for; a broker
 * that does not know it says so and is asked for version 0.
 * https://kafka.apache.org/protocol#The_Messages_ApiVersions, KIP-511 */

#include "base/str.h"
#include "probes/protocol.h"

enum {
        KAFKA_API_VERSIONS = 18,
        KAFKA_NEWEST = 3,
        KAFKA_CORRELATION = 0x7265636f, /* "reco" */
        KAFKA_UNSUPPORTED_VERSION = 35,
        KAFKA_APIS_MAX = 1024,
        KAFKA_VARINT_BYTES = 5,
};

struct kafka_room {
        unsigned version; /* that was asked for */
};

static enum talk_action on_versions(struct talk *talk);

static void add_compact_string(struct strbuf *to, const char *text) {
        bytes_add_big(to, (uint32_t) strlen(text) + 1, 1);
        strbuf_add(to, text);
}

static enum talk_action ask(struct talk *talk, unsigned version) {
        struct kafka_room *room = talk->room;
        struct strbuf *out = &talk->out;
        static const char client[] = "recoverd";
        size_t length = 2 + 2 + 4 + 2 + strlen(client);
        room->version = version;
        if (version >= 3) {
                length += 1 + (1 + strlen(client)) + (1 + strlen(RECOVERD_VERSION)) + 1;
        }
        bytes_add_big(out, (uint32_t) length, 4);
        bytes_add_big(out, KAFKA_API_VERSIONS, 2);
        bytes_add_big(out, version, 2);
        bytes_add_big(out, KAFKA_CORRELATION, 4);
        bytes_add_big(out, (uint32_t) strlen(client), 2);
        strbuf_add(out, client);
        if (version >= 3) {
                bytes_add_big(out, 0, 1); /* no tagged fields in the header */
                add_compact_string(out, client);
                add_compact_string(out, RECOVERD_VERSION);
                bytes_add_big(out, 0, 1);
        }
        return talk_then(talk, on_versions);
}

/* Seven bits a byte, the lowest first. */
static uint32_t take_varint(struct byte_reader *from) {
        uint32_t value = 0;
        for (unsigned i = 0; i < KAFKA_VARINT_BYTES; i++) {
                uint8_t byte = byte_reader_u8(from);
                value |= (uint32_t) (byte & 0x7f) << 7 * i;
                if (!(byte & 0x80)) {
                        return value;
                }
        }
        from->failed = true;
        return 0;
}

static void skip_tagged_fields(struct byte_reader *from) {
        uint32_t fields = take_varint(from);
        for (uint32_t i = 0; i < fields && !from->failed; i++) {
                (void) take_varint(from);
                (void) byte_reader_take(from, take_varint(from));
        }
}

/* How many APIs there are, which all have to be in the message. */
static uint32_t count_apis(struct byte_reader *from, unsigned version) {
        uint32_t apis = version >= 3 ? take_varint(from) - 1 : byte_reader_big(from, 4);
        from->failed |= apis > KAFKA_APIS_MAX;
        for (uint32_t i = 0; i < apis && !from->failed; i++) {
                (void) byte_reader_take(from, 6); /* key, oldest, newest */
                if (version >= 3) {
                        skip_tagged_fields(from);
                }
        }
        return apis;
}

static enum talk_action on_answer(struct talk *talk, struct byte_reader body) {
        const struct kafka_room *room = talk->room;
        uint32_t correlation = byte_reader_big(&body, 4);
        uint32_t error = byte_reader_big(&body, 2);
        if (body.failed || correlation != KAFKA_CORRELATION) {
                return talk_strange(talk);
        }
        if (error == KAFKA_UNSUPPORTED_VERSION && room->version > 0) {
                return ask(talk, 0);
        }
        if (error != 0) {
                return talk_fail(talk, "Kafka: error %u in the answer to ApiVersions", error);
        }
        uint32_t apis = count_apis(&body, room->version);
        return body.failed ? talk_strange(talk) : talk_pass(talk, "Kafka, %u APIs,", apis);
}

static enum talk_action on_versions(struct talk *talk) {
        struct byte_reader header, message;
        if (talk_message(talk, 4, &header) <= 0) {
                return TALK_READ;
        }
        size_t length = byte_reader_big(&header, 4);
        int r = talk_message(talk, 4 + length, &message);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        (void) byte_reader_take(&message, 4);
        enum talk_action action = on_answer(talk, message);
        talk->used += action == TALK_OVER ? 0 : 4 + length;
        return action;
}

static enum talk_action begin(struct talk *talk) {
        return ask(talk, KAFKA_NEWEST);
}

const struct protocol kafka_protocol = {
        .title = "Kafka",
        .port = 9092,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_ANONYMOUS,
        .room_size = sizeof(struct kafka_room),
        .begin = begin,
};
