#pragma once
/* What a service consisted of, and with what of it the service was well: the memory of its versions
 * (releases, package versions, checkpoints). Plain data without I/O; content_file.h keeps it. A
 * version earns trust when the service was healthy on it for `good_after`, and loses it when the
 * service fails on it sooner than that, or when it is started with it for the first time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

enum {
        LEDGER_VERSIONS_MAX = 16, /* the oldest without trust is forgotten first */
        LEDGER_NAME_MAX = 512,
        LEDGER_GUARD_MAX = 128,
        LEDGER_TEXT_MAX = 64 * 1024, /* of the file */
};

struct version {
        char name[LEDGER_NAME_MAX];
        wall_usec_t since; /* it became the present one */
        wall_usec_t trusted; /* it earned trust, last; 0: it has none */
        wall_usec_t failed; /* the service failed on it before it was proven; 0: it did not */
        bool started; /* the service was started with it, and was healthy then */
        bool restored; /* it came back by a rollback: nobody has changed anything */
        bool guarded; /* `guard` was read when it earned trust */
        char guard[LEDGER_GUARD_MAX]; /* value of the schema guard at that time */
};

enum rollback_state {
        ROLLBACK_NONE = 0,
        ROLLBACK_BEGUN, /* the exchange is about to be made, or was made; not proven yet */
        ROLLBACK_KEPT,
        ROLLBACK_UNDONE,
};

struct last_rollback { /* what an undo goes by */
        enum rollback_state state;
        uint64_t request; /* of the action that made it */
        char from[LEDGER_NAME_MAX], to[LEDGER_NAME_MAX];
        wall_usec_t from_since; /* since when the one that was left had been there */
};

struct ledger {
        struct version versions[LEDGER_VERSIONS_MAX]; /* the last is the present one */
        uint32_t n_versions;
        struct last_rollback rollback;
};

/* NULL: nothing was seen yet. */
struct version *ledger_present(struct ledger *ledger);

/* The present one is `name`, since that moment if it was another before. Whether that is news. */
bool ledger_see(struct ledger *ledger, const char *name, wall_usec_t since);

/* The last that earned trust, the present one included; NULL: none has. */
const struct version *ledger_good(const struct ledger *ledger);

/* How many have trust, and when the newest of them earned it; 0 where none has. */
uint32_t ledger_count_trusted(const struct ledger *ledger, wall_usec_t *ret_newest);

/* Where a rollback goes: the last that earned trust, and is not the present one. NULL: nowhere. */
const struct version *ledger_target(const struct ledger *ledger);

/* Whether the present one is another than what earned trust last, and not by a rollback. */
bool ledger_changed(const struct ledger *ledger);

/* Names the present change: the same content that comes again later is another change. */
uint64_t ledger_change(const struct ledger *ledger);

/* Whether the present one would earn trust: the service has been healthy for so long by now, and
 * has not had this trust since it became present. */
bool ledger_earns(const struct ledger *ledger, usec_t healthy, usec_t good_after, wall_usec_t now);

/* It does; `guard` NULL: the policy has no schema guard. */
void ledger_trust(struct ledger *ledger, wall_usec_t now, const char *guard);

/* The service failed: the present one loses its trust, or cannot have earned it yet, where it is
 * younger than good_after. Whether that is news. */
bool ledger_fail(struct ledger *ledger, usec_t good_after, wall_usec_t now);

/* The service was started at that moment, and is healthy. Whether this is its first start with the
 * present one, which is news. */
bool ledger_start(struct ledger *ledger, wall_usec_t started);

/* It was started at that moment, and failed. Where this was its first start with the present one,
 * that had trust by health alone and loses it. Whether it did. */
bool ledger_fail_start(struct ledger *ledger, wall_usec_t started, wall_usec_t now);

/* A version loses its trust for good: what it would need is gone or damaged. Whether it had any. */
bool ledger_withdraw(struct ledger *ledger, const char *name);

/* A rollback from the present version is about to be made. */
void ledger_begin(struct ledger *ledger, uint64_t request, const char *to);

/* It was made: what it left stays without trust. */
void ledger_exchanged(struct ledger *ledger, wall_usec_t now);

/* It was taken back: the version that was left is as old as it was. */
void ledger_undone(struct ledger *ledger);

/* Text that ledger_parse reads; false when out of memory. */
bool ledger_format(const struct ledger *ledger, struct strbuf *out);

/* `text` is changed on the way. -EBADMSG with the reason; the ledger is empty then. */
int ledger_parse(struct ledger *ret, char *text, struct error *err);
