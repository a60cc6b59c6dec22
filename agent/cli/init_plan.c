#include "cli/init_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

const char *plan_result_text(enum plan_result result) {
        static const char *const texts[] = {
                [PLAN_OPEN] = "open",
                [PLAN_WRITTEN] = "written",
                [PLAN_WOULD_WRITE] = "would be written",
                [PLAN_EXISTS] = "left alone",
                [PLAN_MANAGED] = "left alone",
                [PLAN_FAILED] = "failed",
        };
        return texts[result];
}

/* ---- Plans ---- */

static size_t count_of(const struct found_services *found, const struct known_service *known) {
        size_t n = 0;
        for (size_t i = 0; i < found->count; i++) {
                n += found->items[i].known == known;
        }
        return n;
}

/* "redis", or where there are several "redis-cache" for redis-server@cache.service. */
static void name_plan(const struct found_services *all, struct plan *plan) {
        const struct found_service *found = plan->found;
        const char *at = strchr(found->unit, '@');
        if (count_of(all, found->known) < 2 || str_eq(found->unit, found->known->unit)) {
                str_copy(plan->name, sizeof(plan->name), found->known->name);
                return;
        }
        const char *instance = at ? at + 1 : found->unit;
        size_t length = strcspn(instance, ".");
        snprintf(plan->name, sizeof(plan->name), "%s-%.*s", found->known->name, (int) length,
                instance);
}

static void note_port(struct plan *plan, bool sure) {
        if (!sure) {
                snprintf(plan->note, sizeof(plan->note),
                        "it is not clear where it listens: see the address of its probe");
        } else if (plan->port != plan->found->known->port) {
                snprintf(plan->note, sizeof(plan->note), "port %u", plan->port);
        }
}

void plans_make(const struct found_services *found, struct plans *ret) {
        *ret = (struct plans){.count = found->count};
        for (size_t i = 0; i < found->count; i++) {
                struct plan *plan = &ret->items[i];
                bool sure;
                plan->found = &found->items[i];
                plan->port = found_port(plan->found, &sure);
                name_plan(found, plan);
                note_port(plan, sure);
        }
}

/* ---- Writing ---- */

/* One that was asked for and not found gets the standard unit. */
static const char *unit_of(const struct plan *plan) {
        return *plan->found->unit ? plan->found->unit : plan->found->known->unit;
}

/* Names and units that a policy has already are not given out again. */
static const struct service *managed_by(const struct policy *present, const struct plan *plan) {
        for (uint32_t i = 0; present && i < present->n_services; i++) {
                const struct service *service = &present->services[i];
                if (str_eq(service->name, plan->name) ||
                        (service->unit && str_eq(service->unit->name, unit_of(plan)))) {
                        return service;
                }
        }
        return NULL;
}

/* Never over a file that is there, and never half of one: written beside it, then linked. */
static int write_new(const char *path, const struct strbuf *text) {
        AUTO_STRBUF struct strbuf beside = {0};
        strbuf_addf(&beside, "%s.%d.new", path, getpid());
        if (!strbuf_text(&beside) || !strbuf_text(text)) {
                return -ENOMEM;
        }
        AUTO_FCLOSE FILE *file = fopen(strbuf_text(&beside), "wxe");
        if (!file) {
                return -errno;
        }
        bool written = fchmod(fileno(file), 0644) == 0 &&
                       fwrite(text->data, 1, text->length, file) == text->length &&
                       fflush(file) == 0 && fsync(fileno(file)) == 0;
        int r = written && link(strbuf_text(&beside), path) == 0 ? 0 : -errno;
        unlink(strbuf_text(&beside));
        return r;
}

static int put_text(const struct plan *plan, const struct plan_folders *folders, struct strbuf *out,
        struct error *err) {
        AUTO_STRBUF struct strbuf text = {0}, schema = {0};
        int r = library_read(folders->from, plan->found->known, &text, err);
        if (r < 0) {
                return r;
        }
        strbuf_addf(&schema, "%s/schema/policy.schema.json", folders->from);
        if (strbuf_text(&schema) && access(strbuf_text(&schema), F_OK) < 0) {
                strbuf_reset(&schema);
                strbuf_add(&schema, RECOVERD_SHARE "/policy.schema.json");
        }
        const struct policy_fit fit = {.known = plan->found->known,
                .name = plan->name,
                .unit = unit_of(plan),
                .port = plan->port,
                .schema = strbuf_text(&schema),
                .host_observes = folders->present && folders->present->agent.mode == MODE_OBSERVE};
        if (!fit.schema || !strbuf_text(&text)) {
                return error_set_errno(err, ENOMEM, "%s", plan->name);
        }
        policy_fit(&fit, strbuf_text(&text), out);
        return 0;
}

static void fail(struct plan *plan, const char *why) {
        plan->result = PLAN_FAILED;
        str_copy(plan->note, sizeof(plan->note), why);
}

static void write_plan(struct plan *plan, const char *path, const struct strbuf *text) {
        int r = write_new(path, text);
        if (r == -EACCES || r == -EPERM) {
                fail(plan,
                        "permission denied: run it as root, or name a folder of your own with --to");
        } else if (r < 0) {
                fail(plan, strerror(-r));
        } else {
                plan->result = PLAN_WRITTEN;
        }
}

void plan_carry_out(struct plan *plan, const struct plan_folders *folders, struct strbuf *dry) {
        AUTO_STRBUF struct strbuf text = {0}, path = {0};
        struct error error = {0};
        const struct service *other = managed_by(folders->present, plan);
        strbuf_addf(&path, "%s/%s.yaml", folders->to, plan->name);
        if (!strbuf_text(&path)) {
                fail(plan, "out of memory");
        } else if (access(strbuf_text(&path), F_OK) == 0) {
                plan->result = PLAN_EXISTS;
                str_copy(plan->note, sizeof(plan->note), "the file is there");
        } else if (other) {
                plan->result = PLAN_MANAGED;
                snprintf(plan->note, sizeof(plan->note), "the service '%s' is there", other->name);
        } else if (put_text(plan, folders, &text, &error) < 0) {
                fail(plan, error.text);
        } else if (dry) {
                plan->result = PLAN_WOULD_WRITE;
                strbuf_addf(dry, "# ==> %s\n%s\n", strbuf_text(&path), strbuf_text(&text));
        } else {
                write_plan(plan, strbuf_text(&path), &text);
        }
}
