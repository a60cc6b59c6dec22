/* Compares an answer with what is expected of it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "io/http_client.h"
#include "probes/http_json.h"
#include "probes/http_params.h"
#include "probes/text_pattern.h"

/* One answer on its way through the checks. */
struct judgement {
        const struct http_answer *answer;
        const struct http_expect *expect; /* NULL: status 200-299 */
        const struct http_result *response;
        struct probe_result *result;
};

static const struct enum_text phrases[] = {/* RFC 9110, 15, and common extensions */
        {100, "Continue"}, {101, "Switching Protocols"}, {200, "OK"}, {201, "Created"},
        {202, "Accepted"}, {203, "Non-Authoritative Information"}, {204, "No Content"},
        {205, "Reset Content"}, {206, "Partial Content"}, {300, "Multiple Choices"},
        {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
        {307, "Temporary Redirect"}, {308, "Permanent Redirect"}, {400, "Bad Request"},
        {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {406, "Not Acceptable"}, {407, "Proxy Authentication Required"}, {408, "Request Timeout"},
        {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
        {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {421, "Misdirected Request"},
        {422, "Unprocessable Content"}, {423, "Locked"}, {426, "Upgrade Required"},
        {428, "Precondition Required"}, {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"}, {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
        {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"}, {0, NULL}};

const char *http_status_phrase(int status) {
        for (const struct enum_text *phrase = phrases; phrase->text; phrase++) {
                if (phrase->value == status) {
                        return phrase->text;
                }
        }
        return "";
}

bool http_needs_body(const struct http_expect *expect) {
        return expect && (expect->body.contains || expect->body.matches || expect->json.count > 0);
}

/* ---- status ---- */

static bool status_listed(const struct http_statuses *statuses, int status) {
        int bit = status - HTTP_STATUS_LEAST;
        return bit >= 0 && status <= HTTP_STATUS_MOST &&
               (statuses->bits[bit / 64] >> (bit % 64) & 1) != 0;
}

static bool status_expected(const struct http_expect *expect, int status) {
        return expect ? status_listed(&expect->status, status) : status >= 200 && status <= 299;
}

/* "200-299" or "200, 204, 300-308", cut with "..." when it is long. */
static void format_statuses(const struct http_statuses *statuses, char *text, size_t size) {
        size_t used = 0;
        text[0] = '\0';
        for (int from = HTTP_STATUS_LEAST; from <= HTTP_STATUS_MOST; from++) {
                if (!status_listed(statuses, from)) {
                        continue;
                }
                int until = from;
                while (status_listed(statuses, until + 1)) {
                        until++;
                }
                if (used + sizeof("200-299, ...") > size) {
                        snprintf(text + used, size - used, "...");
                        return;
                }
                used += (size_t) snprintf(text + used, size - used,
                        until > from ? "%s%d-%d" : "%s%d", used ? ", " : "", from, until);
                from = until;
        }
}

static bool status_wrong(struct judgement *j) {
        char expected[64] = "200-299";
        int status = j->response->status;
        if (status_expected(j->expect, status)) {
                return false;
        }
        if (j->expect) {
                format_statuses(&j->expect->status, expected, sizeof(expected));
        }
        const char *phrase = http_status_phrase(status);
        probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "%d%s%s, expected %s", status,
                *phrase ? " " : "", phrase, expected);
        return true;
}

/* ---- headers and body ---- */

static bool contains(const char *text, size_t length, const char *wanted) {
        return memmem(text, length, wanted, strlen(wanted)) != NULL;
}

/* `what` is the subject of the sentence: "the body", "header Server". */
static bool text_wrong(struct judgement *j, const char *what, const char *text, size_t length,
        const char *contained, const char *pattern) {
        if (contained && !contains(text, length, contained)) {
                probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "%s does not contain \"%.60s\"", what, contained);
                return true;
        }
        int found = pattern ? pattern_search(pattern, text, length, NULL) : 1;
        if (found == -E2BIG) {
                probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "too much work to search %s for \"%.60s\"", what, pattern);
        } else if (found < 0) {
                probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
        } else if (found == 0) {
                probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "%s does not match \"%.60s\"", what, pattern);
        }
        return found <= 0;
}

static bool header_wrong(struct judgement *j, const struct http_header_expect *expect) {
        size_t length;
        char what[64];
        const char *value = http_result_header(j->response, expect->name, &length);
        snprintf(what, sizeof(what), "header %.50s", expect->name);
        if (!value) {
                probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "%s is missing", what);
                return true;
        }
        if (expect->equals &&
                (strlen(expect->equals) != length || memcmp(value, expect->equals, length) != 0)) {
                probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "%s is \"%.*s\", expected \"%.40s\"", what,
                        (int) (length < 40 ? length : 40), value, expect->equals);
                return true;
        }
        return text_wrong(j, what, value, length, expect->contains, expect->matches);
}

static bool headers_wrong(struct judgement *j) {
        const struct objects *expected = &j->expect->headers;
        const struct http_header_expect *items = expected->items;
        for (uint32_t i = 0; i < expected->count; i++) {
                if (header_wrong(j, &items[i])) {
                        return true;
                }
        }
        return false;
}

static bool body_text_wrong(struct judgement *j) {
        const struct http_text_expect *expect = &j->expect->body;
        if (!expect->contains && !expect->matches) {
                return false;
        }
        return text_wrong(j, "the body", j->response->body, j->response->body_length,
                expect->contains, expect->matches);
}

static bool json_wrong(struct judgement *j, struct json_object *json) {
        const struct pairs *expected = &j->expect->json;
        char found[HTTP_JSON_WHY_MAX];
        for (uint32_t i = 0; i < expected->count; i++) {
                const struct pair *item = &expected->items[i];
                if (!http_json_holds(json, item->key, item->value, found)) {
                        probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                                "json %.50s %s, expected %.40s", *item->key ? item->key : "\"\"",
                                found, item->value);
                        return true;
                }
        }
        return false;
}

