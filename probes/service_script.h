#pragma once
/* The programs of a `scripts` service: how each is run, and what came of it. For the status probe
 * and for the executor, which run the same programs. */

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/child.h"
#include "io/environment.h"
#include "io/identity.h"
#include "model/policy.h"
#include "probes/script_codes.h"

#define OCF_ROOT "/usr/lib/ocf"

enum { SERVICE_SCRIPT_TEXT_MAX = 384 };

enum script_verb {
        SCRIPT_START,
        SCRIPT_STOP,
        SCRIPT_STATUS,
        SCRIPT_RELOAD,
        /* Of resource agents only. */
        SCRIPT_RELOAD_AGENT,
        SCRIPT_VALIDATE,
        SCRIPT_META_DATA,
};

/* "start", and for a resource agent "monitor" instead of "status". */
const char *script_verb_name(const struct service *service, enum script_verb verb);

struct service_script_request {
        const struct service *service; /* outlives the script, as does the identity */
        enum script_verb verb;
        const struct identity *identity;
        usec_t timeout;
        uint32_t depth; /* of a resource agent's look; 0: the plain one */
};

/* What is needed to run one; `child` is ready for child_start, which borrows it. */
struct service_script {
        struct child_request child;
        struct environment environment;
        char *path; /* of a resource agent */
        const char *argv[3]; /* likewise */
};

/* What a start or a reload leaves behind is not killed, for it is the service; nor what a stop
 * does, which may take its time. */
int service_script_prepare(struct service_script *script,
        const struct service_script_request *request, struct error *err);
void service_script_done(struct service_script *script);

struct script_verdict {
        enum script_state state; /* of a status run */
        bool ok; /* of any other: it did what it was asked for */
        bool hopeless; /* trying again does not help; the text says so */
        char text[SERVICE_SCRIPT_TEXT_MAX]; /* for a person, with the last line that it wrote */
};

void service_script_judge(const struct service *service, enum script_verb verb,
        const struct child_result *result, struct script_verdict *ret);

/* Which verb makes a resource agent's service read its configuration again, by what its meta-data
 * lists: `reload`, or else `reload-agent`. Returns false when it has neither. */
bool service_script_find_reload(const char *meta_data, size_t length, enum script_verb *ret);
