#include "cli/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"

static const unsigned char xz_magic[] = {0xfd, '7', 'z', 'X', 'Z', 0};

static int complain(const struct trace_file *trace, const char *at, struct error *err,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Points at a byte of the present line. */
static int complain(const struct trace_file *trace, const char *at, struct error *err,
        const char *format, ...) {
        char text[ERROR_TEXT_MAX / 2];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        return error_set(err, EINVAL, "%s:%llu:%zu: %s", trace->path,
                (unsigned long long) trace->number, (size_t) (at - trace->line) + 1, text);
}

/* ---- Where the lines come from ---- */

/* Looks without taking, so the file has to be one that can be read again. */
static bool is_xz(int fd) {
        unsigned char head[sizeof(xz_magic)];
        return pread(fd, head, sizeof(head), 0) == (ssize_t) sizeof(head) &&
               memcmp(head, xz_magic, sizeof(head)) == 0;
}

static const char *find_xz(void) {
        static const char *const places[] = {"/usr/bin/xz", "/bin/xz", "/usr/local/bin/xz"};
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                if (access(places[i], X_OK) == 0) {
                        return places[i];
                }
        }
        return NULL;
}

/* Puts a child between: what it writes is what is read from now on. */
static int decompress(struct trace_file *trace, int *fd, struct error *err) {
        const char *argv[] = {find_xz(), "-dc", NULL};
        int ends[2];
        if (!argv[0]) {
                return error_set(err, ENOENT,
                        "%s is compressed, and there is no xz to read it; install it, or use "
                        "`xz -dc FILE | recoverctl replay --trace -` where it is",
                        trace->path);
        }
        if (pipe2(ends, O_CLOEXEC) < 0) {
                return error_set_errno(err, errno, "%s: cannot make a pipe", trace->path);
        }
        struct spawn_request request = SPAWN_REQUEST_INIT;
        request.argv = argv;
        request.stdin_fd = *fd;
        request.stdout_fd = ends[1];
        request.stderr_fd = STDERR_FILENO;
        int r = spawn_start(&request, &trace->xz, err);
        close(ends[1]);
        if (r < 0) {
                close(ends[0]);
                return error_wrap(err, "%s", argv[0]);
        }
        close(*fd);
        *fd = ends[0];
        return 0;
}

static int open_lines(struct trace_file *trace, struct error *err) {
        bool standard_input = str_eq(trace->path, "-");
        AUTO_CLOSE int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                           : open(trace->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
                return error_set_errno(err, errno, "cannot read %s", trace->path);
        }
        int r = is_xz(fd) ? decompress(trace, &fd, err) : 0;
        if (r < 0) {
                return r;
        }
        trace->file = fdopen(fd, "r");
        trace->line = malloc(TRACE_LINE_MAX);
        if (!trace->file || !trace->line) {
                return error_set(err, ENOMEM, "out of memory");
        }
        (void) TAKE_FD(fd);
        return 0;
}

/* How the child ended; a torn file must not be taken for a short one. */
static int end_lines(struct trace_file *trace, struct error *err) {
        if (ferror(trace->file)) {
                return error_set_errno(err, EIO, "cannot read %s", trace->path);
        }
        if (trace->xz.pid == 0) {
                return 0;
        }
        int status = 0;
        pid_t pid = waitpid(trace->xz.pid, &status, 0);
        trace->xz.pid = 0;
        if (pid < 0 || status != 0) {
                return error_set(err, EIO, "%s: xz could not decompress it to its end, see above",
                        trace->path);
        }
        return 0;
}

/* 1: a line without its end is in `line`; 0: there are no more. */
static int next_line(struct trace_file *trace, struct error *err) {
        if (!fgets(trace->line, TRACE_LINE_MAX, trace->file)) {
                return end_lines(trace, err);
        }
        trace->number++;
        size_t length = strlen(trace->line);
        bool whole = length > 0 && trace->line[length - 1] == '\n';
        if (!whole && !feof(trace->file)) {
                return complain(trace, trace->line + length, err,
                        length + 1 == TRACE_LINE_MAX ? "expected the end of the line by now"
                                                     : "expected text, found a byte of value 0");
        }
        trace->line[length - whole] = '\0';
        if (length > 1 && trace->line[length - 2] == '\r') {
                trace->line[length - 2] = '\0';
        }
        return 1;
}

