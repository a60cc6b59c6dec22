/* Two agents in one loop, which ask each other. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/datagram_socket.h"
#include "io/loop.h"
#include "probes/probe.h"
#include "runtime/agreement.h"
#include "support/tmpdir.h"
#include "unit_test.h"

#define SECOND USEC_PER_SEC
#define SECRET "a secret of two hosts"

/* What the runtime is linked for: here there are none. */
const struct probe_type *const probe_types[] = {NULL};
const struct schema_variant probe_variants[] = {{NULL, 0, NULL, NULL}};

struct host {
        struct agreement *agreement;
        struct group_member_spec members[2];
        struct group_spec group;
        const char *id, *refusal; /* NULL: it promises */
        int changes;
};

struct fixture {
        struct tmpdir dir;
        struct loop *loop;
        char secret[128], at[2][32];
        struct host hosts[2];
};

static bool find(void *cookie, const char *group, struct agreement_member *ret) {
        struct host *host = cookie;
        *ret = (struct agreement_member){&host->group, host->id};
        return str_eq(group, host->group.name);
}

static bool may_promise(
        void *cookie, const char *group, const char *asker, char ret[MEMBER_NOTE_MAX]) {
        const struct host *host = cookie;
        assert_string_equal(group, "data");
        assert_string_equal(asker, "db1/pg");
        snprintf(ret, MEMBER_NOTE_MAX, "%s", host->refusal ? host->refusal : "");
        return !host->refusal;
}

static void changed(void *cookie, const char *group) {
        struct host *host = cookie;
        assert_string_equal(group, "data");
        host->changes++;
}

static const struct agreement_callbacks callbacks = {find, may_promise, changed};

