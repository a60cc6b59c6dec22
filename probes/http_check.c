/* What the loader asks about the parameters of an HTTP probe. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/http_json.h"
#include "probes/http_params.h"
#include "probes/http_template.h"
#include "probes/text_pattern.h"

/* Characters of a token (RFC 9110, 5.6.2): methods and header names. */
bool http_is_token(const char *text) {
        static const char extra[] = "!#$%&'*+-.^_`|~";
        for (const char *c = text; *c; c++) {
                if (!isascii((unsigned char) *c) ||
                        !(isalnum((unsigned char) *c) || strchr(extra, *c))) {
                        return false;
                }
        }
        return *text != '\0';
}

/* ---- status ---- */

static bool parse_code(const char *text, const char **ret_end, unsigned *ret) {
        char *end;
        unsigned long code = strtoul(text, &end, 10);
        if (!isdigit((unsigned char) *text) || end - text != 3 || code < HTTP_STATUS_LEAST ||
                code > HTTP_STATUS_MOST) {
                return false;
        }
        *ret = (unsigned) code;
        *ret_end = end;
        return true;
}

int http_parse_status(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        struct http_statuses *statuses = to;
        const char *rest;
        unsigned from, until;
        if (!parse_code(text, &rest, &from)) {
                goto malformed;
        }
        until = from;
        if (*rest == '-' && !parse_code(rest + 1, &rest, &until)) {
                goto malformed;
        }
        if (*rest != '\0' || until < from) {
                goto malformed;
        }
        for (unsigned code = from; code <= until; code++) {
                unsigned bit = code - HTTP_STATUS_LEAST;
                statuses->bits[bit / 64] |= UINT64_C(1) << bit % 64;
        }
        return 0;
malformed:
        snprintf(why, SCHEMA_WHY_MAX, "expected a status such as 200 or a range such as 200-299");
        return -EINVAL;
}

/* ---- url ---- */

static const char *after_scheme(const char *url) {
        if (strncasecmp(url, "http://", 7) == 0) {
                return url + 7;
        }
        return strncasecmp(url, "https://", 8) == 0 ? url + 8 : NULL;
}

bool http_url_is_tls(const char *url) {
        return strncasecmp(url, "https://", 8) == 0;
}

size_t http_url_origin(const char *url) {
        const char *authority = after_scheme(url);
        return (size_t) (authority - url) + strcspn(authority, "/?#");
}

static bool is_name_character(char c) {
        return isascii((unsigned char) c) && (isalnum((unsigned char) c) || strchr("-._~", c));
}

/* A name, an IPv4 address or an IPv6 address in brackets; returns what follows, or NULL. */
static const char *read_host(const char *text, char ret[HTTP_HOST_MAX + 1]) {
        size_t length;
        bool bracket = *text == '[';
        text += bracket;
        if (bracket) {
                length = strcspn(text, "]");
        } else {
                for (length = 0; text[length] && is_name_character(text[length]); length++) {
                }
        }
        if (length == 0 || length > HTTP_HOST_MAX || (bracket && text[length] != ']')) {
                return NULL;
        }
        memcpy(ret, text, length);
        ret[length] = '\0';
        struct in6_addr address;
        if (bracket && inet_pton(AF_INET6, ret, &address) != 1) {
                return NULL;
        }
        return text + length + bracket;
}

/* ":8080" or nothing; returns what follows, or NULL. */
static const char *skip_port(const char *text) {
        if (*text != ':') {
                return text;
        }
        size_t digits = strspn(text + 1, "0123456789");
        unsigned long port = digits > 0 && digits <= 5 ? strtoul(text + 1, NULL, 10) : 0;
        return port >= 1 && port <= 65535 ? text + 1 + digits : NULL;
}

bool http_is_url_text(const char *text) {
        for (; *text; text++) {
                if (*text <= ' ' || *text > '~') {
                        return false;
                }
        }
        return true;
}

