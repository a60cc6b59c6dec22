#include "executor/service_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define JOURNAL_STREAM_SOCKET "/run/systemd/journal/stdout"

enum { COPY_SIZE = 64 * 1024, FILE_MODE = 0640, DIRECTORY_MODE = 0750 };

int service_log_plan(struct service_log *log, const struct service *service, const char *state_dir,
        struct error *err) {
        const struct log_spec *spec = &service->command->log;
        *log = (struct service_log){
                .target = (enum log_target) spec->target,
                .max_size = spec->max_size,
                .keep = spec->keep,
        };
        str_copy(log->service, sizeof(log->service), service->name);
        if (log->target == LOG_TARGET_AUTO) {
                bool journal = !spec->file && access(JOURNAL_STREAM_SOCKET, F_OK) == 0;
                log->target = journal ? LOG_TARGET_JOURNAL : LOG_TARGET_FILE;
        }
        if (log->target != LOG_TARGET_FILE) {
                return 0;
        }
        int length = spec->file ? snprintf(log->path, sizeof(log->path), "%s", spec->file)
                                : snprintf(log->path, sizeof(log->path), "%s/log/%s.log", state_dir,
                                          service->name);
        return length < (int) sizeof(log->path)
                       ? 0
                       : error_set(err, ENAMETOOLONG, "the path of the log file is too long");
}

/* Makes the directory of a file, one level deep, as for the standard place. */
static void make_directory_of(const char *path) {
        char directory[SERVICE_LOG_PATH_MAX];
        str_copy(directory, sizeof(directory), path);
        char *slash = strrchr(directory, '/');
        if (slash && slash != directory) {
                *slash = '\0';
                mkdir(directory, DIRECTORY_MODE); /* what is wrong shows at open */
        }
}

/* A symbolic link as the last part, or a fifo, could be laid there by whom the service runs as. */
static int open_regular(const char *path, int flags, struct error *err) {
        AUTO_CLOSE int fd =
                open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, FILE_MODE);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) < 0) {
                return error_set_errno(err, errno, "log file %s", path);
        }
        if (!S_ISREG(status.st_mode) || status.st_nlink > 1) {
                return error_set(err, EINVAL, "log file %s: not a regular file of its own", path);
        }
        return TAKE_FD(fd);
}

static int open_file(const char *path, struct error *err) {
        make_directory_of(path);
        int fd = open_regular(path, O_WRONLY | O_APPEND | O_CREAT, err);
        if (fd >= 0) {
                /* Only open() was to return at once; the service gets a descriptor as a shell would
                 * have made it. */
                fcntl(fd, F_SETFL, O_APPEND);
        }
        return fd;
}

int service_log_open(const struct service_log *log, struct error *err) {
        int fd;
        switch (log->target) {
        case LOG_TARGET_FILE:
                return open_file(log->path, err);
        case LOG_TARGET_JOURNAL:
                fd = sd_journal_stream_fd(log->service, LOG_INFO, 0);
                return fd < 0 ? error_set_errno(err, -fd, "journal") : fd;
        case LOG_TARGET_AUTO:
        case LOG_TARGET_NONE:
                fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
                return fd < 0 ? error_set_errno(err, errno, "/dev/null") : fd;
        }
        return error_set(err, EINVAL, "no such log target");
}

/* ---- Cutting ---- */

static int piece_path(
        char path[SERVICE_LOG_PATH_MAX], const struct service_log *log, uint32_t number) {
        int length = snprintf(path, SERVICE_LOG_PATH_MAX, "%s.%u", log->path, (unsigned) number);
        return length < SERVICE_LOG_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int write_whole(int fd, const char *data, size_t length) {
        while (length > 0) {
                ssize_t n = write(fd, data, length);
                if (n < 0 && errno != EINTR) {
                        return -errno;
                }
                if (n > 0) {
                        data += n;
                        length -= (size_t) n;
                }
        }
        return 0;
}

/* Up to `size`: a service that writes faster than this reads must not keep it here for ever. */
static int copy_bytes(int from, int to, uint64_t size) {
        AUTO_FREE char *room = malloc(COPY_SIZE);
        if (!room) {
                return -ENOMEM;
        }
        for (uint64_t at = 0; at < size;) {
                ssize_t n = pread(from, room, COPY_SIZE, (off_t) at);
                if (n <= 0) {
                        return n < 0 ? -errno : 0;
                }
                int r = write_whole(to, room, (size_t) n);
                if (r < 0) {
                        return r;
                }
                at += (uint64_t) n;
        }
        return 0;
}

/* .1 -> .2 and so on, from the oldest; afterwards .1 is free. */
static void move_pieces_up(const struct service_log *log) {
        char from[SERVICE_LOG_PATH_MAX], to[SERVICE_LOG_PATH_MAX];
        if (piece_path(to, log, log->keep) < 0) {
                return;
        }
        unlink(to);
        for (uint32_t number = log->keep; number > 1; number--) {
                if (piece_path(from, log, number - 1) == 0 && piece_path(to, log, number) == 0) {
                        rename(from, to);
                }
        }
}

static int copy_aside(const struct service_log *log, int fd, uint64_t size) {
        char path[SERVICE_LOG_PATH_MAX];
        int r = piece_path(path, log, 1);
        if (r < 0) {
                return r;
        }
        move_pieces_up(log);
        AUTO_CLOSE int to =
                open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (to < 0) {
                return -errno;
        }
        r = copy_bytes(fd, to, size);
        if (r < 0) {
                unlink(path);
        }
        return r;
}

int service_log_trim(const struct service_log *log, struct error *err) {
        struct stat status;
        if (log->max_size == 0 || lstat(log->path, &status) < 0 ||
                (uint64_t) status.st_size <= log->max_size) {
                return 0;
        }
        AUTO_CLOSE int fd = open_regular(log->path, O_RDWR, err);
        if (fd < 0) {
                return fd;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                return 0; /* two services share the file, and the other's turn has come first */
        }
        int r = log->keep > 0 ? copy_aside(log, fd, (uint64_t) status.st_size) : 0;
        /* The limit comes before the copy: on a full disk the copy is what fails. */
        if (ftruncate(fd, 0) < 0) {
                return error_set_errno(err, errno, "log file %s: cutting it", log->path);
        }
        return r < 0 ? error_set_errno(err, -r, "log file %s: cut without a copy", log->path) : 1;
}
