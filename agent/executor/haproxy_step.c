#include "executor/haproxy_step.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/own_program.h"
#include "io/child.h"

#define PROGRAM "recoverd-haproxy"

/* What the program needs beyond its own time, to say that this was over. */
#define REPORT_TIME (50 * USEC_PER_MSEC)

enum { WORDS_MAX = 4, WORD_MAX = 32 };

struct haproxy_step;

struct telling {
        struct haproxy_step *step;
        struct child *child; /* NULL: it has ended */
};

struct haproxy_step {
        struct operation operation;
        struct telling tellings[HAPROXY_SOCKETS_MAX];
        uint32_t under_way;
        bool failed;
        char text[256]; /* of those that failed, else of all */
};

static void release(struct operation *operation) {
        struct haproxy_step *step = (struct haproxy_step *) operation;
        for (size_t i = 0; i < ELEMENTSOF(step->tellings); i++) {
                child_cancel(step->tellings[i].child);
        }
}

static void add_text(struct haproxy_step *step, bool ok, const char *text) {
        if (step->failed && ok) {
                return;
        }
        if (!ok && !step->failed) {
                step->text[0] = '\0';
        }
        size_t length = strlen(step->text);
        snprintf(step->text + length, sizeof(step->text) - length, "%s%s",
                length ? "; " : "haproxy: ", text);
        step->failed = step->failed || !ok;
}

static void on_told(void *cookie, const struct child_result *result) {
        struct telling *telling = cookie;
        struct haproxy_step *step = telling->step;
        char how[160], text[256];
        bool ok = result->end == CHILD_EXITED && result->code == 0;
        telling->child = NULL;
        step->under_way--;
        if (ok || result->errors_length > 0) {
                str_copy(text, sizeof(text), ok ? result->output : result->errors);
        } else {
                size_t i = (size_t) (telling - step->tellings);
                snprintf(text, sizeof(text), "%s: %s",
                        step->operation.request.haproxy->sockets.items[i],
                        child_describe(result, how, sizeof(how)));
        }
        text[strcspn(text, "\n")] = '\0';
        str_make_printable(text);
        add_text(step, ok, text);
        if (step->under_way == 0) {
                operation_end(&step->operation, !step->failed, step->text);
        }
}

static void add_word(char words[WORDS_MAX][WORD_MAX], const char **argv, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void add_word(char words[WORDS_MAX][WORD_MAX], const char **argv, const char *format, ...) {
        size_t n = 0;
        va_list arguments;
        while (argv[n]) {
                n++;
        }
        va_start(arguments, format);
        vsnprintf(words[n - 3], WORD_MAX, format, arguments);
        va_end(arguments);
        argv[n] = words[n - 3];
}

static int tell(struct haproxy_step *step, uint32_t which, struct error *err) {
        static const char *const environment[] = {"LANG=C.UTF-8", NULL};
        const struct operation_request *order = &step->operation.request;
        const struct haproxy_spec *haproxy = order->haproxy;
        struct loop *loop = order->executor->loop;
        usec_t left = usec_sub(order->deadline, loop_now(loop).mono);
        char path[PATH_MAX], words[WORDS_MAX][WORD_MAX];
        const char *argv[3 + WORDS_MAX + 1] = {
                own_program_find(PROGRAM, path), haproxy->sockets.items[which], haproxy->server};
        if (haproxy->state != SERVER_UNCHANGED) {
                add_word(words, argv, "state=%s",
                        server_state_text((enum server_state) haproxy->state));
        }
        if (haproxy->weight) {
                add_word(words, argv, "weight=%s", haproxy->weight);
        }
        add_word(words, argv, "wait=%" PRIu64 "us", haproxy->wait);
        add_word(words, argv, "within=%" PRIu64 "us", usec_sub(left, 2 * REPORT_TIME));
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .timeout = usec_sub(left, REPORT_TIME),
                .kill_grace = REPORT_TIME,
                .separate_errors = true,
        };
        request.spawn.argv = argv;
        request.spawn.environment = environment;
        return child_start(
                &step->tellings[which].child, loop, &request, on_told, &step->tellings[which], err);
}

static int start(struct operation *operation, struct error *err) {
        struct haproxy_step *step = (struct haproxy_step *) operation;
        const struct haproxy_spec *haproxy = operation->request.haproxy;
        if (!haproxy) {
                return error_set(err, EINVAL, "the policy has no such step");
        }
        for (uint32_t i = 0; i < haproxy->sockets.count && i < HAPROXY_SOCKETS_MAX; i++) {
                step->tellings[i].step = step;
                int r = tell(step, i, err);
                if (r < 0) {
                        return r;
                }
                step->under_way++;
        }
        return 0;
}

const struct operation_kind haproxy_step = {
        .size = sizeof(struct haproxy_step),
        .start = start,
        .release = release,
};
