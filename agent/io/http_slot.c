#include "io/http_slot.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "io/http_result.h"
#include "io/http_session.h"

DEFINE_CLEANUP(cleanup_url, CURLU, curl_url_cleanup)
DEFINE_CLEANUP(cleanup_curl_text, char, curl_free)

/* ---- the request ---- */

static bool is_token(const char *text) {
        return *text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") ==
                                strlen(text);
}

int http_request_check(const struct http_request *request, struct error *err) {
        if (str_empty(request->url)) {
                return error_set(err, EINVAL, "a request needs a URL");
        }
        if (request->timeout == 0 || request->timeout == USEC_INFINITY) {
                return error_set(err, EINVAL, "%s: a request needs a timeout", request->url);
        }
        if (request->method && !is_token(request->method)) {
                return error_set(
                        err, EINVAL, "%s: not a method: %s", request->url, request->method);
        }
        if (request->n_headers > HTTP_CLIENT_MAX_HEADERS) {
                return error_set(err, EINVAL, "%s: more than %d headers", request->url,
                        HTTP_CLIENT_MAX_HEADERS);
        }
        for (size_t i = 0; i < request->n_headers; i++) {
                if (strpbrk(request->headers[i], "\r\n") || !strchr(request->headers[i], ':')) {
                        return error_set(err, EINVAL, "%s: not a header: %s", request->url,
                                request->headers[i]);
                }
        }
        return 0;
}

/* ---- what libcurl calls ---- */

/* To learn why there is no socket, and because libcurl opens its own without close-on-exec. */
static curl_socket_t open_socket(
        void *cookie, curlsocktype purpose, struct curl_sockaddr *address) {
        struct http_slot *slot = cookie;

        (void) purpose;
        int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                address->protocol);
        if (fd < 0) {
                slot->socket_errno = errno;
                return CURL_SOCKET_BAD;
        }
        return fd;
}

static size_t on_body(char *data, size_t size, size_t count, void *cookie) {
        struct http_slot *slot = cookie;
        size_t length = size * count, room = http_max_body(slot->request) - slot->body.length;

        strbuf_add_bytes(&slot->body, data, length < room ? length : room);
        if (slot->body.failed) {
                return 0;
        }
        slot->body_cut = length > room;
        return slot->body_cut ? 0 : length; /* anything but length ends the transfer */
}

static size_t on_header(char *line, size_t size, size_t count, void *cookie) {
        struct http_slot *slot = cookie;
        size_t length = size * count;

        slot->header_bytes += length;
        slot->header_cut = slot->header_bytes > http_max_header(slot->request);
        if (slot->header_cut) {
                return 0;
        }
        if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
                slot->header_over = false;
                strbuf_reset(&slot->header); /* one more response: a redirect, or after a 1xx */
        }
        slot->header_over = slot->header_over || line[0] == '\r' || line[0] == '\n';
        strbuf_add_bytes(&slot->header, line, length);
        return slot->header.failed ? 0 : length;
}

/* ---- options ---- */

/* Remembers the first failure, so that a row of options needs one check at its end. */
struct options {
        CURL *easy;
        CURLcode code;
};

static void set_long(struct options *options, CURLoption option, long value) {
        if (options->code == CURLE_OK) {
                options->code = curl_easy_setopt(options->easy, option, value);
        }
}

static void set_text(struct options *options, CURLoption option, const char *text) {
        if (options->code == CURLE_OK && text) {
                options->code = curl_easy_setopt(options->easy, option, text);
        }
}

static void set_pointer(struct options *options, CURLoption option, const void *pointer) {
        if (options->code == CURLE_OK) {
                options->code = curl_easy_setopt(options->easy, option, pointer);
        }
}

