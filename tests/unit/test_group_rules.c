#include <arpa/inet.h>

#include "policy_cases.h"

#define C "command: [/bin/x]"
#define SERVICES                                                                                   \
        "services:\n  blue: {" C ", member_of: g}\n  green: {command: [/bin/y], member_of: g}\n"
#define LOCAL "mode: active-standby, members: {blue: {}, green: {}}"
#define GROUP(more) "version: 1\ngroups: {g: {" LOCAL more "}}\n" SERVICES
#define POOL(more)                                                                                   \
        "version: 1\ngroups: {g: {mode: pool, members: {blue: {}, green: {}}, min_healthy: 50%" more \
        "}}\n" SERVICES
#define ENSEMBLE                                                                                   \
        "coordinator: {kind: zookeeper, servers: \"127.0.0.1:2181\", user: recoverd, password_file: /p}\n"
#define HOSTS                                                                                      \
        "mode: active-standby, coordinator: zookeeper, members: {db1: {}, db2: {priority: 200}}"

#define AGREEING(first, second)                                                                    \
        "mode: active-standby, coordinator: zookeeper, members: {db1: {address: \"10.0.0." first   \
        ":1\"}, db2: {address: \"10.0.0." second                                                   \
        ":1\"}}, on_coordinator_loss: hold-if-all-peers-agree"

