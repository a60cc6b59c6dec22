#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/session.h"

enum { WATCH_SECONDS = 2 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) {
        (void) signal;
        interrupted = 1;
}

static int verdict(struct json_object *status) {
        struct json_object *services = json_member(status, "services");
        for (size_t i = 0; i < json_length(services); i++) {
                struct json_object *service = json_object_array_get_idx(services, i);
                bool ready = json_flag(service, "ready") || !json_flag(service, "up");
                if (json_flag(service, "down") || !ready) {
                        return EXIT_NO;
                }
        }
        return EXIT_DONE;
}

static int ask(const struct invocation *invocation, struct agent_reply *ret) {
        AUTO_STRBUF struct strbuf path = {0};
        strbuf_add(&path, "/v1/status");
        if (invocation->n_arguments > 0) {
                AUTO_FREE char *name = agent_escape(invocation->arguments[0]);
                strbuf_addf(&path, "?service=%s", name ? name : "");
        }
        if (!strbuf_text(&path)) {
                return session_complain("out of memory");
        }
        return session_ask(invocation, strbuf_text(&path), NULL, 0, ret);
}

static int show(const struct invocation *invocation) {
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_STRBUF struct strbuf out = {0};
        int r = ask(invocation, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        if (invocation->json) {
                return session_print_json(reply.json, verdict(reply.json));
        }
        render_status(reply.json, &invocation->terminal, &out);
        return session_print(&out, verdict(reply.json));
}

/* Draws over what is there line by line, which does not flicker. */
static int redraw(const struct strbuf *text) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_add(&out, "\033[H");
        for (const char *at = strbuf_text(text); at && *at;) {
                size_t length = strcspn(at, "\n");
                strbuf_add_bytes(&out, at, length);
                strbuf_add(&out, "\033[K\n");
                at += length + (at[length] == '\n');
        }
        strbuf_add(&out, "\033[J");
        return session_print(&out, EXIT_DONE);
}

static int watch_once(struct invocation *invocation) {
        if (invocation->json || !invocation->terminal.interactive) {
                return show(invocation);
        }
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_STRBUF struct strbuf out = {0};
        invocation->terminal = terminal_of_stdout(); /* its size may have changed */
        int r = ask(invocation, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        render_status(reply.json, &invocation->terminal, &out);
        return redraw(&out) == EXIT_DONE ? verdict(reply.json) : EXIT_NO;
}

/* Ends by Ctrl-C with the exit status of the last look; an agent that is restarting is waited for.
 */
static int watch(struct invocation *invocation) {
        struct sigaction action = {.sa_handler = on_interrupt};
        const char *clear = "\033[2J\033[?25l", *restore = "\033[?25h";
        bool screen = invocation->terminal.interactive && !invocation->json;
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        fputs(screen ? clear : "", stdout);
        int status = EXIT_DONE;
        while (!interrupted && !ferror(stdout) && status != EXIT_USAGE) {
                status = watch_once(invocation);
                struct timespec pause = {.tv_sec = WATCH_SECONDS};
                if (!interrupted && status != EXIT_USAGE) {
                        /* style: allow nanosleep: recoverctl has no loop */
                        nanosleep(&pause, NULL);
                }
        }
        fputs(screen ? restore : "", stdout);
        fflush(stdout);
        return status;
}

int run_status(struct invocation *invocation) {
        return invocation->watch ? watch(invocation) : show(invocation);
}
