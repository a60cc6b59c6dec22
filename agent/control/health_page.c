#include "control/health_page.h"

#include "base/units.h"
#include "control/json_view.h"
#include "control/listener.h"
#include "runtime/runtime.h"

static void add_line(void *cookie, const char *sentence) {
        struct strbuf *out = cookie;
        strbuf_add(out, sentence);
        strbuf_add_char(out, '\n');
}

static bool executor_lost(const struct runtime_stats *stats, usec_t now) {
        usec_t since =
                stats->executor_since.mono ? stats->executor_since.mono : stats->started.mono;
        return !stats->executor_up &&
               usec_sub(now, since) > LISTENER_EXECUTOR_AWAY_SECONDS * USEC_PER_SEC;
}

bool health_page(const struct runtime *runtime, struct strbuf *out) {
        struct runtime_stats stats;
        struct view view = view_of(runtime, out);
        runtime_stats(runtime, &stats);
        bool late = stats.lag > LISTENER_LAG_SECONDS * USEC_PER_SEC;
        bool ok = !late && !executor_lost(&stats, view.now.mono);
        if (ok) {
                add_line(out, "ok");
        }
        if (late) {
                char lag[UNITS_TEXT_MAX];
                strbuf_addf(out, "the event loop is %s late\n",
                        units_format_duration_short(stats.lag, lag));
        }
        view_degraded(&view, add_line, out);
        return ok;
}
