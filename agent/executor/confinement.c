#include "executor/confinement.h"

#include <linux/capability.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "probes/probe.h"

enum { SERVICES_NAMED_MAX = 10 };

/* Whether a line of mountinfo(5), "36 35 98:0 ROOT POINT ...", is about the /tmp of PrivateTmp=. */
static bool is_own_tmp(char *line) {
        char *fields[5], *rest = line;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                fields[i] = strsep(&rest, " ");
        }
        const char *root = fields[3], *point = fields[4];
        return root && point && str_eq(point, "/tmp") && strstr(root, "/systemd-private-");
}

static bool has_own_tmp(void) {
        AUTO_FREE char *line = NULL;
        size_t size = 0;
        bool found = false;
        AUTO_FCLOSE FILE *mounts = fopen("/proc/self/mountinfo", "re");
        while (mounts && !found && getline(&line, &size, mounts) > 0) {
                found = is_own_tmp(line);
        }
        return found;
}

/* The permitted ones are a line of proc_pid_status(5). */
#define PERMITTED "CapPrm:"

static bool has_capability(unsigned capability) {
        AUTO_FREE char *line = NULL;
        size_t size = 0;
        unsigned long long permitted = 0;
        AUTO_FCLOSE FILE *status = fopen("/proc/self/status", "re");
        while (status && !permitted && getline(&line, &size, status) > 0) {
                if (str_starts(line, PERMITTED)) {
                        permitted = strtoull(line + strlen(PERMITTED), NULL, 16);
                }
        }
        return permitted >> capability & 1;
}

/* RestrictAddressFamilies= makes it fail. */
static bool has_network(void) {
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd >= 0;
}

struct confinement confinement_now(const char *sysrq) {
        struct statvfs usr;
        return (struct confinement){
                .no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
                .own_tmp = has_own_tmp(),
                .read_only_usr = statvfs("/usr", &usr) == 0 && (usr.f_flag & ST_RDONLY),
                .no_addresses = !has_capability(CAP_NET_ADMIN),
                .no_reboot = access(sysrq, W_OK) < 0,
                .no_network = !has_network(),
        };
}

/* ---- What a service needs ---- */

static bool has_scripts(const struct service *service) {
        return service->manager == MANAGER_SCRIPTS;
}

static bool has_exec_probe_as_user(const struct service *service) {
        for (uint32_t i = 0; i < service->n_probes; i++) {
                const struct probe_type *type = probe_types[service->probes[i].type];
                if (str_eq(type->name, "exec") && type->privileged(service->probes[i].params)) {
                        return true;
                }
        }
        return false;
}

static bool is_asked(const struct value_source *source) {
        return source && source->command.count > 0;
}

static bool has_version_command(const struct service *service) {
        const struct rollback_spec *rollback = service->rollback;
        return rollback && (is_asked(rollback->version) || is_asked(rollback->schema_guard));
}

static bool has_address(const struct service *service) {
        return policy_is_member(service) && service->group->address.family != 0;
}

static bool is_elsewhere(const struct haproxy_spec *haproxy) {
        for (uint32_t i = 0; i < haproxy->sockets.count; i++) {
                if (*haproxy->sockets.items[i] != '/') {
                        return true;
                }
        }
        return false;
}

static bool switches_elsewhere(const struct group_steps *steps) {
        for (uint32_t i = 0; i < steps->count; i++) {
                if (is_elsewhere(&steps->items[i].haproxy)) {
                        return true;
                }
        }
        return false;
}

static bool has_haproxy_elsewhere(const struct service *service) {
        for (uint32_t i = 0; i < service->n_steps; i++) {
                if (is_elsewhere(&service->steps[i].haproxy)) {
                        return true;
                }
        }
        bool of_group =
                policy_is_member(service) && (switches_elsewhere(&service->group->promote) ||
                                                     switches_elsewhere(&service->group->demote));
        return of_group || (service->traffic && is_elsewhere(&service->traffic->away));
}

