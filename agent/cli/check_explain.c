#include "cli/check_explain.h"

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/text_table.h"
#include "probes/probe.h"
#include "recovery/backoff.h"

void check_imply(
        const struct policy *policy, const struct service *service, struct implications *ret) {
        implications_compute(policy, service, backoff_bounds, ret);
}

/* ---- Cells ---- */

static void add_duration(struct strbuf *out, usec_t duration) {
        char text[UNITS_TEXT_MAX];
        strbuf_add(out, units_format_duration_short(duration, text));
}

void check_add_range(struct strbuf *out, usec_t least, usec_t most) {
        if (least != most) {
                add_duration(out, least);
                strbuf_add(out, "-");
        }
        add_duration(out, most);
}

static void put_duration(struct text_table *table, usec_t duration) {
        char text[UNITS_TEXT_MAX];
        text_table_add(table, units_format_duration_short(duration, text), PAINT_NONE);
}

static void put_text(struct text_table *table, const struct strbuf *text) {
        const char *cell = strbuf_text(text);
        if (cell) {
                text_table_add(table, cell, PAINT_NONE);
        } else {
                table->failed = true;
        }
}

static void put_causes(struct text_table *table, uint32_t causes) {
        AUTO_STRBUF struct strbuf text = {0};
        causes_add(&text, causes);
        put_text(table, &text);
}

/* ---- Probes ---- */

static void put_when(struct text_table *table, const struct detection *detection, usec_t when) {
        if (detection->at_once) {
                text_table_add(table, "at once", PAINT_NONE);
        } else {
                put_duration(table, when);
        }
}

static void add_probe(struct text_table *table, const struct detection *detection) {
        const struct probe_spec *probe = detection->probe;
        const struct probe_type *type = probe_types[probe->type];
        text_table_add(table, probe->name, PAINT_NONE);
        text_table_add(table, type->name, PAINT_NONE);
        text_table_add(table, probe_role_text((enum probe_role) probe->role), PAINT_NONE);
        put_duration(table, probe->interval);
        put_duration(table, probe->timeout);
        text_table_addf(table, "%u", probe->fall);
        put_when(table, detection, detection->typical);
        put_when(table, detection, detection->worst);
        put_causes(table, probe_causes(&type->traits, probe->params));
}

static void add_probes(
        const struct implications *implied, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"PROBE", "TYPE", "ROLE", "EVERY", "TIMEOUT", "FALL",
                "NOTICES IN", "AT WORST", "CAN FIND"};
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (uint32_t i = 0; i < implied->n_detections; i++) {
                add_probe(&table, &implied->detections[i]);
        }
        text_table_render(&table, terminal, out);
}

/* ---- Ladder ---- */

/* Attempts of one step with the same bounds are one row. */
static bool are_alike(const struct implied_attempt *a, const struct implied_attempt *b) {
        return a->step == b->step && a->least == b->least && a->most == b->most;
}

static void add_attempts(struct text_table *table, const struct service *service,
        const struct implied_attempt *first, const struct implied_attempt *last) {
        AUTO_STRBUF struct strbuf wait = {0};
        if (first == last) {
                text_table_addf(table, "%u", first->number);
        } else {
                text_table_addf(table, "%u-%u", first->number, last->number);
        }
        text_table_add(table, action_text((enum action) first->action), PAINT_NONE);
        check_add_range(&wait, first->least, first->most);
        put_text(table, &wait);
        put_duration(table, first->action_time);
        put_duration(table, first->verify);
        put_duration(table, last->ends);
        uint32_t causes = service->steps[first->step].causes;
        if (causes) {
                put_causes(table, causes);
        } else {
                text_table_add(table, "every cause", PAINT_NONE);
        }
}

static void add_ladder(const struct service *service, const struct implications *implied,
        const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {
                "ATTEMPT", "STEP", "WAIT BEFORE", "TAKES", "VERIFY", "OVER BY", "FOR"};
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (uint32_t i = 0, last; i < implied->n_attempts; i = last + 1) {
                last = i;
                while (last + 1 < implied->n_attempts &&
                        are_alike(&implied->attempts[i], &implied->attempts[last + 1])) {
                        last++;
                }
                add_attempts(&table, service, &implied->attempts[i], &implied->attempts[last]);
        }
        text_table_render(&table, terminal, out);
        if (implied->total_attempts > implied->n_attempts) {
                strbuf_addf(out, "and %u more\n", implied->total_attempts - implied->n_attempts);
        }
}

/* ---- In words ---- */

static void add_detection(const struct implications *implied, struct strbuf *out) {
        if (implied->worst_detection > 0) {
                strbuf_add(out, "A failure is noticed in ");
                add_duration(out, implied->typical_detection);
                strbuf_add(out, " as a rule, in ");
                add_duration(out, implied->worst_detection);
                strbuf_add(out, " at worst.\n");
        }
}

static void add_giving_up(
        const struct service *service, const struct implications *implied, struct strbuf *out) {
        char per[UNITS_TEXT_MAX];
        if (implied->total_attempts == 0) {
                strbuf_add(out, "Nothing is done about it.\n");
                return;
        }
        strbuf_add(out, "It is given up after ");
        check_add_range(out, implied->exhausted_least, implied->exhausted_most);
        strbuf_addf(out, " and %u attempt%s; at most %u action%s an hour (budget: %u within %s).\n",
                implied->total_attempts, implied->total_attempts == 1 ? "" : "s",
                implied->actions_per_hour, implied->actions_per_hour == 1 ? "" : "s",
                service->budget.actions, units_format_duration(service->budget.per, per));
        if (implied->budget_holds) {
                strbuf_add(out,
                        "The budget is spent before the ladder ends: what is left waits for it.\n");
        }
}

void check_explain(const struct policy *policy, const struct service *service,
        const struct terminal *terminal, struct strbuf *out) {
        struct implications implied;
        check_imply(policy, service, &implied);
        terminal_paint(terminal, out, PAINT_HEAD, service->name);
        if (service->description) {
                strbuf_add(out, ": ");
                terminal_paint(terminal, out, PAINT_NONE, service->description);
        }
        strbuf_add_char(out, '\n');
        add_detection(&implied, out);
        add_giving_up(service, &implied, out);
        strbuf_add_char(out, '\n');
        add_probes(&implied, terminal, out);
        if (implied.n_attempts > 0) {
                strbuf_add_char(out, '\n');
                add_ladder(service, &implied, terminal, out);
        }
}
