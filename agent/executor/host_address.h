#pragma once
/* Addresses of this host's interfaces, by rtnetlink(7). Each call asks the kernel and waits for its
 * answer, which other users of the same lock can delay: they belong in a worker thread. */

#include "base/error.h"
#include "model/policy.h"

enum { HOST_ADDRESS_TEXT_MAX = 80, HOST_DEVICE_MAX = 16 };

/* "192.0.2.10/24 dev eth0", as it stands in a policy. Returns text. */
const char *host_address_format(
        const struct address_spec *address, char text[HOST_ADDRESS_TEXT_MAX]);

/* 1: an interface of this host has it, whatever the prefix, and `ret_device` says which; 0: none
 * has; negative errno. */
int host_address_find(
        const struct address_spec *address, char ret_device[HOST_DEVICE_MAX], struct error *err);

/* Adds it to its interface, at once usable: whether another host has it was asked before. 0 also
 * where the interface has it already. */
int host_address_add(const struct address_spec *address, struct error *err);

/* Takes it from whatever interfaces have it, and proves that none has. */
int host_address_remove(const struct address_spec *address, struct error *err);
