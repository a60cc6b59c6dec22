#include "executor/checkpoint/checkpoint_exit.h"

#include <errno.h>
#include <stddef.h>

#include "base/cleanup.h"

static const struct {
        int code;
        enum checkpoint_exit status;
} rows[] = {
        {ECANCELED, CHECKPOINT_REFUSED},
        {ESRCH, CHECKPOINT_NOT_FOUND},
        {EBADMSG, CHECKPOINT_DAMAGED},
        {EWOULDBLOCK, CHECKPOINT_BUSY},
        {EINPROGRESS, CHECKPOINT_UNFINISHED},
        {EINVAL, CHECKPOINT_USAGE},
};

enum checkpoint_exit checkpoint_exit_of(int negative_errno) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (negative_errno == -rows[i].code) {
                        return rows[i].status;
                }
        }
        return negative_errno < 0 ? CHECKPOINT_FAILED : CHECKPOINT_DONE;
}
