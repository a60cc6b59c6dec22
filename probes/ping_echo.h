#pragma once
/* Echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443, section 4) over the
 * unprivileged datagram sockets of Linux (icmp(7), net.ipv4.ping_group_range): the kernel fills in
 * the identifier and the checksum, and hands over only the replies that belong to the socket. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/address.h"

enum {
        PING_HEADER_SIZE = 8,
        PING_NONCE_SIZE = 8, /* at the front of the data: a reply to another run is told apart */
        PING_DATA_MAX = 65507 - PING_HEADER_SIZE, /* bytes of an IPv4 packet */
};

/* Writes a request with `size` bytes of data, at least PING_NONCE_SIZE of them, to a buffer of
 * PING_HEADER_SIZE + size. */
void ping_echo_request(
        uint8_t *to, size_t size, bool v6, uint16_t sequence, const uint8_t nonce[PING_NONCE_SIZE]);

/* The sequence number of a reply to a request with this nonce, and all its data; -EBADMSG when it
 * is something else. The bytes come from outside. */
int ping_echo_parse(const uint8_t *bytes, size_t length, bool v6, size_t size,
        const uint8_t nonce[PING_NONCE_SIZE]);

/* The sequence number in a request of ours that came back with an error; -EBADMSG. */
int ping_echo_parse_returned(const uint8_t *bytes, size_t length, bool v6);

/* Non-blocking, connected to the address (its port does not matter), and told of ICMP errors.
 * `source` NULL: any. The descriptor; -EACCES: net.ipv4.ping_group_range does not hold this
 * process's group; other negative errno. */
int ping_echo_open(const union address *to, const union address *source);

/* Takes one ICMP error off the socket: its positive errno, and the sequence number of the request
 * that it is about, -1 if that cannot be told. 0: there is none. */
int ping_echo_error(int fd, bool v6, int *ret_sequence);