/* A port that is free at this moment, as text with the address. */
static void find_port(char ret[32]) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t length = sizeof(address);
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, length), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        snprintf(ret, 32, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void write_secret(const struct fixture *f, const char *text, mode_t mode) {
        FILE *file = fopen(f->secret, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(f->secret, mode), 0);
}

static void open_host(struct fixture *f, int index) {
        struct host *host = &f->hosts[index];
        struct agreement_secret secret;
        struct error err = {0};
        agreement_secret_read(&secret, &(struct peers_spec){"", f->secret});
        do {
                find_port(f->at[index]);
        } while (agreement_new(&host->agreement, f->loop,
                         &(struct peers_spec){f->at[index], f->secret}, &secret, &callbacks, host,
                         &err) == -EADDRINUSE);
        agreement_secret_done(&secret);
        assert_non_null(host->agreement);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
        snprintf(f->secret, sizeof(f->secret), "%s/secret", f->dir.path);
        write_secret(f, SECRET "\n", 0600);
        assert_int_equal(loop_new(&f->loop, NULL), 0);
        for (int i = 0; i < 2; i++) {
                open_host(f, i);
        }
        for (int i = 0; i < 2; i++) {
                struct host *host = &f->hosts[i];
                host->id = i == 0 ? "db1/pg" : "db2/pg";
                host->members[0] = (struct group_member_spec){.name = "db1", .address = f->at[0]};
                host->members[1] = (struct group_member_spec){.name = "db2", .address = f->at[1]};
                host->group = (struct group_spec){.name = "data",
                        .lease = 10 * SECOND,
                        .margin = SECOND,
                        .members = host->members,
                        .n_members = 2,
                        .on_coordinator_loss = LOSS_HOLD_IF_ALL_AGREE};
        }
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        for (int i = 0; i < 2; i++) {
                agreement_free(f->hosts[i].agreement);
        }
        loop_free(f->loop);
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

/* Until the round of the first is over. */
static struct agreement_view ask(struct fixture *f) {
        struct host *host = &f->hosts[0];
        struct agreement_view view;
        host->changes = 0;
        agreement_ask(host->agreement, &(struct agreement_member){&host->group, host->id});
        for (int i = 0; i < 1000 && host->changes == 0; i++) {
                loop_turn(f->loop, 100 * USEC_PER_MSEC);
        }
        assert_int_equal(host->changes, 1);
        agreement_look(host->agreement, "data", &view);
        return view;
}

static void a_promise_outlives_what_is_made_of_it(void **state) {
        struct fixture *f = *state;
        struct agreement_view promise, agreement;
        usec_t before = clock_now().mono;
        agreement = ask(f);
        agreement_look(f->hosts[1].agreement, "data", &promise);
        assert_int_equal(agreement.agreements, 1);
        assert_string_equal(agreement.disagreement, "");
        assert_true(agreement.agreed_until >= before + 10 * SECOND);
        assert_true(promise.promised_until >= agreement.agreed_until + SECOND);
        assert_string_equal(promise.promised_to, "db1/pg");
        assert_int_equal(agreement.promised_until, 0);
        assert_int_equal(promise.agreed_until, 0);
}

static void a_no_is_told_with_its_reason(void **state) {
        struct fixture *f = *state;
        struct agreement_view promise, agreement;
        f->hosts[1].refusal = "it is no standby but active";
        agreement = ask(f);
        agreement_look(f->hosts[1].agreement, "data", &promise);
        assert_int_equal(agreement.disagreements, 1);
        assert_int_equal(agreement.agreed_until, 0);
        assert_string_equal(agreement.disagreement, "db2: it is no standby but active");
        assert_int_equal(promise.promised_until, 0);
}

static void other_terms_are_a_no(void **state) {
        struct fixture *f = *state;
        f->hosts[1].group.lease = 9 * SECOND;
        assert_non_null(strstr(ask(f).disagreement, "other members or times"));
        f->hosts[1].group.lease = 10 * SECOND;
        f->hosts[1].group.on_coordinator_loss = LOSS_DEMOTE;
        assert_non_null(strstr(ask(f).disagreement, "other members or times"));
        f->hosts[1].group.on_coordinator_loss = LOSS_HOLD_IF_ALL_AGREE;
        assert_string_equal(ask(f).disagreement, "");
}

static void ignore(
        void *cookie, const struct listen_address *from, const char *data, size_t length) {
        (void) cookie;
        (void) from;
        (void) data;
        (void) length;
}

static void wait_for_rejected(struct fixture *f, uint64_t count) {
        for (int i = 0; i < 1000 && agreement_rejected(f->hosts[1].agreement) < count; i++) {
                loop_turn(f->loop, 100 * USEC_PER_MSEC);
        }
        assert_int_equal(agreement_rejected(f->hosts[1].agreement), count);
}

static void say(struct fixture *f, struct datagram_socket *socket,
        const struct peer_message *message, const char *secret) {
        struct listen_address to;
        char data[PEER_MESSAGE_MAX];
        int n = peer_message_format(message, secret, data);
        assert_int_equal(listen_address_parse(f->at[1], &to, NULL), 0);
        assert_int_equal(datagram_socket_send(socket, &to, data, (size_t) n), 0);
}

static void what_is_old_or_of_a_stranger_is_rejected(void **state) {
        struct fixture *f = *state;
        struct datagram_socket *socket = NULL;
        struct agreement_view before, after;
        struct peer_message message = {
                .kind = PEER_ASK, .group = "data", .from = "db1/pg", .to = "db2", .number = 1};
        char at[32];
        (void) ask(f);
        agreement_look(f->hosts[1].agreement, "data", &before);
        do {
                find_port(at);
        } while (datagram_socket_new(&socket, f->loop, at, ignore, NULL, NULL) < 0);
        assert_int_equal(peer_terms(&f->hosts[0].group, message.terms), 0);
        say(f, socket, &message, SECRET); /* from before the last question */
        wait_for_rejected(f, 1);
        message.number = UINT64_MAX;
        say(f, socket, &message, "a secret of a stranger");
        wait_for_rejected(f, 2);
        (void) str_copy(message.to, sizeof(message.to), "db3");
        say(f, socket, &message, SECRET);
        wait_for_rejected(f, 3);
        message.kind = PEER_YES; /* to what nobody has asked */
        say(f, socket, &message, SECRET);
        wait_for_rejected(f, 4);
        (void) str_copy(message.group, sizeof(message.group), "other");
        say(f, socket, &message, SECRET);
        wait_for_rejected(f, 5);
        agreement_look(f->hosts[1].agreement, "data", &after);
        assert_int_equal(after.promised_until, before.promised_until);
        datagram_socket_free(socket);
}

static void refuse_secret(
        struct fixture *f, const struct peers_spec *spec, int code, const char *why) {
        struct agreement *agreement = NULL;
        struct agreement_secret secret;
        struct error err = {0};
        agreement_secret_read(&secret, spec);
        assert_null(secret.text);
        assert_int_equal(
                agreement_new(&agreement, f->loop, spec, &secret, &callbacks, f, &err), -code);
        assert_null(agreement);
        assert_non_null(strstr(err.text, why));
}

static void a_secret_that_others_know_is_none(void **state) {
        struct fixture *f = *state;
        const struct peers_spec spec = {"127.0.0.1:1", f->secret};
        write_secret(f, SECRET, 0644);
        refuse_secret(f, &spec, EPERM, "chmod");
        write_secret(f, "too short", 0600);
        refuse_secret(f, &spec, EINVAL, "16");
        assert_int_equal(unlink(f->secret), 0);
        refuse_secret(f, &spec, ENOENT, f->secret);
        assert_true(agreement_is(f->hosts[0].agreement, &(struct peers_spec){f->at[0], f->secret}));
        assert_false(agreement_is(f->hosts[0].agreement, &spec));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_promise_outlives_what_is_made_of_it, setup, teardown),
                cmocka_unit_test_setup_teardown(a_no_is_told_with_its_reason, setup, teardown),
                cmocka_unit_test_setup_teardown(other_terms_are_a_no, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        what_is_old_or_of_a_stranger_is_rejected, setup, teardown),
                cmocka_unit_test_setup_teardown(a_secret_that_others_know_is_none, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
