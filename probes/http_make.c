#include "probes/http_make.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "probes/http_capture.h"

const struct http_exchange *http_exchange_of(
        const struct http_params *params, const struct http_step *step) {
        return step ? &step->exchange : &params->exchange;
}

/* ---- texts with values ---- */

/* One request on its way; the first failure counts. */
struct work {
        const struct http_making *making;
        struct http_made *made;
        char *why;
        int error;
};

static void fail(struct work *work, int error, const char *what, const char *name) {
        if (work->error == 0) {
                work->error = error;
                snprintf(work->why, SCHEMA_WHY_MAX, "%s%s", what, name);
        }
}

/* Only the texts of steps hold names of values. */
static void add_text(
        struct work *work, struct strbuf *to, const char *text, enum http_place place) {
        const char *name = "";
        int r = 0;
        if (work->making->step) {
                r = http_template_expand(text, place, work->making->values, to, &name);
        } else {
                strbuf_add(to, text);
        }
        if (r == -EINVAL) {
                fail(work, r, "a header cannot hold the control characters of ", name);
        } else if (r < 0) {
                fail(work, r, "too long with the captured values in it", "");
        } else if (to->failed) {
                fail(work, -ENOMEM, "out of memory", "");
        }
}

/* ---- url ---- */

static bool is_own_server(const struct http_params *params, const struct http_step *step) {
        if (!step || step->path) {
                return true;
        }
        size_t length = http_url_origin(params->url);
        return http_url_origin(step->url) == length &&
               strncasecmp(step->url, params->url, length) == 0;
}

static const char *make_url(struct work *work) {
        const struct http_params *params = work->making->params;
        const struct http_step *step = work->making->step;
        struct strbuf *url = &work->made->url;
        if (!step) {
                return params->url;
        }
        if (step->path) {
                strbuf_add_bytes(url, params->url, http_url_origin(params->url));
        }
        add_text(work, url, step->path ? step->path : step->url, HTTP_PLACE_URL);
        return strbuf_text(url);
}

/* ---- headers ---- */

static const char *header_of(const struct pairs *headers, const char *name) {
        for (uint32_t i = 0; i < headers->count; i++) {
                if (strcasecmp(headers->items[i].key, name) == 0) {
                        return headers->items[i].value;
                }
        }
        return NULL;
}

static void add_line(struct work *work, const struct pair *header, bool of_step) {
        struct strbuf *lines = &work->made->headers;
        strbuf_add(lines, header->key);
        strbuf_add(lines, ": ");
        if (of_step) {
                add_text(work, lines, header->value, HTTP_PLACE_HEADER);
        } else {
                strbuf_add(lines, header->value);
        }
        strbuf_add_char(lines, '\0');
        work->made->request.n_headers++;
}

static void add_lines(struct work *work) {
        const struct http_params *params = work->making->params;
        const struct http_step *step = work->making->step;
        for (uint32_t i = 0; i < params->exchange.headers.count; i++) {
                const struct pair *header = &params->exchange.headers.items[i];
                if (!step || !header_of(&step->exchange.headers, header->key)) {
                        add_line(work, header, false);
                }
        }
        for (uint32_t i = 0; step && i < step->exchange.headers.count; i++) {
                add_line(work, &step->exchange.headers.items[i], true);
        }
}

/* Pointers into the block of lines, once it does not move any more. */
static void make_headers(struct work *work) {
        struct http_made *made = work->made;
        add_lines(work);
        const char *line = strbuf_text(&made->headers);
        made->lines = calloc(made->request.n_headers + 1, sizeof(*made->lines));
        if (!line || !made->lines) {
                fail(work, -ENOMEM, "out of memory", "");
                return;
        }
        for (size_t i = 0; i < made->request.n_headers; i++) {
                made->lines[i] = line;
                line += strlen(line) + 1;
        }
        made->request.headers = made->lines;
}

/* ---- body ---- */

static enum http_place body_place(const struct http_making *making) {
        const char *type = header_of(&making->step->exchange.headers, "Content-Type");
        if (!type) {
                type = header_of(&making->params->exchange.headers, "Content-Type");
        }
        if (!type) {
                return HTTP_PLACE_TEXT;
        }
        return strcasestr(type, "json")                                ? HTTP_PLACE_JSON
               : strcasestr(type, "application/x-www-form-urlencoded") ? HTTP_PLACE_FORM
                                                                       : HTTP_PLACE_TEXT;
}

