#include "control/status_page.h"

#include "base/units.h"
#include "control/json_view.h"
#include "control/verdict.h"
#include "io/loop.h"
#include "runtime/runtime.h"

static const char head[] =
        "<!doctype html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"refresh\" content=\"5\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>recoverd</title>\n"
        "<style>\n"
        ":root { color-scheme: light dark; --line: #8883; --dim: #888; --ok: #1a7f37; "
        "--warn: #9a6700; --bad: #cf222e }\n"
        "@media (prefers-color-scheme: dark) { :root { --ok: #3fb950; --warn: #d29922; "
        "--bad: #f85149 } }\n"
        "body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; "
        "padding: 0 1rem }\n"
        "h1 { font-size: 1.3rem; margin: 0 }\n"
        "p { margin: .3rem 0 } .dim { color: var(--dim) }\n"
        "table { border-collapse: collapse; width: 100%; margin-top: 1rem }\n"
        "th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; "
        "border-bottom: 1px solid var(--line) }\n"
        "th { font-weight: 600; color: var(--dim); font-size: .85rem }\n"
        ".ok { color: var(--ok) } .warn { color: var(--warn) } "
        ".bad { color: var(--bad); font-weight: 600 }\n"
        ".note { border-left: 3px solid var(--bad); padding-left: .6rem }\n"
        "code { font-size: .85rem; letter-spacing: .04em; white-space: nowrap }\n"
        "td.detail { overflow-wrap: anywhere }\n"
        "</style>\n"
        "</head>\n"
        "<body>\n";

void status_page_escape(struct strbuf *out, const char *text) {
        static const char *const entities[256] = {
                ['&'] = "&amp;",
                ['<'] = "&lt;",
                ['>'] = "&gt;",
                ['"'] = "&quot;",
                ['\''] = "&#39;",
        };
        for (const char *at = text; *at; at++) {
                const char *entity = entities[(unsigned char) *at];
                if (entity) {
                        strbuf_add(out, entity);
                } else {
                        strbuf_add_char(out, *at);
                }
        }
}

static void add_duration(struct strbuf *out, usec_t duration) {
        char text[UNITS_TEXT_MAX];
        strbuf_add(out, units_format_duration_short(duration, text));
}

/* ---- The top ---- */

static void put_note(void *cookie, const char *sentence) {
        struct strbuf *out = cookie;
        strbuf_add(out, "<p class=\"note\">");
        status_page_escape(out, sentence);
        strbuf_add(out, "</p>\n");
}

static void put_top(const struct runtime *runtime, struct strbuf *out, struct instant now) {
        struct runtime_stats stats;
        struct tally tally = tally_all(runtime);
        char text[WALL_TEXT_MAX];
        runtime_stats(runtime, &stats);
        strbuf_addf(out, "<h1>recoverd</h1>\n<p><span class=\"%s\">%u of %u services up</span>",
                tally.down ? "bad" : "ok", tally.up, tally.services);
        if (tally.down) {
                strbuf_addf(out, ", %u down", tally.down);
        }
        if (tally.not_ready) {
                strbuf_addf(out, ", <span class=\"warn\">%u not ready</span>", tally.not_ready);
        }
        if (tally.degraded) {
                strbuf_addf(out, ", <span class=\"warn\">%u degraded</span>", tally.degraded);
        }
        if (tally.exhausted) {
                strbuf_addf(out, ", <span class=\"bad\">%u given up</span>", tally.exhausted);
        }
        if (tally.paused) {
                strbuf_addf(out, ", <span class=\"warn\">%u paused</span>", tally.paused);
        }
        strbuf_addf(out, "</p>\n<p class=\"dim\">%s, version %s, running for ",
                clock_format_wall(now.wall, text), RECOVERD_VERSION);
        add_duration(out, usec_sub(now.mono, stats.started.mono));
        strbuf_add(out, runtime_options(runtime)->dry_run ? ", dry run: nothing is acted on" : "");
        strbuf_add(out, "</p>\n");
        struct view view = view_of(runtime, out);
        view_degraded(&view, put_note, out);
}

