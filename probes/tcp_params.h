#pragma once
/* Parameters of the TCP probe, and how the loader reads them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/schema.h"

enum {
        TCP_SEND_MAX = 4096, /* bytes sent */
        TCP_EXPECT_MAX = 1024, /* bytes expected */
        TCP_RECEIVED_MAX = 64 * 1024, /* bytes of an answer that are searched */
        TCP_USER_MAX = 255, /* bytes of a user or database name */
};

enum tcp_transport { TCP_TRANSPORT_TCP = 0, TCP_TRANSPORT_UDP };
DECLARE_ENUM_TEXT(tcp_transport)

struct tcp_address {
        const char *unix_path; /* NULL: host and port count */
        const char *host; /* a name or a numeric address, without brackets */
        uint16_t port; /* 0: the standard one of the protocol */
};

struct tcp_bytes {
        const char *data; /* NULL: none; may hold any bytes, and is terminated besides */
        uint32_t length;
};

struct tcp_tls_params {
        bool enabled, verify;
        const char *ca_file; /* NULL: the system's authorities */
        const char *server_name; /* NULL: the host */
        bool starttls; /* begins in clear, and agrees on TLS within the protocol */
};

struct tcp_params {
        struct tcp_address address;
        const struct tcp_tls_params *tls; /* NULL: none */
        struct tcp_bytes send, expect;
        int transport; /* enum tcp_transport */
        int protocol; /* enum protocol_kind */
        const char *user, *password_file, *database; /* NULL: none */
        usec_t max_latency; /* 0: no limit */
};

/* Each a schema_parse: host:port, [v6]:port or unix:/path into struct tcp_address; text with the
 * escapes \r \n \t \0 \\ \xHH, or bytes in hexadecimal, into struct tcp_bytes. */
int tcp_parse_address(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);
int tcp_parse_send(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);
int tcp_parse_expect(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);
int tcp_parse_send_hex(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);
int tcp_parse_expect_hex(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);

/* Cross-checks of struct tcp_params. */
void tcp_check_params(const void *object, struct schema_report *report);

/* Whether TLS is spoken from the first byte, and whether it is agreed on within the protocol. */
bool tcp_begins_with_tls(const struct tcp_params *params);
bool tcp_upgrades_to_tls(const struct tcp_params *params);

/* The port to connect to, of an address that is no unix socket. */
uint16_t tcp_port(const struct tcp_params *params);

enum { TCP_BYTES_TEXT_MAX = 64 };

/* Bytes in quotes, as one would write them in a policy; cut with ... when there are many. */
const char *tcp_format_bytes(const char *bytes, size_t length, char ret[TCP_BYTES_TEXT_MAX]);
