#include "runtime/agreement.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/listen_address.h"
#include "base/str.h"
#include "io/datagram_socket.h"
#include "io/loop.h"
#include "model/group_timing.h"
#include "probes/secret_file.h"

enum {
        TRIES = 4, /* of a question, within GROUP_PEERS_TIME */
        FOR_OTHERS = S_IWGRP | S_IRWXO, /* what the mode of the secret may not have */
};

struct question { /* as it was heard last of one member */
        char from[COORDINATION_MEMBER_MAX];
        uint64_t number;
        char nonce[PEER_NONCE_MAX];
        struct peer_message answer;
};

struct asked { /* one of the others */
        char host[COORDINATION_MEMBER_MAX];
        struct listen_address address;
        bool agreed;
};

struct party { /* all about one group */
        struct list node;
        struct agreement *agreement;
        char group[COORDINATION_GROUP_MAX];
        /* the round under way, or the last */
        struct loop_timer timer;
        bool asking;
        int tries;
        usec_t sent; /* when it began */
        usec_t lease;
        struct peer_message ask;
        struct asked others[GROUP_MEMBERS_MAX];
        size_t n_others;
        usec_t agreed_until;
        char disagreement[MEMBER_NOTE_MAX];
        uint64_t agreements, disagreements;
        /* what others ask */
        struct question heard[GROUP_MEMBERS_MAX];
        size_t n_heard;
        usec_t promised_until;
        char promised_to[COORDINATION_MEMBER_MAX];
};

struct agreement {
        struct loop *loop;
        const struct agreement_callbacks *callbacks;
        void *cookie;
        struct datagram_socket *socket;
        char *listen, *secret_file, *secret;
        struct list parties;
        uint64_t last_number, rejected;
};

/* ---- Parties ---- */

static struct party *find_party(const struct agreement *agreement, const char *group) {
        LIST_FOREACH (node, (struct list *) &agreement->parties) {
                struct party *party = LIST_ENTRY(node, struct party, node);
                if (str_eq(party->group, group)) {
                        return party;
                }
        }
        return NULL;
}

static void on_timer(void *cookie);

/* NULL: out of memory. */
static struct party *get_party(struct agreement *agreement, const char *group) {
        struct party *party = find_party(agreement, group);
        if (party) {
                return party;
        }
        party = calloc(1, sizeof(*party));
        if (!party || loop_timer_init(&party->timer, agreement->loop, on_timer, party) < 0) {
                free(party);
                return NULL;
        }
        party->agreement = agreement;
        (void) str_copy(party->group, sizeof(party->group), group);
        list_append(&agreement->parties, &party->node);
        return party;
}

static void send_message(struct agreement *agreement, const struct listen_address *to,
        const struct peer_message *message) {
        char data[PEER_MESSAGE_MAX];
        int n = peer_message_format(message, agreement->secret, data);
        if (n > 0) { /* what is lost is asked for again, or counts as silence */
                (void) datagram_socket_send(agreement->socket, to, data, (size_t) n);
        }
}

/* ---- Asking ---- */

static void end_round(struct party *party, bool agreed) {
        party->asking = false;
        loop_timer_cancel(&party->timer);
        if (agreed) {
                party->agreements++;
                party->disagreement[0] = '\0';
                party->agreed_until = MAX(party->agreed_until, usec_add(party->sent, party->lease));
        } else {
                party->disagreements++;
        }
        party->agreement->callbacks->changed(party->agreement->cookie, party->group);
}

static const struct asked *first_missing(const struct party *party) {
        for (size_t i = 0; i < party->n_others; i++) {
                if (!party->others[i].agreed) {
                        return &party->others[i];
                }
        }
        return NULL;
}

static void send_round(struct party *party) {
        party->tries++;
        for (size_t i = 0; i < party->n_others; i++) {
                if (!party->others[i].agreed) {
                        (void) str_copy(
                                party->ask.to, sizeof(party->ask.to), party->others[i].host);
                        send_message(party->agreement, &party->others[i].address, &party->ask);
                }
        }
        loop_timer_set_after(&party->timer, GROUP_PEERS_TIME / TRIES);
}

static void on_timer(void *cookie) {
        struct party *party = cookie;
        const struct asked *missing = first_missing(party);
        if (party->tries < TRIES || !missing) {
                send_round(party);
                return;
        }
        snprintf(party->disagreement, sizeof(party->disagreement), "%.100s does not answer",
                missing->host);
        end_round(party, false);
}

static int name_others(struct party *party, const struct agreement_member *member) {
        struct error err = {0};
        party->n_others = 0;
        for (uint32_t i = 0; i < member->group->n_members; i++) {
                const struct group_member_spec *spec = &member->group->members[i];
                struct asked *other = &party->others[party->n_others];
                if (member_is_on_host(member->id, spec->name)) {
                        continue;
                }
                *other = (struct asked){0};
                (void) str_copy(other->host, sizeof(other->host), spec->name);
                if (!spec->address ||
                        listen_address_parse(spec->address, &other->address, &err) < 0) {
                        return -EINVAL;
                }
                party->n_others++;
        }
        return 0;
}

