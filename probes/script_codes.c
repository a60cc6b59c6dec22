#include "probes/script_codes.h"

#include <stddef.h>

#include "base/cleanup.h"

static const struct script_code lsb_status[] = {
        {0, "running", SCRIPT_RUNS, false},
        {1, "dead, and its pid file is left", SCRIPT_DEAD, false},
        {2, "dead, and its lock file is left", SCRIPT_DEAD, false},
        {3, "not running", SCRIPT_GONE, false},
        {4, "its status is unknown", SCRIPT_UNCLEAR, false},
};

static const struct script_code lsb_action[] = {
        {0, "done", SCRIPT_UNCLEAR, false},
        {1, "unspecified error", SCRIPT_UNCLEAR, false},
        {2, "invalid or too many arguments", SCRIPT_UNCLEAR, true},
        {3, "not implemented", SCRIPT_UNCLEAR, true},
        {4, "not enough rights", SCRIPT_UNCLEAR, true},
        {5, "not installed", SCRIPT_UNCLEAR, true},
        {6, "not configured", SCRIPT_UNCLEAR, true},
        {7, "not running", SCRIPT_UNCLEAR, false},
};

/* Masters are called promoted since version 1.1 of the API. */
static const struct script_code ocf[] = {
        {0, "running", SCRIPT_RUNS, false},
        {1, "failed (OCF_ERR_GENERIC)", SCRIPT_BROKEN, false},
        {2, "wrong parameters (OCF_ERR_ARGS)", SCRIPT_UNCLEAR, true},
        {3, "not implemented (OCF_ERR_UNIMPLEMENTED)", SCRIPT_UNCLEAR, true},
        {4, "not enough rights (OCF_ERR_PERM)", SCRIPT_UNCLEAR, true},
        {5, "not installed (OCF_ERR_INSTALLED)", SCRIPT_UNCLEAR, true},
        {6, "not configured (OCF_ERR_CONFIGURED)", SCRIPT_UNCLEAR, true},
        {7, "not running (OCF_NOT_RUNNING)", SCRIPT_GONE, false},
        {8, "running, promoted (OCF_RUNNING_PROMOTED)", SCRIPT_RUNS, false},
        {9, "failed while promoted (OCF_FAILED_PROMOTED)", SCRIPT_BROKEN, false},
        {190, "running, degraded (OCF_DEGRADED)", SCRIPT_DEGRADED, false},
        {191, "running, promoted, degraded (OCF_DEGRADED_PROMOTED)", SCRIPT_DEGRADED, false},
};

static const struct script_code *find(const struct script_code *codes, size_t n, int code) {
        for (size_t i = 0; i < n; i++) {
                if (codes[i].code == code) {
                        return &codes[i];
                }
        }
        return NULL;
}

const struct script_code *script_code_of_lsb_status(int code) {
        return find(lsb_status, ELEMENTSOF(lsb_status), code);
}

const struct script_code *script_code_of_lsb_action(int code) {
        return find(lsb_action, ELEMENTSOF(lsb_action), code);
}

const struct script_code *script_code_of_ocf(int code) {
        return find(ocf, ELEMENTSOF(ocf), code);
}
