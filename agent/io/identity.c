#include "io/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { LOOKUP_SIZE = 64 * 1024 };

/* A plain number; those that mean "no change" to setuid(2) are not ids. */
static bool parse_id(const char *text, uint32_t *ret) {
        char *end = NULL;
        unsigned long number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || number >= UINT32_MAX) {
                return false;
        }
        *ret = (uint32_t) number;
        return true;
}

static int find_user(const char *user, struct passwd *entry, char *room, struct passwd **ret,
        struct error *err) {
        uint32_t id = geteuid();
        bool by_id = !user || parse_id(user, &id);
        int code = by_id ? getpwuid_r(id, entry, room, LOOKUP_SIZE, ret)
                         : getpwnam_r(user, entry, room, LOOKUP_SIZE, ret);
        if (code == ENOENT || code == ESRCH) { /* as some name services say "no such user" */
                *ret = NULL;
                code = 0;
        }
        if (code != 0) {
                return error_set_errno(err, code, "user %s", user ? user : "of this process");
        }
        /* A number needs no entry; a name does. */
        return *ret || by_id ? 0 : error_set(err, ENOENT, "no user named %s", user);
}

static int find_group(const char *group, gid_t *ret, struct error *err) {
        AUTO_FREE char *room = malloc(LOOKUP_SIZE);
        struct group entry, *found = NULL;
        uint32_t id;
        if (!room) {
                return error_set(err, ENOMEM, "out of memory");
        }
        if (parse_id(group, &id)) {
                *ret = id;
                return 0;
        }
        int code = getgrnam_r(group, &entry, room, LOOKUP_SIZE, &found);
        if (code != 0 && code != ENOENT && code != ESRCH) {
                return error_set_errno(err, code, "group %s", group);
        }
        if (!found) {
                return error_set(err, ENOENT, "no group named %s", group);
        }
        *ret = found->gr_gid;
        return 0;
}

static int find_groups(struct identity *identity, struct error *err) {
        int count = SPAWN_MAX_GROUPS;
        if (getgrouplist(identity->name, identity->gid, identity->groups, &count) < 0) {
                return error_set(err, E2BIG, "user %s is in %d groups, more than %d",
                        identity->name, count, SPAWN_MAX_GROUPS);
        }
        identity->n_groups = (size_t) count;
        return 0;
}

static void describe(struct identity *identity, const struct passwd *entry) {
        str_copy(identity->name, sizeof(identity->name), entry ? entry->pw_name : "");
        str_copy(identity->home, sizeof(identity->home), entry ? entry->pw_dir : "/");
        bool shell = entry && !str_empty(entry->pw_shell);
        str_copy(identity->shell, sizeof(identity->shell), shell ? entry->pw_shell : "/bin/sh");
}

static int set_ids(struct identity *identity, const char *user, const char *group,
        const struct passwd *entry, struct error *err) {
        uint32_t id = geteuid();
        if (user) {
                parse_id(user, &id);
        }
        identity->uid = entry ? entry->pw_uid : id;
        identity->gid = entry ? entry->pw_gid : getegid();
        int r = group ? find_group(group, &identity->gid, err) : 0;
        if (r < 0) {
                return r;
        }
        identity->change = geteuid() == 0 && (user || group);
        if (geteuid() != 0 &&
                (identity->uid != geteuid() || (group && identity->gid != getegid()))) {
                return error_set(err, EPERM, "only root can run it as %s", user ? user : group);
        }
        if (!identity->change) {
                return 0;
        }
        if (*identity->name) {
                return find_groups(identity, err);
        }
        identity->groups[0] = identity->gid;
        identity->n_groups = 1;
        return 0;
}

int identity_resolve(const char *user, const char *group, struct identity *ret, struct error *err) {
        AUTO_FREE char *room = malloc(LOOKUP_SIZE);
        if (!room) {
                return error_set(err, ENOMEM, "out of memory");
        }
        struct passwd entry, *found = NULL;
        int r = find_user(user, &entry, room, &found, err);
        if (r < 0) {
                return r;
        }
        struct identity identity = {0};
        describe(&identity, found);
        r = set_ids(&identity, user, group, found, err);
        if (r == 0) {
                *ret = identity;
        }
        return r;
}
