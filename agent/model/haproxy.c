#include "model/haproxy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/str.h"

#define TCP "tcp "

/* ---- Servers ---- */

static bool is_name(const char *text, size_t length) {
        for (size_t i = 0; i < length; i++) {
                if (!isalnum((unsigned char) text[i]) && !strchr("-_.:", text[i])) {
                        return false;
                }
        }
        return length > 0 && length < HAPROXY_NAME_MAX;
}

int haproxy_target_parse(const char *text, struct haproxy_target *ret, struct error *err) {
        const char *slash = strchr(text, '/');
        size_t length = slash ? (size_t) (slash - text) : 0;
        if (!slash || !is_name(text, length) || !is_name(slash + 1, strlen(slash + 1))) {
                return error_set(err, EINVAL, "expected BACKEND/SERVER, as in shop/web1");
        }
        memcpy(ret->backend, text, length);
        ret->backend[length] = '\0';
        str_copy(ret->server, sizeof(ret->server), slash + 1);
        return 0;
}

/* ---- Numbers ---- */

/* Digits alone, and no more of them than is ever needed. */
static int parse_number(const char *text, size_t length, unsigned long most, unsigned long *ret) {
        char digits[8];
        if (length == 0 || length >= sizeof(digits) || strspn(text, "0123456789") < length) {
                return -EINVAL;
        }
        memcpy(digits, text, length);
        digits[length] = '\0';
        *ret = strtoul(digits, NULL, 10);
        return *ret <= most ? 0 : -EINVAL;
}

int haproxy_weight_parse(const char *text, struct haproxy_weight *ret, struct error *err) {
        size_t length = strlen(text);
        bool percent = length > 0 && text[length - 1] == '%';
        unsigned long value;
        if (parse_number(text, length - percent, percent ? 100 : HAPROXY_WEIGHT_MAX, &value) < 0) {
                return error_set(err, EINVAL, "expected 0 to 256, or 0%% to 100%%");
        }
        *ret = (struct haproxy_weight){.value = (uint32_t) value, .percent = percent};
        return 0;
}

/* ---- Sockets ---- */

static int parse_path(const char *text, struct haproxy_socket *ret, struct error *err) {
        struct sockaddr_un *address = (struct sockaddr_un *) &ret->address;
        if (strlen(text) >= sizeof(address->sun_path)) {
                return error_set(err, EINVAL, "a path of more than %zu bytes",
                        sizeof(address->sun_path) - 1);
        }
        address->sun_family = AF_UNIX;
        str_copy(address->sun_path, sizeof(address->sun_path), text);
        ret->length = sizeof(*address);
        return 0;
}

static bool parse_ip(const char *host, unsigned long port, struct haproxy_socket *ret) {
        struct sockaddr_in *v4 = (struct sockaddr_in *) &ret->address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &ret->address;
        size_t length = strlen(host);
        if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons((uint16_t) port);
                ret->length = sizeof(*v4);
                return true;
        }
        char inside[INET6_ADDRSTRLEN];
        if (*host != '[' || host[length - 1] != ']' || length - 2 >= sizeof(inside)) {
                return false;
        }
        memcpy(inside, host + 1, length - 2);
        inside[length - 2] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t) port);
        ret->length = sizeof(*v6);
        return inet_pton(AF_INET6, inside, &v6->sin6_addr) == 1;
}

static bool parse_tcp(const char *text, struct haproxy_socket *ret) {
        const char *colon = strrchr(text, ':');
        char host[INET6_ADDRSTRLEN + 2];
        unsigned long port;
        size_t length = colon ? (size_t) (colon - text) : 0;
        if (length == 0 || length >= sizeof(host) ||
                parse_number(colon + 1, strlen(colon + 1), UINT16_MAX, &port) < 0 || port == 0) {
                return false;
        }
        memcpy(host, text, length);
        host[length] = '\0';
        return parse_ip(host, port, ret);
}

int haproxy_socket_parse(const char *text, struct haproxy_socket *ret, struct error *err) {
        *ret = (struct haproxy_socket){0};
        if (*text == '/') {
                return parse_path(text, ret, err);
        }
        if (str_starts(text, TCP) && parse_tcp(text + strlen(TCP), ret)) {
                return 0;
        }
        return error_set(err, EINVAL,
                "expected an absolute path, or 'tcp ADDRESS:PORT' with an address in numbers");
}
