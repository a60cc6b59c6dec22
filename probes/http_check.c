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
#include "probes/http_params.h"
#include "probes/text_pattern.h"

/* Characters of a token (RFC 9110, 5.6.2): methods and header names. */
static bool is_token(const char *text) {
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

static bool is_plain(const char *text) {
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
        } else if (!is_plain(url)) {
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

/* ---- the rest of the request ---- */

static void check_method(const struct http_params *params, struct schema_report *report) {
        const char *method = params->method;
        if (!is_token(method) || strlen(method) > 16) {
                schema_complain(report, "method", "not a method of HTTP");
        } else if (str_eq(method, "CONNECT")) {
                schema_complain(report, "method", "CONNECT is for proxies and cannot be probed");
        } else if (str_eq(method, "HEAD") && http_needs_body(params)) {
                schema_complain(
                        report, "method", "the answer to HEAD has no body to expect text in");
        }
}

/* Headers that the client sets itself, or that would hold a secret. */
static const struct {
        const char *name, *why;
} refused_headers[] = {
        {"Content-Length", "is set from the body"},
        {"Transfer-Encoding", "is set from the body"},
        {"Authorization", "would hold a secret, and secrets are never in policies"},
        {"Proxy-Authorization", "would hold a secret, and secrets are never in policies"},
};

static void check_header_line(const struct pair *header, struct schema_report *report) {
        if (!is_token(header->key)) {
                schema_complain(report, "headers", "'%s' is not the name of a header", header->key);
        }
        if (strpbrk(header->value, "\r\n")) {
                schema_complain(
                        report, "headers", "the value of %s holds a line break", header->key);
        }
        for (size_t i = 0; i < ELEMENTSOF(refused_headers); i++) {
                if (strcasecmp(header->key, refused_headers[i].name) == 0) {
                        schema_complain(
                                report, "headers", "%s %s", header->key, refused_headers[i].why);
                }
        }
}

static void check_headers(const struct pairs *headers, struct schema_report *report) {
        if (headers->count > HTTP_HEADERS_MAX) {
                schema_complain(report, "headers", "at most %d headers", HTTP_HEADERS_MAX);
                return;
        }
        for (uint32_t i = 0; i < headers->count; i++) {
                check_header_line(&headers->items[i], report);
        }
}

static void check_tls(const struct http_params *params, struct schema_report *report) {
        if (http_url_is_tls(params->url)) {
                return;
        }
        if (params->tls) {
                schema_complain(report, "tls", "tls needs a url that begins with https://");
        }
        if (params->expect && params->expect->certificate > 0) {
                schema_complain(
                        report, "expect", "certificate needs a url that begins with https://");
        }
}

void http_check_params(const void *object, struct schema_report *report) {
        const struct http_params *params = object;
        char host[HTTP_HOST_MAX + 1], why[SCHEMA_WHY_MAX];
        struct sockaddr_un local;
        if (http_check_url(params->url, host, why) < 0) {
                schema_complain(report, "url", "%s", why);
        } else {
                check_tls(params, report);
        }
        check_method(params, report);
        check_headers(&params->headers, report);
        if (params->body && strlen(params->body) > HTTP_SENT_BODY_MAX) {
                schema_complain(report, "body", "at most 64KiB can be sent");
        }
        if (params->unix_socket && strlen(params->unix_socket) >= sizeof(local.sun_path)) {
                schema_complain(report, "unix_socket", "the path of a socket has at most %zu bytes",
                        sizeof(local.sun_path) - 1);
        }
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
        if (!is_token(expect->name)) {
                schema_complain(report, NULL, "'%s' is not the name of a header", expect->name);
        }
        if (!expect->equals && !expect->contains && !expect->matches) {
                schema_complain(report, NULL, "one of equals, contains and matches is needed");
        }
        check_pattern(expect->matches, report);
        check_contains(expect->contains, report);
}
