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
        {NULL},
};

static const struct schema tls_schema = {
        .name = "tcp probe: tls",
        .help = "Speaks TLS from the first byte.",
        .size = sizeof(struct tcp_tls_params),
        .fields = tls_fields,
        .shorthand = "enabled",
};

/* Text with escapes, for the JSON Schema. */
#define BYTES_PATTERN "^([^\\\\]|\\\\[rnt0\\\\]|\\\\x[0-9A-Fa-f]{2})+$"

static const struct schema_field tcp_fields[] = {
        {"address", SCHEMA_CUSTOM, offsetof(struct tcp_params, address), .required = true,
                .example = "127.0.0.1:6379", .parse = tcp_parse_address,
                .pattern = "^(unix:/.+|\\[.+\\]:[0-9]+|[^:/\\[\\]]+:[0-9]+)$",
                .help = "Where to connect: host:port, [v6]:port or unix:/path. The addresses of a name "
                        "are tried in turn."},
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
        {"max_latency", SCHEMA_DURATION, offsetof(struct tcp_params, max_latency), .least = "1ms",
                .example = "100ms", .help = "A run that passes, but took longer, fails as slow."},
        {NULL},
};

const struct schema tcp_schema = {
        .name = "tcp probe",
        .help = "Connects to a port or a unix socket; may speak TLS, send a text and expect one.",
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
}

/* With what room->result says. */
void tcp_finish(struct probe_run *run) {
        struct tcp_run *room = run->room;
        struct probe_result result = room->result;
        clear_room(room);
        probe_run_finish(run, &result);
}

void tcp_finish_well(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        usec_t took = usec_sub(clock_now().mono, room->begun);
        char text[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        const char *what = params->expect.data ? "answered" : "connected";
        room->result.has_value = true;
        room->result.value = (double) took / USEC_PER_SEC;
        units_format_duration_short(took, text);
        if (params->max_latency > 0 && took > params->max_latency) {
                probe_conclude(tcp_result(run), OUTCOME_FAIL, CAUSE_SLOW,
                        "%s in %s, at most %s allowed", what, text,
                        units_format_duration(params->max_latency, most));
        } else {
                probe_conclude(tcp_result(run), OUTCOME_PASS, CAUSE_NONE, "%s in %s", what, text);
        }
        tcp_finish(run);
}

/* ---- a run ---- */

static void tcp_start(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_state *state = run->state;
        struct tcp_run *room = run->room;
        room->begun = clock_now().mono;
        room->stream.fd = -1;
        list_init(&room->query.node);
        if (loop_timer_init(&room->patience, run->host->loop, tcp_on_patience_over, run) < 0) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
                tcp_finish(run);
        } else if (params->tls && params->tls->enabled && !state->context) {
                tcp_load_authorities(run);
        } else {
                tcp_connect(run);
        }
}

static void describe_progress(const struct probe_run *run, char *detail, size_t size) {
        static const char *const waits_for[] = {
                [TCP_STEP_AUTHORITIES] = "authorities' file not read",
                [TCP_STEP_RESOLVE] = "name not resolved",
                [TCP_STEP_CONNECT] = "not connected",
                [TCP_STEP_HANDSHAKE] = "connected, TLS handshake not finished",
                [TCP_STEP_SEND] = "connected, text not taken",
        };
        const struct tcp_params *params = run->spec->params;
        const struct tcp_run *room = run->room;
        char bytes[UNITS_TEXT_MAX];
        if (room->step < TCP_STEP_RECEIVE) {
                snprintf(detail, size, "%s", waits_for[room->step]);
        } else if (room->received.length == 0) {
                snprintf(detail, size, "connected, no answer");
        } else {
                snprintf(detail, size, "connected, %s received without \"%.60s\"",
                        units_format_size_short(room->received.length, bytes), params->expect.data);
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
        clear_room(run->room);
}

static void tcp_release(void *memory) {
        struct tcp_state *state = memory;
        offload_release(&state->call);
        tls_context_free(TAKE_PTR(state->context));
}

const struct probe_type tcp_probe = {
        .name = "tcp",
        .help = "Connects to a port or socket, and may talk there.",
        .value_unit = "seconds",
        .schema = &tcp_schema,
        .state_size = sizeof(struct tcp_state),
        .run_size = sizeof(struct tcp_run),
        .start = tcp_start,
        .stop = tcp_stop,
        .release = tcp_release,
};
