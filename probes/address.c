#include "probes/address.h"

#include <arpa/inet.h>
#include <stdio.h>

bool address_parse(const char *text, uint16_t port, union address *ret) {
        union address address = {0};
        if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
                address.v4.sin_family = AF_INET;
                address.v4.sin_port = htons(port);
        } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
                address.v6.sin6_family = AF_INET6;
                address.v6.sin6_port = htons(port);
        } else {
                return false;
        }
        *ret = address;
        return true;
}

socklen_t address_length(const union address *address) {
        return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

const char *address_format(const union address *address, char text[ADDRESS_TEXT_MAX]) {
        char host[INET6_ADDRSTRLEN];
        if (address->any.sa_family == AF_INET) {
                inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
                (void) snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
        } else {
                inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
                (void) snprintf(
                        text, ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
        }
        return text;
}

bool address_is_loopback(const union address *address) {
        if (address->any.sa_family == AF_INET) {
                return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        }
        return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}
