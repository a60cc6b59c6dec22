#include "executor/checkpoint/replica_target.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

static const struct replica_kind *const kinds[] = {&replica_directory};

int replica_open(struct replica_target *target, const char *place, bool make, struct error *err) {
        const char *rest = strstr(place, "://");
        *target = (struct replica_target){0};
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                size_t length = strlen(kinds[i]->scheme);
                bool named = rest && length == (size_t) (rest - place) &&
                             strncmp(place, kinds[i]->scheme, length) == 0;
                if (named || (!rest && kinds[i] == &replica_directory)) {
                        target->kind = kinds[i];
                        return kinds[i]->open(target, named ? rest + 3 : place, make, err);
                }
        }
        return error_set(err, EINVAL, "%s: replicas are directories: /PATH or file:///PATH", place);
}

void replica_close(struct replica_target *target) {
        if (target->kind) {
                target->kind->close(target);
        }
        *target = (struct replica_target){0};
}
