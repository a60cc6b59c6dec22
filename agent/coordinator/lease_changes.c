#include "coordinator/lease_changes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Past the member. */
static const char *moments_of(const char *text) {
        return text + strcspn(text, " ");
}

static bool is_member(const char *text, const char *member) {
        size_t length = strlen(member);
        return strncmp(text, member, length) == 0 && (text[length] == ' ' || !text[length]);
}

void lease_changes_read(const char *text, struct lease_view *view) {
        const char *rest = moments_of(text);
        view->n_changes = 0;
        while (*rest == ' ' && view->n_changes < COORDINATION_CHANGES_MAX) {
                char *end = NULL;
                errno = 0;
                wall_usec_t moment = strtoull(rest, &end, 10);
                if (errno != 0 || end == rest) {
                        return;
                }
                view->changes[view->n_changes++] = moment;
                rest = end;
        }
}

bool lease_changes_add(char text[LEASE_CHANGES_TEXT_MAX], const char *member, wall_usec_t at) {
        struct lease_view before;
        if (is_member(text, member)) {
                return false;
        }
        lease_changes_read(text, &before);
        bool first = !*text;
        size_t from = before.n_changes == COORDINATION_CHANGES_MAX ? 1 : 0;
        int n = snprintf(text, LEASE_CHANGES_TEXT_MAX, "%s", member);
        for (size_t i = from; i < before.n_changes; i++) {
                n += snprintf(text + n, (size_t) (LEASE_CHANGES_TEXT_MAX - n), " %" PRIu64,
                        before.changes[i]);
        }
        if (!first) {
                (void) snprintf(text + n, (size_t) (LEASE_CHANGES_TEXT_MAX - n), " %" PRIu64, at);
        }
        return true;
}
