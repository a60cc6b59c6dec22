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
};

struct tcp_address {
        const char *unix_path; /* NULL: host and port count */
        const char *host; /* a name or a numeric address, without brackets */
        uint16_t port;
};

struct tcp_bytes {
        const char *data; /* NULL: none; may hold any bytes, and is terminated besides */
        uint32_t length;
};

struct tcp_tls_params {
        bool enabled, verify;
        const char *ca_file; /* NULL: the system's authorities */
        const char *server_name; /* NULL: the host */
};

struct tcp_params {
        struct tcp_address address;
        const struct tcp_tls_params *tls; /* NULL: none */
        struct tcp_bytes send, expect;
        usec_t max_latency; /* 0: no limit */
};

/* Each a schema_parse: host:port, [v6]:port or unix:/path into struct tcp_address; text with the
 * escapes \r \n \t \0 \\ \xHH into struct tcp_bytes. */
int tcp_parse_address(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);
int tcp_parse_send(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);
int tcp_parse_expect(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);

/* Cross-checks of struct tcp_params. */
void tcp_check_params(const void *object, struct schema_report *report);
