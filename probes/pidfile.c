#include "probes/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { PIDFILE_BYTES = 64 }; /* looked at: a process id and its newline are far shorter */

int pidfile_parse(const char *text, pid_t *ret) {
        text += strspn(text, " \t");
        size_t digits = strspn(text, "0123456789");
        size_t blanks = strspn(text + digits, " \t\r");
        char after = text[digits + blanks];
        if (digits == 0 || digits > 10 || (after != '\0' && after != '\n')) {
                return -EBADMSG;
        }
        long long pid = strtoll(text, NULL, 10);
        if (pid <= 0 || pid > INT_MAX) {
                return -EBADMSG;
        }
        *ret = (pid_t) pid;
        return 0;
}

int pidfile_read(const char *path, pid_t *ret) {
        char text[PIDFILE_BYTES];
        struct stat st;
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0) {
                return -errno;
        }
        if (!S_ISREG(st.st_mode)) {
                return -EBADMSG;
        }
        ssize_t n = read(fd, text, sizeof(text) - 1);
        if (n < 0) {
                return -errno;
        }
        text[n] = '\0';
        return pidfile_parse(text, ret);
}
