/* The keys of the HTTP probe. */

#include <stddef.h>

#include "probes/http_params.h"
#include "probes/types.h"

static const struct schema_field text_fields[] = {
        {"contains", SCHEMA_STRING, offsetof(struct http_text_expect, contains),
                .example = "'\"status\":\"UP\"'",
                .help = "Text that must occur in the body, byte for byte."},
        {"matches", SCHEMA_STRING, offsetof(struct http_text_expect, matches), .example = "^ready$",
                .help = "Regular expression that must match somewhere in the first 128KiB; ^ and $ match at "
                        "each line. No back-references and look-arounds."},
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
                .help = "Regular expression that must match in the value."},
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
        {"json", SCHEMA_PAIRS, offsetof(struct http_expect, json),
                .example = "{/status: UP, /queue/length: \"< 100\", /version: exists}",
                .help = "JSON pointers (RFC 6901), and the value that must be there or a condition on "
                        "it: == != < <= > >= and a value, exists, or absent. The body is read as JSON "
                        "up to 256KiB and a depth of 64."},
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
        .check = http_check_expect,
};

static const struct schema_field tls_fields[] = {
        {"verify", SCHEMA_BOOL, offsetof(struct http_tls_params, verify), .standard = "true",
                .example = "false",
                .help = "Whether the certificate must be of a known authority, valid, and for this name."},
        {"ca_file", SCHEMA_PATH, offsetof(struct http_tls_params, ca_file),
                .example = "/etc/ssl/shop-ca.pem",
                .help = "PEM file with the authorities to trust instead of the system's."},
        {"cert_file", SCHEMA_PATH, offsetof(struct http_tls_params, cert_file),
                .example = "/etc/recoverd/probe.pem",
                .help = "PEM file with the certificate to show to the server, and those of its "
                        "issuers."},
        {"key_file", SCHEMA_PATH, offsetof(struct http_tls_params, key_file),
                .example = "/etc/recoverd/probe.key", .with = "cert_file: /etc/recoverd/probe.pem",
                .help = "PEM file with the key of the certificate, when cert_file does not hold it. "
                        "The agent must be able to read it."},
        {"server_name", SCHEMA_STRING, offsetof(struct http_tls_params, server_name),
                .example = "shop.example",
                .help = "Name that is asked for (SNI) and must be in the certificate, instead of the "
                        "host of the url."},
        {NULL},
};

static const struct schema tls_schema = {
        .name = "http probe: tls",
        .help = "How the server is verified, and what is shown to it.",
        .size = sizeof(struct http_tls_params),
        .fields = tls_fields,
        .check = http_check_tls,
};

static const struct enum_text version_words[] = {
        {HTTP_WANTED_ANY, "any", "2 where TLS negotiates it, else 1.1"},
        {HTTP_WANTED_1_0, "1.0", NULL},
        {HTTP_WANTED_1_1, "1.1", NULL},
        {HTTP_WANTED_2, "2", "negotiated over TLS"},
        {HTTP_WANTED_2_PRIOR_KNOWLEDGE, "2-prior-knowledge",
                "without negotiation, over http:// too"},
        {0, NULL, NULL},
};

static const struct schema_field capture_fields[] = {
        {"json", SCHEMA_STRING, offsetof(struct http_capture, json), .example = "/cart/id",
                .help = "JSON pointer to a value of the body."},
        {"header", SCHEMA_STRING, offsetof(struct http_capture, header), .example = "X-Cart",
                .help = "Name of a header."},
        {"matches", SCHEMA_STRING, offsetof(struct http_capture, matches),
                .example = "'csrf\" value=\"([^\"]+)'",
                .help = "Regular expression with one group, searched in the body; the value is what the "
                        "group matched."},
        {"cookie", SCHEMA_STRING, offsetof(struct http_capture, cookie), .example = "XSRF-TOKEN",
                .help = "Name of a cookie that this step or one before it got."},
        {NULL},
};

static const struct schema capture_schema = {
        .name = "http probe: capture",
        .help = "Where a value of the answer is found. Later steps write ${NAME} for it in url, path, "
                "headers and body.",
        .size = sizeof(struct http_capture),
        .fields = capture_fields,
        .check = http_check_capture,
};

