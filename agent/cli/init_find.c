#include "cli/init_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"

#define SYSTEMD "org.freedesktop.systemd1"

DEFINE_CLEANUP(cleanup_bus, sd_bus, sd_bus_flush_close_unref)
DEFINE_CLEANUP(cleanup_message, sd_bus_message, sd_bus_message_unref)
DEFINE_CLEANUP(cleanup_directory, DIR, closedir)

/* ---- Sockets ---- */

enum { SOCKETS_MAX = 4096, PROC_PATH_MAX = 288, ARGUMENTS_READ_MAX = 16 * 1024 };

/* The sockets of a process and of its children, by inode. */
struct sockets {
        unsigned long inodes[SOCKETS_MAX];
        size_t count;
};

static void add_sockets(pid_t pid, struct sockets *sockets) {
        char path[PROC_PATH_MAX], target[64];
        snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        AUTO(cleanup_directory) DIR *directory = opendir(path);
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
                snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
                ssize_t n = readlink(path, target, sizeof(target) - 1);
                target[n > 0 ? n : 0] = 0;
                if (sockets->count < SOCKETS_MAX &&
                        // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
                        sscanf(target, "socket:[%lu]", &sockets->inodes[sockets->count]) == 1) {
                        sockets->count++;
                }
        }
}

static void add_sockets_of_children(pid_t pid, struct sockets *sockets) {
        char path[PROC_PATH_MAX];
        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
        AUTO_FCLOSE FILE *file = fopen(path, "re");
        // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
        for (int child; file && fscanf(file, "%d", &child) == 1;) {
                add_sockets(child, sockets);
        }
}

static bool has_socket(const struct sockets *sockets, unsigned long inode) {
        for (size_t i = 0; i < sockets->count; i++) {
                if (sockets->inodes[i] == inode) {
                        return true;
                }
        }
        return false;
}

/* Whether what listens at this address of /proc/net/tcp or tcp6 answers at 127.0.0.1. */
static bool is_reachable(const char *address) {
        static const char v6_any[] = "00000000000000000000000000000000";
        static const char v4_loopback[] = "0100007F", v4_any[] = "00000000";
        return str_eq(address, v4_any) || str_eq(address, v4_loopback) || str_eq(address, v6_any);
}

static int compare_ports(const void *a, const void *b) {
        return *(const uint16_t *) a - *(const uint16_t *) b;
}

static void add_port(struct found_service *found, unsigned port) {
        for (size_t i = 0; i < found->n_ports; i++) {
                if (found->ports[i] == port) {
                        return;
                }
        }
        if (found->n_ports < FOUND_PORTS_MAX) {
                found->ports[found->n_ports++] = (uint16_t) port;
        }
}

static void look_at_table(
        const char *table, const struct sockets *sockets, struct found_service *found) {
        enum { LISTEN = 0x0A };
        char path[PROC_PATH_MAX], line[512];
        snprintf(path, sizeof(path), "/proc/%d/net/%s", found->pid, table);
        AUTO_FCLOSE FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file)) {
                char address[40];
                unsigned port, state;
                unsigned long inode;
                // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
                if (sscanf(line, "%*u: %39[0-9A-F]:%4x %*s %2x %*s %*s %*s %*u %*u %lu", address,
                            &port, &state, &inode) == 4 &&
                        state == LISTEN && has_socket(sockets, inode)) {
                        if (is_reachable(address)) {
                                add_port(found, port);
                        } else {
                                found->elsewhere = true;
                        }
                }
        }
}

static void look_at_ports(struct found_service *found) {
        if (found->pid <= 0) {
                return;
        }
        AUTO_FREE struct sockets *sockets = calloc(1, sizeof(*sockets));
        if (!sockets) {
                return;
        }
        add_sockets(found->pid, sockets);
        add_sockets_of_children(found->pid, sockets);
        look_at_table("tcp", sockets, found);
        look_at_table("tcp6", sockets, found);
        qsort(found->ports, found->n_ports, sizeof(found->ports[0]), compare_ports);
}

uint16_t found_port(const struct found_service *found, bool *ret_sure) {
        *ret_sure = true;
        for (size_t i = 0; i < found->n_ports; i++) {
                if (found->ports[i] == found->known->port) {
                        return found->known->port;
                }
        }
        if (found->n_ports == 1) {
                return found->ports[0];
        }
        *ret_sure = found->n_ports == 0 && !found->elsewhere;
        return found->known->port;
}

/* ---- Units ---- */

static int ask_for_units(sd_bus *bus, sd_bus_message **ret, sd_bus_error *error) {
        static const char *const states[] = {"active", "activating", "reloading", "failed", NULL};
        AUTO(cleanup_message) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(bus, &call, SYSTEMD, "/org/freedesktop/systemd1",
                SYSTEMD ".Manager", "ListUnitsByPatterns");
        if (r < 0 || (r = sd_bus_message_append_strv(call, (char **) states)) < 0 ||
                (r = sd_bus_message_open_container(call, 'a', "s")) < 0) {
                return r;
        }
        for (const struct known_service *known = known_services; known->name; known++) {
                for (size_t i = 0; known->units[i]; i++) {
                        r = sd_bus_message_append(call, "s", known->units[i]);
                        if (r < 0) {
                                return r;
                        }
                }
        }
        r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_call(bus, call, 0, error, ret);
}

