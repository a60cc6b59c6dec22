#include "io/evidence_facts.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define KERNEL_LINES_AGE USEC_PER_HOUR
enum { KERNEL_ENTRIES_MAX = 2000, SOCKETS_MAX = 512, PATH_ROOM = 512 };

DEFINE_CLEANUP(close_dir, DIR, (void) closedir)
DEFINE_CLEANUP(close_file, FILE, (void) fclose)
DEFINE_CLEANUP(close_journal, sd_journal, sd_journal_close)

static void unreadable(struct strbuf *out, int error) {
        strbuf_addf(out, "(cannot be read: %s)\n", strerror(error));
}

/* The whole file, or its last EVIDENCE_SECTION_MAX bytes when it can tell its size. */
static void add_file(struct strbuf *out, const char *path) {
        char text[EVIDENCE_SECTION_MAX];
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) < 0) {
                unreadable(out, errno);
                return;
        }
        if (S_ISREG(status.st_mode) && status.st_size > EVIDENCE_SECTION_MAX) {
                (void) lseek(fd, -(off_t) sizeof(text), SEEK_END);
        }
        ssize_t n = read(fd, text, sizeof(text));
        if (n < 0) {
                unreadable(out, errno);
                return;
        }
        strbuf_add_bytes(out, text, strnlen(text, (size_t) n));
        strbuf_add(out, n > 0 && text[n - 1] != '\n' ? "\n" : "");
}

static void add_proc(struct strbuf *out, pid_t pid, const char *name) {
        char path[PATH_ROOM];
        snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
        add_file(out, path);
}

static void add_status(struct strbuf *out, const struct evidence_target *target) {
        add_proc(out, target->pid, "status");
}

static void add_limits(struct strbuf *out, const struct evidence_target *target) {
        add_proc(out, target->pid, "limits");
}

static void add_kernel_stack(struct strbuf *out, const struct evidence_target *target) {
        strbuf_add(out, "waits in ");
        add_proc(out, target->pid, "wchan");
        add_proc(out, target->pid, "stack");
}

/* ---- Descriptors and sockets ---- */

struct descriptors {
        uint64_t count;
        ino_t sockets[SOCKETS_MAX];
        size_t n_sockets;
};

static void note_socket(struct descriptors *found, const char *target) {
        unsigned long inode;
        // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
        if (sscanf(target, "socket:[%lu]", &inode) == 1 && found->n_sockets < SOCKETS_MAX) {
                found->sockets[found->n_sockets++] = inode;
        }
}

/* Adds the first of them to `out` (NULL: none). */
static int read_descriptors(struct descriptors *found, pid_t pid, struct strbuf *out) {
        char path[PATH_ROOM];
        snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
        AUTO(close_dir) DIR *folder = opendir(path);
        if (!folder) {
                return -errno;
        }
        for (struct dirent *entry; (entry = readdir(folder));) {
                char target[PATH_ROOM];
                ssize_t n = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
                if (n < 0) {
                        continue;
                }
                target[n] = '\0';
                note_socket(found, target);
                if (out && found->count < EVIDENCE_LINES_MAX) {
                        strbuf_addf(out, "%s %s\n", entry->d_name, target);
                }
                found->count++;
        }
        return 0;
}

static void add_descriptors(struct strbuf *out, const struct evidence_target *target) {
        struct descriptors found = {0};
        int r = read_descriptors(&found, target->pid, out);
        if (r < 0) {
                unreadable(out, -r);
        } else {
                strbuf_addf(out, "%" PRIu64 " in all\n", found.count);
        }
}

static const char *tcp_state(unsigned state) {
        static const char *const states[] = {"?", "ESTABLISHED", "SYN_SENT", "SYN_RECV",
                "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN",
                "CLOSING"};
        return states[state < ELEMENTSOF(states) ? state : 0];
}

/* "0100007F:1F90", words of the address in the byte order of this host. */
static bool parse_address(const char *text, char ret[INET6_ADDRSTRLEN + 8]) {
        uint32_t words[4];
        unsigned port;
        char address[INET6_ADDRSTRLEN];
        const char *colon = strchr(text, ':');
        bool six = colon && colon - text == 32;
        for (int i = 0; i < (six ? 4 : 1); i++) {
                // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
                if (sscanf(text + (size_t) i * 8, "%8" SCNx32, &words[i]) != 1) {
                        return false;
                }
        }
        // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
        if (!colon || sscanf(colon, ":%x", &port) != 1 ||
                !inet_ntop(six ? AF_INET6 : AF_INET, words, address, sizeof(address))) {
                return false;
        }
        snprintf(ret, INET6_ADDRSTRLEN + 8, six ? "[%s]:%u" : "%s:%u", address, port);
        return true;
}

