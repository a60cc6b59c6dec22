#include "probes/http_capture.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/http_client.h"
#include "probes/http_json.h"
#include "probes/text_pattern.h"

DEFINE_CLEANUP(cleanup_json, struct json_object, http_json_free)

/* One value on its way from an answer. */
struct taking {
        const struct http_capture *capture;
        const struct http_result *response;
        const struct http_session *session;
        struct http_values *values;
        struct probe_result *result;
};

static bool fail(const struct taking *t, const char *what, const char *where) {
        probe_conclude(t->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "no %s to capture: %s %.50s",
                t->capture->name, what, where);
        return false;
}

static bool unknown(const struct taking *t, const char *why) {
        probe_conclude(t->result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s not captured: %s",
                t->capture->name, why);
        return false;
}

static bool keep(const struct taking *t, const char *text, size_t length) {
        if (length > HTTP_VALUE_MAX) {
                return fail(t, "it is larger than 4096 bytes", "");
        }
        return http_values_set(t->values, t->capture->name, text, length) == 0 ||
               unknown(t, "out of memory");
}

static bool take_json(const struct taking *t) {
        AUTO(cleanup_json) struct json_object *json = NULL;
        struct json_object *value = NULL;
        char why[HTTP_JSON_WHY_MAX];
        int r = http_json_parse(t->response->body, t->response->body_length, &json, why);
        if (r < 0) {
                return r == -ENOMEM ? unknown(t, "out of memory") : fail(t, why, "");
        }
        if (!http_json_find(json, t->capture->json, &value) || !value) {
                return fail(t, "there is no json", t->capture->json);
        }
        const char *text = http_json_text(value);
        return keep(t, text, strlen(text));
}

static bool take_header(const struct taking *t) {
        size_t length;
        const char *value = http_result_header(t->response, t->capture->header, &length);
        return value ? keep(t, value, length) : fail(t, "there is no header", t->capture->header);
}

static bool take_match(const struct taking *t) {
        struct pattern_piece piece;
        int r = pattern_search(
                t->capture->matches, t->response->body, t->response->body_length, &piece);
        if (r < 0) {
                return unknown(
                        t, r == -E2BIG ? "too much work to search the body" : "out of memory");
        }
        return r == 1 ? keep(t, piece.start, piece.length)
                      : fail(t, "the body does not match", t->capture->matches);
}

static bool take_cookie(const struct taking *t) {
        char value[HTTP_COOKIE_MAX + 1];
        int r = http_session_cookie(t->session, t->capture->cookie, value);
        if (r == -ENOMEM) {
                return unknown(t, "out of memory");
        }
        return r == 0 ? keep(t, value, strlen(value))
                      : fail(t, "there is no cookie", t->capture->cookie);
}

static bool take(const struct taking *t, bool cut) {
        const struct http_capture *capture = t->capture;
        if (capture->header) {
                return take_header(t);
        }
        if (capture->cookie) {
                return take_cookie(t);
        }
        if (cut) {
                return fail(t, "the body is too large to be searched", "");
        }
        return capture->json ? take_json(t) : take_match(t);
}

bool http_capture(const struct http_step *step, const struct http_result *response, bool cut,
        const struct http_session *session, struct http_values *values,
        struct probe_result *result) {
        const struct http_capture *captures = step->capture.items;
        for (uint32_t i = 0; i < step->capture.count; i++) {
                const struct taking taking = {&captures[i], response, session, values, result};
                if (!take(&taking, cut)) {
                        return false;
                }
        }
        return true;
}

bool http_captures_body(const struct http_step *step) {
        const struct http_capture *captures = step->capture.items;
        for (uint32_t i = 0; i < step->capture.count; i++) {
                if (captures[i].json || captures[i].matches) {
                        return true;
                }
        }
        return false;
}
