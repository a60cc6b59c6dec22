#include "probes/service_script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { LINE_MAX_BYTES = 200, META_DATA_MAX = 256 * 1024 };

/* What a resource agent writes to say why: its last line may be about something else. */
#define OCF_REASON "ocf-exit-reason:"

static const struct {
        const char *lsb, *ocf;
        bool leaves; /* processes that are meant to go on */
        size_t max_output; /* 0: the usual */
} verbs[] = {
        [SCRIPT_START] = {"start", "start", true, 0},
        [SCRIPT_STOP] = {"stop", "stop", true, 0},
        [SCRIPT_STATUS] = {"status", "monitor", false, 0},
        [SCRIPT_RELOAD] = {"reload", "reload", true, 0},
        [SCRIPT_RELOAD_AGENT] = {NULL, "reload-agent", true, 0},
        [SCRIPT_VALIDATE] = {NULL, "validate-all", false, 0},
        [SCRIPT_META_DATA] = {NULL, "meta-data", false, META_DATA_MAX},
};

const char *script_verb_name(const struct service *service, enum script_verb verb) {
        return service->scripts->ocf ? verbs[verb].ocf : verbs[verb].lsb;
}

/* ---- Running ---- */

static const struct strings *program_of(const struct scripts_spec *scripts, enum script_verb verb) {
        switch (verb) {
        case SCRIPT_START:
                return &scripts->start;
        case SCRIPT_STOP:
                return &scripts->stop;
        case SCRIPT_STATUS:
                return &scripts->status;
        case SCRIPT_RELOAD:
                return &scripts->reload;
        case SCRIPT_RELOAD_AGENT:
        case SCRIPT_VALIDATE:
        case SCRIPT_META_DATA:
                return NULL;
        }
        return NULL;
}

static void set_number(struct environment *environment, const char *name, uint64_t number) {
        char text[24];
        snprintf(text, sizeof(text), "%" PRIu64, number);
        environment_set(environment, name, text);
}

static void set_parameters(struct environment *environment, const struct pairs *parameters) {
        for (uint32_t i = 0; i < parameters->count; i++) {
                char name[sizeof("OCF_RESKEY_") + OCF_PARAMETER_NAME_MAX];
                snprintf(name, sizeof(name), "OCF_RESKEY_%s", parameters->items[i].key);
                environment_set(environment, name, parameters->items[i].value);
        }
}

/* What the API demands, and of Pacemaker's own what many agents rely on: how long they may take. */
static void set_ocf_environment(struct environment *environment,
        const struct service_script_request *request, const char *provider, const char *type) {
        const struct service *service = request->service;
        environment_set(environment, "OCF_ROOT", OCF_ROOT);
        environment_set(environment, "OCF_RA_VERSION_MAJOR", "1");
        environment_set(environment, "OCF_RA_VERSION_MINOR", "1");
        environment_set(environment, "OCF_RESOURCE_INSTANCE", service->name);
        environment_set(environment, "OCF_RESOURCE_PROVIDER", provider);
        environment_set(environment, "OCF_RESOURCE_TYPE", type);
        set_number(environment, "OCF_RESKEY_CRM_meta_timeout", request->timeout / USEC_PER_MSEC);
        if (request->verb == SCRIPT_STATUS) {
                set_number(environment, "OCF_CHECK_LEVEL", request->depth);
        }
        set_parameters(environment, &service->scripts->parameters);
}

static int set_agent(struct service_script *script, const struct service_script_request *request) {
        const char *ocf = request->service->scripts->ocf;
        const char *colon = strchr(ocf, ':');
        char provider[POLICY_NAME_MAX + 1];
        snprintf(provider, sizeof(provider), "%.*s", (int) (colon - ocf), ocf);
        if (asprintf(&script->path, OCF_ROOT "/resource.d/%s/%s", provider, colon + 1) < 0) {
                script->path = NULL;
                return -ENOMEM;
        }
        script->argv[0] = script->path;
        script->argv[1] = verbs[request->verb].ocf;
        script->child.spawn.argv = script->argv;
        set_ocf_environment(&script->environment, request, provider, colon + 1);
        return 0;
}

static void set_environment(
        struct environment *environment, const struct service_script_request *request) {
        const struct pairs *own = &request->service->scripts->environment;
        environment_set_standard(environment, request->identity);
        environment_set(environment, "RECOVERD_SERVICE", request->service->name);
        for (uint32_t i = 0; i < own->count; i++) {
                environment_set(environment, own->items[i].key, own->items[i].value);
        }
}

static void set_identity(struct spawn_request *spawn, const struct identity *identity) {
        spawn->change_user = identity->change;
        spawn->uid = identity->uid;
        spawn->gid = identity->gid;
        spawn->groups = identity->groups;
        spawn->n_groups = identity->n_groups;
}

int service_script_prepare(struct service_script *script,
        const struct service_script_request *request, struct error *err) {
        const struct scripts_spec *scripts = request->service->scripts;
        int r = 0;
        *script = (struct service_script){
                .child = {.spawn = SPAWN_REQUEST_INIT,
                        .timeout = request->timeout,
                        .max_output = verbs[request->verb].max_output,
                        .leave_group = verbs[request->verb].leaves},
        };
        set_identity(&script->child.spawn, request->identity);
        set_environment(&script->environment, request);
        if (scripts->ocf) {
                r = set_agent(script, request);
        } else {
                script->child.spawn.argv = program_of(scripts, request->verb)->items;
        }
        if (r < 0 || script->environment.failed) {
                service_script_done(script);
                return error_set(err, ENOMEM, "too many variables, or out of memory");
        }
        script->child.spawn.environment = (const char *const *) script->environment.items;
        script->child.spawn.directory = scripts->directory;
        return 0;
}