int http_check_url(const char *url, char ret_host[HTTP_HOST_MAX + 1], char why[SCHEMA_WHY_MAX]) {
        const char *authority = after_scheme(url), *rest = NULL, *reason;
        size_t length = authority ? strcspn(authority, "/?#") : 0;
        if (!authority) {
                reason = "a url begins with http:// or https://";
        } else if (strlen(url) > HTTP_URL_MAX) {
                reason = "a url has at most 2048 bytes";
        } else if (!http_is_url_text(url)) {
                reason =
                        "a url holds no blanks and no bytes outside ASCII; write them as %20 and the like";
        } else if (memchr(authority, '@', length)) {
                reason = "a url holds no user and password: secrets are never in policies";
        } else if (!(rest = read_host(authority, ret_host))) {
                reason = "the host of the url is missing or malformed";
        } else if (!(rest = skip_port(rest)) || (*rest && !strchr("/?#", *rest))) {
                reason = "the port of the url is malformed; it is a number from 1 to 65535";
        } else {
                return 0;
        }
        snprintf(why, SCHEMA_WHY_MAX, "%s", reason);
        return -EINVAL;
}

/* ---- one request ---- */

static void check_method(const struct http_exchange *exchange, struct schema_report *report) {
        const char *method = exchange->method;
        if (!http_is_token(method) || strlen(method) > 16) {
                schema_complain(report, "method", "not a method of HTTP");
        } else if (str_eq(method, "CONNECT")) {
                schema_complain(report, "method", "CONNECT is for proxies and cannot be probed");
        } else if (str_eq(method, "HEAD") && http_needs_body(exchange->expect)) {
                schema_complain(
                        report, "method", "the answer to HEAD has no body to expect text in");
        }
}

#define SECRET "would hold a secret, and secrets are never in policies"

/* Headers that the client sets itself, or that would hold a secret. */
static const struct {
        const char *name, *why;
        bool captured; /* fine in a step, with a value that one before it captured */
} refused_headers[] = {
        {"Content-Length", "is set from the body", false},
        {"Transfer-Encoding", "is set from the body", false},
        {"Authorization", SECRET ": name a file in basic_auth_file or bearer_token_file", true},
        {"Proxy-Authorization", SECRET, false},
};

static bool holds_captured(const char *value) {
        const char *name;
        size_t length;
        return http_template_next(value, &name, &length) != NULL;
}

static void check_header_line(
        const struct pair *header, bool in_step, struct schema_report *report) {
        if (!http_is_token(header->key)) {
                schema_complain(report, "headers", "'%s' is not the name of a header", header->key);
        }
        if (strpbrk(header->value, "\r\n")) {
                schema_complain(
                        report, "headers", "the value of %s holds a line break", header->key);
        }
        for (size_t i = 0; i < ELEMENTSOF(refused_headers); i++) {
                if (strcasecmp(header->key, refused_headers[i].name) == 0 &&
                        !(in_step && refused_headers[i].captured &&
                                holds_captured(header->value))) {
                        schema_complain(
                                report, "headers", "%s %s", header->key, refused_headers[i].why);
                }
        }
}

static void check_headers(const struct pairs *headers, bool in_step, struct schema_report *report) {
        if (headers->count > HTTP_HEADERS_MAX) {
                schema_complain(report, "headers", "at most %d headers", HTTP_HEADERS_MAX);
                return;
        }
        for (uint32_t i = 0; i < headers->count; i++) {
                check_header_line(&headers->items[i], in_step, report);
        }
}

void http_check_exchange(
        const struct http_exchange *exchange, bool in_step, struct schema_report *report) {
        check_method(exchange, report);
        check_headers(&exchange->headers, in_step, report);
        if (exchange->body && strlen(exchange->body) > HTTP_SENT_BODY_MAX) {
                schema_complain(report, "body", "at most 64KiB can be sent");
        }
}

/* ---- the connection ---- */

static bool is_address(const char *text) {
        char host[HTTP_HOST_MAX + 1];
        const char *rest = read_host(text, host);
        return rest && *rest == ':' && (rest = skip_port(rest)) && *rest == '\0';
}

static void check_where(const struct http_params *params, struct schema_report *report) {
        struct sockaddr_un local;
        if (params->unix_socket && strlen(params->unix_socket) >= sizeof(local.sun_path)) {
                schema_complain(report, "unix_socket", "the path of a socket has at most %zu bytes",
                        sizeof(local.sun_path) - 1);
        }
        if (params->connect_to && params->unix_socket) {
                schema_complain(report, "connect_to", "either connect_to or unix_socket, not both");
        } else if (params->connect_to && !is_address(params->connect_to)) {
                schema_complain(report, "connect_to",
                        "expected host:port or [v6]:port, the port being from 1 to 65535");
        }
}

