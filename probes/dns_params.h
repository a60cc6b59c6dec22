#pragma once
/* Parameters of the DNS probe, how the loader reads them, and what an answer means by them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/schema.h"
#include "probes/address.h"
#include "probes/dns_message.h"
#include "probes/probe.h"

enum dns_transport {
        DNS_TRANSPORT_UDP = 0, /* and TCP for what is truncated */
        DNS_TRANSPORT_TCP,
};
DECLARE_ENUM_TEXT(dns_transport)

struct dns_server {
        bool given;
        union address address;
};

struct dns_params {
        struct dns_server server; /* not given: the first of /etc/resolv.conf */
        const char *name;
        int type; /* enum dns_type */
        struct strings expect; /* none: any record will do */
        bool exact; /* nothing but what is expected */
        int rcode; /* enum dns_rcode, expected */
        int transport; /* enum dns_transport */
        usec_t max_latency; /* 0: no limit */
};

/* A schema_parse: 127.0.0.1, 127.0.0.1:53, ::1, [::1]:53 into struct dns_server. */
int dns_parse_server(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]);

/* Cross-checks of struct dns_params. */
void dns_check_params(const void *object, struct schema_report *report);

/* The first name server in the text of a resolv.conf(5); as the C library has it, 127.0.0.1 when
 * there is none. */
void dns_first_server(const char *resolv_conf, union address *ret);

/* Fills the result of a run by an answer that took so long. */
void dns_judge(const struct dns_params *params, const struct dns_answer *answer, usec_t took,
        struct probe_result *result);
