#pragma once
/* What the agents of the members of a group say to each other while the coordinator is away: a
 * small text in one datagram, with an HMAC-SHA256 (RFC 2104) over all of it under a secret that all
 * hosts share. A stranger can neither write one nor change one; one that is said again later is
 * told by its number and its nonce. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/coordination.h"
#include "model/policy.h"

enum {
        PEER_MESSAGE_MAX = 1024, /* bytes: fits into a datagram everywhere */
        PEER_NONCE_MAX = 33, /* with the terminating zero */
        PEER_TERMS_MAX = 65, /* likewise */
        PEER_TEXT_MAX = 192, /* likewise */
        PEER_SECRET_MIN = 16, /* bytes */
};

enum peer_message_kind {
        PEER_ASK = 1, /* promise me not to be promoted for the time of one lease */
        PEER_YES, /* promised, counted from when this was asked */
        PEER_NO,
};

struct peer_message {
        int kind; /* enum peer_message_kind */
        char group[COORDINATION_GROUP_MAX];
        char from[COORDINATION_MEMBER_MAX]; /* id of the member: "HOST/SERVICE" */
        char to[COORDINATION_MEMBER_MAX]; /* PEER_ASK: the host; an answer: the id of who asked */
        uint64_t number; /* of the question: grows from one to the next of the same agent */
        char nonce[PEER_NONCE_MAX]; /* of the question; the answer has the same */
        char terms[PEER_TERMS_MAX]; /* PEER_ASK: see peer_terms() */
        char text[PEER_TEXT_MAX]; /* PEER_NO: why, one line */
};

/* Length of what was written to `ret`. -EMSGSIZE, -ENOMEM. */
int peer_message_format(
        const struct peer_message *message, const char *secret, char ret[PEER_MESSAGE_MAX]);

/* -EBADMSG: it is no such message; -EACCES: it was not made with this secret. */
int peer_message_parse(
        const char *data, size_t length, const char *secret, struct peer_message *ret);

/* A digest of what has to be the same on all hosts for a promise to mean the same: the members with
 * their addresses, and the times. -ENOMEM. */
int peer_terms(const struct group_spec *group, char ret[PEER_TERMS_MAX]);
