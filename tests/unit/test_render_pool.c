/* Pools as group and why show them. */

#include <json-c/json.h>
#include <locale.h>

#include "base/cleanup.h"
#include "cli/render.h"
#include "unit_test.h"

#define OF_DB1                                                                                     \
        "{\"group\": \"shop\", \"member\": \"db1/web\", \"zone\": \"north\", \"healthy\": true,"   \
        " \"doing\": \"restart\", \"session\": \"connected\", \"why\": \"it has a permit\","       \
        " \"permit\": \"granted\", \"healthy_members\": 2, \"members\": 3, \"min_healthy\": 2,"    \
        " \"max_disruptions\": 1, \"coordinator\": \"etcd\", \"permits\": [\"db1/web\"],"          \
        " \"waiting\": {\"command\": \"restart\", \"by\": \"ann\", \"since_seconds\": 90},"        \
        " \"peers\": [{\"member\": \"db2/web\", \"says\": \"pool healthy=1 doing=nothing\"},"      \
        "             {\"member\": \"db3/web\", \"says\": \"pool healthy=0 doing=rollback\"}]}"
#define CUT_OFF                                                                                    \
        "{\"group\": \"shop\", \"member\": \"db2/web\", \"healthy\": false, \"permit\": \"none\"," \
        " \"session\": \"lost\", \"session_why\": \"no answer\", \"why\": \"not known\","          \
        " \"healthy_members\": 1, \"members\": 3, \"min_healthy\": 2, \"max_disruptions\": 1,"     \
        " \"coordinator\": \"etcd\", \"permits\": [], \"peers\": []}"

static const struct terminal plain = {0};

static int setup(void **state) {
        (void) state;
        return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static void assert_shown(
        void (*render)(struct json_object *, const struct terminal *, struct strbuf *),
        const char *text, const char *expected) {
        AUTO_STRBUF struct strbuf out = {0};
        struct json_object *json = json_tokener_parse(text);
        assert_non_null(json);
        render(json, &plain, &out);
        assert_string_equal(strbuf_text(&out), expected);
        json_object_put(json);
}

static void the_table_has_the_members_of_other_hosts(void **state) {
        (void) state;
        assert_shown(render_pools, "[" OF_DB1 "]",
                "POOL  MEMBER   ZONE   HEALTHY  DOING     PERMIT  WHY\n"
                "shop  db1/web  north  yes      restart   yes     it has a permit\n"
                "shop  db2/web  -      yes      -         -       another host\n"
                "shop  db3/web  -      no       rollback  -       another host\n");
}

static void a_member_of_this_host_is_shown_once(void **state) {
        (void) state;
        assert_shown(render_pools, "[" OF_DB1 ", " CUT_OFF "]",
                "POOL  MEMBER   ZONE   HEALTHY  DOING     PERMIT  WHY\n"
                "shop  db1/web  north  yes      restart   yes     it has a permit\n"
                "shop  db3/web  -      no       rollback  -       another host\n"
                "shop  db2/web  -      no       -         -       no answer\n");
}

static void why_says_who_has_permits_and_who_waits(void **state) {
        (void) state;
        assert_shown(render_why_pool, OF_DB1,
                "db1/web is healthy\n"
                "  permit     granted: it has a permit\n"
                "  healthy    2 of 3 members, 2 have to be\n"
                "  permits    1 of 1: db1/web\n"
                "  through    etcd, connected\n"
                "  waiting    restart by ann, for 1m30s\n");
}

static void why_says_that_the_coordinator_is_away(void **state) {
        (void) state;
        assert_shown(render_why_pool, CUT_OFF,
                "db2/web is not healthy\n"
                "  permit     none: not known\n"
                "  healthy    1 of 3 members, 2 have to be\n"
                "  permits    0 of 1\n"
                "  through    etcd, lost: no answer\n");
}

static void answers_that_are_none_are_stood(void **state) {
        (void) state;
        assert_shown(render_pools, "[]", "");
        assert_shown(render_pools, "[{\"member\": \"db1/web\", \"peers\": [{}, 7]}]",
                "POOL  MEMBER   ZONE  HEALTHY  DOING  PERMIT  WHY\n"
                "-     db1/web  -     no       -      -       -\n"
                "-     -        -     no       -      -       another host\n"
                "-     -        -     no       -      -       another host\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_has_the_members_of_other_hosts),
                cmocka_unit_test(a_member_of_this_host_is_shown_once),
                cmocka_unit_test(why_says_who_has_permits_and_who_waits),
                cmocka_unit_test(why_says_that_the_coordinator_is_away),
                cmocka_unit_test(answers_that_are_none_are_stood),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