static const struct policy_case cases[] = {
        {GROUP(""), ""},
        {"version: 1\ngroups: {g: {lease: 15s}}\nservices:\n  a: {" C ", member_of: g}\n",
                "2:14 'lease' has no effect in a group without 'mode' [inconsistent] (add 'mode: "
                "active-standby', or remove it)\n"},
        {"version: 1\ngroups: {g: {mode: active-standby}}\n" SERVICES,
                "2:10 the key 'members' is missing [missing-key] (add 'members: {blue: {}, green: {}}', "
                "which name services)\n"},
        {"version: 1\ngroups: {g: {mode: active-standby, members: {blue: {}}}}\nservices:\n  blue: {" C
         ", member_of: g}\n",
                "2:45 1 members: nobody could take over, 2 are needed [inconsistent]\n"},
        {"version: 1\ngroups: {g: {mode: active-standby, members: {blue: {}, gren: {}}}}\n" SERVICES,
                "2:56 there is no service 'gren' [unknown-service] (did you mean 'green'?)\n"
                "5:41 'members' of the group 'g' does not name the service 'green' [inconsistent]\n"},
        {"version: 1\ngroups: {g: {" LOCAL "}}\nservices:\n  blue: {" C
         ", member_of: g}\n  green: {command: [/bin/y]}\n",
                "2:56 the service 'green' does not say that it is a member [unknown-service] (add "
                "'member_of: g' to the service)\n"},
        {"version: 1\ngroups: {g: {" LOCAL "}}\nservices:\n  blue: {" C
         ", member_of: g}\n  green: {member_of: g, probes: {p: {tcp: x}}}\n",
                "5:22 the service 'green' is only watched, so it cannot be a member of a group with one "
                "active member [no-manager] (give it a 'command', a 'unit' or 'scripts')\n"},
        {GROUP(", lease: 5s"),
                "2:75 a lease of 5s is over before a member that loses it has stopped for certain: "
                "1.67s from one renewal to the next + 0s for the programs of 'demote' + 3s to stop + "
                "1s to kill + 1s margin = 6.67s [impossible-timing] ('lease' has to be longer than "
                "7.5s; or shorten the rest)\n"},
        {GROUP(", lease: 5s, stop_timeout: 1s, margin: 500ms"), ""},
        {GROUP(", promote: [exec: {command: [/bin/m]}]"),
                "2:77 'promote' needs one 'start', and has 0 [inconsistent]\n"},
        {GROUP(", promote: [start, stop]"),
                "2:77 besides 'start' only programs ('exec') and 'haproxy' are possible in 'promote' "
                "[impossible-step]\n"},
        {GROUP(", fence: [stop]"),
                "2:75 only programs ('exec') are possible in 'fence' [impossible-step]\n"},
        {GROUP(", demote: [stop, stop]"),
                "2:76 'demote' needs one 'stop', and has 2 [inconsistent]\n"},
        {GROUP(", fence: [haproxy: {socket: /s, server: b/s, state: drain}]"),
                "2:75 only programs ('exec') are possible in 'fence' [impossible-step]\n"},
        {GROUP(", demote: [haproxy: {socket: s, server: web1, state: drain, wait: 1s}, stop]"),
                "2:95 's': expected an absolute path, or 'tcp ADDRESS:PORT' with an address in numbers "
                "[inconsistent]\n"
                "2:106 'web1': expected BACKEND/SERVER, as in shop/web1 [inconsistent]\n"},
        {GROUP(", promote: [start, haproxy: {socket: /s, server: b/s, state: ready, weight: 300%}]"),
                "2:142 '300%': expected 0 to 256, or 0% to 100% [inconsistent]\n"},
        {GROUP(", demote: [haproxy: {socket: /s, server: b/s, state: drain}, stop]"),
                "warning 2:76 the stop does not wait for the sessions of 'b/s' to end, and cuts them off "
                "[no-drain-time] (add 'wait: 2s', which has to fit into the lease)\n"},
        {GROUP(", demote: [stop, haproxy: {socket: /s, server: b/s, state: drain, on_error: fail}]"),
                "2:76 a demotion does not wait for HAProxy: its lease goes on to end [inconsistent] "
                "(remove 'on_error')\n"},
        {GROUP(", demote: [haproxy: {socket: /s, server: b/s, state: drain, wait: 9s}, stop]"),
                "2:10 a lease of 15s is over before a member that loses it has stopped for certain: 5s "
                "from one renewal to the next + 10s for the programs of 'demote' + 3s to stop + 1s to "
                "kill + 1s margin = 20s [impossible-timing] ('lease' has to be longer than 22.5s; or "
                "shorten the rest)\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x:1}}, recover: [notify], "
         "traffic: {haproxy: {socket: /s, server: b/s}}}\n",
                "3:60 the service 'a' is only watched: nobody here interrupts it [no-manager] (remove it, "
                "or give the service a 'command', a 'unit' or 'scripts')\n"},
        {GROUP(", requires_healthy: [proces]"),
                "2:87 the member 'blue' has no probe 'proces' [inconsistent] (did you mean 'process'?)\n"
                "2:87 the member 'green' has no probe 'proces' [inconsistent] (did you mean 'process'?)\n"},
        {GROUP(", on_coordinator_loss: stay"),
                "warning 2:89 a member that is cut off from the coordinator goes on, while another is "
                "promoted: two are active then [two-may-be-active] (write 'demote' where two active "
                "members could destroy data)\n"},
        {GROUP(", on_coordinator_loss: hold-if-all-peers-agree"),
                "2:89 with 'coordinator: local' all members are on this host, and have one agent: there "
                "is nobody to ask [inconsistent] (write 'demote')\n"},
        {"version: 1\ngroups: {g: {" AGREEING("1", "2") "}}\nservices:\n  a: {" C "}\n", ""},
        {"version: 1\ngroups: {g: {" HOSTS
         ", on_coordinator_loss: hold-if-all-peers-agree}}\nservices:\n  a: {" C "}\n",
                "2:70 the others cannot ask the member 'db1': the key 'address' is missing "
                "[missing-key] (add 'address', where its agent listens: '{address: "
                "\"10.0.0.1:7946\"}')\n"
                "2:79 the others cannot ask the member 'db2': the key 'address' is missing "
                "[missing-key] (add 'address', where its agent listens: '{address: "
                "\"10.0.0.1:7946\"}')\n"},
        {"version: 1\ngroups: {g: {" AGREEING("1", "1") "}}\nservices:\n  a: {" C "}\n",
                "2:100 the member 'db1' has the same address [duplicate-address]\n"},
        {"version: 1\ngroups: {g: {" AGREEING("1", "2") ", lease: 7s, stop_timeout: 3s}}\n"
                                                        "services:\n  a: {" C "}\n",
                "2:184 a lease of 7s is over before a member that loses it has stopped for certain: "
                "2.33s from one renewal to the next + 1s to ask the other members + 0s for the programs "
                "of 'demote' + 3s to stop + 1s to kill + 1s margin = 8.33s [impossible-timing] ('lease' "
                "has to be longer than 9s; or shorten the rest)\n"},
        {"version: 1\nagent: {host: db1}\n" ENSEMBLE
         "groups: {g: {" AGREEING("1", "2") "}}\n"
                                            "services:\n  a: {" C ", member_of: g}\n",
                "4:152 the members cannot ask each other: 'coordinator' of recoverd.yaml has no 'peers' "
                "[missing-key] (add 'peers: {listen: ..., secret_file: ...}' to 'coordinator')\n"},
        {"version: 1\ncoordinator: {kind: etcd, servers: x, peers: {listen: \"10.0.0.1:1\"}}\n"
         "services:\n  a: {" C "}\n",
                "2:46 'listen' and 'secret_file' go together: what strangers could say is not listened "
                "to [inconsistent]\n"},
        {GROUP(", address: 192.0.2.10"),
                "2:77 'address': expected an address with its prefix and an interface, such as "
                "192.0.2.10/24 dev eth0, found '192.0.2.10' [bad-value]\n"},
        {"version: 1\ngroups: {g: {" HOSTS ", address: 192.0.2.1/24 dev a}, h: {" HOSTS
         ", address: 192.0.2.1/32 dev b}}\nservices:\n  a: {" C "}\n",
                "2:233 the group 'g' has the same address [duplicate-address]\n"},
        {"version: 1\nagent: {host: db1}\n" ENSEMBLE "groups: {g: {" HOSTS "}}\nservices:\n  a: {" C
         ", member_of: g}\n  b: {command: [/bin/y], member_of: g}\n",
                "7:37 a host has one service in a group with one active member, and 'a' is in 'g' "
                "already [inconsistent] (let the others say 'depends_on: [...]' of the one)\n"},
        {"version: 1\nagent: {host: db1}\ngroups: {g: {" HOSTS "}}\nservices:\n  a: {" C
         ", member_of: g}\n",
                "warning 3:49 recoverd.yaml has no coordinator of the kind zookeeper: nobody is promoted here "
                "[no-coordinator] (add 'coordinator' to recoverd.yaml)\n"},
        {"version: 1\ncoordinator: {kind: zookeeper, servers: x}\nservices:\n  a: {" C "}\n",
                "2:14 ZooKeeper needs a 'user' and a 'password_file': what everybody may change keeps nobody "
                "apart [inconsistent]\n"},
        {"version: 1\ncoordinator: {kind: etcd, servers: x, key_file: /k}\nservices:\n  a: {" C
         "}\n",
                "2:49 'cert_file' and 'key_file' go together [inconsistent]\n"},
        {"version: 1\nagent: {host: db3}\ngroups: {g: {" HOSTS "}}\nservices:\n  a: {" C
         ", member_of: g}\n",
                "warning 5:37 this host, 'db3', is no member of the group 'g': the service is never "
                "started here [not-a-member] ('host' in 'agent' of recoverd.yaml says what this host is "
                "called)\n"},
        {"version: 1\nservices:\n  a: {" C ", recover: [restart, failover]}\n",
                "3:45 'failover' cannot be done for the service 'a': no other member of a group could take "
                "over [impossible-step] (add 'member_of' and a group with 'mode: active-standby')\n"},
        {"version: 1\nagent: {host: \"a b\"}\nservices:\n  a: {" C "}\n",
                "2:15 'a b' cannot be the name of a host [bad-name] (names begin with a letter or digit "
                "and go on with letters, digits and _ . @ -)\n"},
        {POOL(""), ""},
        {POOL(", max_disruptions: 2, lease: 1s"), ""},
        {"version: 1\ngroups: {g: {mode: pool, members: {blue: {}, green: {}}}}\n" SERVICES,
                "2:10 the key 'min_healthy' is missing [missing-key] (add 'min_healthy: 60%', or a count "
                "of members)\n"},
        {"version: 1\ngroups: {g: {mode: pool, members: {blue: {}, green: {}}, min_healthy: 3}}\n" SERVICES,
                "2:71 3 members would have to stay healthy, and the group has 2 [inconsistent]\n"},
        {"version: 1\ngroups: {g: {mode: pool, members: {blue: {}, green: {}}, min_healthy: 51%}}\n" SERVICES,
                "warning 2:71 all 2 members have to stay healthy: a person's restart of one that serves "
                "would wait for ever [pool-without-room] (leave room for one member at least)\n"},
        {POOL(", max_disruptions: 0"),
                "2:93 with 'max_disruptions: 0' nothing could ever be restarted [inconsistent]\n"},
        {POOL(", max_disruptions: 3"),
                "2:93 3 disruptions at once, and the group has 2 members [inconsistent]\n"},
        {POOL(", preempt: true"),
                "2:76 'preempt' has no effect in a group with 'mode: pool' [inconsistent] (remove it: it "
                "is of 'mode: active-standby')\n"},
        {GROUP(", min_healthy: 1"),
                "2:68 'min_healthy' has no effect in a group with 'mode: active-standby' [inconsistent] "
                "(remove it: it is of 'mode: pool')\n"},
        {"version: 1\ngroups: {g: {max_disruptions: 1}}\nservices:\n  a: {" C ", member_of: g}\n",
                "2:14 'max_disruptions' has no effect in a group without 'mode' [inconsistent] (add "
                "'mode: pool', or remove it)\n"},
        {"version: 1\ngroups: {g: {mode: active-standby, members: {blue: {zone: a}, green: {}}}}\n" SERVICES,
                "2:59 'zone' has no effect in a group with 'mode: active-standby' [inconsistent] (remove "
                "it)\n"},
        {"version: 1\ngroups: {g: {mode: pool, min_healthy: 1, members: {blue: {zone: a}, green: "
         "{priority: 2}}}}\n" SERVICES,
                "2:69 the member 'green' has no zone, and others have [inconsistent] (give all members a "
                "'zone', or none)\n"
                "2:87 'priority' has no effect in a group with 'mode: pool' [inconsistent] (remove it)\n"},
        {"version: 1\ngroups: {g: {mode: pool, min_healthy: 1, members: {blue: {}, blue: {}}}}\n" SERVICES,
                "2:62 the key 'blue' appears twice, first in line 2 [duplicate-key]\n"
                "5:41 'members' of the group 'g' does not name the service 'green' [inconsistent]\n"},
        {"version: 1\ngroups: {g: {mode: pool, min_healthy: 0, members: {blue: {}}}}\nservices:\n  blue: {" C
         ", member_of: g}\n",
                "2:51 1 members: no other would be left, 2 are needed [inconsistent]\n"},
};