static bool uses_tls(const struct http_params *params) {
        const struct http_step *steps = params->steps.items;
        bool tls = http_url_is_tls(params->url);
        for (uint32_t i = 0; i < params->steps.count; i++) {
                tls = tls || (steps[i].url && http_url_is_tls(steps[i].url));
        }
        return tls;
}

static void check_tls(const struct http_params *params, struct schema_report *report) {
        const struct http_expect *expect = params->exchange.expect;
        if (params->tls && !uses_tls(params)) {
                schema_complain(report, "tls", "tls needs a url that begins with https://");
        }
        if (http_url_is_tls(params->url)) {
                return;
        }
        if (expect && expect->certificate > 0) {
                schema_complain(
                        report, "expect", "certificate needs a url that begins with https://");
        }
        if (params->version == HTTP_WANTED_2) {
                schema_complain(report, "http_version",
                        "HTTP/2 is negotiated over https:// only; over http:// it is "
                        "2-prior-knowledge");
        }
}

void http_check_tls(const void *object, struct schema_report *report) {
        const struct http_tls_params *tls = object;
        char host[HTTP_HOST_MAX + 1];
        const char *rest = tls->server_name ? read_host(tls->server_name, host) : "";
        if (tls->key_file && !tls->cert_file) {
                schema_complain(report, "key_file", "a key needs its certificate: cert_file");
        }
        if (tls->ca_file && !tls->verify) {
                schema_complain(report, "ca_file", "nothing is verified with verify: false");
        }
        if (!rest || *rest || str_starts(rest, "[")) {
                schema_complain(report, "server_name", "not the name of a host");
        }
}

static void check_authentication(const struct http_params *params, struct schema_report *report) {
        if (params->basic_auth_file && params->bearer_token_file) {
                schema_complain(report, "bearer_token_file",
                        "either basic_auth_file or bearer_token_file, not both");
        }
}

void http_check_params(const void *object, struct schema_report *report) {
        const struct http_params *params = object;
        char host[HTTP_HOST_MAX + 1], why[SCHEMA_WHY_MAX];
        if (http_check_url(params->url, host, why) < 0) {
                schema_complain(report, "url", "%s", why);
                return;
        }
        check_tls(params, report);
        http_check_exchange(&params->exchange, false, report);
        check_where(params, report);
        check_authentication(params, report);
        http_check_steps(params, report);
}

/* ---- expectations ---- */

static void check_pattern(const char *pattern, struct schema_report *report) {
        char why[PATTERN_WHY_MAX];
        if (pattern && pattern_check(pattern, why) < 0) {
                schema_complain(report, "matches", "%s", why);
        }
}

static void check_contains(const char *text, struct schema_report *report) {
        if (text && !*text) {
                schema_complain(report, "contains", "an empty text is always contained");
        }
}

void http_check_text(const void *object, struct schema_report *report) {
        const struct http_text_expect *expect = object;
        check_pattern(expect->matches, report);
        check_contains(expect->contains, report);
}

void http_check_header(const void *object, struct schema_report *report) {
        const struct http_header_expect *expect = object;
        if (!http_is_token(expect->name)) {
                schema_complain(report, NULL, "'%s' is not the name of a header", expect->name);
        }
        if (!expect->equals && !expect->contains && !expect->matches) {
                schema_complain(report, NULL, "one of equals, contains and matches is needed");
        }
        check_pattern(expect->matches, report);
        check_contains(expect->contains, report);
}

void http_check_expect(const void *object, struct schema_report *report) {
        const struct http_expect *expect = object;
        char why[SCHEMA_WHY_MAX];
        for (uint32_t i = 0; i < expect->json.count; i++) {
                const struct pair *item = &expect->json.items[i];
                if (http_json_check_pointer(item->key, why) < 0 ||
                        http_json_check_condition(item->value, why) < 0) {
                        schema_complain(report, "json", "%s", why);
                }
        }
}
