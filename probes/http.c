/* The HTTP probe: one request on a fresh connection, and a judgement of the answer. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http_client.h"
#include "probes/http_params.h"
#include "probes/types.h"

struct http_run {
        struct http_request request;
        struct http_transfer *transfer; /* NULL: not under way */
        const char **lines; /* the request's headers; one block with their text */
};

/* ---- options ---- */

static const struct schema_field text_fields[] = {
        {"contains", SCHEMA_STRING, offsetof(struct http_text_expect, contains),
                .example = "'\"status\":\"UP\"'",
                .help = "Text that must occur in the body, byte for byte."},
        {"matches", SCHEMA_STRING, offsetof(struct http_text_expect, matches), .example = "^ready$",
                .help = "POSIX extended regular expression that must match somewhere in the first 128KiB; "
                        "^ and $ match at each line. No back-references."},
        {NULL},
};

static const struct schema text_schema = {
        .name = "http probe: expected body",
        .help = "What the body of the answer must hold.",
        .size = sizeof(struct http_text_expect),
        .fields = text_fields,
        .shorthand = "contains",
        .check = http_check_text,
};

static const struct schema_field header_fields[] = {
        {"equals", SCHEMA_STRING, offsetof(struct http_header_expect, equals), .example = "nosniff",
                .help = "The whole value."},
        {"contains", SCHEMA_STRING, offsetof(struct http_header_expect, contains),
                .example = "no-cache", .help = "Text that must occur in the value."},
        {"matches", SCHEMA_STRING, offsetof(struct http_header_expect, matches),
                .example = "^text/html",
                .help = "POSIX extended regular expression that must match in the value."},
        {NULL},
};

static const struct schema header_schema = {
        .name = "http probe: expected header",
        .help = "What a header of the answer must be. It must be there; of several with one name the "
                "last counts.",
        .size = sizeof(struct http_header_expect),
        .fields = header_fields,
        .shorthand = "equals",
        .check = http_check_header,
};

static const struct schema_field expect_fields[] = {
        {"status", SCHEMA_CUSTOM, offsetof(struct http_expect, status), .standard = "200-299",
                .example = "[200-299, 304]", .parse = http_parse_status,
                .pattern = "^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$",
                .help = "Statuses that are well: a code, a range, or a list of them."},
        {"body", SCHEMA_OBJECT, offsetof(struct http_expect, body), .object = &text_schema,
                .example = "{contains: ready}", .help = "What the body must hold."},
        {"headers", SCHEMA_OBJECT_MAP, offsetof(struct http_expect, headers),
                .object = &header_schema, .example = "{Content-Type: {matches: ^application/json}}",
                .help = "Headers that must be there, and their values."},
        {"max_latency", SCHEMA_DURATION, offsetof(struct http_expect, max_latency), .least = "1ms",
                .example = "500ms",
                .help = "A right answer that took longer, from the look-up of the name to its last byte, "
                        "fails as slow."},
        {"certificate", SCHEMA_DURATION, offsetof(struct http_expect, certificate), .least = "1h",
                .example = "14d",
                .help = "Time that the server's certificate must still be valid for. With less the probe "
                        "is degraded, which counts as a pass: a restart makes no new certificate. An "
                        "expired one fails by tls.verify."},
        {NULL},
};

static const struct schema expect_schema = {
        .name = "http probe: expected answer",
        .help = "What the answer must be.",
        .size = sizeof(struct http_expect),
        .fields = expect_fields,
};

static const struct schema_field tls_fields[] = {
        {"verify", SCHEMA_BOOL, offsetof(struct http_tls_params, verify), .standard = "true",
                .example = "false",
                .help = "Whether the certificate must be of a known authority, valid, and for this name."},
        {"ca_file", SCHEMA_PATH, offsetof(struct http_tls_params, ca_file),
                .example = "/etc/ssl/shop-ca.pem",
                .help = "PEM file with the authorities to trust instead of the system's."},
        {NULL},
};

static const struct schema tls_schema = {
        .name = "http probe: tls",
        .help = "How the server is verified.",
        .size = sizeof(struct http_tls_params),
        .fields = tls_fields,
};

