#include "coordinator/failover_wish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define KEY " wish=" /* TOKEN:NUMBER:TO:BY, BY up to the end of the line */

void failover_wish_add(char text[COORDINATION_TEXT_MAX], const struct failover_wish *wish) {
        size_t length = strlen(text), room = COORDINATION_TEXT_MAX - length;
        int n = snprintf(text + length, room, KEY "%" PRIu64 ":%" PRIu64 ":%s:%s", wish->token,
                wish->number, wish->to, wish->by);
        if (n < 0 || (size_t) n >= room) {
                text[length] = '\0';
        }
}

static bool read_number(const char **text, uint64_t *ret) {
        char *end = NULL;
        if (**text < '0' || **text > '9') {
                return false;
        }
        errno = 0;
        *ret = strtoull(*text, &end, 10);
        *text = end + 1;
        return errno == 0 && *end == ':';
}

bool failover_wish_read(const char *text, struct failover_wish *ret) {
        struct failover_wish wish = {0};
        const char *at = strstr(text, KEY);
        if (!at) {
                return false;
        }
        at += strlen(KEY);
        if (!read_number(&at, &wish.token) || !read_number(&at, &wish.number) || wish.token == 0) {
                return false;
        }
        size_t length = strcspn(at, ":");
        if (at[length] != ':' || length >= sizeof(wish.to)) {
                return false;
        }
        memcpy(wish.to, at, length);
        (void) str_copy(wish.by, sizeof(wish.by), at + length + 1);
        *ret = wish;
        return true;
}

bool failover_wish_is(const struct failover_wish *one, const struct failover_wish *other) {
        return one->token == other->token && one->number == other->number &&
               str_eq(one->to, other->to) && str_eq(one->by, other->by);
}
