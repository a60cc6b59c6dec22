#include "model/content_report.h"

void content_report_describe(const struct content_report *report, struct strbuf *out) {
        char since[WALL_TEXT_MAX];
        switch (report->state) {
        case FILES_UNKNOWN:
                strbuf_addf(out, "what it was well with is not known%s%s",
                        *report->text ? ": " : "", report->text);
                break;
        case FILES_UNCHANGED:
                strbuf_addf(out, "nothing has changed: it is %s, which it was well with",
                        report->present);
                break;
        case FILES_CHANGED:
                strbuf_addf(out, "it was well with %s, and is %s since %s", report->good,
                        report->present, clock_format_wall(report->since, since));
                strbuf_addf(out, "%s%s", *report->text ? ": " : "", report->text);
                break;
        }
}
