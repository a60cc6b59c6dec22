/* MQTT 3.1.1: CONNECT, CONNACK, DISCONNECT.
 * https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html */

#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/protocol.h"

enum {
        MQTT_CONNECT = 0x10,
        MQTT_CONNACK = 0x20,
        MQTT_DISCONNECT = 0xe0,
        MQTT_LEVEL = 4,
        MQTT_CLEAN_SESSION = 0x02,
        MQTT_HAS_PASSWORD = 0x40,
        MQTT_HAS_USER = 0x80,
        MQTT_KEEP_ALIVE_SECONDS = 60,
        MQTT_CONNACK_BYTES = 4,
};

static void add_string(struct strbuf *to, const char *text) {
        bytes_add_big(to, (uint32_t) strlen(text), 2);
        strbuf_add(to, text);
}

/* Seven bits a byte, the lowest first (2.2.3). */
static void add_length(struct strbuf *to, size_t length) {
        do {
                uint8_t more = length > 0x7f ? 0x80 : 0;
                bytes_add_big(to, (uint32_t) (length & 0x7f) | more, 1);
                length >>= 7;
        } while (length > 0);
}

/* A session of the same client id would be ended by this one, so each run has its own. */
static void add_client_id(struct strbuf *to, const uint8_t random[TALK_RANDOM_BYTES]) {
        char id[] = "recoverd-00000000";
        snprintf(id, sizeof(id), "recoverd-%02x%02x%02x%02x", random[0], random[1], random[2],
                random[3]);
        add_string(to, id);
}

/* 3.2.2.3 */
static const struct {
        const char *text;
        bool at_the_door; /* the server judges logins */
} mqtt_codes[] = {
        [1] = {"protocol version 3.1.1 not accepted", false},
        [2] = {"client id not accepted", false},
        [3] = {"the server is unavailable", false},
        [4] = {"user or password not accepted", true},
        [5] = {"not authorised", true},
};

static enum talk_action refused(struct talk *talk, uint8_t code) {
        bool known = code < ELEMENTSOF(mqtt_codes);
        const char *text = known ? mqtt_codes[code].text : "unknown reason";
        if (known && mqtt_codes[code].at_the_door && !talk->options.user) {
                return talk_conclude(talk, OUTCOME_DEGRADED, CAUSE_NONE,
                        "MQTT asks for a login: give user and password_file (%s)", text);
        }
        return talk_fail(talk, "MQTT refused: %s (%u)", text, code);
}

static enum talk_action on_connack(struct talk *talk) {
        struct byte_reader packet;
        if (*(const uint8_t *) talk_unread(talk) != MQTT_CONNACK) {
                return talk_strange(talk);
        }
        if (talk_message(talk, MQTT_CONNACK_BYTES, &packet) <= 0) {
                return TALK_READ;
        }
        (void) byte_reader_u8(&packet);
        uint8_t length = byte_reader_u8(&packet);
        (void) byte_reader_u8(&packet); /* whether there was a session */
        uint8_t code = byte_reader_u8(&packet);
        if (length != 2) {
                return talk_strange(talk);
        }
        if (code != 0) {
                return refused(talk, code);
        }
        bytes_add_big(&talk->out, MQTT_DISCONNECT, 1);
        bytes_add_big(&talk->out, 0, 1);
        return talk->options.user ? talk_pass(talk, "MQTT, logged in as %.60s", talk->options.user)
                                  : talk_pass(talk, "MQTT, connected");
}

static enum talk_action begin(struct talk *talk) {
        const struct talk_options *options = &talk->options;
        AUTO_STRBUF struct strbuf body = {0};
        add_string(&body, "MQTT");
        bytes_add_big(&body, MQTT_LEVEL, 1);
        bytes_add_big(&body,
                MQTT_CLEAN_SESSION | (options->user ? MQTT_HAS_USER : 0u) |
                        (options->user && options->password ? MQTT_HAS_PASSWORD : 0u),
                1);
        bytes_add_big(&body, MQTT_KEEP_ALIVE_SECONDS, 2);
        add_client_id(&body, options->random);
        if (options->user) {
                add_string(&body, options->user);
        }
        if (options->user && options->password) {
                add_string(&body, options->password);
        }
        bytes_add_big(&talk->out, MQTT_CONNECT, 1);
        add_length(&talk->out, body.length);
        strbuf_add_bytes(&talk->out, body.data, body.length);
        talk->out.failed |= body.failed;
        return talk_then(talk, on_connack);
}

const struct protocol mqtt_protocol = {
        .title = "MQTT",
        .port = 1883,
        .tls_port = 8883,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_USER,
        .begin = begin,
};
