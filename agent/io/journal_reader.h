#pragma once
/* Follows the systemd journal (sd-journal(3)) in a thread of its own, once for all who want to hear
 * of messages: reading can hang with its disk, and a flood must not hold up the loop. What counts
 * is counted in the thread; nothing else is kept of a message but the text of the last one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

enum {
        JOURNAL_READER_DIRECTORIES_MAX = 8, /* followed at once, a thread each */
        JOURNAL_READER_SUBSCRIPTIONS_MAX = 4096,
        JOURNAL_READER_MATCHED_MAX = 16, /* subscriptions; with more, the library filters no more */
        JOURNAL_READER_BATCH = 1000, /* entries between two pauses */
        JOURNAL_READER_LAST_MAX = 96, /* bytes of the last message that are kept */
        JOURNAL_READER_NAME_MAX = 255, /* bytes of a unit or an identifier */
};

#define JOURNAL_READER_PAUSE (50 * USEC_PER_MSEC) /* after a full batch */
#define JOURNAL_READER_LAG_MAX (5 * USEC_PER_SEC) /* further behind it goes to the end */
#define JOURNAL_READER_RETRY (10 * USEC_PER_SEC) /* after a failure to open or read */

struct journal_reader;
struct journal_subscription;

/* Which messages are wanted; texts are copied. */
struct journal_filter {
        const char *directory; /* of journal files; NULL: this host's */
        const char *unit, *identifier; /* NULL: any */
        int max_priority; /* as of syslog(3): 0 emergency to 7 debug */
        /* In the thread: whether a message of the others counts; NULL: all do. The text is
         * terminated. */
        bool (*counts)(void *cookie, const char *message, size_t length);
        void (*release)(void *cookie); /* in any thread, once counts is not called any more */
        void *cookie;
};

enum journal_state {
        JOURNAL_OPENING = 0,
        JOURNAL_FOLLOWING,
        JOURNAL_ABSENT, /* there are no journal files */
        JOURNAL_FORBIDDEN, /* there are, and this user may not read them */
        JOURNAL_FAILED, /* `error` */
};

struct journal_reading {
        enum journal_state state;
        int error; /* positive errno */
        uint64_t matches; /* messages that counted since the subscription */
        uint64_t skips; /* how often it fell behind, and went to the end */
        usec_t busy_since; /* moment at which the call under way began; 0: none is */
        char last[JOURNAL_READER_LAST_MAX]; /* printable */
};

/* No thread yet. */
int journal_reader_new(struct journal_reader **ret, struct error *err);
/* Accepts NULL. Waits for no thread: one that hangs ends when it comes back. */
void journal_reader_free(struct journal_reader *reader);

/* Hears of what is written from now on. The cookie is the subscription's when it succeeds.
 * -ENOBUFS: too many directories or subscriptions; -ENOMEM; errors of starting a thread. */
int journal_subscribe(struct journal_subscription **ret, struct journal_reader *reader,
        const struct journal_filter *filter, struct error *err);
void journal_unsubscribe(struct journal_subscription *subscription); /* accepts NULL */

/* Never waits for the journal. */
void journal_subscription_read(
        struct journal_subscription *subscription, struct journal_reading *ret);