static bool may_reboot(const struct service *service) {
        return policy_is_member(service) && service->group->on_stop_unproven == UNPROVEN_REBOOT;
}

static bool lies_in(const char *path, const char *const *folders) {
        for (; path && *folders; folders++) {
                size_t length = strlen(*folders);
                if (str_starts(path, *folders) && (path[length] == '/' || path[length] == '\0')) {
                        return true;
                }
        }
        return false;
}

/* Recovery points and releases, which the executor reads and writes itself. */
static bool keeps_in(const struct service *service, const char *const *folders) {
        const struct checkpoint_spec *checkpoint = service->checkpoint;
        for (size_t i = 0; checkpoint && i < checkpoint->paths.count; i++) {
                if (lies_in(checkpoint->paths.items[i], folders)) {
                        return true;
                }
        }
        const struct release_spec *release = service->rollback ? service->rollback->release : NULL;
        return release && (lies_in(release->link, folders) || lies_in(release->releases, folders));
}

static bool keeps_in_tmp(const struct service *service) {
        return keeps_in(service, (const char *const[]){"/tmp", "/var/tmp", NULL});
}

static bool keeps_in_usr(const struct service *service) {
        return keeps_in(service, (const char *const[]){"/usr", "/boot", "/efi", NULL});
}

static const struct conflict {
        bool (*needs)(const struct service *service);
        size_t shut; /* offset of a bool */
        const char *text;
} conflicts[] = {
        {has_scripts, offsetof(struct confinement, no_new_privileges),
                "its scripts, and the daemons that they start, run without new privileges"},
        {has_exec_probe_as_user, offsetof(struct confinement, no_new_privileges),
                "its exec probe with a user runs without new privileges"},
        {has_version_command, offsetof(struct confinement, no_new_privileges),
                "the command that tells its version runs without new privileges"},
        {keeps_in_tmp, offsetof(struct confinement, own_tmp),
                "a rollback cannot reach what it has in /tmp, which this executor has of its own"},
        {keeps_in_usr, offsetof(struct confinement, read_only_usr),
                "a rollback cannot change what it has in /usr or /boot, which are read-only here"},
        {has_address, offsetof(struct confinement, no_addresses),
                "it cannot be promoted: this executor may not change the addresses of the host"},
        {has_haproxy_elsewhere, offsetof(struct confinement, no_network),
                "its HAProxy cannot be told over TCP: this executor may not use the network"},
        {may_reboot, offsetof(struct confinement, no_reboot),
                "on_stop_unproven: reboot does not work: this executor may not reboot the host"},
};
_Static_assert(ELEMENTSOF(conflicts) <= CONFINEMENT_LINES_MAX, "one line each");

size_t confinement_conflicts(const struct confinement *confinement, const struct service *service,
        char lines[CONFINEMENT_LINES_MAX][CONFINEMENT_LINE_MAX]) {
        size_t count = 0;
        for (size_t i = 0; i < ELEMENTSOF(conflicts); i++) {
                const bool *shut = (const void *) ((const char *) confinement + conflicts[i].shut);
                if (*shut && conflicts[i].needs(service)) {
                        snprintf(lines[count++], CONFINEMENT_LINE_MAX, "%s: %s", service->name,
                                conflicts[i].text);
                }
        }
        return count;
}

void confinement_warn(const struct confinement *confinement, const struct policy *policy) {
        char lines[CONFINEMENT_LINES_MAX][CONFINEMENT_LINE_MAX];
        uint32_t services = 0;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                size_t count = confinement_conflicts(confinement, &policy->services[i], lines);
                services += count > 0;
                for (size_t k = 0; k < count && services <= SERVICES_NAMED_MAX; k++) {
                        log_warning("%s", lines[k]);
                }
        }
        if (services > 0) {
                log_warning("%u service%s of the policies need%s what the unit of this executor "
                            "shuts; see `The executor's unit` in security.md, and "
                            "/etc/systemd/system/recoverd-executor.service.d",
                        (unsigned) services, services == 1 ? "" : "s", services == 1 ? "s" : "");
        }
}
