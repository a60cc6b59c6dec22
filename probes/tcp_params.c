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
#include "probes/protocol.h"

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

/* Cuts the port off; 0 where there is none. */
static int split_port(char *text, uint16_t *ret) {
        char *colon = strrchr(text, ':');
        *ret = 0;
        if (!colon || strchr(colon, ']')) { /* a colon within the brackets */
                return 0;
        }
        *colon = '\0';
        return parse_port(colon + 1, ret);
}

static int parse_host_port(char *text, struct tcp_address *to, char why[SCHEMA_WHY_MAX]) {
        union address address;
        bool bracket = *text == '[';
        if (split_port(text, &to->port) < 0) {
                return refuse(why, "expected a port from 1 to 65535 after the colon");
        }
        size_t length = strlen(text);
        if (bracket && (length < 3 || text[length - 1] != ']')) {
                return refuse(why, "expected host:port, [v6]:port or unix:/path");
        }
        if (bracket) {
                text[length - 1] = '\0';
        }
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

/* Bytes of a policy under way: at most as many as there are characters. */
struct parsed {
        char *data; /* in the arena, one more than there are characters */
        size_t length;
};

static int begin_bytes(const char *text, const struct tcp_bytes *to, struct arena *arena,
        struct parsed *ret, char why[SCHEMA_WHY_MAX]) {
        if (to->data) {
                return refuse(why, "expected one text, as text or in hexadecimal");
        }
        ret->length = 0;
        ret->data = arena_alloc(arena, strlen(text) + 1);
        return ret->data ? 0 : refuse(why, "out of memory");
}

static int end_bytes(
        const struct parsed *parsed, size_t most, struct tcp_bytes *to, char why[SCHEMA_WHY_MAX]) {
        if (parsed->length == 0 || parsed->length > most) {
                snprintf(why, SCHEMA_WHY_MAX, "expected 1 to %zu bytes", most);
                return -EINVAL;
        }
        parsed->data[parsed->length] = '\0';
        *to = (struct tcp_bytes){parsed->data, (uint32_t) parsed->length};
        return 0;
}

static int parse_text(const char *text, struct tcp_bytes *to, size_t most, struct arena *arena,
        char why[SCHEMA_WHY_MAX]) {
        struct parsed parsed;
        int r = begin_bytes(text, to, arena, &parsed, why);
        while (r == 0 && *text) {
                char *at = &parsed.data[parsed.length++];
                size_t escape = *text == '\\' ? parse_escape(text + 1, at) : 0;
                if (*text == '\\' && escape == 0) {
                        return refuse(why,
                                "expected one of \\r \\n \\t \\0 \\\\ \\xHH after a backslash");
                }
                if (*text != '\\') {
                        *at = *text;
                }
                text += 1 + escape;
        }
        return r < 0 ? r : end_bytes(&parsed, most, to, why);
}

/* Pairs of digits, with blanks between them or not. */
static int parse_hex(const char *text, struct tcp_bytes *to, size_t most, struct arena *arena,
        char why[SCHEMA_WHY_MAX]) {
        struct parsed parsed;
        int r = begin_bytes(text, to, arena, &parsed, why);
        while (r == 0 && *(text += strspn(text, " "))) {
                if (hex_value(text[0]) < 0 || hex_value(text[1]) < 0) {
                        return refuse(why, "expected pairs of hexadecimal digits such as 0a ff");
                }
                parsed.data[parsed.length++] =
                        (char) (hex_value(text[0]) * 16 + hex_value(text[1]));
                text += 2;
        }
        return r < 0 ? r : end_bytes(&parsed, most, to, why);
}

int tcp_parse_send(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        return parse_text(text, to, TCP_SEND_MAX, arena, why);
}

int tcp_parse_expect(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        return parse_text(text, to, TCP_EXPECT_MAX, arena, why);
}

int tcp_parse_send_hex(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        return parse_hex(text, to, TCP_SEND_MAX, arena, why);
}

int tcp_parse_expect_hex(
        const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        return parse_hex(text, to, TCP_EXPECT_MAX, arena, why);
}

static size_t escape_byte(unsigned char byte, char ret[sizeof("\\xHH")]) {
        static const char values[] = "\r\n\t\\", names[] = "rnt\\";
        const char *found = byte ? strchr(values, byte) : NULL;
        if (found) {
                return (size_t) snprintf(ret, sizeof("\\xHH"), "\\%c", names[found - values]);
        }
        return (size_t) snprintf(
                ret, sizeof("\\xHH"), byte >= ' ' && byte <= '~' ? "%c" : "\\x%02x", byte);
}

const char *tcp_format_bytes(const char *bytes, size_t length, char ret[TCP_BYTES_TEXT_MAX]) {
        char escape[sizeof("\\xHH")];
        size_t used = 0;
        ret[used++] = '"';
        for (size_t i = 0; i < length; i++) {
                size_t n = escape_byte((unsigned char) bytes[i], escape);
                if (used + n + sizeof("...\"") > TCP_BYTES_TEXT_MAX) {
                        memcpy(ret + used, "...", 3);
                        used += 3;
                        break;
                }
                memcpy(ret + used, escape, n);
                used += n;
        }
        ret[used++] = '"';
        ret[used] = '\0';
        return ret;
}

/* ---- together ---- */

const struct enum_text tcp_transport_texts[] = {
        {TCP_TRANSPORT_TCP, "tcp", "A connection."},
        {TCP_TRANSPORT_UDP, "udp", "One datagram there, and one back, which must be expected."},
        {0},
};

static bool wants_tls(const struct tcp_params *params) {
        return params->tls && params->tls->enabled;
}

bool tcp_upgrades_to_tls(const struct tcp_params *params) {
        const struct protocol *protocol = protocol_of(params->protocol);
        return wants_tls(params) && protocol &&
               (protocol->tls == PROTOCOL_TLS_WITHIN || params->tls->starttls);
}

bool tcp_begins_with_tls(const struct tcp_params *params) {
        return wants_tls(params) && !tcp_upgrades_to_tls(params);
}

uint16_t tcp_port(const struct tcp_params *params) {
        const struct protocol *protocol = protocol_of(params->protocol);
        if (params->address.port || !protocol) {
                return params->address.port;
        }
        return tcp_begins_with_tls(params) && protocol->tls_port ? protocol->tls_port
                                                                 : protocol->port;
}

static void check_address(const struct tcp_params *params, struct schema_report *report) {
        if (!params->address.unix_path && params->address.port == 0 && !params->protocol) {
                schema_complain(report, "address",
                        "expected host:port, [v6]:port or unix:/path; only a protocol has a "
                        "standard port");
        }
}

static void check_tls(const struct tcp_params *params, struct schema_report *report) {
        const struct tcp_tls_params *tls = params->tls;
        const struct protocol *protocol = protocol_of(params->protocol);
        if (!wants_tls(params)) {
                return;
        }
        if (tls->verify && params->address.unix_path && !tls->server_name) {
                schema_complain(report, "tls",
                        "a unix socket has no name to verify: give server_name, or verify: false");
        }
        if (tls->starttls && !(protocol && protocol->tls == PROTOCOL_TLS_EITHER)) {
                schema_complain(report, "tls",
                        "starttls is of the protocols smtp, imap and ldap; postgresql and mysql "
                        "need no word for it");
        }
}

static void check_login_name(const char *key, const char *name, struct schema_report *report) {
        if (name && (!*name || strlen(name) > TCP_USER_MAX)) {
                schema_complain(report, key, "%s has 1 to %d bytes", key, TCP_USER_MAX);
        }
}

/* Which of user and password_file need the other, and which may be there at all. */
static void check_login(const struct tcp_params *params, struct schema_report *report) {
        const struct protocol *protocol = protocol_of(params->protocol);
        enum protocol_login login = protocol ? protocol->login : PROTOCOL_ANONYMOUS;
        bool user = params->user, password = params->password_file;
        check_login_name("user", params->user, report);
        check_login_name("database", params->database, report);
        if (params->database && !(protocol && protocol->database)) {
                schema_complain(report, "database",
                        "database is for the protocols postgresql, mysql and amqp");
        }
        if ((user || password) && login == PROTOCOL_ANONYMOUS) {
                schema_complain(report, user ? "user" : "password_file",
                        "a login is for the protocols redis, postgresql, mysql, ldap, amqp and mqtt");
        } else if (user && !password && login != PROTOCOL_USER) {
                schema_complain(report, "user", "user needs password_file with this protocol");
        } else if (password && !user && login != PROTOCOL_PASSWORD) {
                schema_complain(report, "password_file", "password_file needs user");
        }
}

static void check_protocol(const struct tcp_params *params, struct schema_report *report) {
        if (params->protocol && (params->send.data || params->expect.data)) {
                schema_complain(report, "protocol",
                        "protocol knows what to send and to expect: leave out %s",
                        params->send.data ? "send" : "expect");
        }
}

static void check_udp(const struct tcp_params *params, struct schema_report *report) {
        const struct protocol *protocol = protocol_of(params->protocol);
        if (params->transport != TCP_TRANSPORT_UDP) {
                return;
        }
        if (params->address.unix_path || wants_tls(params)) {
                schema_complain(report, "transport", "udp has neither unix sockets nor TLS");
        }
        if (protocol && !protocol->datagrams) {
                schema_complain(
                        report, "transport", "of the protocols only dns is spoken over udp");
        }
        if (!protocol && !(params->send.data && params->expect.data)) {
                schema_complain(report, "transport",
                        "udp without an answer proves nothing: give send and expect");
        }
}

void tcp_check_params(const void *object, struct schema_report *report) {
        const struct tcp_params *params = object;
        check_address(params, report);
        check_tls(params, report);
        check_protocol(params, report);
        check_login(params, report);
        check_udp(params, report);
}
