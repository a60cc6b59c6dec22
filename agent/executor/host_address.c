#include "executor/host_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum {
        ANSWER_SECONDS = 2, /* the kernel's */
        ANSWER_MAX = 64 * 1024,
        REQUEST_MAX = 256,
        INTERFACES_MAX = 16, /* that have one and the same address */
};

struct request {
        struct nlmsghdr header;
        union {
                struct ifaddrmsg address;
                struct ifinfomsg link;
                char room[REQUEST_MAX];
        };
};

struct places { /* the interfaces that have an address, and how */
        const struct address_spec *address;
        struct place {
                unsigned index;
                unsigned char prefix;
        } items[INTERFACES_MAX];
        unsigned count;
};

static size_t size_of(const struct address_spec *address) {
        return address->family == AF_INET ? 4 : 16;
}

const char *host_address_format(
        const struct address_spec *address, char text[HOST_ADDRESS_TEXT_MAX]) {
        char number[INET6_ADDRSTRLEN] = "";
        inet_ntop(address->family, address->bytes, number, sizeof(number));
        snprintf(text, HOST_ADDRESS_TEXT_MAX, "%s/%u dev %.15s", number, address->prefix,
                address->device);
        return text;
}

/* ---- Questions and answers ---- */

static int open_netlink(struct error *err) {
        AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
                return error_set_errno(err, errno, "rtnetlink");
        }
        return TAKE_FD(fd);
}

static void add_attribute(
        struct request *request, unsigned short type, const void *data, size_t size) {
        struct rtattr *attribute =
                (struct rtattr *) ((char *) request + NLMSG_ALIGN(request->header.nlmsg_len));
        attribute->rta_type = type;
        attribute->rta_len = (unsigned short) RTA_LENGTH(size);
        memcpy(RTA_DATA(attribute), data, size);
        request->header.nlmsg_len =
                (uint32_t) (NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(size)));
}

/* Calls back for each message of the answer; 0 at its end, or the kernel's error. */
static int ask(const struct request *request,
        void (*found)(void *cookie, const struct nlmsghdr *message), void *cookie) {
        AUTO_CLOSE int fd = open_netlink(NULL);
        AUTO_FREE char *answer = malloc(ANSWER_MAX);
        if (fd < 0 || !answer) {
                return fd < 0 ? fd : -ENOMEM;
        }
        if (send(fd, request, request->header.nlmsg_len, 0) < 0) {
                return -errno;
        }
        for (;;) {
                ssize_t length = recv(fd, answer, ANSWER_MAX, 0);
                if (length < 0) {
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                }
                const struct nlmsghdr *message = (const struct nlmsghdr *) answer;
                for (unsigned left = (unsigned) length; NLMSG_OK(message, left);
                        message = NLMSG_NEXT(message, left)) {
                        if (message->nlmsg_type == NLMSG_ERROR) {
                                return ((const struct nlmsgerr *) NLMSG_DATA(message))->error;
                        }
                        if (message->nlmsg_type == NLMSG_DONE) {
                                return 0;
                        }
                        if (found) {
                                found(cookie, message);
                        }
                }
        }
}

/* ---- Interfaces ---- */

static void take_index(void *cookie, const struct nlmsghdr *message) {
        *(unsigned *) cookie =
                (unsigned) ((const struct ifinfomsg *) NLMSG_DATA(message))->ifi_index;
}

/* The answer about one interface ends with its acknowledgement. */
static int find_index(const char *device, unsigned *ret, struct error *err) {
        struct request request = {
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                        .nlmsg_type = RTM_GETLINK,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        };
        unsigned index = 0;
        add_attribute(&request, IFLA_IFNAME, device, strlen(device) + 1);
        int r = ask(&request, take_index, &index);
        if (r == -ENODEV || (r == 0 && index == 0)) {
                return error_set(err, ENODEV, "there is no interface %.15s here", device);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "%.15s", device);
        }
        *ret = index;
        return 0;
}

static void take_name(void *cookie, const struct nlmsghdr *message) {
        const struct ifinfomsg *link = NLMSG_DATA(message);
        const struct rtattr *attribute = IFLA_RTA(link);
        for (unsigned left = (unsigned) IFLA_PAYLOAD(message); RTA_OK(attribute, left);
                attribute = RTA_NEXT(attribute, left)) {
                if (attribute->rta_type == IFLA_IFNAME) {
                        str_copy(cookie, HOST_DEVICE_MAX, RTA_DATA(attribute));
                }
        }
}

