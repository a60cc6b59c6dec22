#pragma once
/* Parameters of the HTTP probe, shared by its files; small, because there may be 10,000 of them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/schema.h"
#include "probes/probe.h"

struct http_result;
struct http_values;

enum {
        HTTP_STATUS_LEAST = 100,
        HTTP_STATUS_MOST = 599,
        HTTP_URL_MAX = 2048, /* bytes */
        HTTP_HEADERS_MAX = 32, /* that a probe may send */
        HTTP_SENT_BODY_MAX = 65536,
        HTTP_UNJUDGED_BODY = 16 * 1024, /* bytes read of a body that nothing is expected of */
        HTTP_STEPS_MAX = 16,
};

struct http_statuses { /* a bit for each status that is well */
        uint64_t bits[(HTTP_STATUS_MOST - HTTP_STATUS_LEAST) / 64 + 1];
};

struct http_text_expect { /* NULL: not expected */
        const char *contains, *matches;
};

struct http_header_expect {
        const char *name;
        const char *equals, *contains, *matches;
};

struct http_expect {
        struct http_statuses status;
        struct http_text_expect body;
        struct objects headers; /* struct http_header_expect */
        struct pairs json; /* pointer: condition, see http_json.h */
        usec_t max_latency; /* 0: no limit */
        usec_t certificate; /* 0: not looked at */
};

struct http_tls_params {
        bool verify;
        const char *ca_file; /* NULL: the system's */
        const char *cert_file, *key_file; /* NULL: none, in cert_file */
        const char *server_name; /* NULL: the host of the URL */
};

/* What one request sends, and what is expected of its answer. */
struct http_exchange {
        const char *method;
        struct pairs headers;
        const char *body; /* NULL: none */
        const struct http_expect *expect; /* NULL: status 200-299 */
};

struct http_capture { /* exactly one of the sources is set */
        const char *name;
        const char *json, *header, *matches, *cookie;
};

struct http_step {
        const char *name;
        const char *url, *path; /* exactly one is set */
        struct http_exchange exchange;
        struct objects capture; /* struct http_capture */
};

/* What `http_version` asks for. */
enum http_wanted_version {
        HTTP_WANTED_ANY,
        HTTP_WANTED_1_0,
        HTTP_WANTED_1_1,
        HTTP_WANTED_2,
        HTTP_WANTED_2_PRIOR_KNOWLEDGE,
};

struct http_params {
        const char *url;
        struct http_exchange exchange; /* with steps: headers only, which all of them send */
        struct objects steps; /* struct http_step; none: one request of `exchange` */
        const char *basic_auth_file, *bearer_token_file; /* NULL: none; never both */
        const struct http_tls_params *tls; /* NULL: verified by the system's authorities */
        const char *unix_socket; /* NULL: the host of the URL */
        const char *connect_to; /* NULL: host and port of the URL */
        uint64_t max_body;
        uint32_t max_redirects;
        int version; /* enum http_wanted_version */
        bool follow_redirects, reuse;
};

/* ---- http_check.c: what the loader asks ---- */

/* A status or a range into struct http_statuses; a schema_parse. */
int http_parse_status(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);

/* Cross-checks of the structs above; each is the `check` of its schema. */
void http_check_params(const void *object, struct schema_report *report);
void http_check_text(const void *object, struct schema_report *report);
void http_check_header(const void *object, struct schema_report *report);
void http_check_expect(const void *object, struct schema_report *report);
void http_check_tls(const void *object, struct schema_report *report);

/* Of one request, by itself or in a step. */
void http_check_exchange(
        const struct http_exchange *exchange, bool in_step, struct schema_report *report);

/* 0, or -EINVAL and why this URL cannot be probed. `ret_host` gets its host without brackets,
 * NUL-terminated. */
enum { HTTP_HOST_MAX = 253 };
int http_check_url(const char *url, char ret_host[HTTP_HOST_MAX + 1], char why[SCHEMA_WHY_MAX]);
bool http_url_is_tls(const char *url);

/* Length of the part of a checked URL that names the server: "https://shop.example:8443". */
size_t http_url_origin(const char *url);

/* A method or the name of a header (RFC 9110, 5.6.2); a text that a URL may hold as it is. */
bool http_is_token(const char *text);
bool http_is_url_text(const char *text);

/* ---- http_check_steps.c ---- */

void http_check_step(const void *object, struct schema_report *report);
void http_check_capture(const void *object, struct schema_report *report);
void http_check_steps(const struct http_params *params, struct schema_report *report);

/* ---- http_review.c: the traits of the type ---- */

uint32_t http_causes(const void *object);
void http_review(const struct probe_review *review);

/* ---- http_judge.c ---- */

/* Whether the expectation (NULL: none) can only be judged with the body. */
bool http_needs_body(const struct http_expect *expect);

/* An answer, and what to judge it by. */
struct http_answer {
        const struct http_expect *expect; /* NULL: status 200-299 */
        const struct http_result *response;
        uint64_t max_body; /* that was read at most; `cut`: the body is longer */
        int version; /* enum http_wanted_version */
        bool cut;
        wall_usec_t now; /* for certificates */
};

/* Fills the result; it passes when all is as expected. */
void http_judge(const struct http_answer *answer, struct probe_result *result);

/* "OK" for 200; "" for a status that has no standard phrase. */
const char *http_status_phrase(int status);
