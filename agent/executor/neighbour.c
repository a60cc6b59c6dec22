#include "executor/neighbour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <string.h>

#define IPV6_WORD htonl(UINT32_C(6) << 28)

enum { IPV4_SIZE = 4, IPV6_SIZE = 16, HOPS_OF_A_NEIGHBOUR = 255, SOLICITED_SIZE = 3 };

struct arp_frame {
        struct ether_header ethernet;
        struct ether_arp arp;
} __attribute__((packed));

struct ipv6_frame {
        struct ether_header ethernet;
        struct ip6_hdr ip;
        /* A solicitation has the same members: only the type and the flags differ. */
        struct nd_neighbor_advert message;
} __attribute__((packed));

struct mac_option {
        struct nd_opt_hdr header;
        uint8_t mac[NEIGHBOUR_MAC_SIZE];
} __attribute__((packed));

int neighbour_address_parse(const char *text, struct neighbour_address *ret) {
        struct neighbour_address address = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
        if (inet_pton(address.family, text, address.bytes) != 1) {
                return -EINVAL;
        }
        *ret = address;
        return 0;
}

uint16_t neighbour_protocol(const struct neighbour_address *address) {
        return address->family == AF_INET ? ETH_P_ARP : ETH_P_IPV6;
}

/* ---- ARP ---- */

/* A request with the address as its target; `tells`: with the address as its sender's, too. */
static size_t make_arp(
        const struct neighbour_address *address, const uint8_t *mac, bool tells, uint8_t *ret) {
        struct arp_frame frame = {
                .ethernet.ether_type = htons(ETH_P_ARP),
                .arp.ea_hdr =
                        {
                                .ar_hrd = htons(ARPHRD_ETHER),
                                .ar_pro = htons(ETH_P_IP),
                                .ar_hln = NEIGHBOUR_MAC_SIZE,
                                .ar_pln = IPV4_SIZE,
                                .ar_op = htons(ARPOP_REQUEST),
                        },
        };
        memset(frame.ethernet.ether_dhost, 0xff, NEIGHBOUR_MAC_SIZE);
        memcpy(frame.ethernet.ether_shost, mac, NEIGHBOUR_MAC_SIZE);
        memcpy(frame.arp.arp_sha, mac, NEIGHBOUR_MAC_SIZE);
        memcpy(frame.arp.arp_tpa, address->bytes, IPV4_SIZE);
        if (tells) {
                memcpy(frame.arp.arp_spa, address->bytes, IPV4_SIZE);
        }
        memcpy(ret, &frame, sizeof(frame));
        return sizeof(frame);
}

static bool is_arp_conflict(
        const struct neighbour_address *address, const uint8_t *bytes, uint8_t *ret) {
        static const uint8_t nobody[IPV4_SIZE];
        struct arp_frame frame;
        memcpy(&frame, bytes, sizeof(frame));
        bool has_it = memcmp(frame.arp.arp_spa, address->bytes, IPV4_SIZE) == 0;
        bool asks_too = memcmp(frame.arp.arp_spa, nobody, IPV4_SIZE) == 0 &&
                        memcmp(frame.arp.arp_tpa, address->bytes, IPV4_SIZE) == 0;
        memcpy(ret, frame.arp.arp_sha, NEIGHBOUR_MAC_SIZE);
        return frame.arp.ea_hdr.ar_pro == htons(ETH_P_IP) && (has_it || asks_too);
}

/* ---- Neighbor Discovery ---- */

/* RFC 4443, 2.3: over a pseudo header, which has the same sum in whatever order. */
static uint16_t checksum(
        const uint8_t addresses[2 * IPV6_SIZE], const uint8_t *message, size_t length) {
        uint32_t sum = (uint32_t) length + IPPROTO_ICMPV6;
        for (size_t i = 0; i < 2 * IPV6_SIZE; i += 2) {
                sum += (uint32_t) addresses[i] << 8 | addresses[i + 1];
        }
        for (size_t i = 0; i < length; i += 2) {
                sum += (uint32_t) message[i] << 8 | message[i + 1];
        }
        while (sum >> 16) {
                sum = (sum & 0xffff) + (sum >> 16);
        }
        return htons((uint16_t) ~sum);
}

static void set_multicast(struct ipv6_frame *frame, const uint8_t group[IPV6_SIZE]) {
        memcpy(&frame->ip.ip6_dst, group, IPV6_SIZE);
        frame->ethernet.ether_dhost[0] = frame->ethernet.ether_dhost[1] = 0x33;
        memcpy(frame->ethernet.ether_dhost + 2, group + IPV6_SIZE - 4, 4);
}