static bool is_held(const struct descriptors *found, unsigned long inode) {
        for (size_t i = 0; i < found->n_sockets; i++) {
                if (found->sockets[i] == inode) {
                        return true;
                }
        }
        return false;
}

static void add_connections(
        struct strbuf *out, pid_t pid, const char *protocol, const struct descriptors *found) {
        char path[PATH_ROOM], line[PATH_ROOM];
        snprintf(path, sizeof(path), "/proc/%d/net/%s", (int) pid, protocol);
        AUTO(close_file) FILE *file = fopen(path, "re");
        for (int n = 0; file && n < EVIDENCE_LINES_MAX && fgets(line, sizeof(line), file);) {
                char local[64], remote[64], here[INET6_ADDRSTRLEN + 8], there[sizeof(here)];
                unsigned state;
                unsigned long inode;
                // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
                if (sscanf(line, " %*d: %63s %63s %x %*s %*s %*s %*s %*s %lu", local, remote,
                            &state, &inode) == 4 &&
                        is_held(found, inode) && parse_address(local, here) &&
                        parse_address(remote, there)) {
                        strbuf_addf(out, "%s %s %s %s\n", protocol, here, there, tcp_state(state));
                        n++;
                }
        }
}

static void add_sockets(struct strbuf *out, const struct evidence_target *target) {
        static const char *const protocols[] = {"tcp", "tcp6", "udp", "udp6"};
        struct descriptors found = {0};
        int r = read_descriptors(&found, target->pid, NULL);
        if (r < 0) {
                unreadable(out, -r);
                return;
        }
        strbuf_addf(out, "%zu sockets\n", found.n_sockets);
        for (size_t i = 0; i < ELEMENTSOF(protocols); i++) {
                add_connections(out, target->pid, protocols[i], &found);
        }
}

/* ---- Children and control group ---- */

static void add_children(struct strbuf *out, const struct evidence_target *target) {
        char path[PATH_ROOM];
        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int) target->pid,
                (int) target->pid);
        AUTO(close_file) FILE *file = fopen(path, "re");
        if (!file) {
                unreadable(out, errno);
                return;
        }
        int child;
        // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
        for (int n = 0; n < EVIDENCE_LINES_MAX && fscanf(file, "%d", &child) == 1; n++) {
                strbuf_addf(out, "%d ", child);
                add_proc(out, child, "comm");
        }
}

/* Of cgroup v2: "0::/path". */
static void add_control_group(struct strbuf *out, const struct evidence_target *target) {
        static const char *const files[] = {
                "memory.current", "memory.max", "memory.events", "cpu.stat", "pids.current"};
        char path[PATH_ROOM], line[PATH_ROOM] = "";
        snprintf(path, sizeof(path), "/proc/%d/cgroup", (int) target->pid);
        AUTO(close_file) FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file) && strncmp(line, "0::", 3) != 0) {
                line[0] = '\0';
        }
        line[strcspn(line, "\n")] = '\0';
        if (!file || strncmp(line, "0::", 3) != 0) {
                strbuf_add(out, "(none of version 2)\n");
                return;
        }
        strbuf_addf(out, "%s\n", line + 3);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                char whole[2 * PATH_ROOM];
                snprintf(whole, sizeof(whole), "/sys/fs/cgroup%s/%s", line + 3, files[i]);
                if (access(whole, R_OK) == 0) {
                        strbuf_addf(out, "%s:\n", files[i]);
                        add_file(out, whole);
                }
        }
}

/* ---- Messages ---- */

static void add_message(struct strbuf *out, sd_journal *journal) {
        const void *data;
        size_t length;
        uint64_t at;
        if (sd_journal_get_realtime_usec(journal, &at) >= 0 &&
                sd_journal_get_data(journal, "MESSAGE", &data, &length) >= 0) {
                size_t key = strlen("MESSAGE=");
                char time[WALL_TEXT_MAX];
                strbuf_addf(out, "%s ", clock_format_wall(at, time));
                strbuf_add_bytes(out, (const char *) data + key, length - key);
                strbuf_add_char(out, '\n');
        }
}