void service_script_done(struct service_script *script) {
        environment_done(&script->environment);
        free(TAKE_PTR(script->path));
}

/* ---- What came of it ---- */

/* The last reason that an agent gave, else the last line of all. */
static void reason_of(const struct child_result *result, char line[LINE_MAX_BYTES]) {
        const char *reason = NULL;
        for (const char *at = result->output; (at = strstr(at, OCF_REASON));) {
                at += strlen(OCF_REASON);
                reason = at;
        }
        if (!reason) {
                child_last_line(result, line, LINE_MAX_BYTES);
                return;
        }
        snprintf(line, LINE_MAX_BYTES, "%.*s", (int) strcspn(reason, "\r\n"), reason);
        str_make_printable(line);
}

static const struct script_code *code_of(
        const struct service *service, enum script_verb verb, int code) {
        if (service->scripts->ocf) {
                return script_code_of_ocf(code);
        }
        return verb == SCRIPT_STATUS ? script_code_of_lsb_status(code)
                                     : script_code_of_lsb_action(code);
}

/* It was not even run. */
static void judge_not_started(const struct service *service, const struct child_result *result,
        struct script_verdict *ret) {
        const char *ocf = service->scripts->ocf;
        ret->hopeless = result->code == ENOENT || result->code == EACCES;
        if (ocf && result->code == ENOENT) {
                const char *colon = strchr(ocf, ':');
                snprintf(ret->text, sizeof(ret->text),
                        "the resource agent %s is not installed: there is no " OCF_ROOT
                        "/resource.d/%.*s/%s",
                        ocf, (int) (colon - ocf), ocf, colon + 1);
                return;
        }
        child_describe(result, ret->text, sizeof(ret->text));
}

static void judge_status(
        const struct script_code *code, int status, const char *line, struct script_verdict *ret) {
        if (code) {
                ret->state = code->state;
                snprintf(ret->text, sizeof(ret->text), "%s%s%s", code->text, *line ? ": " : "",
                        line);
        } else {
                snprintf(ret->text, sizeof(ret->text),
                        "status %d, to which the standard gives no meaning%s%s", status,
                        *line ? ": " : "", line);
        }
}

static void judge_action(
        const struct script_code *code, int status, const char *line, struct script_verdict *ret) {
        ret->hopeless = code && code->hopeless;
        snprintf(ret->text, sizeof(ret->text), "exited with status %d%s%s%s%s%s", status,
                code ? ", " : "", code ? code->text : "",
                ret->hopeless ? ", trying again does not help" : "", *line ? ": " : "", line);
}

/* A service that is not running is what a stop is for. */
static bool is_done(const struct service *service, enum script_verb verb, int status) {
        const struct script_code *code = script_code_of_ocf(status);
        if (verb == SCRIPT_STOP) {
                return status == 0 || (code && code->state == SCRIPT_GONE);
        }
        if (verb == SCRIPT_VALIDATE) { /* also where an agent does not offer it */
                return service->scripts->ocf && !(code && code->hopeless && status != 3);
        }
        return status == 0;
}

void service_script_judge(const struct service *service, enum script_verb verb,
        const struct child_result *result, struct script_verdict *ret) {
        char line[LINE_MAX_BYTES];
        *ret = (struct script_verdict){0};
        if (result->end == CHILD_NOT_STARTED) {
                judge_not_started(service, result, ret);
                return;
        }
        reason_of(result, line);
        if (result->end != CHILD_EXITED) {
                char how[64];
                snprintf(ret->text, sizeof(ret->text), "%s%s%s",
                        child_describe(result, how, sizeof(how)), *line ? ": " : "", line);
                return;
        }
        const struct script_code *code = code_of(service, verb, result->code);
        ret->ok = is_done(service, verb, result->code);
        if (verb == SCRIPT_STATUS) {
                judge_status(code, result->code, line, ret);
        } else {
                judge_action(code, result->code, line, ret);
        }
}

/* ---- Meta-data ---- */

/* Whether an element <action ... name="NAME"> is in the text, which belongs to a trusted program
 * and is bounded; where it breaks off, the action is not there. */
static bool has_action(const char *text, const char *end, const char *name) {
        char attribute[32];
        size_t length = (size_t) snprintf(attribute, sizeof(attribute), "name=\"%s\"", name);
        for (const char *at = text;
                (at = memmem(at, (size_t) (end - at), "<action ", strlen("<action ")));) {
                const char *close = memchr(at, '>', (size_t) (end - at));
                if (!close) {
                        return false;
                }
                if (memmem(at, (size_t) (close - at), attribute, length)) {
                        return true;
                }
                at = close;
        }
        return false;
}

bool service_script_find_reload(const char *meta_data, size_t length, enum script_verb *ret) {
        static const enum script_verb candidates[] = {SCRIPT_RELOAD, SCRIPT_RELOAD_AGENT};
        for (size_t i = 0; i < ELEMENTSOF(candidates); i++) {
                if (has_action(meta_data, meta_data + length, verbs[candidates[i]].ocf)) {
                        *ret = candidates[i];
                        return true;
                }
        }
        return false;
}
