#include "probes/ping_echo.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

static uint8_t request_type(bool v6) {
        return v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
}

static uint8_t reply_type(bool v6) {
        return v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
}

void ping_echo_request(uint8_t *to, size_t size, bool v6, uint16_t sequence,
        const uint8_t nonce[PING_NONCE_SIZE]) {
        memset(to, 0, PING_HEADER_SIZE);
        to[0] = request_type(v6);
        to[6] = (uint8_t) (sequence >> 8);
        to[7] = (uint8_t) sequence;
        memcpy(to + PING_HEADER_SIZE, nonce, PING_NONCE_SIZE);
        for (size_t i = PING_NONCE_SIZE; i < size; i++) {
                to[PING_HEADER_SIZE + i] = (uint8_t) i;
        }
}

static int sequence_of(const uint8_t *bytes) {
        return bytes[6] << 8 | bytes[7];
}

int ping_echo_parse(const uint8_t *bytes, size_t length, bool v6, size_t size,
        const uint8_t nonce[PING_NONCE_SIZE]) {
        if (length != PING_HEADER_SIZE + size || bytes[0] != reply_type(v6) || bytes[1] != 0 ||
                memcmp(bytes + PING_HEADER_SIZE, nonce, PING_NONCE_SIZE) != 0) {
                return -EBADMSG;
        }
        return sequence_of(bytes);
}

int ping_echo_parse_returned(const uint8_t *bytes, size_t length, bool v6) {
        return length >= PING_HEADER_SIZE && bytes[0] == request_type(v6) ? sequence_of(bytes)
                                                                          : -EBADMSG;
}

/* Without this only some errors would be reported, and "no route" is none of them. */
static int ask_for_errors(int fd, bool v6) {
        int on = 1;
        int r = v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on))
                   : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
        return r < 0 ? -errno : 0;
}

int ping_echo_open(const union address *to, const union address *source) {
        bool v6 = to->any.sa_family == AF_INET6;
        AUTO_CLOSE int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
        if (fd < 0) {
                return -errno;
        }
        int r = ask_for_errors(fd, v6);
        if (r < 0) {
                return r;
        }
        if ((source && bind(fd, &source->any, address_length(source)) < 0) ||
                connect(fd, &to->any, address_length(to)) < 0) {
                return -errno;
        }
        return TAKE_FD(fd);
}

static int errno_of(struct msghdr *message) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
                if (ours && c->cmsg_len >= CMSG_LEN(sizeof(struct sock_extended_err))) {
                        struct sock_extended_err error;
                        memcpy(&error, CMSG_DATA(c), sizeof(error));
                        return (int) error.ee_errno;
                }
        }
        return EIO;
}

int ping_echo_error(int fd, bool v6, int *ret_sequence) {
        uint8_t bytes[PING_HEADER_SIZE];
        _Alignas(struct cmsghdr) char control[512];
        struct iovec piece = {bytes, sizeof(bytes)};
        struct msghdr message = {
                .msg_iov = &piece,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (n < 0) {
                return 0;
        }
        int sequence = ping_echo_parse_returned(bytes, (size_t) n, v6);
        *ret_sequence = sequence < 0 ? -1 : sequence;
        int code = errno_of(&message);
        return code > 0 ? code : EIO;
}
