#pragma once
/* One member of a group with one active member: whether it wants the lease, may be promoted, has to
 * be demoted, may give the lease back. Pure, as the rest of the core: one snapshot of all that is
 * known goes in, what is wanted comes out, and nothing is remembered but what stands in `struct
 * member`. The rules are rows of a table, see member_rules.h.
 *
 * What makes sure that two are never active: a promotion needs a lease that is this member's own,
 * and a guard in the executor, which ends before the lease does; the lease is given back only after
 * the executor has proven that nothing runs any more; whatever is not known promotes nobody. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/coordination.h"
#include "model/enum_text.h"
#include "model/member_role.h"
#include "model/policy.h"

enum duty {
        DUTY_UNKNOWN = 0, /* the executor has not said what runs here */
        DUTY_STANDBY,
        DUTY_RESUMING, /* active since before the agent came; the lease is not its own yet */
        DUTY_CANDIDATE, /* wants the lease */
        DUTY_PROMOTING,
        DUTY_ACTIVE,
        DUTY_DEMOTING,
        DUTY_STUCK, /* that it is gone could not be proven: the lease is kept */
        DUTY_RELEASING, /* proven to be gone; the lease is being given back */
        DUTY_FOLLOWING, /* it is being made a standby that runs */
};
enum { DUTY_COUNT = DUTY_FOLLOWING + 1 };
DECLARE_ENUM_TEXT(duty)

enum member_answer { /* to what the executor was asked for last */
        ANSWER_NONE = 0,
        ANSWER_DONE, /* a demotion: proven */
        ANSWER_FAILED, /* a demotion: not proven */
        ANSWER_REFUSED, /* it did nothing, now or at all */
        ANSWER_LOST, /* what became of it cannot be known */
};

struct member_input {
        usec_t now;
        /* the coordinator */
        enum lease_standing standing;
        uint64_t token; /* of the lease, whoever has it; 0: not known */
        usec_t usable_until; /* LEASE_OURS: nobody else has it before */
        const char *holder; /* NULL when not known */
        bool holder_is_self; /* LEASE_OTHER: this very member, before the agent was started anew */
        const char *last; /* who was active last, or is; NULL: nobody, as far as is known */
        bool last_is_self;
        uint64_t last_token; /* of the lease that it had, or has */
        const wall_usec_t *changes; /* see struct lease_view; NULL without any */
        size_t n_changes;
        wall_usec_t wall; /* by the clock of this host, to tell the age of the above */
        /* the executor */
        enum member_role role; /* MEMBER_NONE: it is away, or has not said */
        uint64_t role_count; /* of its words about the role: grows with each */
        uint64_t role_token; /* with which it was promoted last, as the executor says; 0: unknown */
        bool agrees; /* it follows the policies that the agent does */
        uint64_t follows; /* token of the lease of whom it follows, running; 0: it follows nobody */
        enum member_answer answer;
        usec_t spent_until; /* before then it has no action left for a promotion; 0: it has */
        const char *spent; /* of which budget; as long as that */
        /* the service */
        bool running; /* its manager sees it running */
        bool beyond_repair; /* its ladder is spent, or asks for a failover */
        bool probes_pass; /* those that a promotion requires */
        const char *held; /* what keeps recoverd from acting, such as a pause; NULL: nothing */
        /* the others: the best of those that could be promoted, or the one that a person named */
        bool peer_can;
        uint32_t peer_priority;
        const char *peer; /* its id; NULL: there is none */
        /* the agreement of all, where the policy asks for it */
        usec_t agreed_until; /* no other member is promoted before, as all have promised; 0: none */
        const char *disagreement; /* why there is none; NULL: not known */
        usec_t promised_until; /* it has promised, or may have, not to be promoted before */
        /* people */
        bool failover; /* somebody asked for it, and it was not done yet */
};

enum member_act {
        MEMBER_ACT_NOTHING = 0,
        MEMBER_ACT_PROMOTE,
        MEMBER_ACT_DEMOTE,
        MEMBER_ACT_FOLLOW, /* the holder of the lease, under its token */
};

enum { MEMBER_NOTE_MAX = 192, MEMBER_TRAIL_MAX = 8 };

