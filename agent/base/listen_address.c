#include "base/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { HOST_MAX = 64, LISTEN_BACKLOG = 64 };

static int bad_address(const char *text, struct error *err) {
        return error_set(err, EINVAL,
                "listen address '%s': expected ADDRESS:PORT such as 127.0.0.1:7790 or [::1]:7790",
                text);
}

/* Splits "host:port" and "[host]:port"; host may be empty. Returns the port text, NULL when
 * malformed. */
static const char *split(const char *text, char host[HOST_MAX]) {
        const char *colon = strrchr(text, ':');
        if (!colon) {
                return NULL;
        }
        const char *begin = text, *end = colon;
        if (*begin == '[') {
                if (end - begin < 2 || end[-1] != ']') {
                        return NULL;
                }
                begin++;
                end--;
        } else if (memchr(begin, ':', (size_t) (end - begin))) {
                return NULL; /* an IPv6 address without brackets is ambiguous */
        }
        size_t length = (size_t) (end - begin);
        if (length >= HOST_MAX) {
                return NULL;
        }
        memcpy(host, begin, length);
        host[length] = 0;
        return colon + 1;
}

static int parse_port(const char *text, in_port_t *ret) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 5 || text[digits]) {
                return -EINVAL;
        }
        long port = strtol(text, NULL, 10);
        if (port < 1 || port > 65535) {
                return -EINVAL;
        }
        *ret = htons((in_port_t) port);
        return 0;
}

int listen_address_parse(const char *text, struct listen_address *ret, struct error *err) {
        char host[HOST_MAX];
        in_port_t port;
        const char *port_text = split(text, host);
        if (!port_text || parse_port(port_text, &port) < 0) {
                return bad_address(text, err);
        }
        struct listen_address parsed = {0};
        struct sockaddr_in *v4 = (struct sockaddr_in *) &parsed.address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &parsed.address;
        if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = port;
                parsed.length = sizeof(*v4);
        } else {
                memset(&parsed, 0, sizeof(parsed));
                if (*host && inet_pton(AF_INET6, host, &v6->sin6_addr) != 1) {
                        return bad_address(text, err);
                }
                v6->sin6_family = AF_INET6; /* an empty host is :: and takes IPv4 as well */
                v6->sin6_port = port;
                parsed.length = sizeof(*v6);
        }
        *ret = parsed;
        return 0;
}

static int prepare(int fd, const struct listen_address *address) {
        static const int on = 1, off = 0;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) {
                return -errno;
        }
        if (address->address.ss_family == AF_INET6 &&
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) {
                return -errno;
        }
        if (bind(fd, (const struct sockaddr *) &address->address, address->length) < 0 ||
                listen(fd, LISTEN_BACKLOG) < 0) {
                return -errno;
        }
        return 0;
}

int listen_address_open(const char *text, struct error *err) {
        struct listen_address address = {0};
        int r = listen_address_parse(text, &address, err);
        if (r < 0) {
                return r;
        }
        AUTO_CLOSE int fd =
                socket(address.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
                return error_set_errno(err, errno, "listen on %s", text);
        }
        r = prepare(fd, &address);
        if (r == -EADDRINUSE) {
                return error_set(err, EADDRINUSE,
                        "listen on %s: another program uses this port; choose another with "
                        "'agent: {listen: ADDRESS:PORT}' or 'listen: none' in recoverd.yaml",
                        text);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "listen on %s", text);
        }
        return TAKE_FD(fd);
}