static bool body_json_wrong(struct judgement *j) {
        struct json_object *json = NULL;
        char why[HTTP_JSON_WHY_MAX];
        if (j->expect->json.count == 0) {
                return false;
        }
        int r = http_json_parse(j->response->body, j->response->body_length, &json, why);
        if (r == -ENOMEM) {
                probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
                return true;
        }
        if (r < 0) {
                probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "%s", why);
                return true;
        }
        bool wrong = json_wrong(j, json);
        http_json_free(json);
        return wrong;
}

static bool body_wrong(struct judgement *j) {
        char most[UNITS_TEXT_MAX];
        if (!http_needs_body(j->expect)) {
                return false;
        }
        if (j->answer->cut) {
                probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "the body is larger than %s, so it was not searched",
                        units_format_size(j->answer->max_body, most));
                return true;
        }
        return body_text_wrong(j) || body_json_wrong(j);
}

/* ---- version ---- */

static bool version_wrong(struct judgement *j) {
        static const char *const names[] = {[HTTP_VERSION_ANY] = "an unknown version of HTTP",
                [HTTP_VERSION_1_0] = "HTTP/1.0",
                [HTTP_VERSION_1_1] = "HTTP/1.1",
                [HTTP_VERSION_2] = "HTTP/2"};
        if (j->answer->version < HTTP_WANTED_2 || j->response->version == HTTP_VERSION_2) {
                return false;
        }
        probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "answered over %s, expected HTTP/2", names[j->response->version]);
        return true;
}

/* ---- time ---- */

static bool too_slow(struct judgement *j) {
        usec_t most = j->expect->max_latency;
        char took[UNITS_TEXT_MAX], allowed[UNITS_TEXT_MAX];
        if (most == 0 || j->response->total_time <= most) {
                return false;
        }
        probe_conclude(j->result, OUTCOME_FAIL, CAUSE_SLOW, "answered in %s, at most %s allowed",
                units_format_duration_short(j->response->total_time, took),
                units_format_duration(most, allowed));
        return true;
}

/* The service works, and restarting it makes no new certificate: degraded, not failed. */
static bool certificate_ends(struct judgement *j) {
        usec_t wanted = j->expect->certificate;
        wall_usec_t expiry = j->response->certificate_expiry;
        char left[UNITS_TEXT_MAX], least[UNITS_TEXT_MAX];
        if (wanted == 0 || (expiry > 0 && usec_sub(expiry, j->answer->now) >= wanted)) {
                return false;
        }
        units_format_duration(wanted, least);
        if (expiry == 0) {
                probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the answer came without a certificate");
        } else if (expiry <= j->answer->now) {
                probe_conclude(j->result, OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER,
                        "certificate expired %s ago, at least %s left wanted",
                        units_format_duration_short(j->answer->now - expiry, left), least);
        } else {
                probe_conclude(j->result, OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER,
                        "certificate expires in %s, at least %s wanted",
                        units_format_duration_short(expiry - j->answer->now, left), least);
        }
        return true;
}

void http_judge(const struct http_answer *answer, struct probe_result *result) {
        const struct http_result *response = answer->response;
        struct judgement j = {answer, answer->expect, response, result};
        char took[UNITS_TEXT_MAX];
        result->has_value = true;
        result->value = (double) response->total_time / USEC_PER_SEC;
        if (status_wrong(&j) || version_wrong(&j)) {
                return;
        }
        if (j.expect &&
                (headers_wrong(&j) || body_wrong(&j) || too_slow(&j) || certificate_ends(&j))) {
                return;
        }
        const char *phrase = http_status_phrase(response->status);
        probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "%d%s%s in %s", response->status,
                *phrase ? " " : "", phrase,
                units_format_duration_short(response->total_time, took));
}