static void make_body(struct work *work) {
        struct http_request *request = &work->made->request;
        const char *body = http_exchange_of(work->making->params, work->making->step)->body;
        if (body && work->making->step) {
                add_text(work, &work->made->body, body, body_place(work->making));
                body = strbuf_text(&work->made->body);
        }
        request->body = body;
        request->body_length = body ? strlen(body) : 0;
        if (body && work->making->step) {
                request->body_length = work->made->body.length; /* a value may hold a NUL */
        }
}

/* ---- the rest ---- */

static struct http_pem pem_of(const struct http_texts *texts, enum http_file file) {
        return (struct http_pem){texts->text[file], texts->length[file]};
}

/* The key may stand in the file of the certificate. What identifies the probe, or the server of its
 * url, is for that server only. */
static void fill_tls(const struct http_making *making, bool own, struct http_tls *ret) {
        const struct http_tls_params *tls = making->params->tls;
        const struct http_texts *texts = making->texts;
        if (!tls) {
                return;
        }
        ret->insecure = !tls->verify;
        ret->authorities = pem_of(texts, HTTP_FILE_AUTHORITIES);
        ret->authorities_file = tls->ca_file;
        if (own) {
                enum http_file key = tls->key_file ? HTTP_FILE_KEY : HTTP_FILE_CERTIFICATE;
                ret->certificate = pem_of(texts, HTTP_FILE_CERTIFICATE);
                ret->key = pem_of(texts, key);
                ret->server_name = tls->server_name;
        }
}

static void fill_own(const struct http_making *making, struct http_request *request) {
        const struct http_params *params = making->params;
        request->unix_socket = params->unix_socket;
        request->connect_to = params->connect_to;
        request->user = making->user;
        request->password = making->password;
        request->bearer = params->bearer_token_file ? making->texts->text[HTTP_FILE_SECRET] : NULL;
}

static size_t body_to_read(const struct http_making *making) {
        const struct http_params *params = making->params;
        const struct http_step *step = making->step;
        bool needed = http_needs_body(http_exchange_of(params, step)->expect) ||
                      (step && http_captures_body(step));
        return needed || params->max_body < HTTP_UNJUDGED_BODY ? params->max_body
                                                               : HTTP_UNJUDGED_BODY;
}

static enum http_version version_of(const struct http_params *params) {
        static const enum http_version versions[] = {
                [HTTP_WANTED_ANY] = HTTP_VERSION_ANY,
                [HTTP_WANTED_1_0] = HTTP_VERSION_1_0,
                [HTTP_WANTED_1_1] = HTTP_VERSION_1_1,
                [HTTP_WANTED_2] = HTTP_VERSION_2,
                [HTTP_WANTED_2_PRIOR_KNOWLEDGE] = HTTP_VERSION_2_PRIOR_KNOWLEDGE,
        };
        return versions[params->version];
}

static void fill_request(const struct http_making *making, struct http_request *request) {
        const struct http_params *params = making->params;
        const struct http_exchange *exchange = http_exchange_of(params, making->step);
        *request = (struct http_request){
                .method = exchange->method,
                .timeout = making->timeout,
                .follow_redirects = params->follow_redirects,
                .max_redirects = params->max_redirects,
                .version = version_of(params),
                .max_body = body_to_read(making),
                .keep = params->reuse ? making->keep : NULL,
                .want_certificate = exchange->expect && exchange->expect->certificate > 0,
                .session = making->session,
        };
        bool own = is_own_server(params, making->step);
        fill_tls(making, own, &request->tls);
        if (own) {
                fill_own(making, request);
        }
}

int http_make(const struct http_making *making, struct http_made *made, char why[SCHEMA_WHY_MAX]) {
        struct work work = {.making = making, .made = made, .why = why};
        fill_request(making, &made->request);
        made->request.url = make_url(&work);
        if (making->params->exchange.headers.count > 0 ||
                (making->step && making->step->exchange.headers.count > 0)) {
                make_headers(&work);
        }
        make_body(&work);
        return work.error;
}

void http_made_done(struct http_made *made) {
        free(made->lines);
        strbuf_done(&made->url);
        strbuf_done(&made->headers);
        strbuf_done(&made->body);
        *made = (struct http_made){0};
}