/* ---- The table ---- */

static bool needs_attention(const struct verdict *verdict) {
        return verdict->down || verdict->status.incident || verdict->status.paused ||
               verdict->status.warnings;
}

static const char *class_of(const struct verdict *verdict) {
        if (verdict->down) {
                return "bad";
        }
        bool fine = verdict->status.health == HEALTH_HEALTHY && !verdict->status.incident &&
                    !verdict->status.warnings;
        return fine ? "ok" : "warn";
}

static void put_windows(
        const struct runtime *runtime, struct strbuf *out, const struct service *service) {
        char window[VIEW_WINDOW_MAX];
        for (uint32_t i = 0; i < service->n_probes; i++) {
                struct probe_status status;
                recovery_probe_status(runtime_recovery(runtime), service->index, i, &status);
                view_window(&status, window);
                size_t length = strlen(window), shown = 16;
                strbuf_add(out, i ? "<br>" : "");
                status_page_escape(out, service->probes[i].name);
                strbuf_addf(out, " <code class=\"dim\">%s</code>",
                        window + (length > shown ? length - shown : 0));
        }
}

static void put_next(struct strbuf *out, const struct verdict *verdict, usec_t now) {
        const struct service_status *status = &verdict->status;
        if (status->paused) {
                strbuf_add(out, "paused for ");
                add_duration(out, usec_sub(status->pause_until, now));
                strbuf_add(out, " more");
        } else if (status->next_attempt && status->next_attempt != USEC_INFINITY) {
                strbuf_add(out, "attempt in ");
                add_duration(out, usec_sub(status->next_attempt, now));
        } else if (status->phase == PHASE_EXHAUSTED) {
                strbuf_add(out, "a person");
        }
}

static void put_service(const struct runtime *runtime, struct strbuf *out,
        const struct verdict *verdict, usec_t now) {
        const struct service *service = verdict->status.policy;
        strbuf_add(out, "<tr><td><b>");
        status_page_escape(out, service->name);
        strbuf_add(out, "</b>");
        if (!str_empty(service->description)) {
                strbuf_add(out, "<br><span class=\"dim\">");
                status_page_escape(out, service->description);
                strbuf_add(out, "</span>");
        }
        strbuf_addf(out, "</td><td class=\"%s\">", class_of(verdict));
        status_page_escape(out, verdict->state);
        strbuf_add(out, "</td><td>");
        if (verdict->since) {
                add_duration(out, usec_sub(now, verdict->since));
        }
        strbuf_add(out, "</td><td>");
        put_windows(runtime, out, service);
        strbuf_add(out, "</td><td>");
        put_next(out, verdict, now);
        strbuf_add(out, "</td><td class=\"detail\">");
        status_page_escape(out, verdict->detail ? verdict->detail : "");
        strbuf_add(out, "</td></tr>\n");
}

static void put_table(const struct runtime *runtime, struct strbuf *out, usec_t now) {
        uint32_t n = runtime_policy(runtime)->n_services;
        strbuf_add(out, "<table>\n<thead><tr><th>Service</th><th>State</th><th>Since</th>"
                        "<th>Probes</th><th>Next</th><th>Detail</th></tr></thead>\n<tbody>\n");
        for (int attention = 1; attention >= 0; attention--) {
                for (uint32_t i = 0; i < n; i++) {
                        struct verdict verdict = verdict_of(runtime, i);
                        if (needs_attention(&verdict) == attention) {
                                put_service(runtime, out, &verdict, now);
                        }
                }
        }
        strbuf_add(out, "</tbody>\n</table>\n");
}

void status_page(const struct runtime *runtime, struct strbuf *out) {
        struct instant now = loop_now(runtime_loop(runtime));
        strbuf_add(out, head);
        put_top(runtime, out, now);
        put_table(runtime, out, now.mono);
        strbuf_add(out, "<p class=\"dim\"><a href=\"/metrics\">metrics</a>, "
                        "<a href=\"/healthz\">healthz</a></p>\n</body>\n</html>\n");
}