static const struct schema_field http_fields[] = {
        {"url", SCHEMA_STRING, offsetof(struct http_params, url), .required = true,
                .example = "http://127.0.0.1:8080/healthz",
                .help = "Where to ask; http or https. It cannot hold a user and password."},
        {"method", SCHEMA_STRING, offsetof(struct http_params, method), .standard = "GET",
                .example = "HEAD", .help = "Method of the request."},
        {"headers", SCHEMA_PAIRS, offsetof(struct http_params, headers),
                .example = "{Host: shop.example, Accept: application/json}",
                .help = "Headers to send, at most 32."},
        {"body", SCHEMA_STRING, offsetof(struct http_params, body), .example = "'{\"ping\": 1}'",
                .help = "Body to send, at most 64KiB."},
        {"expect", SCHEMA_OBJECT_PTR, offsetof(struct http_params, expect),
                .object = &expect_schema, .example = "{status: 200, max_latency: 500ms}",
                .help = "What the answer must be; without it any status from 200 to 299 is well."},
        {"follow_redirects", SCHEMA_BOOL, offsetof(struct http_params, follow_redirects),
                .standard = "false", .example = "true",
                .help = "Whether to go where a redirect points and judge the answer there."},
        {"max_redirects", SCHEMA_UINT, offsetof(struct http_params, max_redirects), .standard = "5",
                .least = "1", .most = "20", .example = "3",
                .help = "Redirects in a row that are followed; more of them fail."},
        {"tls", SCHEMA_OBJECT_PTR, offsetof(struct http_params, tls), .object = &tls_schema,
                .example = "{ca_file: /etc/ssl/shop-ca.pem}",
                .help = "How the server is verified."},
        {"unix_socket", SCHEMA_PATH, offsetof(struct http_params, unix_socket),
                .example = "/run/checkout.sock",
                .help = "Connects to this socket; the host of the url is only sent as a header then."},
        {"max_body", SCHEMA_SIZE, offsetof(struct http_params, max_body), .standard = "1MiB",
                .least = "1KiB", .most = "16MiB", .example = "64KiB",
                .help = "How much of a body is read. A larger one is cut off, and fails only if expect "
                        "needs the body. When it does not, reading stops after 16KiB."},
        {NULL},
};

const struct schema http_schema = {
        .name = "http probe",
        .help = "Sends an HTTP request on a fresh connection and judges the answer.",
        .size = sizeof(struct http_params),
        .fields = http_fields,
        .shorthand = "url",
        .check = http_check_params,
};

/* ---- how far it came ---- */

static const char *progress_of(const struct http_params *params, const struct http_result *p) {
        if (p->total_time == 0) {
                return "no slot was free to begin";
        }
        if (p->name_time == 0) {
                return "name not resolved";
        }
        if (p->connect_time == 0) {
                return "not connected";
        }
        if (http_url_is_tls(params->url) && p->tls_time == 0) {
                return "connected, TLS handshake not finished";
        }
        return p->first_byte_time == 0 ? "connected, no answer" : NULL;
}

static void describe_progress(const struct probe_run *run, const struct http_result *progress,
        char detail[OBSERVATION_DETAIL_MAX]) {
        char limit[UNITS_TEXT_MAX], bytes[UNITS_TEXT_MAX];
        const char *phase = progress_of(run->spec->params, progress);
        units_format_duration(run->timeout, limit);
        if (phase) {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "%s within %s", phase, limit);
        } else {
                snprintf(detail, OBSERVATION_DETAIL_MAX,
                        "connected, answer not complete within %s (%s of body received)", limit,
                        units_format_size_short(progress->body_length, bytes));
        }
}

/* ---- the end of a run ---- */

static void finish(struct probe_run *run, const struct probe_result *result) {
        struct http_run *room = run->room;
        free(TAKE_PTR(room->lines));
        probe_run_finish(run, result);
}

/* What each end of a transfer means when there is no answer to judge. */
static const struct {
        enum outcome outcome;
        enum cause cause;
} meanings[HTTP_N_OUTCOMES] = {
        [HTTP_REFUSED] = {OUTCOME_FAIL, CAUSE_UNRESPONSIVE},
        [HTTP_UNREACHABLE] = {OUTCOME_FAIL, CAUSE_UNRESPONSIVE},
        [HTTP_TIMEOUT] = {OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE},
        [HTTP_TLS] = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER},
        [HTTP_PROTOCOL] = {OUTCOME_FAIL, CAUSE_UNRESPONSIVE},
        [HTTP_HEADER_TOO_LARGE] = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER},
        [HTTP_REDIRECTS] = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER},
        [HTTP_BAD_REQUEST] = {OUTCOME_UNKNOWN, CAUSE_NONE},
        [HTTP_LOCAL] = {OUTCOME_UNKNOWN, CAUSE_NONE},
};

static void conclude_name(const struct http_params *params, const struct http_result *response,
        struct probe_result *result) {
        char host[HTTP_HOST_MAX + 1], why[SCHEMA_WHY_MAX];
        if (response->name_code == 0 || http_check_url(params->url, host, why) < 0) {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", response->error);
        } else {
                probe_conclude_name(result, host, response->name_code);
        }
}

