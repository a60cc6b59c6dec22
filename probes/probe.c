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

void probe_doubt_latency(const struct probe_review *review, const char *key, usec_t limit) {
        char given[UNITS_TEXT_MAX], timeout[UNITS_TEXT_MAX];
        if (limit > 0 && limit >= review->probe->timeout) {
                probe_doubt(review, key, "limit-never-trips",
                        "an answer is never later than %s: a run is stopped after its 'timeout' (%s)",
                        units_format_duration(limit, given),
                        units_format_duration(review->probe->timeout, timeout));
        }
}

void probe_doubt_percent(const struct probe_review *review, const char *key, double percent) {
        if (percent >= 100) {
                probe_doubt(review, key, "limit-never-trips", "more than %g%% is never reached",
                        percent);
        }
}

void probe_doubt_amount(
        const struct probe_review *review, const char *key, const struct amount *limit) {
        if (limit->unit == AMOUNT_PERCENT) {
                probe_doubt_percent(review, key, limit->value);
        }
}
