/* recoverd-neighbour: asks the neighbours of an interface whether one of them has an address, and
 * tells them that it is here from now on. A program of its own, because it needs a packet socket,
 * which the executor must not have. */

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "executor/neighbour.h"

enum { EXIT_USAGE = 2, EXIT_IN_USE = 3, FRAME_MAX = 2048 };

/* RFC 5227, 2.1.1 waits seconds, for links that take as long to come up; it leaves shorter ones to
 * those who know theirs. A server's link is up, and its neighbours answer within a millisecond. */
enum { PROBES = 3 };
#define PROBE_PAUSE (100 * USEC_PER_MSEC)

/* A switch or a router may miss one. */
static const usec_t announce_pauses[] = {
        0, 200 * USEC_PER_MSEC, 800 * USEC_PER_MSEC, 2 * USEC_PER_SEC};

struct port {
        const char *device;
        struct neighbour_address address;
        int fd, index;
        uint8_t mac[NEIGHBOUR_MAC_SIZE];
        bool alone; /* there are no neighbours on such an interface */
};

/* ---- The interface ---- */

static int ask_interface(
        struct port *port, unsigned long what, struct ifreq *request, struct error *err) {
        str_copy(request->ifr_name, sizeof(request->ifr_name), port->device);
        return ioctl(port->fd, what, request) < 0 ? error_set_errno(err, errno, "%s", port->device)
                                                  : 0;
}

static int look_at_interface(struct port *port, struct error *err) {
        struct ifreq request = {0};
        int r = ask_interface(port, SIOCGIFINDEX, &request, err);
        if (r < 0) {
                return r;
        }
        port->index = request.ifr_ifindex;
        r = ask_interface(port, SIOCGIFFLAGS, &request, err);
        if (r < 0) {
                return r;
        }
        unsigned flags = (unsigned short) request.ifr_flags;
        port->alone = flags & (IFF_LOOPBACK | IFF_NOARP);
        if (!(flags & IFF_UP) || !(flags & IFF_RUNNING)) {
                return error_set(err, ENETDOWN, "%s: %s", port->device,
                        flags & IFF_UP ? "no carrier" : "is down");
        }
        r = ask_interface(port, SIOCGIFHWADDR, &request, err);
        if (r == 0 && !port->alone && request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
                return error_set(err, EOPNOTSUPP, "%s: no Ethernet", port->device);
        }
        memcpy(port->mac, request.ifr_hwaddr.sa_data, NEIGHBOUR_MAC_SIZE);
        return r;
}

/* Nothing is received before it is bound. */
static int open_port(struct port *port, struct error *err) {
        port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        if (port->fd < 0) {
                return error_set_errno(err, errno, "a packet socket");
        }
        int r = look_at_interface(port, err);
        if (r < 0 || port->alone) {
                return r;
        }
        struct sockaddr_ll where = {
                .sll_family = AF_PACKET,
                .sll_protocol = htons(neighbour_protocol(&port->address)),
                .sll_ifindex = port->index,
        };
        if (bind(port->fd, (struct sockaddr *) &where, sizeof(where)) < 0) {
                return error_set_errno(err, errno, "%s", port->device);
        }
        return 0;
}

static int send_frame(struct port *port, const uint8_t *frame, size_t length, struct error *err) {
        if (send(port->fd, frame, length, 0) != (ssize_t) length) {
                return error_set_errno(err, errno, "sending on %s", port->device);
        }
        return 0;
}

/* ---- probe ---- */

/* 1: somebody has it, and `whose` says who; 0: nobody said so in this time. */
static int listen_until(struct port *port, usec_t end, uint8_t *whose, struct error *err) {
        for (usec_t now; (now = clock_now().mono) < end;) {
                uint8_t frame[FRAME_MAX];
                struct pollfd readable = {.fd = port->fd, .events = POLLIN};
                int n = poll(&readable, 1, (int) ((end - now + 999) / USEC_PER_MSEC));
                ssize_t length = n > 0 ? recv(port->fd, frame, sizeof(frame), MSG_DONTWAIT) : 0;
                if (length < 0 && errno != EAGAIN && errno != EINTR) {
                        return error_set_errno(err, errno, "receiving on %s", port->device);
                }
                if (length > 0 && neighbour_is_conflict(&port->address, port->mac, frame,
                                          (size_t) length, whose)) {
                        return 1;
                }
        }
        return 0;
}

