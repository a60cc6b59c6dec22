/* The TCP probe: connects, may put TLS on top, sends, and waits for an expected text. What could
 * block (names, authorities) happens in a worker thread. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "probes/tcp_run.h"
#include "probes/types.h"

/* ---- options ---- */

static const struct schema_field tls_fields[] = {
        {"enabled", SCHEMA_BOOL, offsetof(struct tcp_tls_params, enabled), .standard = "true",
                .example = "true", .help = "Whether TLS is spoken; `tls: true` is short for it."},
        {"verify", SCHEMA_BOOL, offsetof(struct tcp_tls_params, verify), .standard = "true",
                .example = "false",
                .help = "Whether the certificate must be of a known authority, valid, and for this name."},
        {"ca_file", SCHEMA_PATH, offsetof(struct tcp_tls_params, ca_file),
                .example = "/etc/ssl/shop-ca.pem",
                .help = "PEM file with the authorities to trust instead of the system's."},
        {"server_name", SCHEMA_STRING, offsetof(struct tcp_tls_params, server_name),
                .example = "db.shop.example",
                .help = "Name to ask for and to verify instead of the host of the address."},
        {"starttls", SCHEMA_BOOL, offsetof(struct tcp_tls_params, starttls), .standard = "false",
                .example = "false",
                .help = "Begins in clear and asks for TLS then: with the protocols smtp, imap and ldap. "
                        "postgresql and mysql always do."},
        {NULL},
};

static const struct schema tls_schema = {
        .name = "tcp probe: tls",
        .help = "Speaks TLS, from the first byte or as the protocol has it.",
        .size = sizeof(struct tcp_tls_params),
        .fields = tls_fields,
        .shorthand = "enabled",
};

/* Text with escapes, for the JSON Schema. */
#define BYTES_PATTERN "^([^\\\\]|\\\\[rnt0\\\\]|\\\\x[0-9A-Fa-f]{2})+$"
#define HEX_PATTERN "^( *[0-9A-Fa-f]{2})+ *$"

static const struct schema_field tcp_fields[] = {
        {"address", SCHEMA_CUSTOM, offsetof(struct tcp_params, address), .required = true,
                .example = "127.0.0.1:6379", .parse = tcp_parse_address,
                .pattern = "^(unix:/.+|(\\[.+\\]|[^:/\\[\\]]+)(:[0-9]+)?)$",
                .help = "Where to connect: host:port, [v6]:port or unix:/path. The addresses of a name "
                        "are tried in turn. With a protocol, its standard port may be left out."},
        {"transport", SCHEMA_ENUM, offsetof(struct tcp_params, transport), .standard = "tcp",
                .example = "tcp", .words = tcp_transport_texts,
                .help = "udp sends one datagram and expects one back; a port without a listener is "
                        "refused."},
        {"tls", SCHEMA_OBJECT_PTR, offsetof(struct tcp_params, tls), .object = &tls_schema,
                .example = "true", .help = "Speaks TLS: true, or a mapping with the keys below."},
        {"send", SCHEMA_CUSTOM, offsetof(struct tcp_params, send), .example = "'PING\\r\\n'",
                .parse = tcp_parse_send, .pattern = BYTES_PATTERN,
                .help = "Text to send once connected, at most 4096 bytes, with the escapes \\r \\n \\t \\0 "
                        "\\\\ \\xHH."},
        {"expect", SCHEMA_CUSTOM, offsetof(struct tcp_params, expect), .example = "+PONG",
                .parse = tcp_parse_expect, .pattern = BYTES_PATTERN,
                .help = "Text, with the same escapes, that must occur in the first 64KiB of the answer; "
                        "reading stops when it is there."},
        {"send_hex", SCHEMA_CUSTOM, offsetof(struct tcp_params, send), .example = "'0a 00 ff'",
                .parse = tcp_parse_send_hex, .pattern = HEX_PATTERN,
                .help = "The same as send, in pairs of hexadecimal digits."},
        {"expect_hex", SCHEMA_CUSTOM, offsetof(struct tcp_params, expect), .example = "'0a00'",
                .parse = tcp_parse_expect_hex, .pattern = HEX_PATTERN,
                .help = "The same as expect, in pairs of hexadecimal digits."},
        {"protocol", SCHEMA_ENUM, offsetof(struct tcp_params, protocol), .example = "redis",
                .words = protocol_kind_texts,
                .help = "Speaks this protocol, in place of send and expect."},
        {"user", SCHEMA_STRING, offsetof(struct tcp_params, user), .example = "recoverd",
                .with = "protocol: postgresql",
                .help = "Who logs in; a login that is refused fails. Without it, a server that answers "
                        "is enough."},
        {"password_file", SCHEMA_PATH, offsetof(struct tcp_params, password_file),
                .example = "/etc/recoverd/secrets/db", .with = "protocol: redis",
                .help = "File with the password on one line, readable for the agent; read anew in each "
                        "run."},
        {"database", SCHEMA_STRING, offsetof(struct tcp_params, database), .example = "shop",
                .with = "protocol: postgresql, user: shop",
                .help = "What to log in to: the database of postgresql (standard: postgres) and mysql "
                        "(none), the virtual host of amqp (/)."},
        {"max_latency", SCHEMA_DURATION, offsetof(struct tcp_params, max_latency), .least = "1ms",
                .example = "100ms", .help = "A run that passes, but took longer, fails as slow."},
        {NULL},
};

