#pragma once
/* Numeric internet addresses of probes. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

union address {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
};

enum { ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN + sizeof("[]:65535") };

/* False: not an IPv4 or IPv6 address. */
bool address_parse(const char *text, uint16_t port, union address *ret);

socklen_t address_length(const union address *address);

/* "192.0.2.1:80", "[2001:db8::1]:80". Returns text. */
const char *address_format(const union address *address, char text[ADDRESS_TEXT_MAX]);

/* Whether it is this host's own, which nobody else can listen in to: 127.0.0.0/8, ::1. */
bool address_is_loopback(const union address *address);