static void find_name(unsigned index, char ret[HOST_DEVICE_MAX]) {
        struct request request = {
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                        .nlmsg_type = RTM_GETLINK,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
                .link.ifi_index = (int) index,
        };
        snprintf(ret, HOST_DEVICE_MAX, "%u", index); /* it may be gone just now */
        (void) ask(&request, take_name, ret);
}

/* ---- Addresses ---- */

/* Of an interface with a peer IFA_ADDRESS is the peer's. */
static bool is_same(const struct nlmsghdr *message, const struct address_spec *address) {
        const struct ifaddrmsg *header = NLMSG_DATA(message);
        const struct rtattr *attribute = IFA_RTA(header);
        const void *own = NULL, *local = NULL;
        size_t size = size_of(address);
        for (unsigned left = (unsigned) IFA_PAYLOAD(message); RTA_OK(attribute, left);
                attribute = RTA_NEXT(attribute, left)) {
                if (RTA_PAYLOAD(attribute) == size) {
                        own = attribute->rta_type == IFA_ADDRESS ? RTA_DATA(attribute) : own;
                        local = attribute->rta_type == IFA_LOCAL ? RTA_DATA(attribute) : local;
                }
        }
        const void *which = local ? local : own;
        return header->ifa_family == address->family && which &&
               memcmp(which, address->bytes, size) == 0;
}

static void take_place(void *cookie, const struct nlmsghdr *message) {
        struct places *places = cookie;
        const struct ifaddrmsg *header = NLMSG_DATA(message);
        if (message->nlmsg_type == RTM_NEWADDR && places->count < INTERFACES_MAX &&
                is_same(message, places->address)) {
                places->items[places->count++] =
                        (struct place){header->ifa_index, header->ifa_prefixlen};
        }
}

static int find_places(const struct address_spec *address, struct places *ret, struct error *err) {
        const struct request request = {
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
                        .nlmsg_type = RTM_GETADDR,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                .address.ifa_family = (unsigned char) address->family,
        };
        *ret = (struct places){.address = address};
        int r = ask(&request, take_place, ret);
        return r < 0 ? error_set_errno(err, -r, "the addresses of this host") : 0;
}

static int change(unsigned short type, unsigned short flags, const struct address_spec *address,
        struct place place) {
        struct request request = {
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
                        .nlmsg_type = type,
                        .nlmsg_flags = (unsigned short) (NLM_F_REQUEST | NLM_F_ACK | flags)},
                .address = {.ifa_family = (unsigned char) address->family,
                        .ifa_prefixlen = place.prefix,
                        .ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
                        .ifa_index = place.index},
        };
        add_attribute(&request, IFA_LOCAL, address->bytes, size_of(address));
        add_attribute(&request, IFA_ADDRESS, address->bytes, size_of(address));
        return ask(&request, NULL, NULL);
}

int host_address_find(
        const struct address_spec *address, char ret_device[HOST_DEVICE_MAX], struct error *err) {
        struct places places;
        int r = find_places(address, &places, err);
        if (r < 0 || places.count == 0) {
                return r;
        }
        find_name(places.items[0].index, ret_device);
        return 1;
}

int host_address_add(const struct address_spec *address, struct error *err) {
        char text[HOST_ADDRESS_TEXT_MAX];
        struct place place = {.prefix = (unsigned char) address->prefix};
        int r = find_index(address->device, &place.index, err);
        if (r < 0) {
                return r;
        }
        r = change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, place);
        if (r < 0 && r != -EEXIST) {
                return error_set_errno(err, -r, "%s", host_address_format(address, text));
        }
        return 0;
}

int host_address_remove(const struct address_spec *address, struct error *err) {
        char text[HOST_ADDRESS_TEXT_MAX];
        struct places places;
        int r = find_places(address, &places, err), worst = 0;
        for (unsigned i = 0; r == 0 && i < places.count; i++) {
                int removed = change(RTM_DELADDR, 0, address, places.items[i]);
                worst = removed < 0 && removed != -EADDRNOTAVAIL ? removed : worst;
        }
        if (r == 0) {
                r = find_places(address, &places, err);
        }
        if (r == 0 && places.count > 0) {
                r = error_set_errno(err, worst < 0 ? -worst : EBUSY, "%s cannot be taken away",
                        host_address_format(address, text));
        }
        return r;
}