const struct schema tcp_schema = {
        .name = "tcp probe",
        .help = "Connects to a port or a unix socket; may speak TLS, send a text and expect one, or hold "
                "a real conversation in one of many protocols.",
        .size = sizeof(struct tcp_params),
        .fields = tcp_fields,
        .shorthand = "address",
        .check = tcp_check_params,
};

/* ---- the end of a run ---- */

static void clear_room(struct tcp_run *room) {
        loop_timer_done(&room->patience);
        resolver_cancel(&room->query);
        loop_watch_remove(&room->watch);
        tcp_stream_close(&room->stream);
        strbuf_done(&room->received);
        talk_done(&room->talk);
        secret_free(TAKE_PTR(room->password));
}

/* With what room->result says. */
void tcp_finish(struct probe_run *run) {
        struct tcp_run *room = run->room;
        struct probe_result result = room->result;
        clear_room(room);
        probe_run_finish(run, &result);
}

/* What has happened that well. */
static const char *describe_success(const struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_run *room = run->room;
        if (params->protocol) {
                return room->talk.text;
        }
        return params->expect.data ? "answered" : "connected";
}

void tcp_finish_well(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        usec_t took = usec_sub(clock_now().mono, room->begun);
        char text[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        const char *what = describe_success(run);
        room->result.has_value = true;
        room->result.value = (double) took / USEC_PER_SEC;
        units_format_duration_short(took, text);
        if (params->max_latency > 0 && took > params->max_latency) {
                probe_conclude(tcp_result(run), OUTCOME_FAIL, CAUSE_SLOW,
                        "%.100s in %s, at most %s allowed", what, text,
                        units_format_duration(params->max_latency, most));
        } else {
                probe_conclude(
                        tcp_result(run), OUTCOME_PASS, CAUSE_NONE, "%.140s in %s", what, text);
        }
        tcp_finish(run);
}

/* ---- a run ---- */

void tcp_begin(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_state *state = run->state;
        struct tcp_run *room = run->room;
        room->begun = clock_now().mono;
        if (params->tls && params->tls->enabled && !state->context) {
                tcp_load_authorities(run);
        } else {
                tcp_connect(run);
        }
}

static void tcp_start(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        room->stream.fd = -1;
        list_init(&room->query.node);
        if (loop_timer_init(&room->patience, run->host->loop, tcp_on_patience_over, run) < 0) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
                tcp_finish(run);
        } else if (params->password_file) {
                tcp_load_password(run);
        } else {
                tcp_begin(run);
        }
}

