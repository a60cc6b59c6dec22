#include "probes/probe.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

/* Ends before the caller's deadline by a twentieth of the timeout, but at most by this. */
#define LAST_MOMENT_MARGIN (20 * USEC_PER_MSEC)

void probe_conclude(struct probe_result *result, enum outcome outcome, enum cause cause,
        const char *format, ...) {
        char text[4 * OBSERVATION_DETAIL_MAX];
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        result->outcome = outcome;
        result->cause = cause;
        str_copy(result->detail, sizeof(result->detail), length < 0 ? "" : text);
        str_make_printable(result->detail);
}

static bool is_no_such_name(int code) {
        return code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY;
}

void probe_conclude_name(struct probe_result *result, const char *name, int code) {
        if (is_no_such_name(code)) {
                probe_conclude(
                        result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "no such host: %.120s", name);
        } else {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE, "%.100s not looked up: %s",
                        name, code ? gai_strerror(code) : "no name server answers");
        }
}

usec_t probe_run_last_moment(const struct probe_run *run) {
        usec_t margin = run->timeout / 20;
        if (margin > LAST_MOMENT_MARGIN) {
                margin = LAST_MOMENT_MARGIN;
        }
        return usec_add(run->started.mono, run->timeout - margin);
}