static void finds_what_groups_may_not_be(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

static void a_group_is_as_it_was_written(void **state) {
        (void) state;
        struct policy *policy = load_clean(
                "version: 1\nagent: {host: db1}\n" ENSEMBLE "groups: {g: {" HOSTS
                ", address: \"2001:db8::1/64 dev eth0\", demote: [stop, exec: {command: [/bin/u], "
                "timeout: 3s}]}}\nservices:\n  a: {" C ", member_of: g}\n");
        const struct service *service = service_of(policy, "a");
        const struct group_spec *group = service->group;
        char id[GROUP_MEMBER_ID_MAX];
        assert_true(policy_is_member(service));
        assert_string_equal(policy_member_id(policy, service, id), "db1/a");
        assert_string_equal(service->member->name, "db1");
        assert_int_equal(service->member->priority, 100);
        assert_string_equal(group->members[0].name, "db2"); /* the highest priority first */
        assert_int_equal(group->promote.count, 1);
        assert_int_equal(group->promote.items[0].action, ACTION_START);
        assert_int_equal(group->demote.count, 2);
        assert_int_equal(group->demote.items[1].action, ACTION_EXEC);
        assert_int_equal(group->demote.items[1].timeout, 3 * USEC_PER_SEC);
        assert_int_equal(group->fence.count, 0);
        assert_int_equal(group->address.family, AF_INET6);
        assert_int_equal(group->address.prefix, 64);
        assert_string_equal(group->address.device, "eth0");
        policy_free(policy);
}

static void the_digest_of_a_member_has_its_group_in_it(void **state) {
        (void) state;
        struct policy *one = load_clean(GROUP("")), *other = load_clean(GROUP(", margin: 2s"));
        assert_string_not_equal(service_of(one, "blue")->digest, service_of(other, "blue")->digest);
        policy_free(one);
        policy_free(other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_what_groups_may_not_be),
                cmocka_unit_test(a_group_is_as_it_was_written),
                cmocka_unit_test(the_digest_of_a_member_has_its_group_in_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
