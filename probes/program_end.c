#include "probes/program_end.h"

#include "base/units.h"

#define TERM_MARGIN_MAX (500 * USEC_PER_MSEC)

static usec_t term_margin(usec_t timeout) {
        usec_t margin = timeout / 10;
        return margin < TERM_MARGIN_MAX ? margin : TERM_MARGIN_MAX;
}

void program_end_in_time(struct child_request *request, const struct probe_run *run) {
        usec_t margin = term_margin(run->timeout);
        usec_t last = usec_add(run->started.mono, run->timeout - margin);
        request->timeout = usec_sub(last, loop_now(run->host->loop).mono);
        request->kill_grace = margin / 2 + 1; /* 0 would mean the usual one */
        request->kill_wait = USEC_INFINITY;
}

void program_is_still_there(struct probe_run *run, pid_t pid, usec_t started) {
        struct probe_result result = {0};
        char since[UNITS_TEXT_MAX];
        units_format_duration_short(usec_sub(run->started.mono, started), since);
        if (pid > 0) {
                probe_conclude(&result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                        "process %d of the run %s ago was killed and has not died yet", (int) pid,
                        since);
        } else { /* it lies on a mount that hangs */
                probe_conclude(&result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                        "the program of the run %s ago has not begun yet", since);
        }
        probe_run_finish(run, &result);
}