static int write_question(struct party *party, const struct agreement_member *member) {
        struct agreement *agreement = party->agreement;
        uint64_t random[2];
        agreement->last_number =
                MAX(agreement->last_number + 1, (uint64_t) loop_now(agreement->loop).wall);
        party->ask = (struct peer_message){.kind = PEER_ASK, .number = agreement->last_number};
        (void) str_copy(party->ask.group, sizeof(party->ask.group), party->group);
        (void) str_copy(party->ask.from, sizeof(party->ask.from), member->id);
        if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
                return -EAGAIN;
        }
        snprintf(party->ask.nonce, sizeof(party->ask.nonce), "%016" PRIx64 "%016" PRIx64, random[0],
                random[1]);
        return peer_terms(member->group, party->ask.terms);
}

void agreement_ask(struct agreement *agreement, const struct agreement_member *member) {
        struct party *party = get_party(agreement, member->group->name);
        if (!party || party->asking) {
                return;
        }
        if (name_others(party, member) < 0 || write_question(party, member) < 0) {
                (void) str_copy(party->disagreement, sizeof(party->disagreement),
                        "the other members cannot be asked");
                return;
        }
        party->asking = true;
        party->tries = 0;
        party->lease = member->group->lease;
        party->sent = clock_now().mono; /* not of the turn: ahead of each receipt, not far ahead */
        send_round(party);
}

static void hear_answer(struct party *party, const struct peer_message *message) {
        if (!party->asking || !str_eq(message->nonce, party->ask.nonce) ||
                !str_eq(message->to, party->ask.from)) {
                party->agreement->rejected++;
                return;
        }
        for (size_t i = 0; i < party->n_others; i++) {
                struct asked *other = &party->others[i];
                if (!member_is_on_host(message->from, other->host)) {
                        continue;
                }
                if (message->kind == PEER_NO) {
                        snprintf(party->disagreement, sizeof(party->disagreement), "%.64s: %.100s",
                                other->host, message->text);
                        end_round(party, false);
                        return;
                }
                other->agreed = true;
        }
        if (!first_missing(party)) {
                end_round(party, true);
        }
}

/* ---- Being asked ---- */

/* NULL: it is of an old question. A new one takes the place of the one before. */
static struct question *find_question(struct party *party, const struct peer_message *ask) {
        for (size_t i = 0; i < party->n_heard; i++) {
                if (str_eq(party->heard[i].from, ask->from)) {
                        return ask->number >= party->heard[i].number ? &party->heard[i] : NULL;
                }
        }
        if (party->n_heard == ELEMENTSOF(party->heard)) {
                return NULL;
        }
        struct question *question = &party->heard[party->n_heard++];
        *question = (struct question){0};
        (void) str_copy(question->from, sizeof(question->from), ask->from);
        return question;
}

static bool is_member(const struct group_spec *group, const char *id) {
        for (uint32_t i = 0; i < group->n_members; i++) {
                if (member_is_on_host(id, group->members[i].name)) {
                        return true;
                }
        }
        return false;
}

static bool has_same_terms(const struct group_spec *group, const struct peer_message *ask) {
        char terms[PEER_TERMS_MAX];
        return group->on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE &&
               is_member(group, ask->from) && peer_terms(group, terms) == 0 &&
               str_eq(terms, ask->terms);
}

/* The moment of the receipt is now, which a long turn of the loop may be past. */
static void decide(struct party *party, const struct agreement_member *member,
        const struct peer_message *ask, struct peer_message *answer) {
        struct agreement *agreement = party->agreement;
        char why[MEMBER_NOTE_MAX] = "its policy has other members or times of the group";
        bool yes =
                has_same_terms(member->group, ask) &&
                agreement->callbacks->may_promise(agreement->cookie, party->group, ask->from, why);
        answer->kind = yes ? PEER_YES : PEER_NO;
        if (!yes) {
                (void) str_copy(answer->text, sizeof(answer->text), why);
                str_make_printable(answer->text);
                return;
        }
        usec_t length = usec_add(member->group->lease, member->group->margin);
        party->promised_until = MAX(party->promised_until, usec_add(clock_now().mono, length));
        (void) str_copy(party->promised_to, sizeof(party->promised_to), ask->from);
        agreement->callbacks->changed(agreement->cookie, party->group);
}

static void hear_question(struct party *party, const struct agreement_member *member,
        const struct listen_address *from, const struct peer_message *ask) {
        struct question *question = find_question(party, ask);
        bool again = question && question->number == ask->number;
        if (!question || (again && !str_eq(question->nonce, ask->nonce))) {
                party->agreement->rejected++;
                return;
        }
        if (!again) { /* said twice, it is promised once: the answer may have been lost */
                question->number = ask->number;
                (void) str_copy(question->nonce, sizeof(question->nonce), ask->nonce);
                question->answer = (struct peer_message){.number = ask->number};
                (void) str_copy(question->answer.group, sizeof(question->answer.group), ask->group);
                (void) str_copy(question->answer.from, sizeof(question->answer.from), member->id);
                (void) str_copy(question->answer.to, sizeof(question->answer.to), ask->from);
                (void) str_copy(question->answer.nonce, sizeof(question->answer.nonce), ask->nonce);
                decide(party, member, ask, &question->answer);
        }
        send_message(party->agreement, from, &question->answer);
}

