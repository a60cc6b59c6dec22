#include "executor/operation.h"

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"
#include "model/wire.h"

int operation_start(struct operation **ret, const struct operation_kind *kind,
        const struct operation_request *request, operation_ended ended, void *cookie,
        struct error *err) {
        struct operation *operation = calloc(1, kind->size);
        if (!operation) {
                return error_set(err, ENOMEM, "out of memory");
        }
        operation->kind = kind;
        operation->request = *request;
        operation->ended = ended;
        operation->cookie = cookie;
        int r = kind->start(operation, err);
        if (r < 0) {
                operation_cancel(operation);
                return r;
        }
        *ret = operation;
        return 0;
}

void operation_end(struct operation *operation, bool ok, const char *text) {
        operation_ended ended = operation->ended;
        void *cookie = operation->cookie;
        char copy[sizeof(((struct wire_message *) 0)->text)];
        str_copy(copy, sizeof(copy), text);
        operation_cancel(operation);
        ended(cookie, ok, copy);
}

void operation_cancel(struct operation *operation) {
        if (operation) {
                operation->kind->release(operation);
                free(operation);
        }
}
