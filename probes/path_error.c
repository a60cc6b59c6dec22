#include "probes/path_error.h"

#include <errno.h>
#include <string.h>

static const struct path_error {
        int code;
        enum outcome outcome;
        enum cause cause;
        const char *text;
} path_errors[] = {
        {ENOSPC, OUTCOME_FAIL, CAUSE_RESOURCE_DISK, "no space left"},
        {EDQUOT, OUTCOME_FAIL, CAUSE_RESOURCE_DISK, "disk quota exceeded"},
        {EROFS, OUTCOME_FAIL, CAUSE_RESOURCE_IO, "the file system is read-only"},
        {EIO, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "input/output error of the device"},
        {ENOENT, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "it does not exist"},
        {ENOTDIR, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "it is not a directory"},
        {ELOOP, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "symbolic links go round in circles"},
        {ENODEV, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the device is gone"},
        {ENXIO, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the device is gone"},
        {ENOTCONN, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the server of the mount is gone"},
        {ESTALE, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "stale file handle of a network mount"},
        {ETIMEDOUT, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "the server of the mount does not answer"},
        {EHOSTDOWN, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "the server of the mount is down"},
        {EUCLEAN, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the file system is damaged"},
        {0},
};

void path_error_conclude(
        struct probe_result *result, const char *path, const char *step, int code) {
        for (const struct path_error *e = path_errors; e->code; e++) {
                if (e->code == code) {
                        probe_conclude(
                                result, e->outcome, e->cause, "%s: %s (%s)", path, e->text, step);
                        return;
                }
        }
        probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s: could not be tested: %s (%s)",
                path, strerrordesc_np(code), step);
}