static size_t finish_ipv6(struct ipv6_frame *frame, const struct neighbour_address *address,
        const uint8_t *mac, const struct mac_option *option, uint8_t *ret) {
        size_t length = sizeof(frame->message) + (option ? sizeof(*option) : 0);
        uint8_t *message = ret + offsetof(struct ipv6_frame, message);
        frame->ethernet.ether_type = htons(ETH_P_IPV6);
        memcpy(frame->ethernet.ether_shost, mac, NEIGHBOUR_MAC_SIZE);
        frame->ip.ip6_flow = IPV6_WORD;
        frame->ip.ip6_plen = htons((uint16_t) length);
        frame->ip.ip6_nxt = IPPROTO_ICMPV6;
        frame->ip.ip6_hlim = HOPS_OF_A_NEIGHBOUR;
        memcpy(&frame->message.nd_na_target, address->bytes, IPV6_SIZE);
        memcpy(ret, frame, sizeof(*frame));
        if (option) {
                memcpy(ret + sizeof(*frame), option, sizeof(*option));
        }
        uint8_t addresses[2 * IPV6_SIZE];
        memcpy(addresses, &frame->ip.ip6_src, IPV6_SIZE);
        memcpy(addresses + IPV6_SIZE, &frame->ip.ip6_dst, IPV6_SIZE);
        uint16_t sum = checksum(addresses, message, length);
        memcpy(message + offsetof(struct icmp6_hdr, icmp6_cksum), &sum, sizeof(sum));
        return sizeof(*frame) + (option ? sizeof(*option) : 0);
}

/* To the solicited-node group of the address, from nobody. */
static size_t make_solicitation(
        const struct neighbour_address *address, const uint8_t *mac, uint8_t *ret) {
        struct ipv6_frame frame = {.message.nd_na_type = ND_NEIGHBOR_SOLICIT};
        uint8_t group[IPV6_SIZE] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};
        memcpy(group + IPV6_SIZE - SOLICITED_SIZE, address->bytes + IPV6_SIZE - SOLICITED_SIZE,
                SOLICITED_SIZE);
        set_multicast(&frame, group);
        return finish_ipv6(&frame, address, mac, NULL, ret);
}

/* To all nodes of the link. */
static size_t make_advertisement(
        const struct neighbour_address *address, const uint8_t *mac, uint8_t *ret) {
        struct ipv6_frame frame = {
                .message.nd_na_type = ND_NEIGHBOR_ADVERT,
                .message.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
        };
        struct mac_option option = {.header = {ND_OPT_TARGET_LINKADDR, 1}};
        static const uint8_t all_nodes[IPV6_SIZE] = {0xff, 0x02, [15] = 0x01};
        memcpy(option.mac, mac, NEIGHBOUR_MAC_SIZE);
        memcpy(&frame.ip.ip6_src, address->bytes, IPV6_SIZE);
        set_multicast(&frame, all_nodes);
        return finish_ipv6(&frame, address, mac, &option, ret);
}

static bool is_ipv6_conflict(
        const struct neighbour_address *address, const uint8_t *bytes, uint8_t *ret) {
        static const struct in6_addr nobody;
        struct ipv6_frame frame;
        memcpy(&frame, bytes, sizeof(frame));
        bool is_message = frame.ip.ip6_nxt == IPPROTO_ICMPV6 &&
                          frame.ip.ip6_hlim == HOPS_OF_A_NEIGHBOUR &&
                          memcmp(&frame.message.nd_na_target, address->bytes, IPV6_SIZE) == 0;
        bool has_it = frame.message.nd_na_type == ND_NEIGHBOR_ADVERT;
        bool asks_too = frame.message.nd_na_type == ND_NEIGHBOR_SOLICIT &&
                        memcmp(&frame.ip.ip6_src, &nobody, sizeof(nobody)) == 0;
        memcpy(ret, frame.ethernet.ether_shost, NEIGHBOUR_MAC_SIZE);
        return is_message && (has_it || asks_too);
}

/* ---- Either ---- */

size_t neighbour_make_probe(const struct neighbour_address *address,
        const uint8_t mac[NEIGHBOUR_MAC_SIZE], uint8_t ret[NEIGHBOUR_FRAME_MAX]) {
        return address->family == AF_INET ? make_arp(address, mac, false, ret)
                                          : make_solicitation(address, mac, ret);
}

size_t neighbour_make_announcement(const struct neighbour_address *address,
        const uint8_t mac[NEIGHBOUR_MAC_SIZE], uint8_t ret[NEIGHBOUR_FRAME_MAX]) {
        return address->family == AF_INET ? make_arp(address, mac, true, ret)
                                          : make_advertisement(address, mac, ret);
}

bool neighbour_is_conflict(const struct neighbour_address *address,
        const uint8_t mac[NEIGHBOUR_MAC_SIZE], const uint8_t *frame, size_t length,
        uint8_t ret[NEIGHBOUR_MAC_SIZE]) {
        bool v4 = address->family == AF_INET;
        if (length < (v4 ? sizeof(struct arp_frame) : sizeof(struct ipv6_frame))) {
                return false;
        }
        uint8_t whose[NEIGHBOUR_MAC_SIZE];
        bool conflict = v4 ? is_arp_conflict(address, frame, whose)
                           : is_ipv6_conflict(address, frame, whose);
        if (!conflict || memcmp(whose, mac, NEIGHBOUR_MAC_SIZE) == 0) {
                return false;
        }
        memcpy(ret, whose, NEIGHBOUR_MAC_SIZE);
        return true;
}