/* The last messages that match, oldest first. */
static void add_messages(struct strbuf *out, const char *match) {
        AUTO(close_journal) sd_journal *journal = NULL;
        int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
        r = r < 0 ? r : sd_journal_add_match(journal, match, 0);
        r = r < 0 ? r : sd_journal_seek_tail(journal);
        r = r < 0 ? r : sd_journal_previous_skip(journal, EVIDENCE_LINES_MAX);
        if (r < 0) {
                unreadable(out, -r);
                return;
        }
        for (; r > 0; r = sd_journal_next(journal)) {
                add_message(out, journal);
        }
}

static void add_journal(struct strbuf *out, const struct evidence_target *target) {
        char match[PATH_ROOM];
        if (target->unit) {
                snprintf(match, sizeof(match), "_SYSTEMD_UNIT=%s", target->unit);
        } else {
                snprintf(match, sizeof(match), "_PID=%d", (int) target->pid);
        }
        add_messages(out, match);
}

static bool is_about_memory(sd_journal *journal) {
        const void *data;
        size_t length;
        if (sd_journal_get_data(journal, "MESSAGE", &data, &length) < 0) {
                return false;
        }
        return memmem(data, length, "oom", 3) || memmem(data, length, "Out of memory", 13);
}

/* Newest first, for the search goes backwards. */
static void add_kernel(struct strbuf *out, const struct evidence_target *target) {
        (void) target;
        AUTO(close_journal) sd_journal *journal = NULL;
        uint64_t at, since = usec_sub(clock_now().wall, KERNEL_LINES_AGE);
        int lines = 0;
        int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
        r = r < 0 ? r : sd_journal_add_match(journal, "_TRANSPORT=kernel", 0);
        r = r < 0 ? r : sd_journal_seek_tail(journal);
        if (r < 0) {
                unreadable(out, -r);
                return;
        }
        for (int n = 0; n < KERNEL_ENTRIES_MAX && lines < EVIDENCE_LINES_MAX &&
                        sd_journal_previous(journal) > 0 &&
                        sd_journal_get_realtime_usec(journal, &at) >= 0 && at >= since;
                n++) {
                if (is_about_memory(journal)) {
                        add_message(out, journal);
                        lines++;
                }
        }
}

static void add_log(struct strbuf *out, const struct evidence_target *target) {
        add_file(out, target->log_file);
}

/* ---- All of it ---- */

enum need { NEEDS_NOTHING = 0, NEEDS_PROCESS, NEEDS_LOG, NEEDS_UNIT_OR_PROCESS };

static const struct {
        const char *title;
        enum need need;
        void (*add)(struct strbuf *out, const struct evidence_target *target);
} sections[] = {
        {"process", NEEDS_PROCESS, add_status},
        {"limits", NEEDS_PROCESS, add_limits},
        {"kernel stack", NEEDS_PROCESS, add_kernel_stack},
        {"open files", NEEDS_PROCESS, add_descriptors},
        {"sockets", NEEDS_PROCESS, add_sockets},
        {"children", NEEDS_PROCESS, add_children},
        {"control group", NEEDS_PROCESS, add_control_group},
        {"journal", NEEDS_UNIT_OR_PROCESS, add_journal},
        {"log", NEEDS_LOG, add_log},
        {"kernel: out of memory, last hour", NEEDS_NOTHING, add_kernel},
};

static bool applies(enum need need, const struct evidence_target *target) {
        switch (need) {
        case NEEDS_NOTHING:
                return true;
        case NEEDS_PROCESS:
                return target->pid > 0;
        case NEEDS_LOG:
                return target->log_file != NULL;
        case NEEDS_UNIT_OR_PROCESS:
                return target->unit || target->pid > 0;
        }
        return false;
}

void evidence_facts(struct strbuf *out, const struct evidence_target *target) {
        for (size_t i = 0; i < ELEMENTSOF(sections); i++) {
                AUTO_STRBUF struct strbuf section = {0};
                if (!applies(sections[i].need, target)) {
                        continue;
                }
                sections[i].add(&section, target);
                size_t length = section.length < EVIDENCE_SECTION_MAX ? section.length
                                                                      : EVIDENCE_SECTION_MAX;
                strbuf_addf(out, "== %s\n", sections[i].title);
                strbuf_add_bytes(out, strbuf_text(&section) ? strbuf_text(&section) : "", length);
                strbuf_add(out, length < section.length ? "\n(cut)\n" : "");
        }
}