static void conclude_without_answer(const struct probe_run *run, const struct http_result *response,
        struct probe_result *result) {
        const struct http_params *params = run->spec->params;
        result->outcome = meanings[response->outcome].outcome;
        result->cause = meanings[response->outcome].cause;
        if (response->outcome == HTTP_PROTOCOL && response->status > 0) {
                result->cause = CAUSE_WRONG_ANSWER; /* it began well and broke off */
        }
        if (response->outcome == HTTP_TIMEOUT) {
                describe_progress(run, response, result->detail);
        } else if (response->outcome == HTTP_DNS) {
                conclude_name(params, response, result);
        } else {
                probe_conclude(result, result->outcome, result->cause, "%s", response->error);
        }
        if (response->outcome == HTTP_TIMEOUT && response->name_time == 0) {
                result->outcome = OUTCOME_UNKNOWN; /* it is the name server that does not answer */
                result->cause = CAUSE_NONE;
        }
}

static void on_response(void *cookie, const struct http_result *response) {
        struct probe_run *run = cookie;
        struct http_run *room = run->room;
        struct probe_result result = {0};
        room->transfer = NULL;
        if (response->outcome == HTTP_OK || response->outcome == HTTP_BODY_TOO_LARGE) {
                http_judge(run->spec->params, response, response->outcome == HTTP_BODY_TOO_LARGE,
                        loop_now(run->host->loop).wall, &result);
        } else {
                conclude_without_answer(run, response, &result);
        }
        finish(run, &result);
}

/* ---- the begin of a run ---- */

static size_t line_size(const struct pair *header) {
        return strlen(header->key) + strlen(": ") + strlen(header->value) + 1;
}

/* "Name: value" lines in one block: the pointers, then the text. NULL when there is no memory. */
static const char **make_lines(const struct pairs *headers) {
        size_t size = headers->count * sizeof(char *);
        for (uint32_t i = 0; i < headers->count; i++) {
                size += line_size(&headers->items[i]);
        }
        const char **lines = malloc(size);
        if (!lines) {
                return NULL;
        }
        char *text = (char *) (lines + headers->count);
        for (uint32_t i = 0; i < headers->count; i++) {
                const struct pair *header = &headers->items[i];
                size_t room = line_size(header);
                (void) snprintf(text, room, "%s: %s", header->key, header->value);
                lines[i] = text;
                text += room;
        }
        return lines;
}

static void fill_tls(const struct http_params *params, struct http_tls *ret) {
        if (params->tls) {
                ret->insecure = !params->tls->verify;
                ret->ca_file = params->tls->ca_file;
        }
}

static size_t body_to_read(const struct http_params *params) {
        return http_needs_body(params) || params->max_body < HTTP_UNJUDGED_BODY
                       ? params->max_body
                       : HTTP_UNJUDGED_BODY;
}

static int fill_request(const struct probe_run *run, struct http_run *room) {
        const struct http_params *params = run->spec->params;
        struct http_request *request = &room->request;
        if (params->headers.count > 0 && !(room->lines = make_lines(&params->headers))) {
                return -ENOMEM;
        }
        *request = (struct http_request){
                .url = params->url,
                .method = params->method,
                .headers = room->lines,
                .n_headers = params->headers.count,
                .body = params->body,
                .body_length = params->body ? strlen(params->body) : 0,
                .timeout = usec_sub(probe_run_last_moment(run), run->started.mono),
                .follow_redirects = params->follow_redirects,
                .max_redirects = params->max_redirects,
                .unix_socket = params->unix_socket,
                .max_body = body_to_read(params),
                .want_certificate = params->expect && params->expect->certificate > 0,
        };
        fill_tls(params, &request->tls);
        return 0;
}

static void http_start(struct probe_run *run) {
        struct http_run *room = run->room;
        struct error err = {0};
        int r = fill_request(run, room);
        if (r >= 0) {
                r = http_client_start(
                        run->host->http, &room->request, on_response, run, &room->transfer, &err);
        }
        if (r < 0) {
                struct probe_result result = {0};
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "could not begin: %s",
                        err.code ? err.text : "out of memory");
                finish(run, &result);
        }
}

static void http_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct http_run *room = run->room;
        struct http_result progress;
        http_client_progress(room->transfer, &progress);
        describe_progress(run, &progress, detail);
        http_client_cancel(TAKE_PTR(room->transfer));
        free(TAKE_PTR(room->lines));
}

const struct probe_type http_probe = {
        .name = "http",
        .help = "Sends an HTTP request and judges the answer.",
        .value_unit = "seconds",
        .schema = &http_schema,
        .run_size = sizeof(struct http_run),
        .start = http_start,
        .stop = http_stop,
};
