#include "io/http_plain.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "io/piece.h"

/* "http://host:port/path?query": of a URL that is that simple. */
struct parts {
        struct piece host, port; /* port: empty, the default */
        const char *path; /* "" or "?query": the slash is missing */
};

static bool piece_is(struct piece piece, const char *word) {
        return piece.length == strlen(word) && strncasecmp(piece.start, word, piece.length) == 0;
}

/* ---- addresses ---- */

/* "host:port", "host", "[v6]:port" in two. False: it is not as simple as that. */
static bool split_authority(
        struct piece authority, struct piece *ret_host, struct piece *ret_port) {
        const char *end = authority.start + authority.length;
        const char *colon = memchr(authority.start, ':', authority.length);

        if (authority.length > 0 && *authority.start == '[') {
                const char *bracket = memchr(authority.start, ']', authority.length);
                colon = bracket ? bracket + 1 : NULL;
                if (!bracket || (colon != end && *colon != ':')) {
                        return false;
                }
        }
        if (!colon || colon == end) {
                *ret_host = authority;
                *ret_port = (struct piece){0};
                return true;
        }
        *ret_host = (struct piece){authority.start, (size_t) (colon - authority.start)};
        *ret_port = (struct piece){colon + 1, (size_t) (end - colon - 1)};
        return ret_port->length > 0;
}

/* Without leading zeros, which libcurl would leave out. */
static bool parse_port(struct piece text, uint16_t *ret) {
        enum { DIGITS_MAX = 5 };
        unsigned long port = 0;

        if (text.length == 0) {
                *ret = 80;
                return true;
        }
        if (text.length > DIGITS_MAX || *text.start == '0') {
                return false;
        }
        for (size_t i = 0; i < text.length; i++) {
                if (text.start[i] < '0' || text.start[i] > '9') {
                        return false;
                }
                port = port * 10 + (unsigned long) (text.start[i] - '0');
        }
        *ret = (uint16_t) port;
        return port <= UINT16_MAX;
}

static bool parse_v4(const char *text, uint16_t port, struct http_address *ret) {
        ret->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        ret->length = sizeof(ret->v4);
        return inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1;
}

/* As it is usually written: libcurl would put another form into the Host header. */
static bool parse_v6(const char *text, uint16_t port, struct http_address *ret) {
        char again[INET6_ADDRSTRLEN];

        ret->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        ret->length = sizeof(ret->v6);
        return inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1 &&
               inet_ntop(AF_INET6, &ret->v6.sin6_addr, again, sizeof(again)) &&
               strcasecmp(again, text) == 0;
}

static bool numeric_address(struct piece host, uint16_t port, struct http_address *ret) {
        char text[INET6_ADDRSTRLEN];
        bool v6 = host.length > 2 && *host.start == '[';

        if (v6) {
                host = (struct piece){host.start + 1, host.length - 2};
        }
        return piece_copy(host, text, sizeof(text)) &&
               (v6 ? parse_v6(text, port, ret) : parse_v4(text, port, ret));
}

static bool known_address(
        const struct resolver_answer *addresses, uint16_t port, struct http_address *ret) {
        if (!addresses || addresses->code != 0 || addresses->count != 1) {
                return false;
        }
        const char *text = addresses->addresses[0];
        return parse_v4(text, port, ret) || parse_v6(text, port, ret);
}

static bool unix_address(const char *path, struct http_address *ret) {
        ret->local = (struct sockaddr_un){.sun_family = AF_UNIX};
        ret->length = sizeof(ret->local);
        return *path && str_copy(ret->local.sun_path, sizeof(ret->local.sun_path), path);
}

/* ---- the URL ---- */

/* Characters that libcurl sends as they are. */
static bool is_plain_url_text(const char *text) {
        for (; *text; text++) {
                if (*text <= ' ' || *text > '~' || strchr("\"#<>\\^`{|}", *text)) {
                        return false;
                }
        }
        return true;
}

