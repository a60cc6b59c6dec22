#include "io/hold_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { READ_MAX = 1024 };

static void take_line(char *line, struct hold_file *ret) {
        if (str_eq(line, "everything")) {
                ret->people_too = true;
        } else if (line[0] && !ret->reason[0]) {
                str_copy(ret->reason, sizeof(ret->reason), line);
                str_make_printable(ret->reason);
        }
}

static void take_text(char *text, struct hold_file *ret) {
        char *rest = text, *line;
        while ((line = strsep(&rest, "\n"))) {
                take_line(line, ret);
        }
}

bool hold_file_read(const char *path, struct hold_file *ret) {
        struct stat st;
        char text[READ_MAX + 1];
        memset(ret, 0, sizeof(*ret));
        if (stat(path, &st) < 0) {
                return false;
        }
        /* Not a pipe that somebody put there to make us wait. */
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        ssize_t n = fd >= 0 && S_ISREG(st.st_mode) ? read(fd, text, READ_MAX) : 0;
        text[n > 0 ? n : 0] = '\0';
        take_text(text, ret);
        return true;
}