static int run_probe(struct port *port, struct error *err) {
        uint8_t frame[NEIGHBOUR_FRAME_MAX], mac[NEIGHBOUR_MAC_SIZE] = {0};
        size_t length = neighbour_make_probe(&port->address, port->mac, frame);
        int r = 0;
        for (int i = 0; r == 0 && i < PROBES; i++) {
                r = send_frame(port, frame, length, err);
                if (r == 0) {
                        usec_t end = usec_add(clock_now().mono, PROBE_PAUSE);
                        r = listen_until(port, end, mac, err);
                }
        }
        if (r == 1) {
                printf("%02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4],
                        mac[5]);
                return EXIT_IN_USE;
        }
        return r;
}

/* ---- announce ---- */

static bool is_address(const struct neighbour_address *address, const struct sockaddr *other) {
        if (!other || other->sa_family != address->family) {
                return false;
        }
        const void *v4 = &((const struct sockaddr_in *) other)->sin_addr;
        const void *v6 = &((const struct sockaddr_in6 *) other)->sin6_addr;
        return address->family == AF_INET ? memcmp(v4, address->bytes, 4) == 0
                                          : memcmp(v6, address->bytes, 16) == 0;
}

/* The address may be another host's by now, whose traffic this would take away. */
static bool is_here(const struct port *port) {
        struct ifaddrs *all = NULL;
        bool found = false;
        if (getifaddrs(&all) < 0) {
                return false;
        }
        for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
                found = str_eq(one->ifa_name, port->device) &&
                        is_address(&port->address, one->ifa_addr);
        }
        freeifaddrs(all);
        return found;
}

static int run_announce(struct port *port, struct error *err) {
        uint8_t frame[NEIGHBOUR_FRAME_MAX];
        size_t length = neighbour_make_announcement(&port->address, port->mac, frame);
        for (size_t i = 0; i < ELEMENTSOF(announce_pauses); i++) {
                const struct timespec pause = {(time_t) (announce_pauses[i] / USEC_PER_SEC),
                        (long) (announce_pauses[i] % USEC_PER_SEC * 1000)};
                nanosleep(&pause, NULL); /* style: allow nanosleep: a program without a loop */
                if (!is_here(port)) {
                        return error_set(
                                err, EADDRNOTAVAIL, "%s does not have the address", port->device);
                }
                int r = send_frame(port, frame, length, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

/* ---- The command line ---- */

static int take_arguments(int argc, char **argv, struct port *port) {
        if (argc != 4 || (!str_eq(argv[1], "probe") && !str_eq(argv[1], "announce")) ||
                strlen(argv[3]) >= IFNAMSIZ ||
                neighbour_address_parse(argv[2], &port->address) < 0) {
                return -EINVAL;
        }
        port->device = argv[3];
        return 0;
}

int main(int argc, char **argv) {
        struct error err = {0};
        struct port port = {.fd = -1};
        if (argc == 2 && str_eq(argv[1], "--version")) {
                puts("recoverd-neighbour " RECOVERD_VERSION);
                return EXIT_SUCCESS;
        }
        if (take_arguments(argc, argv, &port) < 0) {
                fputs("usage: recoverd-neighbour probe|announce ADDRESS INTERFACE\n", stderr);
                return EXIT_USAGE;
        }
        int r = open_port(&port, &err);
        if (r == 0 && !port.alone) {
                r = str_eq(argv[1], "probe") ? run_probe(&port, &err) : run_announce(&port, &err);
        }
        if (r < 0) {
                fprintf(stderr, "recoverd-neighbour: %s\n", err.text);
        }
        if (port.fd >= 0) {
                close(port.fd);
        }
        return r < 0 ? EXIT_FAILURE : r;
}