static pid_t main_pid_of(sd_bus *bus, const char *path) {
        uint32_t pid = 0;
        int r = sd_bus_get_property_trivial(
                bus, SYSTEMD, path, SYSTEMD ".Service", "MainPID", NULL, 'u', &pid);
        return r < 0 ? 0 : (pid_t) pid;
}

/* One row of the answer. Returns 0 at its end. */
static int take_unit(sd_bus *bus, sd_bus_message *reply, struct found_services *found) {
        const char *name, *state, *sub, *path;
        int r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, &state, &sub, NULL,
                &path, NULL, NULL, NULL);
        if (r <= 0) {
                return r;
        }
        const struct known_service *known = known_service_of_unit(name);
        /* One that "exited" only stands for others, as Debian's postgresql.service. */
        if (known && !str_eq(sub, "exited") && found->count < FOUND_MAX) {
                struct found_service *one = &found->items[found->count++];
                *one = (struct found_service){.known = known, .pid = main_pid_of(bus, path)};
                str_copy(one->unit, sizeof(one->unit), name);
                str_copy(one->state, sizeof(one->state), state);
                look_at_ports(one);
        }
        return 1;
}

/* In the order of the library, then by name. */
static int compare_found(const void *a, const void *b) {
        const struct found_service *left = a, *right = b;
        if (left->known != right->known) {
                return left->known < right->known ? -1 : 1;
        }
        return strcmp(left->unit, right->unit);
}

int find_units(struct found_services *ret, struct error *err) {
        AUTO(cleanup_bus) sd_bus *bus = NULL;
        AUTO(cleanup_message) sd_bus_message *reply = NULL;
        AUTO(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        ret->count = 0;
        if (sd_booted() <= 0) {
                return error_set(err, ENODEV, "systemd does not run here");
        }
        int r = sd_bus_open_system(&bus);
        if (r < 0) {
                return error_set_errno(err, -r, "the system's message bus");
        }
        r = ask_for_units(bus, &reply, &error);
        if (r < 0) {
                return error_set(err, -r, "systemd was asked for its units: %s",
                        error.message ? error.message : strerror(-r));
        }
        r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r > 0) {
                r = take_unit(bus, reply, ret);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "the answer of systemd");
        }
        qsort(ret->items, ret->count, sizeof(ret->items[0]), compare_found);
        return 0;
}

/* ---- Processes ---- */

static bool is_named(const char *argument, const char *program) {
        const char *slash = strrchr(argument, '/');
        const char *name = slash ? slash + 1 : argument;
        size_t length = strlen(program);
        /* "nginx: master process ..." is one that renamed itself. */
        return strncmp(name, program, length) == 0 && strchr(": ", name[length]);
}

/* A program is the first word, or the second behind an interpreter; a class of Java stands
 * anywhere. */
static bool is_of(const char *arguments, size_t length, const char *program) {
        size_t words = strchr(program, '.') ? SIZE_MAX : 2;
        for (const char *at = arguments; words > 0 && at < arguments + length; words--) {
                if (is_named(at, program)) {
                        return true;
                }
                at += strlen(at) + 1;
        }
        return false;
}

static bool is_found(const struct found_services *found, const struct known_service *known) {
        for (size_t i = 0; i < found->count; i++) {
                if (found->items[i].known == known) {
                        return true;
                }
        }
        return false;
}

static void take_process(pid_t pid, struct found_services *found) {
        char path[PROC_PATH_MAX], arguments[ARGUMENTS_READ_MAX + 1];
        snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
        AUTO_FCLOSE FILE *file = fopen(path, "re");
        size_t length = file ? fread(arguments, 1, ARGUMENTS_READ_MAX, file) : 0;
        arguments[length] = 0;
        for (const struct known_service *known = known_services; known->name; known++) {
                if (length > 0 && !is_found(found, known) && found->count < FOUND_MAX &&
                        is_of(arguments, length, known->program)) {
                        struct found_service *one = &found->items[found->count++];
                        *one = (struct found_service){.known = known, .pid = pid};
                        look_at_ports(one);
                }
        }
}

void find_processes(struct found_services *ret) {
        AUTO(cleanup_directory) DIR *directory = opendir("/proc");
        ret->count = 0;
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
                if (isdigit((unsigned char) entry->d_name[0])) {
                        take_process((pid_t) strtol(entry->d_name, NULL, 10), ret);
                }
        }
        qsort(ret->items, ret->count, sizeof(ret->items[0]), compare_found);
}
