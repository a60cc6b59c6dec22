#include "probes/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Files of /proc may come in pieces. */
static int read_all(int fd, char text[SMALL_FILE_MAX]) {
        size_t length = 0;
        ssize_t n;
        do {
                n = read(fd, text + length, SMALL_FILE_MAX - 1 - length);
                if (n < 0) {
                        return -errno;
                }
                length += (size_t) n;
        } while (n > 0 && length < SMALL_FILE_MAX - 1);
        text[length] = '\0';
        return 0;
}

int small_file_read(const char *directory, const char *name, char text[SMALL_FILE_MAX]) {
        char path[PATH_MAX];
        int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
        if (length < 0 || (size_t) length >= sizeof(path)) {
                return -ENAMETOOLONG;
        }
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : read_all(fd, text);
}

/* strtoull accepts signs and blanks, which no file of the kernel has here. */
static bool parse_number(const char *text, uint64_t *ret) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 20) {
                return false;
        }
        errno = 0;
        unsigned long long value = strtoull(text, NULL, 10);
        if (errno != 0) {
                return false;
        }
        *ret = value;
        return true;
}

int small_file_number(const char *directory, const char *name, uint64_t *ret) {
        char text[SMALL_FILE_MAX];
        int r = small_file_read(directory, name, text);
        if (r < 0) {
                return r;
        }
        if (str_starts(text, "max\n")) {
                *ret = UINT64_MAX;
                return 0;
        }
        return parse_number(text, ret) ? 0 : -EBADMSG;
}

bool small_file_key(const char *text, const char *key, uint64_t *ret) {
        size_t length = strlen(key);
        for (const char *line = text; *line; line += *line == '\n') {
                if (strncmp(line, key, length) == 0 && strchr(": \t", line[length])) {
                        const char *value = line + length + strspn(line + length, ": \t");
                        return parse_number(value, ret);
                }
                line += strcspn(line, "\n");
        }
        return false;
}
