#pragma once
/* Parameters of the HTTP probe, shared by its files; small, because there may be 10,000 of them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/schema.h"
#include "probes/probe.h"

struct http_result;

enum {
        HTTP_STATUS_LEAST = 100,
        HTTP_STATUS_MOST = 599,
        HTTP_URL_MAX = 2048, /* bytes */
        HTTP_HEADERS_MAX = 32, /* that a probe may send */
        HTTP_SENT_BODY_MAX = 65536,
        HTTP_UNJUDGED_BODY = 16 * 1024, /* bytes read of a body that nothing is expected of */
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
        usec_t max_latency; /* 0: no limit */
        usec_t certificate; /* 0: not looked at */
};

struct http_tls_params {
        bool verify;
        const char *ca_file; /* NULL: the system's */
};

struct http_params {
        const char *url, *method;
        struct pairs headers;
        const char *body; /* NULL: none */
        const struct http_expect *expect; /* NULL: status 200-299 */
        const struct http_tls_params *tls; /* NULL: verified by the system's authorities */
        const char *unix_socket; /* NULL: the host of the URL */
        uint64_t max_body;
        uint32_t max_redirects;
        bool follow_redirects;
};

/* ---- http_check.c: what the loader asks ---- */

/* A status or a range into struct http_statuses; a schema_parse. */
int http_parse_status(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);

/* Cross-checks of struct http_params, http_expect, http_text_expect and http_header_expect. */
void http_check_params(const void *object, struct schema_report *report);
void http_check_text(const void *object, struct schema_report *report);
void http_check_header(const void *object, struct schema_report *report);

enum { HTTP_HOST_MAX = 253 };

/* 0, or -EINVAL and why this URL cannot be probed. `ret_host` gets its host without brackets,
 * NUL-terminated. */
int http_check_url(const char *url, char ret_host[HTTP_HOST_MAX + 1], char why[SCHEMA_WHY_MAX]);
bool http_url_is_tls(const char *url);

/* ---- http_judge.c ---- */

/* Whether the expectation can only be judged with the body. */
bool http_needs_body(const struct http_params *params);

/* Judges a response, complete or (`cut`) longer than what was read. `now` is for certificates. */
void http_judge(const struct http_params *params, const struct http_result *response, bool cut,
        wall_usec_t now, struct probe_result *result);

/* "OK" for 200; "" for a status that has no standard phrase. */
const char *http_status_phrase(int status);