/* ---- The header ---- */

static int add_name(struct trace_file *trace, struct map *seen, const char *at, size_t length,
        struct error *err) {
        if (length == 0 || length > TRACE_NAME_MAX) {
                return complain(trace, at, err, "expected a name of 1 to %d bytes, found %zu",
                        TRACE_NAME_MAX, length);
        }
        if (trace->n_names == TRACE_TARGETS_MAX) {
                return complain(trace, at, err, "expected at most %d names", TRACE_TARGETS_MAX);
        }
        char **names = reallocarray(trace->names, trace->n_names + 1, sizeof(*names));
        if (!names) {
                return error_set(err, ENOMEM, "out of memory");
        }
        trace->names = names;
        char *name = strndup(at, length);
        if (!name) {
                return error_set(err, ENOMEM, "out of memory");
        }
        names[trace->n_names++] = name;
        if (map_get(seen, name)) {
                return complain(trace, at, err, "expected another name, '%s' came before", name);
        }
        return map_put(seen, name, name) < 0 ? error_set(err, ENOMEM, "out of memory") : 0;
}

static bool looks_like_results(const char *line) {
        return line[0] != '\0' && line[strspn(line, "01,")] == '\0';
}

static int read_names(struct trace_file *trace, struct map *seen, struct error *err) {
        if (looks_like_results(trace->line)) {
                return complain(trace, trace->line, err,
                        "expected the names of the targets, found results");
        }
        const char *at = trace->line;
        for (;;) {
                size_t length = strcspn(at, ",");
                int r = add_name(trace, seen, at, length, err);
                if (r < 0 || at[length] == '\0') {
                        return r;
                }
                at += length + 1;
        }
}

int trace_file_open(struct trace_file *trace, const char *path, struct error *err) {
        *trace = (struct trace_file){.path = path, .xz = {.pidfd = -1, .status_fd = -1}};
        int r = open_lines(trace, err);
        r = r < 0 ? r : next_line(trace, err);
        if (r == 0) {
                return error_set(err, EINVAL,
                        "%s:1:1: expected the names of the targets, it is "
                        "empty",
                        path);
        }
        struct map *seen = r < 0 ? NULL : map_new();
        if (r > 0) {
                r = seen ? read_names(trace, seen, err) : error_set(err, ENOMEM, "out of memory");
        }
        map_free(seen);
        return r;
}

/* ---- Rounds ---- */

int trace_file_next(struct trace_file *trace, unsigned char *ret, struct error *err) {
        int r = next_line(trace, err);
        if (r <= 0) {
                return r;
        }
        const char *at = trace->line;
        for (size_t i = 0; i < trace->n_names; i++, at += 2) {
                bool last = i + 1 == trace->n_names;
                if (at[0] != '0' && at[0] != '1') {
                        return complain(trace, at, err,
                                "expected 1 or 0, the result of '%s', found %s%.1s%s",
                                trace->names[i], at[0] ? "'" : "the end of the line", at,
                                at[0] ? "'" : "");
                }
                if (!last && at[1] != ',') {
                        return complain(trace, at + 1, err,
                                "expected a comma and the result of '%s'", trace->names[i + 1]);
                }
                if (last && at[1] != '\0') {
                        return complain(trace, at + 1, err,
                                "expected the end of the line after %zu results", trace->n_names);
                }
                ret[i] = at[0] == '1';
        }
        return 1;
}

void trace_file_close(struct trace_file *trace) {
        if (trace->file) {
                fclose(trace->file); /* a child that still writes ends by it */
        }
        if (trace->xz.pid > 0) {
                waitpid(trace->xz.pid, NULL, 0);
        }
        if (trace->line) {
                spawned_done(&trace->xz);
        }
        for (size_t i = 0; i < trace->n_names; i++) {
                free(trace->names[i]);
        }
        free(trace->names);
        free(trace->line);
        *trace = (struct trace_file){.xz = {.pidfd = -1, .status_fd = -1}};
}
