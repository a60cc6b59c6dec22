#pragma once
/* Basic authentication against bcrypt hashes. bcrypt is slow on purpose, so it runs in a thread,
 * and what it found right is remembered as a salted digest: a scrape every few seconds costs it
 * once. */

#include "base/error.h"
#include "control/exporter_config.h"
#include "io/loop.h"

enum {
        EXPORTER_AUTH_CACHE = 16, /* credentials that are remembered */
        EXPORTER_AUTH_QUEUE = 16, /* checks that wait for the thread */
        EXPORTER_AUTH_TEXT_MAX = 1024, /* bytes of "name:password" */
};

struct exporter_auth;
struct exporter_auth_check; /* valid until done was called or it was cancelled */

enum exporter_verdict {
        EXPORTER_REFUSED = 0, /* 401 with `WWW-Authenticate: Basic` */
        EXPORTER_ALLOWED,
        EXPORTER_PENDING, /* done will be called, in the loop */
        EXPORTER_BUSY, /* 503: too many checks wait */
};

typedef void (*exporter_auth_done)(void *cookie, enum exporter_verdict verdict);

/* `config` is borrowed. -ENOMEM or what the thread pool gives. */
int exporter_auth_new(struct exporter_auth **ret, struct loop *loop,
        const struct exporter_config *config, struct error *err);
void exporter_auth_free(struct exporter_auth *auth); /* accepts NULL; no done is called any more */

/* Judges an Authorization header (NULL: none). Without users all are allowed. A name that nobody
 * has takes as long as a wrong password. `ret_check` is set when pending, for cancelling, else
 * NULL. */
enum exporter_verdict exporter_auth_check(struct exporter_auth *auth, const char *authorization,
        exporter_auth_done done, void *cookie, struct exporter_auth_check **ret_check);
void exporter_auth_cancel(struct exporter_auth_check *check);