/* What is wanted now, in this order. */
struct member_effects {
        bool want; /* the lease */
        bool release; /* give it back */
        const char *to; /* to this member, by preference; NULL: to whoever wants it. The member's */
        bool guards; /* the guard in the executor is to become this; otherwise it is left alone */
        usec_t guard; /* its deadline; 0: it may not be active */
        uint64_t token; /* that goes with it */
        bool ask_peers; /* for their agreement */
        enum member_act act; /* to be asked for; the answer comes as an input */
        bool forget_failover; /* it was done, or cannot be done */
        usec_t timer; /* step again by then; USEC_INFINITY: not because of time */
        uint32_t trail[MEMBER_TRAIL_MAX]; /* numbers of the rows that fired */
        size_t n_trail;
        char note[MEMBER_NOTE_MAX]; /* behind the sentence of the last of them */
};

struct member_change { /* of the holder of the lease */
        wall_usec_t moment; /* by the clock of another host: what it is told from others by */
        int64_t at; /* as `now` counts; before its zero where it is older than the boot */
};

struct member { /* copied freely */
        const struct group_spec *group;
        const struct group_member_spec *self; /* NULL: never promoted */
        const char *id; /* as the others call it */
        enum duty duty;
        usec_t since; /* of the duty */
        uint32_t last_rule; /* 0: none yet */
        uint64_t token; /* of the lease it was promoted with; 0: none */
        uint64_t lease_token; /* of its lease: a later one where it was held by agreement between */
        usec_t usable_until; /* as last heard while the lease was its own */
        usec_t free_since; /* the lease; 0: is not free */
        usec_t idle_since; /* the same, without a silence of the coordinator between */
        usec_t back_at; /* not promoted again before */
        usec_t asked_at; /* the executor, last; 0: nothing is asked for */
        uint64_t role_count; /* at the beginning of the duty */
        char successor[COORDINATION_MEMBER_MAX]; /* the lease is to go to it; "": to anybody */
        uint64_t follow_token; /* of whom it was to follow last; 0: nobody */
        uint32_t follow_tries; /* in vain, or that did not last */
        usec_t followed_at; /* the last try worked then; 0: it did not */
        usec_t follow_at; /* not tried again before */
        bool told_alone; /* that it is beyond repair and nobody could take over */
        bool told_agreed; /* that it goes on by the agreement of all */
        struct member_change changes[GROUP_FAILOVERS_MAX]; /* that the coordinator keeps */
        size_t n_changes;
        bool changes_known; /* it has said which */
};

/* All three have to outlive the member. */
void member_init(struct member *member, const struct group_spec *group,
        const struct group_member_spec *self, const char *id, usec_t now);

/* Feeds what is known now; `ret` is emptied first. */

void member_step(
        struct member *member, const struct member_input *input, struct member_effects *ret);

/* Whether it could be promoted if the lease were its own: what it tells the others. */
bool member_can(const struct member *member, const struct member_input *input);

/* Until when it may be active: by its lease, or by the agreement of all. */
usec_t member_right_until(const struct member *member, const struct member_input *input);

/* Whether all agree for long enough that a demotion need not begin now; what the coordinator says
 * does not matter. */
bool member_all_agree(const struct member *member, const struct member_input *input);

/* Whether it is active by that alone: its lease would have ended its time by now. */
bool member_is_held(const struct member *member, const struct member_input *input);

/* Whether it may promise to `asker`, the id of a member that is active, not to be promoted for the
 * time of one lease; otherwise `ret` says why not. */
bool member_may_promise(const struct member *member, const struct member_input *input,
        const char *asker, char ret[MEMBER_NOTE_MAX]);

/* ---- Why it is not promoted ---- */

struct member_guard {
        const char *name;
        bool holds;
        char text[MEMBER_NOTE_MAX];
};
enum { MEMBER_GUARDS = 13 };

/* All that can keep it from being promoted, evaluated now; the first that holds is the reason. */
void member_guards(const struct member *member, const struct member_input *input,
        struct member_guard ret[MEMBER_GUARDS]);

/* Changes of the active member within `max_failovers.per`. */
uint32_t member_failovers(const struct member *member, usec_t now);
