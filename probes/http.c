/* The HTTP probe: one request, or several in steps, and a judgement of the answers. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http_client.h"
#include "io/http_session.h"
#include "probes/http_capture.h"
#include "probes/http_files.h"
#include "probes/http_make.h"
#include "probes/http_params.h"
#include "probes/types.h"

/* Between runs. */
struct http_state {
        struct http_files files;
        struct http_keep keep;
};

struct http_run {
        struct http_texts texts;
        const char *user, *password; /* in the secret's text */
        struct http_made made;
        struct http_transfer *transfer; /* NULL: none is under way */
        bool reading; /* the files */

        /* With steps. */
        uint32_t step;
        struct http_session *session;
        struct http_values values;
        struct probe_result degraded; /* of the first step that is; all zero: none */
};

static const struct http_step *step_of(const struct probe_run *run) {
        const struct http_params *params = run->spec->params;
        const struct http_run *room = run->room;
        const struct http_step *steps = params->steps.items;
        return params->steps.count > 0 ? &steps[room->step] : NULL;
}

/* "step checkout (3 of 3): " in front of what happened in it. */
static void name_step(const struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        const struct http_params *params = run->spec->params;
        const struct http_run *room = run->room;
        const struct http_step *step = step_of(run);
        char text[2 * OBSERVATION_DETAIL_MAX];
        if (step) {
                snprintf(text, sizeof(text), "step %s (%u of %u): %s", step->name, room->step + 1,
                        params->steps.count, detail);
                str_copy(detail, OBSERVATION_DETAIL_MAX, text);
                str_make_printable(detail);
        }
}

/* ---- how far it came ---- */

static const char *progress_of(const struct http_request *request, const struct http_result *p) {
        if (p->total_time == 0) {
                return "no slot was free to begin";
        }
        if (p->name_time == 0) {
                return "name not resolved";
        }
        if (p->connect_time == 0) {
                return "not connected";
        }
        if (http_url_is_tls(request->url) && p->tls_time == 0) {
                return "connected, TLS handshake not finished";
        }
        return p->first_byte_time == 0 ? "connected, no answer" : NULL;
}

static void describe_progress(const struct probe_run *run, const struct http_result *progress,
        char detail[OBSERVATION_DETAIL_MAX]) {
        const struct http_run *room = run->room;
        char limit[UNITS_TEXT_MAX], bytes[UNITS_TEXT_MAX];
        const char *phase = progress_of(&room->made.request, progress);
        units_format_duration(run->timeout, limit);
        if (phase) {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "%s within %s", phase, limit);
        } else {
                snprintf(detail, OBSERVATION_DETAIL_MAX,
                        "connected, answer not complete within %s (%s of body received)", limit,
                        units_format_size_short(progress->body_length, bytes));
        }
}

/* ---- the end of a run ---- */

static void release(struct http_run *room) {
        http_made_done(&room->made);
        http_texts_done(&room->texts);
        http_session_free(TAKE_PTR(room->session));
        http_values_done(&room->values);
}

static void finish(struct probe_run *run, const struct probe_result *result) {
        release(run->room);
        probe_run_finish(run, result);
}

static void finish_unknown(struct probe_run *run, const char *why) {
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", why);
        name_step(run, result.detail);
        finish(run, &result);
}

/* What each end of a transfer means when there is no answer to judge. */
static const struct {
        enum outcome outcome;
        enum cause cause;
} meanings[HTTP_N_OUTCOMES] = {
        [HTTP_REFUSED] = {OUTCOME_FAIL, CAUSE_UNRESPONSIVE},
        [HTTP_UNREACHABLE] = {OUTCOME_FAIL, CAUSE_UNRESPONSIVE},
        [HTTP_TIMEOUT] = {OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE},
        [HTTP_TLS] = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER},
        [HTTP_PROTOCOL] = {OUTCOME_FAIL, CAUSE_UNRESPONSIVE},
        [HTTP_HEADER_TOO_LARGE] = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER},
        [HTTP_REDIRECTS] = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER},
        [HTTP_BAD_REQUEST] = {OUTCOME_UNKNOWN, CAUSE_NONE},
        [HTTP_LOCAL] = {OUTCOME_UNKNOWN, CAUSE_NONE},
};

static void conclude_name(const struct http_result *response, struct probe_result *result) {
        if (response->name_code == 0 || !response->name) {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", response->error);
        } else {
                probe_conclude_name(result, response->name, response->name_code);
        }
}

static void conclude_without_answer(const struct probe_run *run, const struct http_result *response,
        struct probe_result *result) {
        result->outcome = meanings[response->outcome].outcome;
        result->cause = meanings[response->outcome].cause;
        if (response->outcome == HTTP_PROTOCOL && response->status > 0) {
                result->cause = CAUSE_WRONG_ANSWER; /* it began well and broke off */
        }
        if (response->outcome == HTTP_TIMEOUT) {
                describe_progress(run, response, result->detail);
        } else if (response->outcome == HTTP_DNS) {
                conclude_name(response, result);
        } else {
                probe_conclude(result, result->outcome, result->cause, "%s", response->error);
        }
        if (response->outcome == HTTP_TIMEOUT && response->name_time == 0) {
                result->outcome = OUTCOME_UNKNOWN; /* it is the name server that does not answer */
                result->cause = CAUSE_NONE;
        }
}

/* ---- one request ---- */

static void begin_request(struct probe_run *run);

