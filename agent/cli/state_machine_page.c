#include "cli/state_machine_page.h"

#include "recovery/member_rules.h"
#include "recovery/rules.h"

/* The words of a table whose bits are set, with a separator. */
static void add_words(struct strbuf *out, const struct enum_text *words, uint32_t bits) {
        const char *separator = "";
        for (const struct enum_text *row = words; row->text; row++) {
                if (bits & 1U << row->value) {
                        strbuf_addf(out, "%s%s", separator, row->text);
                        separator = ", ";
                }
        }
}

static void put_words(
        struct strbuf *out, const char *title, const char *column, const struct enum_text *words) {
        strbuf_addf(out, "\n## %s\n\n| %s | meaning |\n| --- | --- |\n", title, column);
        for (const struct enum_text *row = words; row->text; row++) {
                strbuf_addf(out, "| `%s` | %s |\n", row->text, row->help);
        }
}

/* ---- The diagram ---- */

/* The rules that lead from one phase to another, as the label of one arrow. */
static void put_arrow(struct strbuf *out, enum phase from, enum phase to) {
        const char *separator = NULL;
        for (size_t i = 0; i < n_rules; i++) {
                if (!(rules[i].phases & 1U << from) || rules[i].next != (int) to) {
                        continue;
                }
                if (!separator) {
                        strbuf_addf(out, "    %s --> %s: ", phase_text(from), phase_text(to));
                        separator = "";
                }
                strbuf_addf(out, "%s%u", separator, rules[i].number);
                separator = ", ";
        }
        if (separator) {
                strbuf_add_char(out, '\n');
        }
}

static void put_diagram(struct strbuf *out) {
        strbuf_add(out,
                "\n## Diagram\n\n"
                "The numbers are those of the rules; rules that leave the state as it is are "
                "not drawn.\n\n"
                "```mermaid\nstateDiagram-v2\n    [*] --> watching\n");
        for (int from = 0; from < PHASE_COUNT; from++) {
                for (int to = 0; to < PHASE_COUNT; to++) {
                        if (from != to) {
                                put_arrow(out, (enum phase) from, (enum phase) to);
                        }
                }
        }
        strbuf_add(out, "```\n");
}

/* ---- The rules ---- */

static void put_rule(struct strbuf *out, const struct rule *rule) {
        strbuf_addf(out, "| %u | ", rule->number);
        add_words(out, phase_texts, rule->phases);
        strbuf_add(out, " | ");
        add_words(out, happening_texts, rule->happenings);
        strbuf_addf(out, " | %s | %s | %s |\n", rule->when_text ? rule->when_text : "",
                rule->sentence,
                rule->next == PHASE_SAME ? "stays" : phase_text((enum phase) rule->next));
}

static void put_rules(struct strbuf *out) {
        strbuf_add(out,
                "\n## Rules\n\n"
                "Read from top to bottom: the first that fits fires. A number is never used "
                "again for another rule, so logs of old releases stay readable.\n\n"
                "| rule | in | at | if | why | then |\n"
                "| --- | --- | --- | --- | --- | --- |\n");
        for (size_t i = 0; i < n_rules; i++) {
                put_rule(out, &rules[i]);
        }
}

static void put_ignored(struct strbuf *out) {
        strbuf_add(out, "\n## Ignored on purpose\n\n| in | at | because |\n| --- | --- | --- |\n");
        for (size_t i = 0; i < n_rules_ignored; i++) {
                strbuf_add(out, "| ");
                add_words(out, phase_texts, rules_ignored[i].phases);
                strbuf_add(out, " | ");
                add_words(out, happening_texts, rules_ignored[i].happenings);
                strbuf_addf(out, " | %s |\n", rules_ignored[i].reason);
        }
}

/* ---- Members of groups ---- */

static void put_member_rule(struct strbuf *out, const struct member_rule *rule) {
        strbuf_addf(out, "| %u | ", rule->number);
        add_words(out, duty_texts, rule->duties);
        strbuf_addf(out, " | %s | %s | %s |\n", rule->when_text, rule->sentence,
                rule->next == DUTY_SAME ? "stays" : duty_text((enum duty) rule->next));
}

static void put_members(struct strbuf *out) {
        strbuf_add(out,
                "\n# Members of groups\n\n"
                "A member of a group with one active member has a duty besides ([failover](failover.md)); the "
                "table is agent/recovery/member_rules.c. Whenever something changes, the first rule that "
                "fits the duty fires, and again, until none does.\n");
        put_words(out, "Duties", "duty", duty_texts);
        strbuf_add(out, "\n## Rules of members\n\n"
                        "| rule | in | if | why | then |\n"
                        "| --- | --- | --- | --- | --- |\n");
        for (size_t i = 0; i < n_member_rules; i++) {
                put_member_rule(out, &member_rules[i]);
        }
}

void state_machine_page(struct strbuf *out) {
        strbuf_add(out,
                "# The incident state machine\n\n"
                "Written by `recoverctl generate state-machine` from the table that the agent runs "
                "by; change agent/recovery/rules.c, not this page.\n\n"
                "Each service is in one state. What happens to it is looked up in the rules, with "
                "the state it is in: the rule that fires is named, by its number and its sentence, "
                "in the log, in the timeline of the incident and by `recoverctl why`.\n");
        put_words(out, "States", "state", phase_texts);
        put_words(out, "What can happen", "happening", happening_texts);
        put_diagram(out);
        put_rules(out);
        put_ignored(out);
        put_members(out);
}
