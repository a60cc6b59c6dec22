#pragma once
/* Which policies `recoverctl init` writes for what was found, and their writing. */

#include "cli/init_find.h"
#include "model/policy.h"

enum { PLAN_NAME_MAX = 65, PLAN_NOTE_MAX = 160 };

enum plan_result {
        PLAN_OPEN = 0, /* not carried out */
        PLAN_WRITTEN,
        PLAN_WOULD_WRITE, /* a dry run */
        PLAN_EXISTS, /* the file is there */
        PLAN_MANAGED, /* another file has the service, or the unit */
        PLAN_FAILED,
};
const char *plan_result_text(enum plan_result result); /* "written", "exists" */

struct plan {
        const struct found_service *found;
        char name[PLAN_NAME_MAX]; /* of the service and, with ".yaml", of its file */
        uint16_t port; /* of its probe */
        enum plan_result result;
        char note[PLAN_NOTE_MAX]; /* for a person; "" when there is nothing to say */
};

struct plans {
        struct plan items[FOUND_MAX];
        size_t count;
};

/* One for each that was found; `found` must outlive them. */
void plans_make(const struct found_services *found, struct plans *ret);

struct plan_folders {
        const char *from; /* the library */
        const char *to;
        const struct policy *present; /* what `to` holds already; NULL: nothing, or unknown */
};

/* Writes the file, never over one that is there; or, when `dry` is not NULL, adds its text there.
 * What became of it is in the plan. */
void plan_carry_out(struct plan *plan, const struct plan_folders *folders, struct strbuf *dry);
