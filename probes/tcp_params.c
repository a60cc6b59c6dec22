#include "probes/tcp_params.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/str.h"
#include "io/resolver.h"
#include "probes/address.h"

static int refuse(char why[SCHEMA_WHY_MAX], const char *reason) {
        snprintf(why, SCHEMA_WHY_MAX, "%s", reason);
        return -EINVAL;
}

/* ---- address ---- */

static int parse_unix(const char *path, struct tcp_address *to, char why[SCHEMA_WHY_MAX]) {
        struct sockaddr_un local;
        if (*path != '/') {
                return refuse(why, "expected an absolute path after unix:");
        }
        if (strlen(path) >= sizeof(local.sun_path)) {
                return refuse(why, "the path of a socket has at most 107 bytes");
        }
        to->unix_path = path;
        return 0;
}

static int parse_port(const char *text, uint16_t *ret) {
        size_t digits = strspn(text, "0123456789");
        unsigned long port = digits > 0 && digits <= 5 ? strtoul(text, NULL, 10) : 0;
        if (text[digits] != '\0' || port < 1 || port > 65535) {
                return -EINVAL;
        }
        *ret = (uint16_t) port;
        return 0;
}

static bool is_host_name(const char *host) {
        for (const char *c = host; *c; c++) {
                if (!isascii((unsigned char) *c) ||
                        !(isalnum((unsigned char) *c) || strchr("-._", *c))) {
                        return false;
                }
        }
        return *host != '\0' && strlen(host) <= RESOLVER_NAME_MAX;
}

/* `text` is cut in two at the colon before the port. */
static int parse_host_port(char *text, struct tcp_address *to, char why[SCHEMA_WHY_MAX]) {
        union address address;
        char *colon = strrchr(text, ':');
        size_t length = colon ? (size_t) (colon - text) : 0;
        bool bracket = *text == '[';
        if (!colon || (bracket && (length < 3 || colon[-1] != ']'))) {
                return refuse(why, "expected host:port, [v6]:port or unix:/path");
        }
        if (parse_port(colon + 1, &to->port) < 0) {
                return refuse(why, "expected a port from 1 to 65535 after the colon");
        }
        colon[bracket ? -1 : 0] = '\0';
        to->host = text + bracket;
        if (bracket && !(strchr(to->host, ':') && address_parse(to->host, to->port, &address))) {
                return refuse(why, "expected an IPv6 address in the brackets");
        }
        if (!bracket && strchr(to->host, ':')) {
                return refuse(why, "an IPv6 address is written in brackets: [v6]:port");
        }
        return bracket || is_host_name(to->host) ? 0
                                                 : refuse(why, "the host is missing or malformed");
}

int tcp_parse_address(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        struct tcp_address *address = to;
        if (address->host || address->unix_path) {
                return refuse(why, "expected one address");
        }
        char *copy = arena_strdup(arena, text);
        if (!copy) {
                return refuse(why, "out of memory");
        }
        if (str_starts(copy, "unix:")) {
                return parse_unix(copy + strlen("unix:"), address, why);
        }
        return parse_host_port(copy, address, why);
}

/* ---- bytes ---- */

static int hex_value(char c) {
        static const char digits[] = "0123456789abcdef";
        const char *found = c ? strchr(digits, tolower((unsigned char) c)) : NULL;
        return found ? (int) (found - digits) : -1;
}

/* Reads what follows a backslash; returns how much of it that was, 0: not an escape. */
static size_t parse_escape(const char *text, char *ret) {
        static const char names[] = "rnt0\\", values[] = "\r\n\t\0\\";
        const char *name = *text ? strchr(names, *text) : NULL;
        if (name) {
                *ret = values[name - names];
                return 1;
        }
        if (*text != 'x' || hex_value(text[1]) < 0 || hex_value(text[2]) < 0) {
                return 0;
        }
        *ret = (char) (hex_value(text[1]) * 16 + hex_value(text[2]));
        return 3;
}

static int parse_bytes(
        const char *text, struct tcp_bytes *to, size_t most, struct arena *arena, char *why) {
        if (to->data) {
                return refuse(why, "expected one text");
        }
        size_t length = 0;
        char *data = arena_alloc(arena, strlen(text) + 1);
        if (!data) {
                return refuse(why, "out of memory");
        }
        while (*text) {
                size_t escape = *text == '\\' ? parse_escape(text + 1, &data[length]) : 0;
                if (*text == '\\' && escape == 0) {
                        return refuse(why,
                                "expected one of \\r \\n \\t \\0 \\\\ \\xHH after a backslash");
                }
                if (*text != '\\') {
                        data[length] = *text;
                }
                text += 1 + escape;
                length++;
        }
        if (length == 0 || length > most) {
                snprintf(why, SCHEMA_WHY_MAX, "expected 1 to %zu bytes", most);
                return -EINVAL;
        }
        data[length] = '\0';
        *to = (struct tcp_bytes){data, (uint32_t) length};
        return 0;
}

int tcp_parse_send(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        return parse_bytes(text, to, TCP_SEND_MAX, arena, why);
}

int tcp_parse_expect(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        return parse_bytes(text, to, TCP_EXPECT_MAX, arena, why);
}

/* ---- together ---- */

void tcp_check_params(const void *object, struct schema_report *report) {
        const struct tcp_params *params = object;
        const struct tcp_tls_params *tls = params->tls;
        if (tls && tls->enabled && tls->verify && params->address.unix_path && !tls->server_name) {
                schema_complain(report, "tls",
                        "a unix socket has no name to verify: give server_name, or verify: false");
        }
}
