#include "probes/findings.h"

#include <stdarg.h>
#include <stdio.h>

enum { RANK_NOTHING, RANK_DEGRADED, RANK_UNKNOWN, RANK_FAIL };

__attribute__((format(printf, 5, 0))) static void conclude(struct findings *findings, int rank,
        enum outcome outcome, enum cause cause, const char *format, va_list arguments) {
        char text[4 * OBSERVATION_DETAIL_MAX];
        if (rank < findings->worst || (rank == findings->worst && rank != RANK_NOTHING)) {
                return;
        }
        findings->worst = rank;
        int length = vsnprintf(text, sizeof(text), format, arguments);
        probe_conclude(findings->result, outcome, cause, "%s", length < 0 ? "" : text);
}

void findings_fail(struct findings *findings, enum cause cause, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        conclude(findings, RANK_FAIL, OUTCOME_FAIL, cause, format, arguments);
        va_end(arguments);
}

void findings_unknown(struct findings *findings, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        conclude(findings, RANK_UNKNOWN, OUTCOME_UNKNOWN, CAUSE_NONE, format, arguments);
        va_end(arguments);
}

void findings_degraded(struct findings *findings, enum cause cause, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        conclude(findings, RANK_DEGRADED, OUTCOME_DEGRADED, cause, format, arguments);
        va_end(arguments);
}

void findings_pass(struct findings *findings, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        conclude(findings, RANK_NOTHING, OUTCOME_PASS, CAUSE_NONE, format, arguments);
        va_end(arguments);
}