static void judge(const struct probe_run *run, const struct http_result *response,
        struct probe_result *result) {
        const struct http_params *params = run->spec->params;
        const struct http_step *step = step_of(run);
        const struct http_answer answer = {
                .expect = http_exchange_of(params, step)->expect,
                .response = response,
                .max_body = params->max_body,
                .version = params->version,
                .cut = response->outcome == HTTP_BODY_TOO_LARGE,
                .now = loop_now(run->host->loop).wall,
        };
        struct http_run *room = run->room;
        http_judge(&answer, result);
        if (step && outcome_is_pass(result->outcome)) {
                (void) http_capture(
                        step, response, answer.cut, room->session, &room->values, result);
        }
}

/* All steps went well; one whose certificate ends soon is still worth a word. */
static void conclude_steps(const struct probe_run *run, struct probe_result *result) {
        const struct http_params *params = run->spec->params;
        const struct http_run *room = run->room;
        usec_t took = usec_sub(loop_now(run->host->loop).mono, run->started.mono);
        char text[UNITS_TEXT_MAX];
        if (room->degraded.outcome == OUTCOME_DEGRADED) {
                *result = room->degraded;
        } else {
                probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "%u %s in %s", params->steps.count,
                        params->steps.count == 1 ? "step" : "steps",
                        units_format_duration_short(took, text));
        }
        result->has_value = true;
        result->value = (double) took / USEC_PER_SEC;
}

/* The next step, or the end of the run. */
static void go_on(struct probe_run *run, struct probe_result *result) {
        const struct http_params *params = run->spec->params;
        struct http_run *room = run->room;
        name_step(run, result->detail);
        if (params->steps.count == 0 || !outcome_is_pass(result->outcome)) {
                finish(run, result);
                return;
        }
        if (result->outcome == OUTCOME_DEGRADED && room->degraded.outcome != OUTCOME_DEGRADED) {
                room->degraded = *result;
        }
        http_made_done(&room->made);
        if (room->step + 1 < params->steps.count) {
                room->step++;
                begin_request(run);
                return;
        }
        conclude_steps(run, result);
        finish(run, result);
}

static void on_response(void *cookie, const struct http_result *response) {
        struct probe_run *run = cookie;
        struct http_run *room = run->room;
        struct probe_result result = {0};
        room->transfer = NULL;
        if (response->outcome == HTTP_OK || response->outcome == HTTP_BODY_TOO_LARGE) {
                judge(run, response, &result);
        } else {
                conclude_without_answer(run, response, &result);
        }
        go_on(run, &result);
}

static void begin_request(struct probe_run *run) {
        struct http_state *state = run->state;
        struct http_run *room = run->room;
        const struct http_making making = {
                .params = run->spec->params,
                .step = step_of(run),
                .values = &room->values,
                .texts = &room->texts,
                .user = room->user,
                .password = room->password,
                .session = room->session,
                .keep = &state->keep,
                .timeout = usec_sub(probe_run_last_moment(run), loop_now(run->host->loop).mono),
        };
        char why[SCHEMA_WHY_MAX] = "";
        struct error err = {0};
        if (http_make(&making, &room->made, why) < 0) {
                finish_unknown(run, why);
        } else if (http_client_start(run->host->http, &room->made.request, on_response, run,
                           &room->transfer, &err) < 0) {
                snprintf(why, sizeof(why), "could not begin: %.200s", err.text);
                finish_unknown(run, why);
        }
}

/* ---- the run ---- */

/* "user:password" in two. */
static bool split_secret(struct http_run *room) {
        char *colon = strchr(room->texts.text[HTTP_FILE_SECRET], ':');
        if (colon) {
                *colon = '\0';
                room->user = room->texts.text[HTTP_FILE_SECRET];
                room->password = colon + 1;
        }
        return colon != NULL;
}

static void begin(struct probe_run *run) {
        const struct http_params *params = run->spec->params;
        struct http_run *room = run->room;
        char why[SCHEMA_WHY_MAX];
        if (params->basic_auth_file && !split_secret(room)) {
                snprintf(why, sizeof(why), "%.100s: expected one line user:password",
                        params->basic_auth_file);
                finish_unknown(run, why);
        } else if (params->steps.count > 0 && !(room->session = http_session_new())) {
                finish_unknown(run, "out of memory");
        } else {
                begin_request(run);
        }
}

static void on_files(struct probe_run *run, struct http_texts *texts, const char *why) {
        struct http_run *room = run->room;
        room->reading = false;
        if (!texts) {
                struct probe_result result = {0};
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", why);
                finish(run, &result);
                return;
        }
        room->texts = *texts;
        *texts = (struct http_texts){0};
        begin(run);
}

static void http_start(struct probe_run *run) {
        struct http_state *state = run->state;
        struct http_run *room = run->room;
        if (http_files_named(run->spec->params)) {
                room->reading = true;
                http_files_read(&state->files, run, on_files);
        } else {
                begin(run);
        }
}

static void http_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct http_state *state = run->state;
        struct http_run *room = run->room;
        struct http_result progress;
        if (room->reading) {
                offload_cancel(state->files.call);
                snprintf(detail, OBSERVATION_DETAIL_MAX, "the files of the probe were still read");
        } else {
                http_client_progress(room->transfer, &progress);
                describe_progress(run, &progress, detail);
                name_step(run, detail);
                http_client_cancel(TAKE_PTR(room->transfer));
        }
        release(room);
}

static void http_release(void *memory) {
        struct http_state *state = memory;
        offload_release(&state->files.call);
        http_keep_drop(&state->keep);
}

const struct probe_type http_probe = {
        .name = "http",
        .help = "Sends an HTTP request, or several in steps, and judges the answers.",
        .value_unit = "seconds",
        .schema = &http_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_WRONG_ANSWER) |
                             CAUSE_BIT(CAUSE_SLOW),
                .causes_of = http_causes,
                .names_target = true,
                .review = http_review},
        .state_size = sizeof(struct http_state),
        .run_size = sizeof(struct http_run),
        .start = http_start,
        .stop = http_stop,
        .release = http_release,
};