static const struct schema_field step_fields[] = {
        {"name", SCHEMA_STRING, offsetof(struct http_step, name), .required = true,
                .example = "checkout", .with = "path: /",
                .help = "Names the step in results; unique in its probe."},
        {"url", SCHEMA_STRING, offsetof(struct http_step, url),
                .example = "https://pay.shop.example/orders",
                .help = "Where to ask, on any server. Authentication, connect_to and unix_socket are "
                        "only used for the server of the probe's url."},
        {"path", SCHEMA_STRING, offsetof(struct http_step, path), .example = "/carts/7",
                .help = "The same on the server of the probe's url; begins with /."},
        {"method", SCHEMA_STRING, offsetof(struct http_step, exchange.method), .standard = "GET",
                .example = "POST", .with = "path: /", .help = "Method of the request."},
        {"headers", SCHEMA_PAIRS, offsetof(struct http_step, exchange.headers),
                .example = "{Content-Type: application/json}", .with = "path: /",
                .help = "Headers to send, with those of the probe; of one name, the step's counts."},
        {"body", SCHEMA_STRING, offsetof(struct http_step, exchange.body),
                .example = "'{\"amount\": 1}'", .with = "path: /",
                .help = "Body to send, at most 64KiB. Values are escaped for the Content-Type: as within "
                        "a JSON string, or a form."},
        {"expect", SCHEMA_OBJECT_PTR, offsetof(struct http_step, exchange.expect),
                .object = &expect_schema, .example = "{status: 201}", .with = "path: /",
                .help = "What the answer must be; without it any status from 200 to 299 is well."},
        {"capture", SCHEMA_OBJECT_MAP, offsetof(struct http_step, capture),
                .object = &capture_schema, .example = "{ORDER: {json: /order/id}}",
                .with = "path: /",
                .help = "Names, and where their values are found in the answer."},
        {NULL},
};

static const struct schema step_schema = {
        .name = "http probe: step",
        .help = "One request of several.",
        .size = sizeof(struct http_step),
        .fields = step_fields,
        .check = http_check_step,
};

static const struct schema_field http_fields[] = {
        {"url", SCHEMA_STRING, offsetof(struct http_params, url), .required = true,
                .example = "http://127.0.0.1:8080/healthz",
                .help = "Where to ask; http or https. It cannot hold a user and password."},
        {"method", SCHEMA_STRING, offsetof(struct http_params, exchange.method), .standard = "GET",
                .example = "HEAD", .help = "Method of the request."},
        {"headers", SCHEMA_PAIRS, offsetof(struct http_params, exchange.headers),
                .example = "{Host: shop.example, Accept: application/json}",
                .help = "Headers to send, at most 32."},
        {"body", SCHEMA_STRING, offsetof(struct http_params, exchange.body),
                .example = "'{\"ping\": 1}'", .help = "Body to send, at most 64KiB."},
        {"expect", SCHEMA_OBJECT_PTR, offsetof(struct http_params, exchange.expect),
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
                .help = "How the server is verified, and what is shown to it."},
        {"basic_auth_file", SCHEMA_PATH, offsetof(struct http_params, basic_auth_file),
                .example = "/etc/recoverd/shop.auth",
                .help = "File with one line user:password, sent as basic authentication. It is read "
                        "anew in each run; the agent must be able to."},
        {"bearer_token_file", SCHEMA_PATH, offsetof(struct http_params, bearer_token_file),
                .example = "/etc/recoverd/shop.token",
                .help = "File with one line, the token that is sent as bearer authentication. It is "
                        "read anew in each run; the agent must be able to."},
        {"unix_socket", SCHEMA_PATH, offsetof(struct http_params, unix_socket),
                .example = "/run/checkout.sock",
                .help = "Connects to this socket; the host of the url is only sent as a header then."},
        {"connect_to", SCHEMA_STRING, offsetof(struct http_params, connect_to),
                .example = "10.0.0.7:8443",
                .help = "host:port to connect to instead of the url's, which is still what is asked for "
                        "and verified: one node behind a load balancer."},
        {"http_version", SCHEMA_ENUM, offsetof(struct http_params, version), .standard = "any",
                .example = "1.1", .words = version_words,
                .help = "Version of HTTP. An answer in a lower one than 2 fails when 2 is asked for."},
        {"reuse", SCHEMA_BOOL, offsetof(struct http_params, reuse), .standard = "false",
                .example = "true",
                .help = "Whether the connection is kept for the next run of this probe, for at most a "
                        "minute; the agent keeps at most 1024. It costs less, but does not see that the "
                        "server accepts no new ones. A kept connection that turns out dead is replaced by a fresh one, "
                        "which counts."},
        {"max_body", SCHEMA_SIZE, offsetof(struct http_params, max_body), .standard = "1MiB",
                .least = "1KiB", .most = "16MiB", .example = "64KiB",
                .help = "How much of a body is read. A larger one is cut off, and fails only if expect "
                        "needs the body. When it does not, reading stops after 16KiB."},
        {"steps", SCHEMA_OBJECTS, offsetof(struct http_params, steps), .object = &step_schema,
                .example =
                        "[{name: login, path: /login, method: POST, capture: {ID: {json: /id}}}, "
                        "{name: cart, path: '/carts/${ID}'}]",
                .help = "Requests one after the other, at most 16, instead of a single one. They share "
                        "cookies, and values that they capture. The first that is not answered as "
                        "expected ends the run."},
        {NULL},
};

const struct schema http_schema = {
        .name = "http probe",
        .help = "Sends an HTTP request, or several in steps, and judges the answers.",
        .size = sizeof(struct http_params),
        .fields = http_fields,
        .shorthand = "url",
        .check = http_check_params,
};
