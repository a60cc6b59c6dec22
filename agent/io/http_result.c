#include "io/http_result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/units.h"

size_t http_max_body(const struct http_request *request) {
        return request->max_body ? request->max_body : HTTP_CLIENT_BODY_BYTES;
}

size_t http_max_header(const struct http_request *request) {
        return request->max_header ? request->max_header : HTTP_CLIENT_HEADER_BYTES;
}

usec_t http_time_since(usec_t begun, usec_t moment) {
        return begun < moment ? moment - begun : 1;
}

enum http_outcome http_connect_outcome(int error) {
        switch (error) {
        case ECONNREFUSED:
                return HTTP_REFUSED;
        case ETIMEDOUT:
                return HTTP_TIMEOUT;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case EADDRNOTAVAIL: /* no local port left */
        case EACCES:
        case EPERM:
                return HTTP_LOCAL;
        default:
                return HTTP_UNREACHABLE;
        }
}

/* ---- sentences ---- */

static void describe_timeout(const struct http_failure *failure, char *text, size_t size) {
        static const char *const missing[] = {
                [HTTP_PHASE_CONNECT] = "no connection",
                [HTTP_PHASE_TLS] = "no TLS session",
                [HTTP_PHASE_WAIT] = "no answer",
                [HTTP_PHASE_ANSWER] = "the answer was not complete",
        };
        const struct http_request *request = failure->request;
        usec_t timeout = request->timeout;
        char limit[UNITS_TEXT_MAX];

        if (failure->phase == HTTP_PHASE_CONNECT && request->connect_timeout &&
                request->connect_timeout < timeout) {
                timeout = request->connect_timeout;
        }
        (void) snprintf(text, size, "%s: %s within %s", failure->peer, missing[failure->phase],
                units_format_duration(timeout, limit));
}

static void describe_size(
        const struct http_failure *failure, const char *what, size_t max, char *text, size_t size) {
        char limit[UNITS_TEXT_MAX];

        (void) snprintf(text, size, "%s: the %s is larger than %s", failure->peer, what,
                units_format_size(max, limit));
}

static void describe_other(const struct http_failure *failure, char *text, size_t size) {
        char reason[128];

        if (failure->connect_errno) {
                (void) snprintf(text, size, "connecting to %s: %s", failure->peer,
                        strerror_r(failure->connect_errno, reason, sizeof(reason)));
        } else {
                (void) snprintf(text, size, "%s: %s", failure->peer, failure->why);
        }
}

void http_describe(const struct http_failure *failure, char *text, size_t size) {
        const struct http_request *request = failure->request;

        if (failure->outcome == HTTP_REFUSED) {
                (void) snprintf(text, size, "connection refused by %s", failure->peer);
        } else if (failure->outcome == HTTP_TIMEOUT && !failure->connect_errno) {
                describe_timeout(failure, text, size);
        } else if (failure->outcome == HTTP_BODY_TOO_LARGE) {
                describe_size(failure, "body", http_max_body(request), text, size);
        } else if (failure->outcome == HTTP_HEADER_TOO_LARGE) {
                describe_size(failure, "header", http_max_header(request), text, size);
        } else {
                describe_other(failure, text, size);
        }
        str_make_printable(text);
}

/* ---- for those who read results ---- */

const char *http_result_header(
        const struct http_result *result, const char *name, size_t *ret_length) {
        size_t name_length = strlen(name);
        const char *found = NULL;

        for (const char *line = result->headers; *line;) {
                size_t length = strcspn(line, "\r\n");
                if (length > name_length && line[name_length] == ':' &&
                        strncasecmp(line, name, name_length) == 0) {
                        const char *value = line + name_length + 1;
                        size_t blanks = strspn(value, " \t");
                        found = value + blanks;
                        *ret_length = length - name_length - 1 - blanks;
                }
                line += length;
                line += strspn(line, "\r\n");
        }
        while (found && *ret_length > 0 && strchr(" \t", found[*ret_length - 1])) {
                --*ret_length;
        }
        return found;
}

const char *http_outcome_text(enum http_outcome outcome) {
        static const char *const texts[HTTP_N_OUTCOMES] = {
                [HTTP_OK] = "ok",
                [HTTP_REFUSED] = "refused",
                [HTTP_UNREACHABLE] = "unreachable",
                [HTTP_DNS] = "dns",
                [HTTP_TIMEOUT] = "timeout",
                [HTTP_TLS] = "tls",
                [HTTP_PROTOCOL] = "protocol",
                [HTTP_BODY_TOO_LARGE] = "body_too_large",
                [HTTP_HEADER_TOO_LARGE] = "header_too_large",
                [HTTP_REDIRECTS] = "redirects",
                [HTTP_BAD_REQUEST] = "bad_request",
                [HTTP_LOCAL] = "local",
        };
        return texts[outcome];
}
