/* What a service consists of, and whether a rollback has something to go back to. */

#include <limits.h>
#include <string.h>

#include "base/mount_promise.h"
#include "base/str.h"
#include "base/units.h"
#include "policy/lint.h"

#define STANDARD_GOOD_AFTER (10 * USEC_PER_MINUTE)
#define STANDARD_BLAME_WINDOW (30 * USEC_PER_MINUTE)

/* ---- Steps ------------------------------------------------------------------------------------
 */

static int kind_of(const struct rollback_spec *rollback) {
        if (rollback->release) {
                return ROLLBACK_RELEASE;
        }
        if (rollback->package.count > 0) {
                return ROLLBACK_PACKAGE;
        }
        return rollback->exec.count > 0 ? ROLLBACK_EXEC : ROLLBACK_CHECKPOINT;
}

static const struct place *place_of_step(const struct origin *origin, uint32_t index) {
        const struct node *ladder = node_get(origin->whole, "recover");
        bool known = ladder && ladder->kind == NODE_LIST && index < ladder->count;
        return known ? &ladder->items[index]->place : &origin->entry->key->place;
}

static void check_step(struct loading *loading, const struct service *service,
        const struct origin *origin, uint32_t index) {
        const struct rollback_spec *rollback = &service->steps[index].rollback;
        const struct place *place = place_of_step(origin, index);
        if (rollback->kind == ROLLBACK_CHECKPOINT && !service->checkpoint) {
                loading_error(loading, "no-checkpoint", place,
                        "add 'checkpoint: {paths: [...]}' to the service, or say what is rolled "
                        "back: 'release', 'package' or 'exec'",
                        "'rollback' of the service '%.64s' has nothing to go back to",
                        service->name);
        } else if (rollback->kind != ROLLBACK_CHECKPOINT && service->checkpoint) {
                loading_error(loading, "inconsistent", place, "leave out one of the two",
                        "the service '%.64s' has a 'checkpoint' and a rollback by '%s': what it "
                        "consists of is followed in one way",
                        service->name, rollback_kind_text((enum rollback_kind) rollback->kind));
        } else if (service->rollback && service->rollback->kind != rollback->kind) {
                loading_error(loading, "inconsistent", place,
                        "keep one of them: what a service consists of is followed in one way",
                        "this rollback is by '%s', the one before it by '%s'",
                        rollback_kind_text((enum rollback_kind) rollback->kind),
                        rollback_kind_text((enum rollback_kind) service->rollback->kind));
        }
}

static usec_t first_of(usec_t a, usec_t b, usec_t standard) {
        return a ? a : b ? b : standard;
}

static void settle_times(struct service *service) {
        const struct checkpoint_spec *checkpoint = service->checkpoint;
        const struct rollback_spec *rollback = service->rollback;
        if (rollback) {
                service->good_after = first_of(rollback->good_after,
                        checkpoint ? checkpoint->good_after : 0, STANDARD_GOOD_AFTER);
                service->blame_window =
                        first_of(rollback->blame_window, checkpoint ? checkpoint->blame_window : 0,
                                checkpoint ? 0 : STANDARD_BLAME_WINDOW);
        }
}

/* ---- Paths ------------------------------------------------------------------------------------
 */

/* The problem with a path as the end of a sentence; NULL when there is none. */
static const char *why_no_path(const char *path) {
        size_t length = strlen(path);
        if (path[0] != '/') {
                return "is relative: nobody knows to what";
        }
        if (length == 1) {
                return "is the whole host, with data that a rollback must not take back";
        }
        if (path[length - 1] == '/' || strstr(path, "//") || strstr(path, "/./") ||
                strstr(path, "/../") || str_eq(path + length - 2, "/.") ||
                (length > 2 && str_eq(path + length - 3, "/.."))) {
                return "is not in its shortest form: without '//', '.', '..' and a slash at the end";
        }
        return NULL;
}

static const struct place *place_of_path(const struct origin *origin, uint32_t index) {
        const struct node *block = node_get(origin->whole, "checkpoint");
        const struct node *paths =
                block && block->kind == NODE_MAPPING ? node_get(block, "paths") : block;
        if (paths && paths->kind == NODE_LIST && index < paths->count) {
                return &paths->items[index]->place;
        }
        return paths ? &paths->place : &origin->entry->key->place;
}

/* Whether one is the other, or lies in it. */
static bool overlaps(const char *a, const char *b) {
        size_t length_a = strlen(a), length_b = strlen(b);
        size_t shorter = length_a < length_b ? length_a : length_b;
        const char *longer = length_a < length_b ? b : a;
        return strncmp(a, b, shorter) == 0 && (longer[shorter] == '\0' || longer[shorter] == '/');
}

