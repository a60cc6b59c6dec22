#pragma once
/* Frames of Ethernet with which a host asks whether somebody has an address, and says that it has
 * it from now on: ARP for IPv4 (RFC 826, RFC 5227), Neighbor Discovery for IPv6 (RFC 4861, 7.2;
 * RFC 4862, 5.4). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NEIGHBOUR_MAC_SIZE = 6, NEIGHBOUR_FRAME_MAX = 128 };

struct neighbour_address {
        int family; /* AF_INET or AF_INET6 */
        uint8_t bytes[16]; /* in network order, as many as the family has */
};

/* "192.0.2.10" or "2001:db8::10"; -EINVAL. */
int neighbour_address_parse(const char *text, struct neighbour_address *ret);

/* ETH_P_ARP or ETH_P_IPV6. */
uint16_t neighbour_protocol(const struct neighbour_address *address);

/* A question that tells nobody anything: the caches of the others stay as they are. Returns its
 * length. */
size_t neighbour_make_probe(const struct neighbour_address *address,
        const uint8_t mac[NEIGHBOUR_MAC_SIZE], uint8_t ret[NEIGHBOUR_FRAME_MAX]);

/* After it the others send to this interface what is for the address. */
size_t neighbour_make_announcement(const struct neighbour_address *address,
        const uint8_t mac[NEIGHBOUR_MAC_SIZE], uint8_t ret[NEIGHBOUR_FRAME_MAX]);

/* Whether the frame says that another interface has the address, or asks for it at the same time;
 * then `ret` is whose it is. */
bool neighbour_is_conflict(const struct neighbour_address *address,
        const uint8_t mac[NEIGHBOUR_MAC_SIZE], const uint8_t *frame, size_t length,
        uint8_t ret[NEIGHBOUR_MAC_SIZE]);
