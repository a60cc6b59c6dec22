#pragma once
/* An address to listen at: numeric, as in 127.0.0.1:7790, [::1]:7790, or :7790 for every
 * address. */

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"

struct listen_address {
        struct sockaddr_storage address;
        socklen_t length;
};

/* -EINVAL with what is expected. Host names are refused: looking one up can hang. */
int listen_address_parse(const char *text, struct listen_address *ret, struct error *err);

/* A listening TCP descriptor, non-blocking and close-on-exec. -EADDRINUSE, -EADDRNOTAVAIL, -EACCES,
 * ... */
int listen_address_open(const char *text, struct error *err);