static void check_paths(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        const struct strings *paths = &service->checkpoint->paths;
        for (uint32_t i = 0; i < paths->count; i++) {
                const char *why = why_no_path(paths->items[i]);
                if (why) {
                        loading_error(loading, "bad-value", place_of_path(origin, i), NULL,
                                "the path '%.200s' %s", paths->items[i], why);
                }
                for (uint32_t j = 0; j < i; j++) {
                        if (overlaps(paths->items[i], paths->items[j])) {
                                loading_error(loading, "overlapping-paths",
                                        place_of_path(origin, i), "leave out the inner one",
                                        "'%.200s' and '%.200s' overlap", paths->items[j],
                                        paths->items[i]);
                        }
                }
        }
}

/* What one service takes back would be taken from the other. */
static void compare_paths(struct loading *loading, const struct service *service,
        const struct origin *origin, const struct service *other) {
        for (uint32_t i = 0; i < service->checkpoint->paths.count; i++) {
                for (uint32_t j = 0; j < other->checkpoint->paths.count; j++) {
                        const char *mine = service->checkpoint->paths.items[i];
                        const char *theirs = other->checkpoint->paths.items[j];
                        if (overlaps(mine, theirs)) {
                                loading_error(loading, "overlapping-paths",
                                        place_of_path(origin, i),
                                        "give it to the one that a rollback shall follow",
                                        "'%.200s' overlaps with '%.200s' of the service '%.64s': a "
                                        "rollback of one would change the other",
                                        mine, theirs, other->name);
                                return;
                        }
                }
        }
}

/* ---- All of it --------------------------------------------------------------------------------
 */

static const struct rollback_spec standard_rollback = {.kind = ROLLBACK_CHECKPOINT};

void content_settle(struct loading *loading, struct service *service, const struct origin *origin) {
        service->checkpoint = origin->form.checkpoint;
        for (uint32_t i = 0; i < service->n_steps; i++) {
                struct step_spec *step = &service->steps[i];
                if (step->action == ACTION_ROLLBACK) {
                        step->rollback.kind = kind_of(&step->rollback);
                        check_step(loading, service, origin, i);
                        service->rollback = service->rollback ? service->rollback : &step->rollback;
                }
        }
        if (!service->rollback && service->checkpoint) {
                service->rollback = &standard_rollback;
        }
        settle_times(service);
        if (service->checkpoint) {
                check_paths(loading, service, origin);
        }
}

void content_compare(struct loading *loading) {
        for (uint32_t i = 0; i < loading->policy->n_services; i++) {
                const struct service *service = &loading->policy->services[i];
                for (uint32_t j = 0; service->checkpoint && j < i; j++) {
                        const struct service *other = &loading->policy->services[j];
                        if (other->checkpoint) {
                                compare_paths(loading, service, &loading->origins[i], other);
                        }
                }
        }
}

/* Of the host that loads the policy; what may hang is not touched. */
static void lint_replica(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        const char *to = service->checkpoint->replicate;
        const struct node *block = node_get(origin->whole, "checkpoint");
        const struct node *node = block ? node_get(block, "replicate") : NULL;
        const struct place *place = node ? &node->place : &origin->entry->key->place;
        char missing[PATH_MAX];
        if (mount_is_missing(MOUNTS_PROMISED, MOUNTS_PRESENT, to, missing, sizeof(missing))) {
                loading_warning(loading, "replica-not-mounted", place, "mount it",
                        "'%.200s' is not mounted, though /etc/fstab names it: no copies of recovery "
                        "points are made until it is",
                        missing);
                return;
        }
        for (uint32_t i = 0; i < service->checkpoint->paths.count; i++) {
                if (mount_is_shared(MOUNTS_PRESENT, to, service->checkpoint->paths.items[i])) {
                        loading_warning(loading, "replica-beside", place,
                                "name a folder on another disk or host",
                                "'%.200s' lies on the same file system as '%.200s': what takes the one "
                                "takes the copies, too",
                                to, service->checkpoint->paths.items[i]);
                        return;
                }
        }
}

void lint_content(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        char good[UNITS_TEXT_MAX], blame[UNITS_TEXT_MAX];
        if (service->rollback && service->blame_window > 0 &&
                service->blame_window < service->good_after) {
                loading_warning(loading, "unblamed-change", &origin->entry->key->place,
                        "make 'blame_window' at least as long as 'good_after'",
                        "a change has to prove itself for %s, and is blamed for %s only: a failure in "
                        "between is met with restarts first",
                        units_format_duration_short(service->good_after, good),
                        units_format_duration_short(service->blame_window, blame));
        }
        if (loading->check_accounts && service->checkpoint && service->checkpoint->replicate) {
                lint_replica(loading, service, origin);
        }
}
