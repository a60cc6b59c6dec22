/* Text for manual pages: nothing of it is taken for a request of roff, or shown as another sign. */

#include "base/cleanup.h"
#include "policy/man_text.h"
#include "unit_test.h"

static void expect(struct strbuf *out, const char *text) {
        assert_string_equal(strbuf_text(out), text);
        strbuf_reset(out);
}

static void escapes_what_roff_reads(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        man_text(&out, ".TH is no request\n'nor this\nbut . and ' within a line are plain");
        expect(&out, "\\&.TH is no request\n\\&'nor this\nbut . and ' within a line are plain");
        man_text(&out, "a\\b, x^2, ~user, recoverd-executor(8)");
        expect(&out, "a\\eb, x\\(ha2, \\(tiuser, recoverd\\-executor(8)");
        man_text(&out, "");
        expect(&out, "");
}

static void shows_code_in_bold_and_as_it_stands(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        man_text(&out, "say `--for '30m'` or nothing");
        expect(&out, "say \\fB\\-\\-for \\(aq30m\\(aq\\fR or nothing");
        man_text(&out, "a lone ` stays");
        expect(&out, "a lone \\(ga stays");
        man_bold(&out, "a`b");
        expect(&out, "\\fBa\\(gab\\fR");
        man_capital(&out, "services, and `why`");
        expect(&out, "Services, and \\fBwhy\\fR");
}

static void makes_blocks(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        man_paragraphs(&out, "One,\nstill one.\n\nTwo.");
        expect(&out, "One,\nstill one.\n.PP\nTwo.\n");
        man_section(&out, "EXAMPLES");
        man_example(&out, "recoverctl status\n.hidden\n");
        expect(&out, ".SH EXAMPLES\n.RS 4\n.nf\nrecoverctl status\n\\&.hidden\n.fi\n.RE\n");
        man_definition(&out, "--json", "One object.");
        expect(&out, ".TP\n\\fB\\-\\-json\\fR\nOne object.\n");
        man_see_also(&out, "recoverctl(1), recoverd.yaml(5)");
        expect(&out, ".SH SEE ALSO\n\\fBrecoverctl\\fR(1),\n\\fBrecoverd.yaml\\fR(5)\n");
}

static void begins_a_page(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        const struct man_head head = {"recoverd-policy", "5", "what is kept alive"};
        man_begin(&out, &head);
        assert_true(str_starts(strbuf_text(&out), ".TH RECOVERD\\-POLICY 5 "));
        assert_non_null(strstr(strbuf_text(&out),
                "\"recoverd " RECOVERD_VERSION
                "\" recoverd\n.SH NAME\nrecoverd\\-policy \\- what is kept alive\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(escapes_what_roff_reads),
                cmocka_unit_test(shows_code_in_bold_and_as_it_stands),
                cmocka_unit_test(makes_blocks),
                cmocka_unit_test(begins_a_page),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
