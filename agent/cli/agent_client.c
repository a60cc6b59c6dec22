#include "cli/agent_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

DEFINE_CLEANUP(cleanup_curl, CURL, curl_easy_cleanup)
DEFINE_CLEANUP(cleanup_slist, struct curl_slist, curl_slist_free_all)

enum { REPLY_DEPTH_MAX = 32 };

void agent_reply_done(struct agent_reply *reply) {
        json_object_put(reply->json);
        *reply = (struct agent_reply){0};
}

char *agent_escape(const char *text) {
        AUTO_STRBUF struct strbuf out = {0};
        for (const char *at = text; *at; at++) {
                bool plain = strchr("-._~", *at) || (*at >= '0' && *at <= '9') ||
                             (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
                if (plain) {
                        strbuf_add_char(&out, *at);
                } else {
                        strbuf_addf(&out, "%%%02X", (unsigned char) *at);
                }
        }
        return *text ? strbuf_take(&out) : strdup("");
}

static size_t on_body(char *data, size_t size, size_t n, void *cookie) {
        struct strbuf *body = cookie;
        if (body->length + size * n > AGENT_REPLY_MAX) {
                return 0;
        }
        strbuf_add_bytes(body, data, size * n);
        return body->failed ? 0 : size * n;
}

/* ---- Why there is no answer ---- */

static int explain(
        CURL *curl, CURLcode code, const struct agent_request *request, struct error *err) {
        static const struct {
                int error;
                const char *text;
        } reasons[] = {
                {ENOENT, "there is no such socket"},
                {ECONNREFUSED, "nobody listens there any more"},
                {EACCES, "this user may not reach it"},
                {EAGAIN, "the agent does not take up connections"},
        };
        long number = 0;
        (void) curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
        if (code == CURLE_OPERATION_TIMEDOUT) {
                return error_set(err, ETIMEDOUT,
                        "the agent at %s does not answer; it may be stopped or starved",
                        request->socket);
        }
        if (code != CURLE_COULDNT_CONNECT) {
                return error_set(err, EIO, "no proper answer from the agent at %s: %s",
                        request->socket, curl_easy_strerror(code));
        }
        const char *reason = number ? strerror((int) number) : "it cannot be reached";
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++) {
                if (reasons[i].error == number) {
                        reason = reasons[i].text;
                }
        }
        return error_set(err, number > 0 ? (int) number : ECONNREFUSED,
                "no agent at %s: %s. Start it (systemctl start recoverd), or name its socket with "
                "--socket or RECOVERD_SOCKET",
                request->socket, reason);
}

/* ---- The request ---- */

static int prepare(CURL *curl, const struct agent_request *request, struct curl_slist *headers,
        struct strbuf *body) {
        AUTO_STRBUF struct strbuf url = {0};
        long timeout = request->timeout_seconds ? request->timeout_seconds : AGENT_TIMEOUT_SECONDS;
        strbuf_add(&url, "http://agent");
        strbuf_add(&url, request->path);
        if (!strbuf_text(&url)) {
                return -ENOMEM;
        }
        bool failed = curl_easy_setopt(curl, CURLOPT_URL, strbuf_text(&url)) ||
                      curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->socket) ||
                      curl_easy_setopt(curl, CURLOPT_PROXY, "") ||
                      curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) ||
                      curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout) ||
                      curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) ||
                      curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) ||
                      curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
        if (request->body) {
                failed = failed || curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS,
                                           json_object_to_json_string(request->body));
        }
        return failed ? -ENOMEM : 0;
}

static int parse(const struct agent_request *request, const struct strbuf *body,
        struct json_object **ret, struct error *err) {
        const char *text = strbuf_text(body);
        struct json_tokener *tokener = json_tokener_new_ex(REPLY_DEPTH_MAX);
        struct json_object *json = NULL;
        if (text && tokener) {
                json = json_tokener_parse_ex(tokener, text, (int) body->length);
        }
        json_tokener_free(tokener);
        if (!json_object_is_type(json, json_type_object)) {
                json_object_put(json);
                return error_set(err, EBADMSG,
                        "what answers at %s is no recoverd: it sent no JSON object",
                        request->socket);
        }
        *ret = json;
        return 0;
}

int agent_ask(const struct agent_request *request, struct agent_reply *ret, struct error *err) {
        AUTO(cleanup_curl) CURL *curl = curl_easy_init();
        AUTO(cleanup_slist)
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        AUTO_STRBUF struct strbuf body = {0};
        if (!curl || !headers) {
                return error_set_errno(err, ENOMEM, "request to the agent");
        }
        if (prepare(curl, request, headers, &body) < 0) {
                return error_set(err, EINVAL, "the socket path %s cannot be used", request->socket);
        }
        CURLcode code = curl_easy_perform(curl);
        if (code != CURLE_OK) {
                return explain(curl, code, request, err);
        }
        struct agent_reply reply = {0};
        (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
        int r = parse(request, &body, &reply.json, err);
        if (r == 0) {
                *ret = reply;
        }
        return r;
}