static bool is_plain_host(struct piece host) {
        static const char allowed[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
        struct http_address address;

        if (host.length > 0 && *host.start == '[') {
                return numeric_address(host, 80, &address);
        }
        return host.length > 0 && strspn(host.start, allowed) >= host.length;
}

/* Digits and points that are no usual address, as "127.1", are rewritten by libcurl. */
static bool is_odd_number(struct piece host) {
        char text[16];
        struct http_address address;

        return piece_copy(host, text, sizeof(text)) && parse_v4(text, 80, &address) == 0 &&
               inet_aton(text, &(struct in_addr){0}) != 0;
}

static bool split_url(const char *url, struct parts *ret) {
        static const char scheme[] = "http://";
        uint16_t port;

        if (strncasecmp(url, scheme, strlen(scheme)) != 0) {
                return false;
        }
        const char *start = url + strlen(scheme);
        struct piece authority = {start, strcspn(start, "/?#")};
        ret->path = start + authority.length;
        return split_authority(authority, &ret->host, &ret->port) && is_plain_host(ret->host) &&
               !is_odd_number(ret->host) && parse_port(ret->port, &port) &&
               is_plain_url_text(ret->path);
}

/* ---- headers ---- */

/* Those that change framing or the connection, and those that libcurl treats apart. */
static const char *const left_to_libcurl[] = {"Authorization", "Connection", "Content-Length",
        "Expect", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
        "Upgrade"};

static struct piece name_of(const char *line) {
        return (struct piece){line, strcspn(line, ":")};
}

static bool is_plain_header(const char *line) {
        struct piece name = name_of(line);
        const char *value = line + name.length + 1;

        for (size_t i = 0; i < ELEMENTSOF(left_to_libcurl); i++) {
                if (piece_is(name, left_to_libcurl[i])) {
                        return false;
                }
        }
        /* libcurl takes an empty value for the wish not to send the header */
        return name.length > 0 && strcspn(line, " \t;") >= name.length &&
               value[strspn(value, " \t")] != '\0';
}

static const char *header_of(const struct http_request *request, const char *name) {
        for (size_t i = 0; i < request->n_headers; i++) {
                if (piece_is(name_of(request->headers[i]), name)) {
                        return request->headers[i];
                }
        }
        return NULL;
}

static bool are_plain_headers(const struct http_request *request) {
        for (size_t i = 0; i < request->n_headers; i++) {
                if (!is_plain_header(request->headers[i])) {
                        return false;
                }
        }
        return true;
}

/* ---- the decision ---- */

static const char *method_of(const struct http_request *request) {
        return request->method ? request->method : "GET";
}

static bool is_repeatable(const char *method) {
        static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                if (str_eq(method, methods[i])) {
                        return true;
                }
        }
        return false;
}

static bool is_plain_method(const struct http_request *request) {
        const char *method = method_of(request);

        return !str_eq(method, "CONNECT") && !(str_eq(method, "HEAD") && request->body) &&
               (!request->keep || is_repeatable(method));
}

static bool is_plain_exchange(const struct http_request *request) {
        bool version = request->version == HTTP_VERSION_ANY || request->version == HTTP_VERSION_1_1;
        bool identity = !request->bearer || (!request->user && !strpbrk(request->bearer, "\r\n"));

        return version && identity && !request->follow_redirects && !request->session &&
               !request->want_certificate && !request->tls.server_name &&
               request->connect_timeout == 0;
}

static bool find_address(const struct http_request *request, const struct parts *url,
        const struct resolver_answer *addresses, struct http_address *ret) {
        struct piece host = url->host, port_text = url->port;
        uint16_t port;

        if (request->unix_socket) {
                return !request->connect_to && unix_address(request->unix_socket, ret);
        }
        if (request->connect_to) {
                const struct piece where = {request->connect_to, strlen(request->connect_to)};
                if (!split_authority(where, &host, &port_text) || port_text.length == 0) {
                        return false;
                }
        }
        return parse_port(port_text, &port) &&
               (numeric_address(host, port, ret) || known_address(addresses, port, ret));
}