static void set_protocols(struct options *options) {
#if LIBCURL_VERSION_NUM >= 0x075500
        set_text(options, CURLOPT_PROTOCOLS_STR, "http,https");
        set_text(options, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
        set_long(options, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
        set_long(options, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

static void set_always(struct options *options, struct http_slot *slot, void *transfer) {
        set_pointer(options, CURLOPT_PRIVATE, transfer);
        set_pointer(options, CURLOPT_ERRORBUFFER, slot->curl_error);
        set_pointer(options, CURLOPT_WRITEDATA, slot);
        set_pointer(options, CURLOPT_HEADERDATA, slot);
        set_pointer(options, CURLOPT_OPENSOCKETDATA, slot);
        if (options->code == CURLE_OK) {
                options->code = curl_easy_setopt(options->easy, CURLOPT_WRITEFUNCTION, on_body);
        }
        if (options->code == CURLE_OK) {
                options->code = curl_easy_setopt(options->easy, CURLOPT_HEADERFUNCTION, on_header);
        }
        if (options->code == CURLE_OK) {
                options->code =
                        curl_easy_setopt(options->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        }
        set_long(options, CURLOPT_NOSIGNAL, 1);
        set_text(options, CURLOPT_PROXY, ""); /* none, whatever the environment says */
        set_text(options, CURLOPT_USERAGENT, "recoverd/" RECOVERD_VERSION);
#if LIBCURL_VERSION_NUM >= 0x075700
        set_long(options, CURLOPT_QUICK_EXIT, 1); /* never wait for a hanging name look-up */
#endif
        set_protocols(options);
}

static long milliseconds(usec_t duration) {
        usec_t rounded = usec_add(duration, USEC_PER_MSEC - 1) / USEC_PER_MSEC;
        return rounded > INT32_MAX ? INT32_MAX : (long) rounded;
}

static void set_limits(
        struct options *options, const struct http_request *request, usec_t time_left) {
        unsigned redirects =
                request->max_redirects ? request->max_redirects : HTTP_CLIENT_MAX_REDIRECTS;

        set_long(options, CURLOPT_TIMEOUT_MS, milliseconds(time_left));
        set_long(options, CURLOPT_CONNECTTIMEOUT_MS,
                milliseconds(
                        request->connect_timeout ? request->connect_timeout : request->timeout));
        if (request->follow_redirects) {
                set_long(options, CURLOPT_FOLLOWLOCATION, 1);
                set_long(options, CURLOPT_MAXREDIRS, (long) redirects);
        }
        if (request->keep) {
                set_long(options, CURLOPT_MAXAGE_CONN, HTTP_CLIENT_KEPT_SECONDS);
        } else {
                set_long(options, CURLOPT_FRESH_CONNECT, 1);
                set_long(options, CURLOPT_FORBID_REUSE, 1);
                /* A resumed session does not show the certificate that new clients would get. */
                set_long(options, CURLOPT_SSL_SESSIONID_CACHE, 0);
        }
}

static void set_method(struct options *options, const struct http_request *request) {
        const char *method = request->method ? request->method : "GET";

        bool posts = request->body || str_eq(method, "POST"); /* which may be empty */

        if (posts) {
                set_pointer(options, CURLOPT_POSTFIELDS, request->body ? request->body : "");
                set_long(options, CURLOPT_POSTFIELDSIZE, (long) request->body_length);
        }
        if (str_eq(method, "HEAD")) {
                set_long(options, CURLOPT_NOBODY, 1);
        } else if (!str_eq(method, posts ? "POST" : "GET")) {
                set_text(options, CURLOPT_CUSTOMREQUEST, method);
        }
}

static void set_pem(struct options *options, CURLoption option, const struct http_pem *pem) {
        const struct curl_blob blob = {
                .data = (void *) pem->text, .len = pem->length, .flags = CURL_BLOB_NOCOPY};

        if (pem->text) {
                set_pointer(options, option, &blob);
        }
}

static void set_tls(struct options *options, const struct http_request *request) {
        const struct http_tls *tls = &request->tls;

        if (tls->insecure) {
                set_long(options, CURLOPT_SSL_VERIFYPEER, 0);
                set_long(options, CURLOPT_SSL_VERIFYHOST, 0);
        }
#if LIBCURL_VERSION_NUM >= 0x074d00
        set_pem(options, CURLOPT_CAINFO_BLOB, &tls->authorities);
#else
        set_text(options, CURLOPT_CAINFO, tls->authorities_file);
#endif
        set_pem(options, CURLOPT_SSLCERT_BLOB, &tls->certificate);
        set_pem(options, CURLOPT_SSLKEY_BLOB, &tls->key);
        if (request->want_certificate) {
                set_long(options, CURLOPT_CERTINFO, 1);
        }
}

static void set_version_and_identity(struct options *options, const struct http_request *request) {
        static const long versions[] = {
                [HTTP_VERSION_ANY] = CURL_HTTP_VERSION_NONE,
                [HTTP_VERSION_1_0] = CURL_HTTP_VERSION_1_0,
                [HTTP_VERSION_1_1] = CURL_HTTP_VERSION_1_1,
                [HTTP_VERSION_2] = CURL_HTTP_VERSION_2_0,
                [HTTP_VERSION_2_PRIOR_KNOWLEDGE] = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
        };

        set_long(options, CURLOPT_HTTP_VERSION, versions[request->version]);
        if (request->user) {
                set_long(options, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
                set_text(options, CURLOPT_USERNAME, request->user);
                set_text(options, CURLOPT_PASSWORD, request->password ? request->password : "");
        }
        if (request->bearer) {
                set_long(options, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
                set_text(options, CURLOPT_XOAUTH2_BEARER, request->bearer);
        }
        if (request->session) {
                set_text(options, CURLOPT_COOKIELIST, ""); /* switches cookies on; adds none */
                set_pointer(options, CURLOPT_SHARE, http_session_share(request->session));
        }
}

static bool has_header(const struct http_request *request, const char *name) {
        size_t length = strlen(name);

        for (size_t i = 0; i < request->n_headers; i++) {
                if (strncasecmp(request->headers[i], name, length) == 0 &&
                        request->headers[i][length] == ':') {
                        return true;
                }
        }
        return false;
}

/* The list is built in the slot and points to the request's lines: nothing is copied. */
static void add_header(struct http_slot *slot, size_t *n, const char *line) {
        slot->headers[*n] = (struct curl_slist){.data = (char *) line};
        if (*n > 0) {
                slot->headers[*n - 1].next = &slot->headers[*n];
        }
        ++*n;
}

static void set_headers(
        struct options *options, struct http_slot *slot, const struct http_request *request) {
        size_t n = 0;

        for (size_t i = 0; i < request->n_headers; i++) {
                add_header(slot, &n, request->headers[i]);
        }
        if (*slot->host_header && !has_header(request, "Host")) {
                add_header(slot, &n, slot->host_header);
        }
        bool posts = request->body || str_eq(request->method, "POST");
        if (posts && !has_header(request, "Expect")) {
                add_header(slot, &n, "Expect:"); /* no header: it costs a round trip */
        }
        if (posts && !has_header(request, "Content-Type")) {
                add_header(slot, &n, "Content-Type:"); /* no header: libcurl would say "a form" */
        }
        if (n > 0) {
                set_pointer(options, CURLOPT_HTTPHEADER, slot->headers);
        }
}

static int set_connect_to(
        struct options *options, struct http_slot *slot, const char *where, struct error *err) {
        size_t size = sizeof(slot->connect_to_text);

        if ((size_t) snprintf(slot->connect_to_text, size, "::%s", where) >= size) {
                return error_set(err, EINVAL, "an address that is too long: %s", where);
        }
        slot->connect_to = (struct curl_slist){.data = slot->connect_to_text};
        set_pointer(options, CURLOPT_CONNECT_TO, &slot->connect_to);
        return 0;
}

/* Host and port of a URL, as "host:port"; the port is explicit. */
static bool url_address(CURLU *url, char *text, size_t size) {
        AUTO(cleanup_curl_text) char *host = NULL;
        AUTO(cleanup_curl_text) char *port = NULL;

        if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
                curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
                return false;
        }
        return (size_t) snprintf(text, size, "%s:%s", host, port) < size;
}

/* libcurl takes the name for SNI and verification from the URL. So the wanted name goes into the
 * URL, the URL's own host into the Host header, and its address into CONNECT_TO. */
static int rename_server(struct options *options, struct http_slot *slot,
        const struct http_request *request, struct error *err) {
        AUTO(cleanup_url) CURLU *url = curl_url();
        AUTO(cleanup_curl_text) char *text = NULL;
        char address[HTTP_SLOT_CONNECT_TO_MAX - 8];

        if (!url) {
                return error_set_errno(err, ENOMEM, "%s", request->url);
        }
        if (curl_url_set(url, CURLUPART_URL, request->url, 0) != CURLUE_OK ||
                !url_address(url, address, sizeof(address)) ||
                curl_url_set(url, CURLUPART_HOST, request->tls.server_name, 0) != CURLUE_OK ||
                curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK) {
                return error_set(err, EINVAL, "%s: the server name %s cannot be used", request->url,
                        request->tls.server_name);
        }
        (void) snprintf(slot->host_header, sizeof(slot->host_header), "Host: %s", address);
        set_text(options, CURLOPT_URL, text);
        return request->connect_to ? 0 : set_connect_to(options, slot, address, err);
}

static int set_target(struct options *options, struct http_slot *slot,
        const struct http_request *request, struct error *err) {
        int r = 0;

        *slot->host_header = *slot->connect_to_text = '\0';
        set_text(options, CURLOPT_URL, request->url);
        set_long(options, CURLOPT_PATH_AS_IS, 1);
        set_text(options, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
        if (request->tls.server_name) {
                r = rename_server(options, slot, request, err);
        }
        if (r == 0 && request->connect_to) {
                r = set_connect_to(options, slot, request->connect_to, err);
        }
        return r;
}

/* Gives libcurl the addresses of the name, which it would look up in a thread otherwise. */
static void set_addresses(
        struct options *options, struct http_slot *slot, const struct http_slot_use *use) {
        size_t size = sizeof(slot->resolve_text);
        size_t length = (size_t) snprintf(
                slot->resolve_text, size, "+%s:%s:", use->target->name, use->target->port);

        for (size_t i = 0; i < use->addresses->count; i++) {
                const char *address = use->addresses->addresses[i];
                bool v6 = strchr(address, ':') != NULL;
                length += (size_t) snprintf(slot->resolve_text + length, size - length, "%s%s%s%s",
                        i > 0 ? "," : "", v6 ? "[" : "", address, v6 ? "]" : "");
        }
        slot->resolve = (struct curl_slist){.data = slot->resolve_text};
        set_pointer(options, CURLOPT_RESOLVE, &slot->resolve);
}

static void begin_use(struct http_slot *slot, const struct http_request *request) {
        curl_easy_reset(slot->easy);
        slot->request = request;
        strbuf_reset(&slot->body);
        strbuf_reset(&slot->header);
        slot->header_bytes = 0;
        slot->body_cut = slot->header_cut = slot->header_over = false;
        slot->socket_errno = 0;
        *slot->curl_error = '\0';
}

int http_slot_prepare(struct http_slot *slot, const struct http_slot_use *use, struct error *err) {
        const struct http_request *request = use->request;
        struct options options = {.easy = slot->easy, .code = CURLE_OK};

        begin_use(slot, request);
        set_always(&options, slot, use->transfer);
        set_limits(&options, request, use->time_left);
        set_method(&options, request);
        set_tls(&options, request);
        set_version_and_identity(&options, request);
        int r = set_target(&options, slot, request, err);
        if (r < 0) {
                return r;
        }
        set_headers(&options, slot, request);
        if (use->target) {
                set_addresses(&options, slot, use);
        }
        if (options.code != CURLE_OK) {
                int code = options.code == CURLE_OUT_OF_MEMORY ? ENOMEM : EINVAL;
                return error_set(
                        err, code, "%s: %s", request->url, curl_easy_strerror(options.code));
        }
        return 0;
}

/* ---- the result ---- */

static const struct code_meaning {
        CURLcode code;
        enum http_outcome outcome;
} code_meanings[] = {
        {CURLE_OK, HTTP_OK},
        {CURLE_COULDNT_RESOLVE_HOST, HTTP_DNS},
        {CURLE_OPERATION_TIMEDOUT, HTTP_TIMEOUT},
        {CURLE_SSL_CONNECT_ERROR, HTTP_TLS},
        {CURLE_PEER_FAILED_VERIFICATION, HTTP_TLS},
        {CURLE_SSL_INVALIDCERTSTATUS, HTTP_TLS},
        {CURLE_SSL_CIPHER, HTTP_TLS},
        {CURLE_SSL_CERTPROBLEM, HTTP_BAD_REQUEST},
        {CURLE_SSL_CACERT_BADFILE, HTTP_BAD_REQUEST},
        {CURLE_SSL_ISSUER_ERROR, HTTP_TLS},
        {CURLE_URL_MALFORMAT, HTTP_BAD_REQUEST},
        {CURLE_BAD_FUNCTION_ARGUMENT, HTTP_BAD_REQUEST},
        {CURLE_NOT_BUILT_IN, HTTP_BAD_REQUEST},
        {CURLE_TOO_MANY_REDIRECTS, HTTP_REDIRECTS},
        {CURLE_WEIRD_SERVER_REPLY, HTTP_PROTOCOL},
        {CURLE_PARTIAL_FILE, HTTP_PROTOCOL},
        {CURLE_GOT_NOTHING, HTTP_PROTOCOL},
        {CURLE_SEND_ERROR, HTTP_PROTOCOL},
        {CURLE_RECV_ERROR, HTTP_PROTOCOL},
        {CURLE_HTTP2, HTTP_PROTOCOL},
        {CURLE_HTTP2_STREAM, HTTP_PROTOCOL},
        {CURLE_BAD_CONTENT_ENCODING, HTTP_PROTOCOL},
        {CURLE_FAILED_INIT, HTTP_LOCAL},
};

static long info_long(CURL *easy, CURLINFO info) {
        long value = 0;
        return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static usec_t info_time(CURL *easy, CURLINFO info) {
        curl_off_t value = 0;
        return curl_easy_getinfo(easy, info, &value) == CURLE_OK && value > 0 ? (usec_t) value : 0;
}

/* Some versions of libcurl (7.88) note the time only after the TLS handshake, but the local port at
 * once; then it is that of the name look-up, the moment before. */
static usec_t connect_time(CURL *easy) {
        usec_t noted = info_time(easy, CURLINFO_CONNECT_TIME_T);

        if (noted > 0 || info_long(easy, CURLINFO_LOCAL_PORT) <= 0) {
                return noted;
        }
        return info_time(easy, CURLINFO_NAMELOOKUP_TIME_T);
}

static enum http_version info_version(CURL *easy) {
        switch (info_long(easy, CURLINFO_HTTP_VERSION)) {
        case CURL_HTTP_VERSION_1_0:
                return HTTP_VERSION_1_0;
        case CURL_HTTP_VERSION_1_1:
                return HTTP_VERSION_1_1;
        case CURL_HTTP_VERSION_2_0:
                return HTTP_VERSION_2;
        default:
                return HTTP_VERSION_ANY;
        }
}

static const char *info_text(CURL *easy, CURLINFO info) {
        const char *text = NULL;
        return curl_easy_getinfo(easy, info, &text) == CURLE_OK && text ? text : "";
}

/* The errno of connect(), or of socket(); 0 when it is not known. */
static int connect_errno(const struct http_slot *slot) {
        long code = info_long(slot->easy, CURLINFO_OS_ERRNO);
        return slot->socket_errno ? slot->socket_errno : (int) code;
}

/* A code that says little by itself: what it means depends on how far the transfer had come. */
static enum http_outcome outcome_by_progress(const struct http_slot *slot, CURLcode code) {
        bool connected = connect_time(slot->easy) > 0;

        if (code == CURLE_UNSUPPORTED_PROTOCOL && info_long(slot->easy, CURLINFO_REDIRECT_COUNT)) {
                return HTTP_REDIRECTS;
        }
        if (code == CURLE_UNSUPPORTED_PROTOCOL) { /* of the URL; or HTTP/0.9, that is no HTTP */
                return connected ? HTTP_PROTOCOL : HTTP_BAD_REQUEST;
        }
        if (code ==
                CURLE_OUT_OF_MEMORY) { /* libcurl says that of a header line above 100 kB, too */
                return connected && !slot->header_over ? HTTP_HEADER_TOO_LARGE : HTTP_LOCAL;
        }
        return connected ? HTTP_PROTOCOL : HTTP_LOCAL;
}

static enum http_outcome find_outcome(const struct http_slot *slot, CURLcode code) {
        if (slot->header_cut) {
                return HTTP_HEADER_TOO_LARGE;
        }
        if (slot->body_cut) {
                return HTTP_BODY_TOO_LARGE;
        }
        if (slot->header.failed || slot->body.failed) {
                return HTTP_LOCAL;
        }
        if (code == CURLE_COULDNT_CONNECT) {
                return http_connect_outcome(connect_errno(slot));
        }
        for (size_t i = 0; i < ELEMENTSOF(code_meanings); i++) {
                if (code_meanings[i].code == code) {
                        return code_meanings[i].outcome;
                }
        }
        return outcome_by_progress(slot, code);
}

/* Whom we talked to, for a person: the unix socket, or host and port; the last hop after redirects.
 */
static const char *peer_name(const struct http_slot *slot, char *text, size_t size) {
        const struct http_request *request = slot->request;
        AUTO(cleanup_url) CURLU *url = curl_url();
        const char *effective = info_text(slot->easy, CURLINFO_EFFECTIVE_URL);

        if (request->unix_socket) {
                (void) snprintf(text, size, "%s", request->unix_socket);
        } else if (*slot->connect_to_text) {
                (void) snprintf(text, size, "%s", slot->connect_to_text + strlen("::"));
        } else if (!url || curl_url_set(url, CURLUPART_URL, effective, 0) != CURLUE_OK ||
                   !url_address(url, text, size)) {
                (void) snprintf(text, size, "%s", request->url);
        }
        return text;
}

static const char *library_error(const struct http_slot *slot, CURLcode code) {
        return *slot->curl_error ? slot->curl_error : curl_easy_strerror(code);
}

static enum http_phase phase_of(const struct http_slot *slot) {
        if (connect_time(slot->easy) == 0) {
                return HTTP_PHASE_CONNECT;
        }
        if (info_time(slot->easy, CURLINFO_PRETRANSFER_TIME_T) == 0) {
                return HTTP_PHASE_TLS;
        }
        bool answered = info_time(slot->easy, CURLINFO_STARTTRANSFER_TIME_T) > 0;
        return answered ? HTTP_PHASE_ANSWER : HTTP_PHASE_WAIT;
}

static void describe(struct http_slot *slot, CURLcode code, enum http_outcome outcome) {
        char peer[HTTP_SLOT_CONNECT_TO_MAX];
        const struct http_failure failure = {
                .request = slot->request,
                .peer = peer_name(slot, peer, sizeof(peer)),
                .outcome = outcome,
                .phase = phase_of(slot),
                .connect_errno = code == CURLE_COULDNT_CONNECT ? connect_errno(slot) : 0,
                .why = library_error(slot, code),
        };

        http_describe(&failure, slot->error, sizeof(slot->error));
}

/* "Jan  2 03:04:05 2030 GMT", as OpenSSL prints it; our programs stay in the C locale. */
static wall_usec_t parse_certificate_date(const char *text) {
        struct tm tm = {0};

        if (!strptime(text, "%b %d %H:%M:%S %Y", &tm)) {
                return 0;
        }
        time_t seconds = timegm(&tm);
        return seconds > 0 ? (wall_usec_t) seconds * USEC_PER_SEC : 0;
}

static wall_usec_t certificate_expiry(CURL *easy) {
        static const char key[] = "Expire date:";
        struct curl_certinfo *info = NULL;

        if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
                info->num_of_certs < 1) {
                return 0;
        }
        for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next) {
                if (strncasecmp(line->data, key, strlen(key)) == 0) {
                        return parse_certificate_date(line->data + strlen(key));
                }
        }
        return 0;
}

void http_slot_progress(const struct http_slot *slot, struct http_result *ret) {
        CURL *easy = slot->easy;

        *ret = (struct http_result){
                .status = (int) info_long(easy, CURLINFO_RESPONSE_CODE),
                .version = info_version(easy),
                .body_length = slot->body.length,
                .name_time = info_time(easy, CURLINFO_NAMELOOKUP_TIME_T),
                .connect_time = connect_time(easy),
                .tls_time = info_time(easy, CURLINFO_APPCONNECT_TIME_T),
                .first_byte_time = info_time(easy, CURLINFO_STARTTRANSFER_TIME_T),
                .total_time = info_time(easy, CURLINFO_TOTAL_TIME_T),
        };
}

void http_slot_result(struct http_slot *slot, CURLcode code, struct http_result *ret) {
        const char *body = strbuf_text(&slot->body), *header = strbuf_text(&slot->header);
        enum http_outcome outcome = find_outcome(slot, code);
        CURL *easy = slot->easy;

        http_slot_progress(slot, ret);
        ret->outcome = outcome;
        ret->body = body ? body : "";
        ret->body_length = body ? slot->body.length : 0;
        ret->headers = header ? header : "";
        if (slot->request->want_certificate) {
                ret->certificate_expiry = certificate_expiry(easy);
        }
        if (outcome != HTTP_OK) {
                describe(slot, code, outcome);
                ret->error = slot->error;
        }
}

/* ---- the slot itself ---- */

struct http_slot *http_slot_new(void) {
        struct http_slot *slot = calloc(1, sizeof(*slot));

        if (!slot) {
                return NULL;
        }
        list_init(&slot->node);
        slot->easy = curl_easy_init();
        if (!slot->easy) {
                free(slot);
                return NULL;
        }
        return slot;
}

void http_slot_free(struct http_slot *slot) {
        if (!slot) {
                return;
        }
        curl_easy_cleanup(slot->easy);
        strbuf_done(&slot->body);
        strbuf_done(&slot->header);
        free(slot);
}

static void trim(struct strbuf *buf) {
        if (buf->capacity > HTTP_SLOT_KEPT_BYTES) {
                strbuf_done(buf);
        }
}

void http_slot_leave(struct http_slot *slot) {
        /* A reset keeps the share, which ends with its session. */
        (void) curl_easy_setopt(slot->easy, CURLOPT_SHARE, NULL);
}

void http_slot_trim(struct http_slot *slot) {
        trim(&slot->body);
        trim(&slot->header);
}
