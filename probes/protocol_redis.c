/* Redis and what speaks like it (Valkey, KeyDB): AUTH when a password is given, then PING.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/ */

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/protocol.h"

/* Errors that say what is the matter. Where a restart would only begin the same anew, the server is
 * degraded and not failed. */
static const struct redis_error {
        const char *code;
        enum outcome outcome;
        enum cause cause;
        const char *text;
} redis_errors[] = {
        {"NOAUTH ", OUTCOME_DEGRADED, CAUSE_NONE, "asks for a password: give password_file"},
        {"NOPERM ", OUTCOME_DEGRADED, CAUSE_NONE, "logged in, but the user may not PING"},
        {"LOADING ", OUTCOME_DEGRADED, CAUSE_NONE, "is loading its data set"},
        {"MASTERDOWN ", OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "replica has lost its master and serves no stale data"},
        {"WRONGPASS ", OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "user or password not accepted"},
        {"ERR invalid password", OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "password not accepted"},
        {"ERR max number of clients", OUTCOME_FAIL, CAUSE_RESOURCE_CONNECTIONS,
                "has too many clients"},
        {"MISCONF ", OUTCOME_FAIL, CAUSE_RESOURCE_DISK,
                "takes no writes, because it cannot save to disk"},
        {"BUSY ", OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "is busy with a script"},
        {"DENIED ", OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "is in protected mode and takes no connections from this host"},
        {NULL},
};

static void add_word(struct strbuf *out, const char *word) {
        strbuf_addf(out, "$%zu\r\n", strlen(word));
        strbuf_add(out, word);
        strbuf_add(out, "\r\n");
}

static enum talk_action conclude_error(struct talk *talk, const char *line) {
        char quote[TALK_QUOTE_MAX];
        for (const struct redis_error *e = redis_errors; e->code; e++) {
                if (str_starts(line + 1, e->code)) {
                        return talk_conclude(talk, e->outcome, e->cause, "%s (%s)", e->text,
                                talk_quote(talk, line, strlen(line), quote));
                }
        }
        return talk_fail(talk, "error: %s", talk_quote(talk, line + 1, strlen(line + 1), quote));
}

static enum talk_action unexpected(struct talk *talk, const char *line) {
        char quote[TALK_QUOTE_MAX];
        return *line == '-' ? conclude_error(talk, line)
                            : talk_fail(talk, "this is not redis: \"%s\"",
                                      talk_quote(talk, line, strlen(line), quote));
}

static enum talk_action on_pong(struct talk *talk) {
        char *line;
        int r = talk_line(talk, &line);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        return str_eq(line, "+PONG") ? talk_pass(talk, "PONG") : unexpected(talk, line);
}

static enum talk_action on_login(struct talk *talk) {
        char *line;
        int r = talk_line(talk, &line);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (!str_eq(line, "+OK")) {
                return unexpected(talk, line);
        }
        strbuf_add(&talk->out, "*1\r\n$4\r\nPING\r\n");
        return talk_then(talk, on_pong);
}

static enum talk_action begin(struct talk *talk) {
        const struct talk_options *options = &talk->options;
        if (!options->password) {
                strbuf_add(&talk->out, "*1\r\n$4\r\nPING\r\n");
                return talk_then(talk, on_pong);
        }
        strbuf_addf(&talk->out, "*%d\r\n", options->user ? 3 : 2);
        add_word(&talk->out, "AUTH");
        if (options->user) {
                add_word(&talk->out, options->user);
        }
        add_word(&talk->out, options->password);
        return talk_then(talk, on_login);
}

const struct protocol redis_protocol = {
        .title = "redis",
        .port = 6379,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_PASSWORD,
        .begin = begin,
};
