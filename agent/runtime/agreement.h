#pragma once
/* The agreement of all members of a group while its coordinator does not answer: the active one
 * asks the agents of all others to promise that theirs are not promoted for the time of one lease.
 * With all promises it may be active until the moment at which it began to ask, plus that time; one
 * that is missing is as good as none.
 *
 * A promise counts from its receipt, on a clock that counts suspend, so it ends after what the
 * asker makes of it. An agent that is started anew does not know what it has promised before, so it
 * acts for the time of one lease as if it had. */

#include <stdbool.h>

#include "base/error.h"
#include "coordinator/peer_message.h"
#include "recovery/member.h"

struct agreement; /* heap */
struct loop;

struct agreement_member { /* of a group, on this host */
        const struct group_spec *group;
        const char *id;
};

struct agreement_callbacks {
        /* Whether a member of the group is on this host. */
        bool (*find)(void *cookie, const char *group, struct agreement_member *ret);
        /* Whether it may promise it; see member_may_promise(). */
        bool (*may_promise)(
                void *cookie, const char *group, const char *asker, char ret[MEMBER_NOTE_MAX]);
        /* What is known of the agreement has changed. */
        void (*changed)(void *cookie, const char *group);
};

struct agreement_view {
        usec_t agreed_until; /* all others have promised; 0: never yet */
        const char *disagreement; /* why the last round brought none; "": it did. The agreement's */
        usec_t promised_until; /* here, to another; 0: never yet */
        const char *promised_to; /* its id, "" likewise. The agreement's */
        uint64_t agreements, disagreements; /* rounds that ended so, since the agent started */
};

/* By what the members know messages of each other. Zero-initialise. */
struct agreement_secret {
        char *text; /* NULL: there is none */
        struct error err; /* why; code 0: none is wanted */
};

/* Blocks, and may hang with the file's disk: for a thread, or before the loop. */
void agreement_secret_read(struct agreement_secret *ret, const struct peers_spec *spec);
void agreement_secret_done(struct agreement_secret *secret); /* leaves nothing of it in memory */

/* Begins to listen. Fails on what a person has to mend, such as a secret that could not be read. */
int agreement_new(struct agreement **ret, struct loop *loop, const struct peers_spec *spec,
        const struct agreement_secret *secret, const struct agreement_callbacks *callbacks,
        void *cookie, struct error *err);
void agreement_free(struct agreement *agreement); /* accepts NULL */

/* Whether it was made with these settings. */
bool agreement_is(const struct agreement *agreement, const struct peers_spec *spec);

/* Asks all others, unless that is under way. */
void agreement_ask(struct agreement *agreement, const struct agreement_member *member);

/* `agreement` NULL: there is none. */
void agreement_look(
        const struct agreement *agreement, const char *group, struct agreement_view *ret);

/* Messages that were not listened to, as they are not of a member or are old. */
uint64_t agreement_rejected(const struct agreement *agreement);