static void describe_answer(const struct probe_run *run, char *detail, size_t size) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_run *room = run->room;
        const struct protocol *protocol = room->talk.protocol;
        size_t received = protocol ? room->talk.total : room->received.length;
        char bytes[UNITS_TEXT_MAX], wanted[TCP_BYTES_TEXT_MAX];
        units_format_size_short(received, bytes);
        if (received == 0) {
                snprintf(detail, size, "%s, no answer",
                        params->transport == TCP_TRANSPORT_UDP ? "sent" : "connected");
        } else if (protocol) {
                snprintf(detail, size, "connected, %s received, %s conversation not over", bytes,
                        protocol->title);
        } else {
                snprintf(detail, size, "connected, %s received without %s", bytes,
                        tcp_format_bytes(params->expect.data, params->expect.length, wanted));
        }
}

static void describe_progress(const struct probe_run *run, char *detail, size_t size) {
        static const char *const waits_for[] = {
                [TCP_STEP_PASSWORD] = "password's file not read",
                [TCP_STEP_AUTHORITIES] = "authorities' file not read",
                [TCP_STEP_RESOLVE] = "name not resolved",
                [TCP_STEP_CONNECT] = "not connected",
                [TCP_STEP_HANDSHAKE] = "connected, TLS handshake not finished",
                [TCP_STEP_SEND] = "connected, text not taken",
        };
        const struct tcp_run *room = run->room;
        if (room->step < TCP_STEP_RECEIVE) {
                snprintf(detail, size, "%s", waits_for[room->step]);
        } else {
                describe_answer(run, detail, size);
        }
}

static void tcp_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct tcp_state *state = run->state;
        char progress[OBSERVATION_DETAIL_MAX], limit[UNITS_TEXT_MAX];
        describe_progress(run, progress, sizeof(progress));
        snprintf(detail, OBSERVATION_DETAIL_MAX, "%.120s within %s", progress,
                units_format_duration(run->timeout, limit));
        str_make_printable(detail);
        offload_cancel(state->call);
        offload_cancel(state->work);
        secret_file_cancel(&state->secret);
        clear_room(run->room);
}

static void tcp_release(void *memory) {
        struct tcp_state *state = memory;
        offload_release(&state->call);
        offload_release(&state->work);
        secret_file_release(&state->secret);
        tls_context_free(TAKE_PTR(state->context));
}

/* Servers that say in their protocol that they are short of something. */
static bool tells_shortage(int protocol) {
        return protocol == PROTOCOL_POSTGRESQL || protocol == PROTOCOL_MYSQL ||
               protocol == PROTOCOL_REDIS || protocol == PROTOCOL_LDAP ||
               protocol == PROTOCOL_CASSANDRA;
}

static uint32_t tcp_causes(const void *object) {
        const struct tcp_params *params = object;
        bool talks = params->tls || params->send.data || params->expect.data || params->protocol;
        return CAUSE_BIT(CAUSE_UNRESPONSIVE) | (talks ? CAUSE_BIT(CAUSE_WRONG_ANSWER) : 0) |
               (tells_shortage(params->protocol) ? CAUSES_OF_RESOURCE : 0) |
               (params->max_latency > 0 ? CAUSE_BIT(CAUSE_SLOW) : 0);
}

static void tcp_review(const struct probe_review *review) {
        const struct tcp_params *params = review->probe->params;
        probe_doubt_latency(review, "max_latency", params->max_latency);
}

const struct probe_type tcp_probe = {
        .name = "tcp",
        .help = "Connects to a port or socket, and may talk there.",
        .value_unit = "seconds",
        .schema = &tcp_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_WRONG_ANSWER) |
                             CAUSE_BIT(CAUSE_SLOW) | CAUSES_OF_RESOURCE,
                .causes_of = tcp_causes,
                .names_target = true,
                .review = tcp_review},
        .state_size = sizeof(struct tcp_state),
        .run_size = sizeof(struct tcp_run),
        .start = tcp_start,
        .stop = tcp_stop,
        .release = tcp_release,
};