static void on_received(
        void *cookie, const struct listen_address *from, const char *data, size_t length) {
        struct agreement *agreement = cookie;
        struct agreement_member member;
        struct peer_message message;
        bool ours = peer_message_parse(data, length, agreement->secret, &message) == 0 &&
                    agreement->callbacks->find(agreement->cookie, message.group, &member);
        struct party *party = ours ? get_party(agreement, message.group) : NULL;
        bool ask = ours && message.kind == PEER_ASK;
        if (!party || (ask && !member_is_on_host(member.id, message.to))) {
                agreement->rejected++;
        } else if (ask) {
                hear_question(party, &member, from, &message);
        } else {
                hear_answer(party, &message);
        }
}

/* ---- Looking ---- */

void agreement_look(
        const struct agreement *agreement, const char *group, struct agreement_view *ret) {
        const struct party *party = agreement ? find_party(agreement, group) : NULL;
        *ret = (struct agreement_view){.disagreement = "", .promised_to = ""};
        if (party) {
                *ret = (struct agreement_view){.agreed_until = party->agreed_until,
                        .disagreement = party->disagreement,
                        .promised_until = party->promised_until,
                        .promised_to = party->promised_to,
                        .agreements = party->agreements,
                        .disagreements = party->disagreements};
        }
}

uint64_t agreement_rejected(const struct agreement *agreement) {
        return agreement ? agreement->rejected : 0;
}

/* ---- Coming and going ---- */

static int read_secret(const char *path, char **ret, struct error *err) {
        char secret[SECRET_MAX + 1], why[SECRET_WHY_MAX] = "";
        struct stat st;
        size_t length = 0;
        int r = secret_file_load(path, secret, &length, why);
        if (r < 0) {
                return error_set(err, -r, "coordinator: peers: secret_file %s", why);
        }
        if (length < PEER_SECRET_MIN) {
                r = error_set(err, EINVAL,
                        "coordinator: peers: the secret in %s has %zu characters, at least %d are "
                        "needed",
                        path, length, PEER_SECRET_MIN);
        } else if (stat(path, &st) < 0 || (st.st_mode & FOR_OTHERS) != 0) {
                r = error_set(err, EPERM,
                        "coordinator: peers: others may read or write secret_file %s: chmod 0640, or "
                        "0600",
                        path);
        } else {
                *ret = secret_copy(secret);
                r = *ret ? 0 : error_set_errno(err, ENOMEM, "%s", path);
        }
        explicit_bzero(secret, sizeof(secret));
        return r;
}

void agreement_secret_read(struct agreement_secret *ret, const struct peers_spec *spec) {
        *ret = (struct agreement_secret){0};
        if (spec->listen) {
                (void) read_secret(spec->secret_file, &ret->text, &ret->err);
        }
}

void agreement_secret_done(struct agreement_secret *secret) {
        secret_free(secret->text);
        *secret = (struct agreement_secret){0};
}

static int open_socket(struct agreement *agreement, const struct peers_spec *spec,
        const char *secret, struct error *err) {
        agreement->listen = strdup(spec->listen);
        agreement->secret_file = strdup(spec->secret_file);
        agreement->secret = secret_copy(secret);
        if (!agreement->listen || !agreement->secret_file || !agreement->secret) {
                return error_set_errno(err, ENOMEM, "coordinator: peers");
        }
        int r = datagram_socket_new(
                &agreement->socket, agreement->loop, spec->listen, on_received, agreement, err);
        return r < 0 ? error_wrap(err, "coordinator: peers") : 0;
}

int agreement_new(struct agreement **ret, struct loop *loop, const struct peers_spec *spec,
        const struct agreement_secret *secret, const struct agreement_callbacks *callbacks,
        void *cookie, struct error *err) {
        if (!secret->text) {
                return error_set(err, secret->err.code, "%s", secret->err.text);
        }
        struct agreement *agreement = calloc(1, sizeof(*agreement));
        if (!agreement) {
                return error_set_errno(err, ENOMEM, "coordinator: peers");
        }
        agreement->loop = loop;
        agreement->callbacks = callbacks;
        agreement->cookie = cookie;
        list_init(&agreement->parties);
        int r = open_socket(agreement, spec, secret->text, err);
        if (r < 0) {
                agreement_free(agreement);
                return r;
        }
        *ret = agreement;
        return 0;
}

void agreement_free(struct agreement *agreement) {
        if (!agreement) {
                return;
        }
        datagram_socket_free(agreement->socket);
        LIST_FOREACH (node, &agreement->parties) {
                struct party *party = LIST_ENTRY(node, struct party, node);
                loop_timer_done(&party->timer);
                free(party);
        }
        free(agreement->listen);
        free(agreement->secret_file);
        secret_free(agreement->secret);
        free(agreement);
}

bool agreement_is(const struct agreement *agreement, const struct peers_spec *spec) {
        return str_eq(agreement->listen, spec->listen) &&
               str_eq(agreement->secret_file, spec->secret_file);
}