bool http_plain_suits(const struct http_request *request, const struct resolver_answer *addresses,
        struct http_address *ret) {
        struct parts url;

        return is_plain_exchange(request) && is_plain_method(request) &&
               split_url(request->url, &url) && are_plain_headers(request) &&
               find_address(request, &url, addresses, ret);
}

/* ---- on the wire ---- */

static void add_line(struct strbuf *to, const char *name, const char *value) {
        strbuf_add(to, name);
        strbuf_add(to, value);
        strbuf_add(to, "\r\n");
}

/* As RFC 9110, 7.2 says: without the port when it is the scheme's own. */
static void add_host(
        const struct http_request *request, const struct parts *url, struct strbuf *to) {
        const char *given = header_of(request, "Host");

        if (given) {
                add_line(to, given, "");
                return;
        }
        strbuf_add(to, "Host: ");
        strbuf_add_bytes(to, url->host.start, url->host.length);
        if (url->port.length > 0 && !piece_is(url->port, "80")) {
                strbuf_add_char(to, ':');
                strbuf_add_bytes(to, url->port.start, url->port.length);
        }
        strbuf_add(to, "\r\n");
}

static void add_identity(const struct http_request *request, struct strbuf *to) {
        AUTO_STRBUF struct strbuf pair = {0};

        if (request->bearer) {
                add_line(to, "Authorization: Bearer ", request->bearer);
        } else if (request->user) {
                strbuf_add(&pair, request->user);
                strbuf_add_char(&pair, ':');
                strbuf_add(&pair, request->password ? request->password : "");
                to->failed = to->failed || pair.failed;
                strbuf_add(to, "Authorization: Basic ");
                strbuf_add_base64(to, pair.data, pair.length);
                strbuf_add(to, "\r\n");
                if (pair.data) {
                        explicit_bzero(pair.data, pair.length);
                }
        }
}

static void add_headers(const struct http_request *request, struct strbuf *to) {
        if (!header_of(request, "User-Agent")) {
                add_line(to, "User-Agent: recoverd/", RECOVERD_VERSION);
        }
        if (!header_of(request, "Accept")) {
                add_line(to, "Accept: */*", "");
        }
        for (size_t i = 0; i < request->n_headers; i++) {
                if (!piece_is(name_of(request->headers[i]), "Host")) {
                        add_line(to, request->headers[i], "");
                }
        }
}

void http_plain_format(const struct http_request *request, struct strbuf *to) {
        const char *method = method_of(request);
        struct parts url = {0};

        bool splits = split_url(request->url, &url) && url.path;
        assert(splits); /* http_plain_suits() has seen to that */
        strbuf_add(to, method);
        strbuf_add(to, *url.path == '/' ? " " : " /");
        add_line(to, url.path, " HTTP/1.1");
        add_host(request, &url, to);
        add_identity(request, to);
        add_headers(request, to);
        if (request->body || str_eq(method, "POST")) {
                strbuf_add(to, "Content-Length: ");
                strbuf_add_u64(to, request->body_length);
                strbuf_add(to, "\r\n");
        }
        strbuf_add(to, "\r\n");
        strbuf_add_bytes(to, request->body, request->body_length);
}

const char *http_plain_peer(const struct http_request *request, char text[HTTP_PEER_MAX]) {
        struct parts url = {0};

        if (request->unix_socket || request->connect_to) {
                (void) str_copy(text, HTTP_PEER_MAX,
                        request->unix_socket ? request->unix_socket : request->connect_to);
                return text;
        }
        (void) split_url(request->url, &url);
        (void) snprintf(text, HTTP_PEER_MAX, "%.*s:%.*s", (int) url.host.length, url.host.start,
                url.port.length > 0 ? (int) url.port.length : 2,
                url.port.length > 0 ? url.port.start : "80");
        return text;
}
